//! Another server with the same API, asked as well when an account is looked up, if its owner wants that.
//!
//! How it is asked is the business of whoever implements [`Upstream`]; what it answers is laid over one's own answer here. Private
//! questions never go upstream.

use exposure::accounts::Breach;

/// Why another server gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// It is not to be asked again before this many seconds have passed.
    #[error("the upstream server wants no question for {retry_after_seconds} s; its own rate limit is reached")]
    Busy {
        /// The seconds.
        retry_after_seconds: u64,
    },
    /// It refuses.
    #[error(
        "the upstream server refused the question with status {status}; see whether the key is valid, and whether its plan allows `ask_by = \"range\"`"
    )]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// It couldn't be reached, or answered something else than breaches.
    #[error("the upstream server gave no answer: {why}")]
    Failed {
        /// What went wrong; never the account.
        why: String,
    },
}

/// Another server with the same API. Calls block: an async caller puts them on a thread of their own.
pub trait Upstream: Send + Sync {
    /// The names of the breaches that an account is in there.
    ///
    /// # Errors
    /// When there is no answer; one's own answer is still right, but not all of it.
    fn breaches_of(&self, account: &str) -> Result<Vec<String>, UpstreamError>;

    /// What it knows of a breach.
    ///
    /// # Errors
    /// When there is no answer.
    fn breach(&self, name: &str) -> Result<Option<Breach>, UpstreamError>;
}

/// Lays what another server answered over one's own breaches: each once, ours where both know it, sorted by name as the API has them.
/// Breaches that the other server names and doesn't describe get their name alone.
///
/// # Errors
/// When the other server gave no answer.
pub fn merged(own: Vec<Breach>, account: &str, upstream: &dyn Upstream) -> Result<Vec<Breach>, UpstreamError> {
    let mut breaches = own;
    for name in upstream.breaches_of(account)? {
        if breaches.iter().any(|breach| breach.name.eq_ignore_ascii_case(&name)) {
            continue;
        }
        let described = upstream.breach(&name)?;
        breaches.push(described.unwrap_or_else(|| Breach {
            title: name.clone(),
            name,
            ..Breach::default()
        }));
    }
    breaches.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(breaches)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Other;

    impl Upstream for Other {
        fn breaches_of(&self, _account: &str) -> Result<Vec<String>, UpstreamError> {
            Ok(vec!["Adobe".to_owned(), "OURS".to_owned(), "Unknown".to_owned()])
        }

        fn breach(&self, name: &str) -> Result<Option<Breach>, UpstreamError> {
            Ok((name == "Adobe").then(|| named("Adobe", "described")))
        }
    }

    fn named(name: &str, title: &str) -> Breach {
        Breach {
            name: name.to_owned(),
            title: title.to_owned(),
            ..Breach::default()
        }
    }

    #[test]
    fn answers_are_laid_over_each_other() {
        let merged = merged(vec![named("Ours", "mine")], "a@example.com", &Other).unwrap();
        let found: Vec<(&str, &str)> = merged
            .iter()
            .map(|breach| (breach.name.as_str(), breach.title.as_str()))
            .collect();
        assert_eq!(
            found,
            [("Adobe", "described"), ("Ours", "mine"), ("Unknown", "Unknown")]
        );
    }
}

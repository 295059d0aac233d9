//! Challenges that were given out: each is answered once, soon, by the browser that asked for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use respond::Time;

use super::cookie::ATTEMPT_SECONDS;
use super::throttle::Subject;

/// Challenges that are kept at most; the oldest goes when there are more.
const KEPT_MAX: usize = 4096;

/// What a challenge is for, and what its answer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Signing in with a passkey.
    SignIn,
    /// A new passkey for somebody who is signed in.
    AddPasskey(respond::people::AccountId),
    /// A first passkey for whoever has the link with this digest.
    SetUpPasskey(SetUp),
    /// A new secret for one-time codes for somebody who is signed in.
    AddPassword(respond::people::AccountId),
    /// A first password for whoever has the link with this digest.
    SetUpPassword(SetUp),
    /// Coming back from the OpenID provider: nonce, PKCE verifier, and the page to go to.
    Provider {
        /// What the ID token must name.
        nonce: String,
        /// What shows the provider that the code comes back from where it was asked for.
        verifier: String,
        /// The page that was asked for.
        next: String,
    },
}

/// What somebody who follows a set-up link has chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetUp {
    /// The link.
    pub(crate) link: String,
    /// The name that was chosen; that of the account if the link is for one.
    pub(crate) name: String,
    /// The name to be shown.
    pub(crate) display_name: String,
    /// The handle that the authenticator knows the account by.
    pub(crate) handle: [u8; 32],
}

/// The challenges that aren't answered yet, by the secret in the browser's cookie.
#[derive(Debug, Default)]
pub(crate) struct Challenges(Mutex<HashMap<String, Kept>>);

/// A challenge that was given out.
#[derive(Debug)]
struct Kept {
    since: Time,
    /// To whom.
    from: Option<Subject>,
    challenge: [u8; 32],
    asked: Asked,
}

impl Challenges {
    /// Keeps a challenge for the browser with the cookie `attempt`, in the place of an earlier one. Where there are too many, one of
    /// the same address goes, so that whoever asks for thousands takes none from others.
    pub(crate) fn keep(&self, now: Time, from: Option<Subject>, attempt: &str, challenge: [u8; 32], asked: Asked) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX {
            all.retain(|_, kept| is_fresh(kept.since, now));
        }
        if all.len() >= KEPT_MAX {
            let has_own = all.values().any(|kept| kept.from == from);
            let oldest = all
                .iter()
                .filter(|(_, kept)| !has_own || kept.from == from)
                .min_by_key(|(_, kept)| kept.since)
                .map(|(attempt, _)| attempt.clone());
            oldest.and_then(|oldest| all.remove(&oldest));
        }
        let kept = Kept {
            since: now,
            from,
            challenge,
            asked,
        };
        all.insert(attempt.to_owned(), kept);
    }

    /// Takes the challenge of a browser: it can't be answered a second time.
    pub(crate) fn take(&self, now: Time, attempt: &str) -> Option<([u8; 32], Asked)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.remove(attempt)?;
        is_fresh(kept.since, now).then_some((kept.challenge, kept.asked))
    }
}

const fn is_fresh(since: Time, now: Time) -> bool {
    let age = now.millis_since(since);
    age >= 0 && age <= ATTEMPT_SECONDS as i64 * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_unix_millis(seconds * 1000)
    }

    #[test]
    fn a_challenge_is_answered_once_and_soon() {
        let challenges = Challenges::default();
        challenges.keep(at(0), None, "a", [1; 32], Asked::SignIn);
        challenges.keep(at(0), None, "b", [2; 32], Asked::SignIn);
        assert_eq!(challenges.take(at(1), "c"), None);
        assert_eq!(challenges.take(at(1), "a"), Some(([1; 32], Asked::SignIn)));
        assert_eq!(challenges.take(at(1), "a"), None);
        assert_eq!(challenges.take(at(301), "b"), None);
    }

    #[test]
    fn however_many_ask_memory_is_bounded() {
        let challenges = Challenges::default();
        for number in 0..KEPT_MAX + 10 {
            challenges.keep(
                at(number as i64 / 100),
                None,
                &number.to_string(),
                [0; 32],
                Asked::SignIn,
            );
        }
        assert_eq!(challenges.0.lock().unwrap().len(), KEPT_MAX);
        assert!(challenges.take(at(50), &(KEPT_MAX + 9).to_string()).is_some());
    }

    #[test]
    fn a_flood_from_one_address_takes_no_challenge_from_another() {
        let challenges = Challenges::default();
        let from = |address: &str| Some(Subject::address(address.parse().unwrap()));
        challenges.keep(at(0), from("192.0.2.1"), "ann", [1; 32], Asked::SignIn);
        for number in 0..KEPT_MAX * 2 {
            challenges.keep(at(1), from("192.0.2.9"), &number.to_string(), [0; 32], Asked::SignIn);
        }
        assert_eq!(challenges.0.lock().unwrap().len(), KEPT_MAX);
        assert!(challenges.take(at(2), "ann").is_some());
    }
}

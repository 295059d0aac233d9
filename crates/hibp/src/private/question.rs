//! From a request to its reply.

use std::net::IpAddr;

use exposure::accounts::Accounts;
use exposure::oblivious::{Generation, POINT_BYTES, POINTS_MAX, Parameters, read_prefix};
use hyper::{Method, StatusCode};

use super::reply::{self, Keep, Reply};
use super::{Service, page, range};

/// The largest body of a request, in bytes: longer ones are refused by the server before they are read.
pub const BODY_BYTES_MAX: usize = POINTS_MAX * POINT_BYTES;

/// Everything about a request that an answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, without the query.
    pub path: &'a str,
    /// The whole body.
    pub body: &'a [u8],
    /// Who asks, for the rate limit.
    pub asker: IpAddr,
    /// Whether the request carries a valid key of the API: the search by prefix hands out hashes, as the API's own does.
    pub has_key: bool,
    /// The time, in seconds since 1970 (UTC).
    pub now_s: u64,
}

/// Whether a path is this module's.
#[must_use]
pub fn is_private(path: &str) -> bool {
    path == "/private" || path.starts_with("/private/")
}

/// What is asked. Parsed once; nothing of it is trusted further down.
#[derive(Debug, PartialEq, Eq)]
enum Question<'a> {
    Page(page::Asset),
    Parameters,
    Evaluate { key: &'a str },
    Breaches { index: &'a str },
    Part { index: &'a str, part: usize },
    Bucket { index: &'a str, prefix: &'a str },
    Range { bits: u32, prefix: &'a str },
}

/// Answers a request.
#[must_use]
pub fn answer(request: &Request<'_>, service: &Service, accounts: &Accounts) -> Reply {
    let Some(question) = parse(request.path) else {
        return reply::error(StatusCode::NOT_FOUND, "there is nothing at this path");
    };
    let method = if matches!(question, Question::Evaluate { .. }) {
        Method::POST
    } else {
        Method::GET
    };
    if *request.method != method {
        return reply::error(StatusCode::METHOD_NOT_ALLOWED, "this path is asked in another way");
    }
    if let Question::Page(asset) = question {
        return asset.reply();
    }
    if question == Question::Parameters {
        // Every exchange begins here, so it is here that what a command built is noticed. What is damaged doesn't come into use.
        let _ = service.store.refresh();
    }
    let Some(generation) = service.store.current() else {
        return reply::later(
            StatusCode::SERVICE_UNAVAILABLE,
            10,
            "private asking is not ready: its index is being built for the first time",
        );
    };
    answer_from(&generation, &question, request, service, accounts)
}

fn parse(path: &str) -> Option<Question<'_>> {
    let rest = path.strip_prefix("/private/")?;
    if let Some(asset) = page::Asset::at(rest) {
        return Some(Question::Page(asset));
    }
    // One more than any path has, so that a longer one fits none.
    let mut parts = rest.splitn(5, '/');
    let parts: [Option<&str>; 5] = std::array::from_fn(|_| parts.next());
    match parts {
        [Some("v1"), Some("parameters"), None, ..] => Some(Question::Parameters),
        [Some("v1"), Some("evaluate"), Some(key), None, _] => Some(Question::Evaluate { key }),
        [Some("v1"), Some("breaches"), Some(index), None, _] => Some(Question::Breaches { index }),
        [Some("v1"), Some("index"), Some(index), Some(part), None] => Some(Question::Part {
            index,
            part: number(part)?,
        }),
        [Some("v1"), Some("bucket"), Some(index), Some(prefix), None] => Some(Question::Bucket { index, prefix }),
        [Some("range"), Some(bits), Some(prefix), None, _] => Some(Question::Range {
            bits: number(bits)?,
            prefix,
        }),
        _ => None,
    }
}

/// A decimal number in its one form, without sign or leading zeros.
fn number<T: std::str::FromStr + ToString>(digits: &str) -> Option<T> {
    let number: T = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn answer_from(
    generation: &Generation,
    question: &Question<'_>,
    request: &Request<'_>,
    service: &Service,
    accounts: &Accounts,
) -> Reply {
    let stale = |index: &str| index != generation.name;
    match *question {
        Question::Page(asset) => asset.reply(),
        Question::Parameters => reply::json(Keep::Not, &Parameters::of(generation)),
        Question::Evaluate { key } => evaluate(generation, key, request, service),
        Question::Breaches { index } | Question::Part { index, .. } | Question::Bucket { index, .. }
            if stale(index) =>
        {
            reply::error(StatusCode::GONE, "there is a newer index: ask for the parameters again")
        }
        Question::Breaches { .. } => reply::body("application/json", Keep::ForEver, generation.breaches.clone()),
        Question::Part { part, .. } => {
            entries(generation.index.part(part), Keep::ForEver, "the index has no such part")
        }
        Question::Bucket { prefix, .. } => bucket(generation, prefix),
        Question::Range { bits, prefix } => {
            range::answer(generation, (bits, prefix), request.has_key, service, accounts)
        }
    }
}

/// Evaluates blinded points. Nothing of them is kept, and they tell nothing: each is a uniformly random point of the group.
fn evaluate(generation: &Generation, key: &str, request: &Request<'_>, service: &Service) -> Reply {
    if key != generation.key.public().to_hex() {
        return reply::error(StatusCode::GONE, "there is a newer key: ask for the parameters again");
    }
    let points = u32::try_from(request.body.len().div_ceil(POINT_BYTES)).unwrap_or(u32::MAX);
    if let Err(seconds) = service.rate.take(request.asker, points.max(1), request.now_s) {
        let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
        return reply::later(StatusCode::TOO_MANY_REQUESTS, seconds, &message);
    }
    match generation.key.evaluate(request.body, &service.random) {
        Ok(evaluated) => reply::octets(Keep::Not, evaluated),
        Err(exposure::Error::Randomness) => {
            reply::error(StatusCode::INTERNAL_SERVER_ERROR, "the server has no randomness")
        }
        Err(_) => reply::error(
            StatusCode::BAD_REQUEST,
            "the body must be 1 to 16 points of ristretto255, each 32 bytes in canonical form and not the identity",
        ),
    }
}

/// A bucket isn't kept by browsers: its path would tell the next user of the same computer the prefix.
fn bucket(generation: &Generation, prefix: &str) -> Reply {
    let parameters = Parameters::of(generation);
    if !parameters.buckets {
        return range::too_few(&parameters);
    }
    match read_prefix(parameters.bits, prefix) {
        Some(prefix) => entries(
            generation.index.bucket(prefix),
            Keep::Not,
            "this bucket is too large to be handed out by itself: ask for the whole index",
        ),
        None => range::wrong_length(&parameters),
    }
}

fn entries(read: Result<Option<Vec<u8>>, exposure::Error>, keep: Keep, missing: &str) -> Reply {
    match read {
        Ok(Some(entries)) => reply::octets(keep, entries),
        Ok(None) => reply::error(StatusCode::NOT_FOUND, missing),
        Err(_) => reply::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the index can't be read: its operator must build it again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form_each() {
        assert_eq!(parse("/private/v1/parameters"), Some(Question::Parameters));
        let part = Question::Part { index: "ab", part: 3 };
        assert_eq!(parse("/private/v1/index/ab/3"), Some(part));
        for path in [
            "/private",
            "/private/v1",
            "/private/v1/parameters/",
            "/private/v1/index/ab/03",
            "/private/v1/index/ab/+3",
            "/private/v1/index/ab/3/4",
            "/private/v1/index/ab/99999999999999999999999",
            "/private/range/-1/0",
            "/private/range/7",
            "/private/range/7/00/1/2/3",
            "/private//",
            "/private/../v1/parameters",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
        assert!(is_private("/private/") && is_private("/private") && !is_private("/privateer"));
    }
}

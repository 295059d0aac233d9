//! Who asks, and whether they may: user agent, key, scope, rate.

use std::sync::Arc;

use exposure::ledger::{ApiKey, KeyDigest, Scope};
use hyper::header::USER_AGENT;
use hyper::{HeaderMap, StatusCode};

use crate::rates::Pool;
use crate::reply::{self, Reply};
use crate::snapshot::Snapshot;
use crate::state::{State, now_s};

/// The header of a key.
pub(crate) const KEY: &str = "hibp-api-key";
/// The same on the surface for enterprises.
pub(crate) const ENTERPRISE_KEY: &str = "hibp-enterprise-api-key";
/// Said where no user agent is named.
pub(crate) const NO_USER_AGENT: &str = "API request must include a user agent";
/// Said where a key has no scope for what is asked.
pub(crate) const NO_ACCESS: &str = "Your HIBP API key does not have access to this resource";

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// The holder of a key.
    Key(KeyDigest, Arc<ApiKey>),
    /// Somebody with 32 digits that are no key here: enough for the accounts that test clients.
    Unknown,
}

/// Why somebody may not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Without a key.
    Missing,
    /// With something that is no key.
    Malformed,
    /// With a key that isn't in use.
    Unknown,
    /// With a key that has no scope for it.
    Scope,
    /// Too often; seconds until the next time.
    Rate(u64),
}

impl Denied {
    /// As most routes say it, `header` being the key's.
    pub(crate) fn reply(self, header: &str) -> Reply {
        match self {
            Self::Rate(seconds) => reply::too_many_requests(seconds),
            Self::Scope => reply::error(StatusCode::FORBIDDEN, NO_ACCESS),
            Self::Missing => unauthorised("missing", header),
            Self::Malformed => unauthorised("improperly formed", header),
            Self::Unknown => unauthorised("invalid", header),
        }
    }
}

fn unauthorised(how: &str, header: &str) -> Reply {
    reply::error(
        StatusCode::UNAUTHORIZED,
        &format!("Access denied due to {how} {header}."),
    )
}

/// Whether a request says what program sends it.
pub(crate) fn has_user_agent(headers: &HeaderMap) -> bool {
    headers
        .get(USER_AGENT)
        .is_some_and(|agent| !agent.as_bytes().trim_ascii().is_empty())
}

/// Who asks, by the key in `header`.
pub(crate) fn caller(snapshot: &Snapshot, headers: &HeaderMap, header: &str) -> Result<Caller, Denied> {
    let value = headers.get(header).ok_or(Denied::Missing)?;
    let text = value.to_str().map_err(|_| Denied::Malformed)?.trim();
    if text.is_empty() {
        return Err(Denied::Missing);
    }
    let digest = KeyDigest::of(text).ok_or(Denied::Malformed)?;
    Ok(snapshot
        .keys
        .get(&digest)
        .map_or(Caller::Unknown, |key| Caller::Key(digest, Arc::clone(key))))
}

impl Caller {
    /// The key, if it may be used for `scope` (for anything, if there is none).
    pub(crate) fn with_scope(self, scope: Option<Scope>) -> Result<(KeyDigest, Arc<ApiKey>), Denied> {
        match self {
            Self::Unknown => Err(Denied::Unknown),
            Self::Key(_, key) if scope.is_some_and(|scope| !key.may(scope)) => Err(Denied::Scope),
            Self::Key(digest, key) => Ok((digest, key)),
        }
    }
}

/// Lets the holder of a key pass that may be used for `scope` and was not used too often, and tells which key it is.
pub(crate) fn pass(
    state: &State,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    header: &str,
    scope: Scope,
    pool: Pool,
) -> Result<KeyDigest, Denied> {
    let (digest, key) = caller(snapshot, headers, header)?.with_scope(Some(scope))?;
    let per_minute = match pool {
        Pool::Key => key.requests_per_minute,
        Pool::StealerDomains => key.requests_per_minute.min(crate::rates::STEALER_DOMAINS_PER_MINUTE),
    };
    state
        .rates
        .count(digest, pool, per_minute, now_s())
        .map_err(Denied::Rate)?;
    Ok(digest)
}

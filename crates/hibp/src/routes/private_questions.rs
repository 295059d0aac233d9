//! Questions whose answer the server doesn't learn (`crate::private`), as answers of this server.

use exposure::ledger::Scope;
use hyper::StatusCode;

use crate::access::{self, Denied, KEY};
use crate::answer::{Asked, NOTHING};
use crate::private;
use crate::rates::Pool;
use crate::reply::{self, Reply};
use crate::state::{State, now_s};

/// Where hashes are handed out, as the search by prefix does.
const RANGE: &str = "/private/range/";

/// Everything below `/private`.
pub(crate) fn answer(state: &State, asked: &Asked<'_>) -> Reply {
    let Some(service) = &state.private else {
        return reply::error(StatusCode::NOT_FOUND, NOTHING);
    };
    let path = asked.uri.path();
    let passed = || access::pass(state, &state.snapshot(), asked.headers, KEY, Scope::Range, Pool::Key);
    let has_key = match path.starts_with(RANGE).then(passed) {
        Some(Err(Denied::Rate(seconds))) => return reply::too_many_requests(seconds),
        Some(Ok(_)) => true,
        Some(Err(_)) | None => false,
    };
    private::answer(
        &private::Request {
            method: asked.method,
            path,
            body: asked.body,
            asker: asked.asker,
            has_key,
            now_s: now_s(),
        },
        service,
        &state.accounts,
    )
}

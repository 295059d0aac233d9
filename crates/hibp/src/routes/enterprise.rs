//! The surface that large customers of the public API use (seen in Mozilla Monitor): the search by prefix with errors that are JSON always,
//! because clients read the body before they look at the status.

use exposure::ledger::Scope;
use hyper::{HeaderMap, StatusCode};

use super::accounts::{Searched, search, too_few, warned};
use crate::access::{self, ENTERPRISE_KEY};
use crate::rates::Pool;
use crate::reply::{self, Reply};
use crate::route::IdentityPrefix;
use crate::state::State;

/// `GET /range/search/{prefix}`
pub(crate) fn range(state: &State, headers: &HeaderMap, prefix: IdentityPrefix) -> Reply {
    let snapshot = state.snapshot();
    if let Err(denied) = access::pass(state, &snapshot, headers, ENTERPRISE_KEY, Scope::Range, Pool::Key) {
        return denied.reply(ENTERPRISE_KEY);
    }
    match search(state, &snapshot, prefix) {
        Searched::TooFew(wanted) => reply::error(StatusCode::FORBIDDEN, &too_few(wanted)),
        Searched::Found(rows, hidden_among) if rows.is_empty() => warned(
            reply::error(StatusCode::NOT_FOUND, "There are no hashes beginning with that prefix"),
            hidden_among,
        ),
        Searched::Found(rows, hidden_among) => warned(reply::json(StatusCode::OK, &rows), hidden_among),
        Searched::Failed(error) => {
            state.report(&error.into());
            reply::failed()
        }
    }
}

/// `POST /range/subscribe`: nobody is called back from here, and whoever asks is told so rather than left waiting.
pub(crate) fn subscribe(state: &State, headers: &HeaderMap) -> Reply {
    let snapshot = state.snapshot();
    if let Err(denied) = access::pass(state, &snapshot, headers, ENTERPRISE_KEY, Scope::Range, Pool::Key) {
        return denied.reply(ENTERPRISE_KEY);
    }
    reply::error(
        StatusCode::NOT_IMPLEMENTED,
        "this server doesn't call back by prefix; `holdfast exposure watch` tells people and domains of new breaches",
    )
}

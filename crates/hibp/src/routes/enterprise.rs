//! The surface that large customers of the public API use (seen in Mozilla Monitor): the search by prefix with errors that are JSON always,
//! because clients read the body before they look at the status.

use exposure::ledger::{HashPrefix, SUBSCRIPTIONS_MAX, Scope, Subscribed};
use hyper::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::accounts::{Searched, search, too_few, warned};
use crate::access::{self, ENTERPRISE_KEY};
use crate::rates::Pool;
use crate::reply::{self, Reply};
use crate::state::{State, now_s};

/// `GET /range/search/{prefix}`
pub(crate) fn range(state: &State, headers: &HeaderMap, prefix: HashPrefix) -> Reply {
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

/// What is sent to subscribe.
#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "hashPrefix")]
    hash_prefix: String,
}

/// What is answered: clients want JSON.
#[derive(Serialize)]
struct Accepted {
    #[serde(rename = "hashPrefix")]
    hash_prefix: String,
}

/// `POST /range/subscribe`: whoever holds the key is called back when a breach has somebody behind the prefix, where the operator has said
/// who that is. A prefix that hides a person among too few is refused like a search for it: it would tell who is meant as well.
pub(crate) fn subscribe(state: &State, headers: &HeaderMap, body: &[u8]) -> Reply {
    let snapshot = state.snapshot();
    let key = match access::pass(state, &snapshot, headers, ENTERPRISE_KEY, Scope::Range, Pool::Key) {
        Ok(key) => key,
        Err(denied) => return denied.reply(ENTERPRISE_KEY),
    };
    if !state.settings.calls_back {
        return reply::error(
            StatusCode::NOT_IMPLEMENTED,
            "this server calls nobody back by prefix: its operator has not set [exposure.callback]",
        );
    }
    let bad = |message| reply::error(StatusCode::BAD_REQUEST, message);
    let Ok(sent) = serde_json::from_slice::<Sent>(body) else {
        return bad("Invalid JSON, or no hashPrefix");
    };
    let Some(prefix) = HashPrefix::parse(&sent.hash_prefix) else {
        return bad("Invalid hex prefix");
    };
    let hidden_among = match search(state, &snapshot, prefix) {
        Searched::TooFew(wanted) => return reply::error(StatusCode::FORBIDDEN, &too_few(wanted)),
        Searched::Found(_, hidden_among) => hidden_among,
        Searched::Failed(error) => {
            state.report(&error.into());
            return reply::failed();
        }
    };
    let now = i64::try_from(now_s()).unwrap_or(i64::MAX);
    let subscribed = state.ledger().subscribe(&key, prefix, now);
    let status = match subscribed {
        Ok(Subscribed::New) => StatusCode::CREATED,
        Ok(Subscribed::Already) => StatusCode::OK,
        Ok(Subscribed::TooMany) => {
            let message =
                format!("this key is subscribed to {SUBSCRIPTIONS_MAX} prefixes, which is as many as it may be");
            return reply::error(StatusCode::FORBIDDEN, &message);
        }
        Err(error) => {
            state.report(&error.into());
            return reply::failed();
        }
    };
    let accepted = Accepted {
        hash_prefix: prefix.to_string(),
    };
    warned(reply::json(status, &accepted), hidden_among)
}

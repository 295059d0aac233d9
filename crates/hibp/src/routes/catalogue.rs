//! The catalogue of breaches, for everybody.

use exposure::accounts::Breach;
use hyper::StatusCode;

use crate::reply::{self, Reply};
use crate::state::State;

/// `GET /breaches`
pub(crate) fn breaches(state: &State, domain: Option<&str>, is_spam_list: Option<bool>) -> Reply {
    let snapshot = state.snapshot();
    let all = snapshot.catalogue.breaches().iter();
    let wanted: Vec<&Breach> = all
        .filter(|breach| domain.is_none_or(|domain| breach.domain.eq_ignore_ascii_case(domain)))
        .filter(|breach| is_spam_list.is_none_or(|wanted| breach.is_spam_list == wanted))
        .collect();
    reply::for_any_website(reply::json(StatusCode::OK, &wanted))
}

/// `GET /breach/{name}`
pub(crate) fn breach(state: &State, name: &str) -> Reply {
    one(state.snapshot().catalogue.named(name))
}

/// `GET /latestbreach`
pub(crate) fn latest(state: &State) -> Reply {
    one(state.snapshot().catalogue.latest())
}

fn one(breach: Option<&Breach>) -> Reply {
    let reply = match breach {
        Some(breach) => reply::json(StatusCode::OK, breach),
        None => reply::error(StatusCode::NOT_FOUND, "No breach of that name is loaded"),
    };
    reply::for_any_website(reply)
}

/// `GET /dataclasses`
pub(crate) fn data_classes(state: &State) -> Reply {
    let snapshot = state.snapshot();
    reply::for_any_website(reply::json(StatusCode::OK, &snapshot.catalogue.data_classes()))
}

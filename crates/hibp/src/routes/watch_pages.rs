//! The pages behind the links in mails (`crate::watch`), as answers of this server.

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use crate::answer::{Asked, NOTHING};
use crate::reply::{self, Reply};
use crate::state::{State, now_s};
use crate::watch::{HEADERS, Intent, answer as page_of};

/// Everything below `/watch/`.
pub(crate) fn answer(state: &State, asked: &Asked<'_>) -> Reply {
    let intent = if *asked.method == Method::POST {
        Intent::Act
    } else {
        Intent::Show
    };
    let now = i64::try_from(now_s()).unwrap_or(i64::MAX);
    let answered = page_of(intent, asked.uri.path(), &mut state.ledger(), now);
    let page = match answered {
        Ok(Some(page)) => page,
        Ok(None) => return reply::error(StatusCode::NOT_FOUND, NOTHING),
        Err(error) => {
            state.report(&error.into());
            return reply::failed();
        }
    };
    let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if intent == Intent::Act && status.is_success() {
        // A domain may have been proved.
        state.note_change();
    }
    let mut reply = reply::typed(status, HeaderValue::from_static(page.content_type), page.body);
    for (name, value) in HEADERS {
        if let Ok(name) = HeaderName::try_from(name) {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    reply
}

//! From a request to its answer: parse, look who asks, look up.

use std::net::IpAddr;

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, HeaderValue};
use hyper::{HeaderMap, Method, Response, StatusCode, Uri};

use crate::access::{NO_USER_AGENT, has_user_agent};
use crate::metrics::Family;
use crate::reply::{self, Reply};
use crate::route::{Misrouted, Route};
use crate::routes::{
    accounts, catalogue, domains, enterprise, feed, passwords, private_questions, service, stealer_logs, verification,
    watch_pages,
};
use crate::state::State;

/// Everything about a request that an answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// The address.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
    /// Who asks.
    pub asker: IpAddr,
}

/// Answers a request, and counts the answer. Waits for nothing but the DNS, for the proof that a domain is ours.
pub async fn answer(state: &State, asked: &Asked<'_>) -> Reply {
    let route = Route::parse(asked.method, asked.uri.path(), asked.uri.query().unwrap_or_default());
    let (family, reply) = match &route {
        Ok(route) => (family(route), answer_route(state, route, asked).await),
        Err(misrouted) => (Family::Other, misrouted_reply(*misrouted)),
    };
    let body_bytes = reply.body().size_hint().lower();
    state.metrics.count(family, reply.status(), body_bytes);
    reply
}

async fn answer_route(state: &State, route: &Route, asked: &Asked<'_>) -> Reply {
    let headers = asked.headers;
    if let Some(refused) = without_user_agent(route, headers) {
        return refused;
    }
    match route {
        Route::PasswordRange { kind, prefix } => passwords::range(state, headers, *kind, *prefix),
        Route::PasswordCount(hash) => passwords::count(state, hash),
        Route::Account(search) => accounts::breaches(state, headers, search),
        Route::AccountRange(prefix) => accounts::range(state, headers, *prefix),
        Route::Pastes(account) => accounts::pastes(state, headers, account),
        Route::Domain(domain) => aside(|| domains::breaches(state, headers, domain)),
        Route::SubscribedDomains => domains::subscribed(state, headers),
        Route::Subscription => domains::subscription(state, headers),
        Route::Verification(step) => verification::answer(state, *step, headers, asked.body).await,
        Route::Breaches { domain, is_spam_list } => catalogue::breaches(state, domain.as_deref(), *is_spam_list),
        Route::Breach(name) => catalogue::breach(state, name),
        Route::LatestBreach => catalogue::latest(state),
        Route::DataClasses => catalogue::data_classes(state),
        Route::StealerLogs(logs) => aside(|| stealer_logs::search(state, headers, logs)),
        Route::EnterpriseRange(prefix) => enterprise::range(state, headers, *prefix),
        Route::EnterpriseSubscribe => aside(|| enterprise::subscribe(state, headers, asked.body)),
        Route::Feed => feed::breaches(state),
        Route::Health => service::health(),
        Route::Metrics => service::metrics(state),
        Route::Private => private_questions::answer(state, asked),
        Route::Watch => aside(|| watch_pages::answer(state, asked)),
        Route::Preflight => preflight(),
    }
}

/// Said where there is nothing.
pub(crate) const NOTHING: &str = "there is nothing at this address";

/// Work that may take long is moved out of the way of other connections of this thread.
fn aside(work: impl FnOnce() -> Reply) -> Reply {
    tokio::task::block_in_place(work)
}

/// The public API refuses programs that don't say what they are, each surface in its own way.
fn without_user_agent(route: &Route, headers: &HeaderMap) -> Option<Reply> {
    if has_user_agent(headers) {
        return None;
    }
    match route {
        Route::Health
        | Route::Metrics
        | Route::Feed
        | Route::Preflight
        | Route::Private
        | Route::Watch
        | Route::PasswordCount(_) => None,
        Route::PasswordRange { .. } => Some(reply::for_any_website(reply::text(
            StatusCode::FORBIDDEN,
            NO_USER_AGENT,
        ))),
        Route::AccountRange(_) => Some(reply::text(StatusCode::FORBIDDEN, NO_USER_AGENT)),
        Route::Verification(_) => Some(reply::message(StatusCode::FORBIDDEN, NO_USER_AGENT)),
        route if route.is_for_any_website() => Some(reply::for_any_website(reply::error(
            StatusCode::FORBIDDEN,
            NO_USER_AGENT,
        ))),
        _ => Some(reply::error(StatusCode::FORBIDDEN, NO_USER_AGENT)),
    }
}

fn misrouted_reply(misrouted: Misrouted) -> Reply {
    let bad = StatusCode::BAD_REQUEST;
    match misrouted {
        Misrouted::NotFound => reply::error(StatusCode::NOT_FOUND, NOTHING),
        Misrouted::Method(allowed) => reply::wrong_method(allowed),
        Misrouted::PasswordPrefix => reply::for_any_website(reply::text(bad, "The hash was not in a valid format")),
        Misrouted::PasswordHash => {
            reply::for_any_website(reply::text(bad, "Invalid hash provided. Check type of hash.\n"))
        }
        Misrouted::PasswordInAddress => reply::text(
            StatusCode::NOT_FOUND,
            "passwords are not taken in addresses, which proxies and logs keep: ask /check/sha1/ with the password's SHA-1, or /range/ \
             with its first five digits\n",
        ),
        Misrouted::IdentityPrefix => reply::text(bad, "Invalid hex prefix"),
        Misrouted::EnterprisePrefix => reply::error(bad, "Invalid hex prefix"),
        Misrouted::Account => reply::error(bad, "The account does not comply with an acceptable format"),
        Misrouted::Domain => reply::error(bad, "The domain does not comply with an acceptable format"),
        Misrouted::Parameter(name) => reply::error(bad, &format!("`{name}` has a value that can't be understood")),
    }
}

/// Pages of other websites may send the headers that ranges know.
fn preflight() -> Reply {
    let mut reply = Response::new(Full::new(Bytes::new()));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    let headers = reply.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Add-Padding, User-Agent"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    reply::for_any_website(reply)
}

const fn family(route: &Route) -> Family {
    match route {
        Route::PasswordRange { .. } => Family::Range,
        Route::PasswordCount(_) => Family::Check,
        Route::Account(_) => Family::Account,
        Route::AccountRange(_) | Route::EnterpriseRange(_) | Route::EnterpriseSubscribe => Family::AccountRange,
        Route::Domain(_) | Route::SubscribedDomains | Route::Subscription | Route::Verification(_) => Family::Domain,
        Route::Breaches { .. } | Route::Breach(_) | Route::LatestBreach | Route::DataClasses | Route::Feed => {
            Family::Catalogue
        }
        Route::StealerLogs(_) => Family::StealerLogs,
        Route::Pastes(_) => Family::Paste,
        Route::Private => Family::Private,
        Route::Health | Route::Metrics | Route::Preflight | Route::Watch => Family::Other,
    }
}

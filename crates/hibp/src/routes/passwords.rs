//! Pwned Passwords: ranges by five digits, and counts of whole hashes.

use std::time::{Duration, SystemTime};

use exposure::hash::HashKind;
use exposure::passwords::{Encoding, Padding, RangePrefix, RangeTag};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, VARY,
};
use hyper::{HeaderMap, Response, StatusCode};

use crate::accept::{Accepted, choose};
use crate::buffers;
use crate::random::random;
use crate::reply::{self, Reply, TEXT};
use crate::route::PasswordHash;
use crate::rss;
use crate::state::State;

/// The header that asks for padding.
const ADD_PADDING: &str = "add-padding";
/// A range may be kept for an hour, by anybody: it says nothing about who asked.
const KEPT_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// Padding is made anew for every answer, so that two answers tell no more than one.
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");
/// What the answer depends on besides the address.
const DEPENDS_ON: HeaderValue = HeaderValue::from_static("Accept-Encoding, Add-Padding");
/// What is answered for a hash that isn't there, as oschonrock's `hibp-server` does.
const NOT_THERE: &str = "-1\n";

/// `GET /range/{prefix}`
pub(crate) fn range(state: &State, headers: &HeaderMap, kind: HashKind, prefix: RangePrefix) -> Reply {
    let padding = if wants_padding(headers) {
        match random() {
            Ok(seed) => Some(Padding {
                seed: u64::from_le_bytes(seed),
            }),
            Err(error) => {
                state.report(&error.into());
                return reply::for_any_website(reply::failed());
            }
        }
    } else {
        None
    };
    let (encoding, encoding_name) = match choose(text_of(headers, ACCEPT_ENCODING).as_deref()) {
        Accepted::Identity => (Encoding::Identity, None),
        Accepted::Gzip => (Encoding::Gzip, Some("gzip")),
        Accepted::Brotli => (Encoding::Brotli, Some("br")),
    };
    let mut body = buffers::take();
    let tag = match state.passwords.range(kind, prefix, encoding, padding, &mut body) {
        Ok(tag) => tag,
        Err(error) => {
            buffers::give_back(body);
            state.report(&error.into());
            return reply::for_any_website(reply::failed());
        }
    };
    let is_known = padding.is_none() && is_unchanged(headers, &tag);
    let mut reply = Response::new(Full::new(if is_known {
        buffers::give_back(body);
        Bytes::new()
    } else {
        buffers::body(body)
    }));
    let told = reply.headers_mut();
    told.insert(VARY, DEPENDS_ON);
    told.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if padding.is_none() {
        told.insert(CACHE_CONTROL, KEPT_AN_HOUR);
        if let Ok(etag) = HeaderValue::try_from(tag.etag) {
            told.insert(ETAG, etag);
        }
        if let Some(modified) = http_date(tag.last_modified) {
            told.insert(LAST_MODIFIED, modified);
        }
    } else {
        told.insert(CACHE_CONTROL, NOT_KEPT);
    }
    if is_known {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        return reply;
    }
    told.insert(CONTENT_TYPE, TEXT);
    if let Some(name) = encoding_name {
        told.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    reply
}

/// `GET /check/{kind}/{hash}`
pub(crate) fn count(state: &State, hash: &PasswordHash) -> Reply {
    let reply = match state.passwords.count(hash.kind, hash.as_bytes()) {
        Ok(0) => reply::text(StatusCode::OK, NOT_THERE),
        Ok(count) => reply::text(StatusCode::OK, format!("{count}\n")),
        Err(error) => {
            state.report(&error.into());
            reply::failed()
        }
    };
    reply::for_any_website(reply)
}

fn wants_padding(headers: &HeaderMap) -> bool {
    headers
        .get(ADD_PADDING)
        .is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"true"))
}

/// Whether the client has this body already. An entity tag decides where one is sent, else the date.
fn is_unchanged(headers: &HeaderMap, tag: &RangeTag) -> bool {
    if let Some(known) = text_of(headers, IF_NONE_MATCH) {
        return known.trim() == "*"
            || known.split(',').any(|known| {
                let known = known.trim();
                known.strip_prefix("W/").unwrap_or(known) == tag.etag
            });
    }
    let since = text_of(headers, IF_MODIFIED_SINCE).and_then(|text| httpdate::parse_http_date(&text).ok());
    since
        .zip(time(tag.last_modified))
        .is_some_and(|(since, modified)| tag.last_modified > 0 && modified <= since)
}

/// All values of a header, joined, where they are text.
fn text_of(headers: &HeaderMap, name: hyper::header::HeaderName) -> Option<std::borrow::Cow<'_, str>> {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let first = values.next()?;
    Some(values.fold(first.into(), |joined, value| format!("{joined},{value}").into()))
}

fn time(seconds: i64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Nothing for 0: it isn't known.
fn http_date(seconds: i64) -> Option<HeaderValue> {
    let date = rss::date(seconds).filter(|_| seconds > 0)?;
    HeaderValue::try_from(date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: hyper::header::HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_client_that_has_the_body_is_recognised() {
        let tag = RangeTag {
            etag: "\"abc\"".to_owned(),
            last_modified: 1_000_000_000,
        };
        for (values, expected) in [
            (vec!["\"abc\""], true),
            (vec!["W/\"abc\""], true),
            (vec!["\"x\", \"abc\""], true),
            (vec!["\"x\"", "\"abc\""], true),
            (vec!["*"], true),
            (vec!["\"x\""], false),
            (vec!["abc"], false),
            (vec![], false),
        ] {
            assert_eq!(
                is_unchanged(&headers(IF_NONE_MATCH, &values), &tag),
                expected,
                "{values:?}"
            );
        }
        for (value, expected) in [
            ("Sun, 09 Sep 2001 01:46:40 GMT", true),
            ("Sun, 09 Sep 2001 01:46:39 GMT", false),
            ("yesterday", false),
        ] {
            assert_eq!(
                is_unchanged(&headers(IF_MODIFIED_SINCE, &[value]), &tag),
                expected,
                "{value}"
            );
        }
        let mut both = headers(IF_MODIFIED_SINCE, &["Sun, 09 Sep 2001 01:46:40 GMT"]);
        both.insert(IF_NONE_MATCH, HeaderValue::from_static("\"x\""));
        assert!(!is_unchanged(&both, &tag));
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(1_000_000_000).unwrap(), "Sun, 09 Sep 2001 01:46:40 GMT");
        for seconds in [0, -1, i64::MAX, i64::MIN] {
            assert_eq!(http_date(seconds), None);
        }
    }
}

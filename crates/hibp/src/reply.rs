//! Answers: their shapes, and the headers that they share.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer: all of it is there before its first byte is sent.
pub type Reply = Response<Full<Bytes>>;

/// What the API's own answers and errors are.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// What bodies of ranges and some errors are.
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Nothing about people is kept on the way to whoever asked.
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// An error as most of the API shows it.
#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "statusCode")]
    status: u16,
    message: &'a str,
}

/// An error as the routes for the verification of domains show it.
#[derive(Serialize)]
struct MessageBody<'a> {
    message: &'a str,
}

/// An answer of a type.
pub(crate) fn typed(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// A text.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    typed(status, TEXT, body)
}

/// An object or list as JSON, which caches don't keep.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    match serde_json::to_vec(body) {
        Ok(bytes) => with(typed(status, JSON, bytes), CACHE_CONTROL, NOT_KEPT),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the answer can't be written as JSON"),
    }
}

/// An error: `{"statusCode":404,"message":"..."}`.
pub(crate) fn error(status: StatusCode, message: &str) -> Reply {
    let status_code = status.as_u16();
    json(
        status,
        &ErrorBody {
            status: status_code,
            message,
        },
    )
}

/// An error of the verification of domains: `{"message":"..."}`.
pub(crate) fn message(status: StatusCode, message: &str) -> Reply {
    json(status, &MessageBody { message })
}

/// The same answer with one more header.
pub(crate) fn with(mut reply: Reply, name: HeaderName, value: HeaderValue) -> Reply {
    reply.headers_mut().insert(name, value);
    reply
}

/// The same answer, which pages of any website may read: only for what needs no key.
pub(crate) fn for_any_website(reply: Reply) -> Reply {
    with(reply, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))
}

/// A key has asked too often.
pub(crate) fn too_many_requests(seconds: u64) -> Reply {
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let told = error(
        StatusCode::TOO_MANY_REQUESTS,
        &format!("Rate limit is exceeded. Try again in {seconds} {unit}."),
    );
    with(told, RETRY_AFTER, HeaderValue::from(seconds))
}

/// Another method is needed.
pub(crate) fn wrong_method(allowed: &'static str) -> Reply {
    let told = error(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("this address takes {allowed} only"),
    );
    with(told, ALLOW, HeaderValue::from_static(allowed))
}

/// Something here failed, and is in the server's log.
pub(crate) fn failed() -> Reply {
    error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the server could not read what this is answered from; its log says why",
    )
}

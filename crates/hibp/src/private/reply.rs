//! The forms of replies. All of them say that no other website may look at them, frame them, or learn where the asker came from.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};

/// A reply.
pub(super) type Reply = Response<Full<Bytes>>;

/// Nothing but the page's own files runs, is shown, or is spoken to.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'";

/// How long a reply may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// For ever, by everybody: its path names its content.
    ForEver,
    /// For an hour.
    Hour,
    /// Not at all: it would tell the next user of the same computer something, or it changes.
    Not,
}

/// A body of a type.
pub(super) fn body(content_type: &'static str, keep: Keep, bytes: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(bytes.into()));
    let keep = match keep {
        Keep::ForEver => "public, max-age=31536000, immutable",
        Keep::Hour => "public, max-age=3600",
        Keep::Not => "no-store",
    };
    let fixed: [(HeaderName, &'static str); 6] = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, keep),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// Bytes for a program.
pub(super) fn octets(keep: Keep, bytes: Vec<u8>) -> Reply {
    body("application/octet-stream", keep, bytes)
}

/// An object as JSON.
pub(super) fn json(keep: Keep, value: &impl serde::Serialize) -> Reply {
    serde_json::to_vec(value).map_or_else(
        |_| error(StatusCode::INTERNAL_SERVER_ERROR, "the answer can't be written"),
        |bytes| body("application/json", keep, bytes),
    )
}

/// A refusal that says why, in the form of the public API.
pub(super) fn error(status: StatusCode, message: &str) -> Reply {
    let text = serde_json::json!({ "statusCode": status.as_u16(), "message": message }).to_string();
    let mut reply = body("application/json", Keep::Not, text);
    *reply.status_mut() = status;
    reply
}

/// A refusal that says when to try again.
pub(super) fn later(status: StatusCode, seconds: u64, message: &str) -> Reply {
    let mut reply = error(status, message);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    reply
}

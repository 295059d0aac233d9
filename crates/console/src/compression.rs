//! Bodies compressed for whoever takes it.

use std::io::Write;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A body shorter than this isn't worth it.
const BYTES_MIN: u64 = 1024;
/// A longer one is sent as it is.
const BYTES_MAX: u64 = 16 << 20;
/// What is longer takes so long that other requests would wait for it.
const QUICK_BYTES_MAX: usize = 256 << 10;

/// Whether a client takes gzip (RFC 9110, section 12.5.3).
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut elements = texts.flat_map(|text| text.split(','));
    elements.any(|element| {
        let (name, weight) = element.split_once(';').unwrap_or((element, ""));
        let is_refused = weight
            .trim()
            .strip_prefix("q=")
            .is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty());
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && !is_refused
    })
}

/// Compresses the answer, if it is text, whole, and not compressed yet. What has a secret in it beside what a stranger chose would
/// tell its secret by its length (BREACH); here the one secret in pages is masked by being of no use without the cookie, which
/// other websites' requests don't carry.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let takes_gzip = takes_gzip(request.headers());
    let response = next.run(request).await;
    let length = response.body().size_hint().exact();
    let is_fit = length.is_some_and(|length| (BYTES_MIN..=BYTES_MAX).contains(&length));
    if !takes_gzip || !is_fit || !is_text(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let most = usize::try_from(BYTES_MAX).unwrap_or(usize::MAX);
    let Ok(plain) = axum::body::to_bytes(body, most).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let compressed = if plain.len() > QUICK_BYTES_MAX {
        tokio::task::block_in_place(|| gzip(&plain))
    } else {
        gzip(&plain)
    };
    let Ok(compressed) = compressed else {
        return Response::from_parts(parts, Body::from(plain));
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts
        .headers
        .append(header::VARY, HeaderValue::from_static("accept-encoding"));
    Response::from_parts(parts, Body::from(compressed))
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let is_text = kind.starts_with("text/") || kind.contains("json") || kind.contains("javascript");
    is_text && kind != "text/event-stream" && !headers.contains_key(header::CONTENT_ENCODING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_whoever_takes_it() {
        for (value, expected) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("br", false),
            ("", false),
        ] {
            let headers = [(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]
                .into_iter()
                .collect();
            assert_eq!(takes_gzip(&headers), expected, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}

//! Answers of the API.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::problem::Refusal;

/// What handlers give back.
pub(super) type Answer<T> = Result<T, Refusal>;

/// JSON with a status.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Something was made: 201.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, axum::Json(self.0)).into_response()
    }
}

/// It was done, and there is nothing to say: 204.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// A page of a list: an array, and a `Link` to the next page where there may be one (RFC 8288).
#[derive(Clone, Debug)]
pub(super) struct Rows<T> {
    rows: Vec<T>,
    next: Option<String>,
}

impl<T> Rows<T> {
    /// A page. `cursor` is the number of a row; the next page begins behind that of the last one.
    pub(super) fn new(rows: Vec<T>, most: usize, uri: &Uri, cursor: impl Fn(&T) -> i64) -> Self {
        let next = rows
            .last()
            .filter(|_| rows.len() >= most)
            .map(|last| next(uri, "before", cursor(last)));
        Self { rows, next }
    }

    /// A page of a list whose oldest row comes first: the next page begins after the last one.
    pub(super) fn after(rows: Vec<T>, most: usize, uri: &Uri, cursor: impl Fn(&T) -> i64) -> Self {
        let next = rows
            .last()
            .filter(|_| rows.len() >= most)
            .map(|last| next(uri, "after", cursor(last)));
        Self { rows, next }
    }

    /// The same page, with as many rows for each as `of` makes of it.
    pub(super) fn each<U>(self, of: impl FnMut(T) -> Vec<U>) -> Rows<U> {
        Rows {
            rows: self.rows.into_iter().flat_map(of).collect(),
            next: self.next,
        }
    }
}

/// The address of the next page: that of this one with another cursor.
fn next(uri: &Uri, name: &str, cursor: i64) -> String {
    let kept = uri.query().unwrap_or_default().split('&');
    let prefix = format!("{name}=");
    let kept = kept.filter(|pair| !pair.is_empty() && !pair.starts_with(&prefix));
    let mut query: Vec<String> = kept.map(str::to_owned).collect();
    query.push(format!("{prefix}{cursor}"));
    format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))
}

impl<T: Serialize> IntoResponse for Rows<T> {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let link = self.next.and_then(|next| HeaderValue::from_str(&next).ok());
        link.and_then(|link| headers.insert(header::LINK, link));
        (headers, axum::Json(self.rows)).into_response()
    }
}

/// JSON with an `ETag`, by which who has it already isn't sent it again.
pub(super) fn tagged(headers: &HeaderMap, content_type: &'static str, body: Vec<u8>) -> Response {
    let hash = ring::digest::digest(&ring::digest::SHA256, &body);
    let hash: String = hash
        .as_ref()
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Weak: the same may be sent compressed.
    let tag = format!("W/\"{hash}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type)], body).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// An HTML page of its own, like a report: it brings its own styles, but no script runs in it.
pub(super) fn report(html: String) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups; \
                  frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_asked_for_with_the_same_question() {
        let uri: Uri = "/api/v1/alerts?volume=a%26b&before=90&most=2".parse().unwrap();
        let rows = Rows::new(vec![80_i64, 70], 2, &uri, |row| *row);
        assert_eq!(
            rows.next.as_deref(),
            Some("</api/v1/alerts?volume=a%26b&most=2&before=70>; rel=\"next\"")
        );
        assert_eq!(Rows::new(vec![80_i64], 2, &uri, |row| *row).next, None);
    }
}

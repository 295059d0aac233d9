//! Extractors whose refusals are problem documents.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::Refusal;

/// Rows of a page if nobody says how many.
const ROWS: usize = 50;
/// Rows of a page at most.
const ROWS_MAX: usize = 500;

/// A body of JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        // It is whole already, and bounded.
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        if body.trim_ascii_start().first() == Some(&b'[') {
            // serde would take the members of an object in order, too.
            let detail = "the body is an array, and must be an object";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", detail));
        }
        let request = Request::from_parts(parts, Body::from(body));
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => {
                let kind = match rejection.status() {
                    StatusCode::UNSUPPORTED_MEDIA_TYPE => "not-json",
                    StatusCode::UNPROCESSABLE_ENTITY => "unprocessable",
                    StatusCode::PAYLOAD_TOO_LARGE => "too-large",
                    _ => "invalid",
                };
                Err(Refusal::new(rejection.status(), kind, rejection.body_text()))
            }
        }
    }
}

/// Parts of the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            // What can't be a number or a name names nothing.
            Err(rejection) => Err(Refusal::not_found(rejection.body_text())),
        }
    }
}

/// The query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refusal::invalid(rejection.body_text())),
        }
    }
}

/// Which page of a list, newest first.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Rows with smaller numbers than this only: where the last page ended.
    #[param(minimum = 1)]
    pub(super) before: Option<i64>,
    /// How many rows; 50 if it isn't said, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    pub(super) most: Option<usize>,
}

impl PageQuery {
    /// The page.
    pub(super) fn page(&self) -> Result<respond::Page, Refusal> {
        if self.before.is_some_and(|before| before < 1) {
            return Err(Refusal::invalid("`before` must be 1 or more"));
        }
        Ok(respond::Page {
            before: self.before,
            most: most(self.most)?,
        })
    }
}

/// How many rows, of how many are asked for.
pub(super) fn most(asked: Option<usize>) -> Result<usize, Refusal> {
    let most = asked.unwrap_or(ROWS);
    if most == 0 || most > ROWS_MAX {
        return Err(Refusal::invalid(format!("`most` is {most}; it may be 1 to {ROWS_MAX}")));
    }
    Ok(most)
}

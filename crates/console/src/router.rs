//! All routes, and the layers around them.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use crate::auth::{authenticate, is_api, oidc};
use crate::problem::Refusal;
use crate::state::Shared;
use crate::{api, assets, compression, headers, metrics, pages};

/// Everything that is answered. Requests must have an [`crate::auth::Peer`] among their extensions.
pub fn router(state: &Shared) -> Router {
    let (api, _) = api::router().split_for_parts();
    Router::new()
        .merge(pages::router())
        .merge(oidc::router())
        .merge(assets::router())
        .merge(metrics::router())
        .merge(api::probes())
        .merge(api)
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.clone(), api::idempotent))
        .layer(from_fn_with_state(state.clone(), authenticate))
        .layer(from_fn(pages::problems))
        .layer(from_fn(compression::compress))
        .layer(from_fn_with_state(state.clone(), headers::protect))
        .layer(from_fn_with_state(state.clone(), metrics::count))
        .with_state(state.clone())
}

/// The API's description: OpenAPI 3.1 as JSON.
#[must_use]
pub fn openapi() -> String {
    api::description().to_pretty_json().unwrap_or_default()
}

async fn nothing_here(request: Request) -> Response {
    let path = request.uri().path();
    let refusal = Refusal::not_found("there is nothing at this address");
    let hint = if is_api(path) {
        "`/api/v1/openapi.json` lists what there is"
    } else {
        "the first page is `/`"
    };
    refusal.hint(hint).into_response()
}

async fn wrong_method(request: Request) -> Response {
    let detail = format!("this address doesn't take `{}`", request.method());
    Refusal::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "wrong-method", detail)
        .hint("the header `Allow` says what it takes")
        .into_response()
}

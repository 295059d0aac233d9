//! How the program is, and the five questions.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use respond::people::Role;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::output::{self, Answer, tagged};
use crate::auth::SignedIn;
use crate::overview::{self, Overview};
use crate::problem::Refusal;
use crate::site::Health;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(overview))
        .routes(routes!(health))
        .routes(routes!(settings))
        .routes(routes!(description))
}

/// What answers whether the program lives and serves, for supervisors: nothing else is told, since anybody may ask.
pub(crate) fn probes() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(lives))
        .route("/readyz", get(is_ready))
}

async fn lives() -> &'static str {
    "ok\n"
}

async fn is_ready(State(state): State<Shared>) -> Response {
    let ready = state
        .ask(|site| {
            site.desk()
                .read(|_| Ok::<_, respond::Error>(()))
                .map(|()| site.is_ready())
        })
        .await;
    match ready {
        Ok(true) => "ready\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

/// The five questions: under attack? what was stopped? when was a restore tested? who is exposed? what now?
#[utoipa::path(get, path = "/api/v1/overview", tag = "system", responses((status = 200, body = Overview)))]
async fn overview(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Overview>> {
    signed_in.require(Role::Viewer)?;
    state.ask(overview::overview).await.map(output::Json)
}

/// How the program is
#[utoipa::path(get, path = "/api/v1/health", tag = "system", responses((status = 200, body = Health)))]
async fn health(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Health>> {
    signed_in.require(Role::Viewer)?;
    state
        .ask(|site| Ok::<_, Refusal>(site.health()))
        .await
        .map(output::Json)
}

/// The settings in force.
#[derive(Debug, Serialize, ToSchema)]
struct SettingsView {
    /// The configuration as TOML, without secrets.
    toml: String,
}

/// The configuration in force, without secrets
#[utoipa::path(get, path = "/api/v1/settings", tag = "system", responses((status = 200, body = SettingsView)))]
async fn settings(State(state): State<Shared>, signed_in: SignedIn, headers: HeaderMap) -> Answer<Response> {
    signed_in.require(Role::Auditor)?;
    let toml = state.ask(|site| site.settings()).await?;
    let body = serde_json::to_vec(&SettingsView { toml }).unwrap_or_default();
    Ok(tagged(&headers, "application/json", body))
}

/// The description, made once: anybody may ask for it.
static DESCRIPTION: LazyLock<String> = LazyLock::new(crate::openapi);

/// This description of the API
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "system", security(()), responses((status = 200, body = Object)))]
async fn description(headers: HeaderMap) -> Response {
    let mut response = tagged(&headers, "application/json", DESCRIPTION.as_bytes().to_vec());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
    response
}

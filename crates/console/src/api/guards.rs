//! Guards: what they do, taking fences down, announcing work that looks like an attack.

use axum::extract::State;
use respond::people::Role;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, Path};
use super::output::{self, Answer, Done};
use super::words;
use crate::auth::SignedIn;
use crate::problem::Refusal;
use crate::site::GuardState;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(set))
        .routes(routes!(release))
        .routes(routes!(announce, done))
}

/// What a guard is to do; what isn't given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GuardChange {
    /// `refuse`, `pause`, `divert` or `alert`.
    #[schema(schema_with = words::fences)]
    #[serde(default)]
    fence: Option<String>,
    /// Whether the disk is watched.
    enabled: Option<bool>,
}

/// Change what a guard does, until the configuration does
#[utoipa::path(patch, path = "/api/v1/volumes/{volume}/guard", tag = "volumes", params(("volume" = String, Path,)), request_body = GuardChange, responses((status = 200, body = GuardState)))]
async fn set(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Json(change): Json<GuardChange>,
) -> Answer<output::Json<GuardState>> {
    signed_in.require(Role::Operator)?;
    signed_in.require_recent(&state)?;
    let set =
        move |site: &dyn crate::Site| site.set_guard(&signed_in.actor, &name, change.fence.as_deref(), change.enabled);
    state.ask(set).await.map(output::Json)
}

/// How a fence comes down.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Release {
    /// What becomes of the writes to a diverted disk: `keep` or `drop`; must be decided if there are some.
    #[schema(schema_with = words::diverted)]
    #[serde(default)]
    diverted: Option<String>,
}

/// Take a fence down
///
/// Writes go on. With approvals on, others must have approved it.
#[utoipa::path(post, path = "/api/v1/volumes/{volume}/guard/release", tag = "volumes", params(("volume" = String, Path,)), request_body = Release, responses((status = 200, body = GuardState)))]
async fn release(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Json(release): Json<Release>,
) -> Answer<output::Json<GuardState>> {
    signed_in.require(Role::Operator)?;
    signed_in.require_recent(&state)?;
    let release = move |site: &dyn crate::Site| site.release(&signed_in.actor, &name, release.diverted.as_deref());
    state.ask(release).await.map(output::Json)
}

/// Work that looks like an attack and is none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Work {
    /// What it is.
    #[schema(min_length = 1, max_length = 200, pattern = "[^ ]")]
    reason: String,
    /// For how long from now.
    #[schema(minimum = 1, maximum = 604_800)]
    #[serde(deserialize_with = "words::whole")]
    seconds: u64,
}

/// Announce work that looks like an attack
#[utoipa::path(put, path = "/api/v1/volumes/{volume}/guard/announcement", tag = "volumes", params(("volume" = String, Path,)), request_body = Work, responses((status = 204)))]
async fn announce(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Json(work): Json<Work>,
) -> Answer<Done> {
    signed_in.require(Role::Operator)?;
    signed_in.require_recent(&state)?;
    if work.reason.trim().is_empty() || work.seconds == 0 {
        return Err(Refusal::invalid("an announcement needs a reason and a length"));
    }
    let announce = move |site: &dyn crate::Site| {
        site.announce(&signed_in.actor, &[name], Some((work.reason.trim(), work.seconds)))
    };
    state.ask(announce).await.map(|()| Done)
}

/// Say that announced work is done
#[utoipa::path(delete, path = "/api/v1/volumes/{volume}/guard/announcement", tag = "volumes", params(("volume" = String, Path,)), responses((status = 204)))]
async fn done(State(state): State<Shared>, signed_in: SignedIn, Path(name): Path<String>) -> Answer<Done> {
    signed_in.require(Role::Operator)?;
    state
        .ask(move |site| site.announce(&signed_in.actor, &[name], None))
        .await
        .map(|()| Done)
}

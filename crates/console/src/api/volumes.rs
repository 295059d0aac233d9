//! Volumes: what there is, their moments, what was done with them, and doing it.

use axum::extract::State;
use axum::response::Response;
use respond::people::Role;
use respond::{Actor, Time};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, Path, Query};
use super::output::{self, Answer, Done, Made, report};
use super::words;
use crate::auth::SignedIn;
use crate::problem::{ProblemDocument, Refusal};
use crate::site::{Activity, Files, PinView, Problem, RestorePreview, Restored, Site, VolumeView};
use crate::state::Shared;

/// Parts that a span of time is cut into at most.
const BUCKETS_MAX: u32 = 2000;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, delete))
        .routes(routes!(activity))
        .routes(routes!(files))
        .routes(routes!(pin))
        .routes(routes!(unpin))
        .routes(routes!(fork))
        .routes(routes!(preview))
        .routes(routes!(restore))
        .routes(routes!(restore_before_attack))
        .routes(routes!(undo_restore))
        .routes(routes!(investigate))
}

/// All volumes
///
/// By name, each with its guard, its pins and its newest drill.
#[utoipa::path(get, path = "/api/v1/volumes", tag = "volumes", responses((status = 200, body = Vec<VolumeView>)))]
async fn list(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<VolumeView>>> {
    signed_in.require(Role::Viewer)?;
    state.ask(|site| site.volumes()).await.map(output::Json)
}

/// A volume to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewVolume {
    /// Letters, digits, `-`, `_` and `.`, 64 at most, a letter or digit first.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    name: String,
    /// 1 MiB to 64 TiB, in steps of 512 bytes.
    #[schema(minimum = 1_048_576, maximum = 70_368_744_177_664_u64, multiple_of = 512)]
    #[serde(deserialize_with = "words::whole")]
    size_bytes: u64,
}

/// Make an empty volume
#[utoipa::path(post, path = "/api/v1/volumes", tag = "volumes", request_body = NewVolume,
    responses((status = 201, body = VolumeView), (status = 409, body = ProblemDocument, content_type = "application/problem+json")))]
async fn create(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Json(new): Json<NewVolume>,
) -> Answer<Made<VolumeView>> {
    signed_in.require(Role::Operator)?;
    state
        .ask(move |site| site.create(&signed_in.actor, &new.name, new.size_bytes))
        .await
        .map(Made)
}

/// One volume
#[utoipa::path(get, path = "/api/v1/volumes/{volume}", tag = "volumes", params(("volume" = String, Path,)), responses((status = 200, body = VolumeView)))]
async fn show(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Answer<output::Json<VolumeView>> {
    signed_in.require(Role::Viewer)?;
    state.ask(move |site| site.volume(&name)).await.map(output::Json)
}

/// Delete a volume with its history
///
/// This can't be taken back. With approvals on, others must have approved it.
#[utoipa::path(delete, path = "/api/v1/volumes/{volume}", tag = "volumes", params(("volume" = String, Path,)), responses((status = 204)))]
async fn delete(State(state): State<Shared>, signed_in: SignedIn, Path(name): Path<String>) -> Answer<Done> {
    signed_in.require(Role::Admin)?;
    signed_in.require_recent(&state)?;
    state
        .ask(move |site| site.delete(&signed_in.actor, &name))
        .await
        .map(|()| Done)
}

/// A span of time.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// From when on; a day before `to` if it isn't given.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Up to when; now if it isn't given.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
    /// Parts to cut it into, 2000 at most; 240 if it isn't given.
    #[param(minimum = 1, maximum = 2000)]
    buckets: Option<u32>,
}

/// What was written to a volume, and done with it
#[utoipa::path(get, path = "/api/v1/volumes/{volume}/activity", tag = "volumes", params(("volume" = String, Path,), Span), responses((status = 200, body = Activity)))]
async fn activity(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Query(span): Query<Span>,
) -> Answer<output::Json<Activity>> {
    signed_in.require(Role::Viewer)?;
    let to = span.to.unwrap_or_else(|| state.site.now());
    let from = span.from.unwrap_or_else(|| to.plus_millis(-86_400_000));
    let buckets = span.buckets.unwrap_or(240);
    if buckets == 0 || buckets > BUCKETS_MAX {
        return Err(Refusal::invalid(format!(
            "`buckets` is {buckets}; it may be 1 to {BUCKETS_MAX}"
        )));
    }
    // A span that ends before it begins is empty.
    let to = to.max(from);
    state
        .ask(move |site| site.activity(&name, from, to, buckets))
        .await
        .map(output::Json)
}

/// A folder at a moment.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Folder {
    /// The moment: `-15m`, `2026-11-23T10:15:00Z`, `#1234` or a pin; the newest if it isn't given.
    at: Option<String>,
    /// The folder, like `/home`; the topmost if it isn't given.
    path: Option<String>,
}

/// The files of a folder at a moment
#[utoipa::path(get, path = "/api/v1/volumes/{volume}/files", tag = "volumes", params(("volume" = String, Path,), Folder), responses((status = 200, body = Files)))]
async fn files(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Query(folder): Query<Folder>,
) -> Answer<output::Json<Files>> {
    signed_in.require(Role::Operator)?;
    let path = folder.path.unwrap_or_else(|| "/".to_owned());
    state
        .ask(move |site| site.files(&name, folder.at.as_deref(), &path))
        .await
        .map(output::Json)
}

/// A pin to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPin {
    /// Its name.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    name: String,
    /// The moment; the newest if it isn't given.
    at: Option<String>,
}

/// Keep a moment under a name
#[utoipa::path(post, path = "/api/v1/volumes/{volume}/pins", tag = "volumes", params(("volume" = String, Path,)), request_body = NewPin, responses((status = 201, body = PinView)))]
async fn pin(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Json(new): Json<NewPin>,
) -> Answer<Made<PinView>> {
    signed_in.require(Role::Operator)?;
    state
        .ask(move |site| site.pin(&signed_in.actor, &name, &new.name, new.at.as_deref()))
        .await
        .map(Made)
}

/// Give a pin up, and what it alone keeps
#[utoipa::path(delete, path = "/api/v1/volumes/{volume}/pins/{pin}", tag = "volumes", params(("volume" = String, Path,), ("pin" = String, Path,)), responses((status = 204)))]
async fn unpin(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path((name, pin)): Path<(String, String)>,
) -> Answer<Done> {
    signed_in.require(Role::Operator)?;
    signed_in.require_recent(&state)?;
    state
        .ask(move |site| site.unpin(&signed_in.actor, &name, &pin))
        .await
        .map(|()| Done)
}

/// A fork to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewFork {
    /// The new volume's name: as of any volume, but 59 letters at most.
    #[schema(max_length = 59, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    name: String,
    /// The moment that it starts at; the newest if it isn't given.
    at: Option<String>,
}

/// Make a writable volume that starts at a moment of another
#[utoipa::path(post, path = "/api/v1/volumes/{volume}/forks", tag = "volumes", params(("volume" = String, Path,)), request_body = NewFork, responses((status = 201, body = VolumeView)))]
async fn fork(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Json(new): Json<NewFork>,
) -> Answer<Made<VolumeView>> {
    signed_in.require(Role::Operator)?;
    state
        .ask(move |site| site.fork(&signed_in.actor, &name, new.at.as_deref(), &new.name))
        .await
        .map(Made)
}

/// A moment to return to.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct At {
    /// The moment: `-15m`, `2026-11-23T10:15:00Z`, `#1234` or a pin.
    at: String,
}

/// What a restore to a moment would do
#[utoipa::path(get, path = "/api/v1/volumes/{volume}/restore", tag = "volumes", params(("volume" = String, Path,), At), responses((status = 200, body = RestorePreview)))]
async fn preview(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Query(moment): Query<At>,
) -> Answer<output::Json<RestorePreview>> {
    signed_in.require(Role::Viewer)?;
    state
        .ask(move |site| site.preview_restore(&name, &moment.at))
        .await
        .map(output::Json)
}

/// A moment to return to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RestoreTo {
    /// The moment: `-15m`, `2026-11-23T10:15:00Z`, `#1234` or a pin.
    at: String,
}

/// Has a volume returned to another state, by an operator who signed in lately.
async fn returned(
    state: &Shared,
    signed_in: SignedIn,
    work: impl FnOnce(&dyn Site, &Actor) -> Result<Restored, Problem> + Send + 'static,
) -> Answer<output::Json<Restored>> {
    signed_in.require(Role::Operator)?;
    signed_in.require_recent(state)?;
    state
        .ask(move |site| work(site, &signed_in.actor))
        .await
        .map(output::Json)
}

/// Return a volume to a moment
///
/// What was written since stays in the history, and the restore can be undone.
#[utoipa::path(post, path = "/api/v1/volumes/{volume}/restore", tag = "volumes", params(("volume" = String, Path,)), request_body = RestoreTo, responses((status = 200, body = Restored)))]
async fn restore(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Json(to): Json<RestoreTo>,
) -> Answer<output::Json<Restored>> {
    returned(&state, signed_in, move |site, by| site.restore(by, &name, &to.at)).await
}

/// Return a volume to the moment before the attack
#[utoipa::path(post, path = "/api/v1/volumes/{volume}/restore/before-attack", tag = "volumes", params(("volume" = String, Path,)), responses((status = 200, body = Restored)))]
async fn restore_before_attack(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Answer<output::Json<Restored>> {
    returned(&state, signed_in, move |site, by| site.restore_before_attack(by, &name)).await
}

/// Take the newest restore back
#[utoipa::path(post, path = "/api/v1/volumes/{volume}/restore/undo", tag = "volumes", params(("volume" = String, Path,)), responses((status = 200, body = Restored)))]
async fn undo_restore(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
) -> Answer<output::Json<Restored>> {
    returned(&state, signed_in, move |site, by| site.undo_restore(by, &name)).await
}

/// What an investigation looks at.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Window {
    /// From when on; the beginning of the last attack if it isn't given.
    from: Option<String>,
    /// Up to when.
    to: Option<String>,
}

/// What happened to a volume's files, as a page of its own; made now, which takes a while
#[utoipa::path(get, path = "/api/v1/volumes/{volume}/investigation", tag = "volumes", params(("volume" = String, Path,), Window), responses((status = 200, body = String, content_type = "text/html")))]
async fn investigate(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(name): Path<String>,
    Query(window): Query<Window>,
) -> Answer<Response> {
    signed_in.require(Role::Operator)?;
    let investigation = move |site: &dyn Site| site.investigate(&name, window.from.as_deref(), window.to.as_deref());
    state.ask_long(investigation).await.map(report)
}

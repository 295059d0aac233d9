//! Drills: what they found, and starting one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use respond::people::Role;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, Path, Query, most};
use super::output::{self, Answer, report};
use crate::auth::SignedIn;
use crate::site::DrillView;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list, start))
        .routes(routes!(drill_report))
}

/// Which drills.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this volume only.
    volume: Option<String>,
    /// How many; 50 if it isn't given, 500 at most.
    #[param(minimum = 1, maximum = 500)]
    most: Option<usize>,
}

/// The newest results of drills, newest first
#[utoipa::path(get, path = "/api/v1/drills", tag = "drills", params(Which), responses((status = 200, body = Vec<DrillView>)))]
async fn list(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
) -> Answer<output::Json<Vec<DrillView>>> {
    signed_in.require(Role::Viewer)?;
    let most = most(which.most)?;
    state
        .ask(move |site| site.drills(which.volume.as_deref(), most))
        .await
        .map(output::Json)
}

/// A drill to be started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDrill {
    /// The volume, of which a fork is attacked.
    volume: String,
    /// The attack; the one after the last if it isn't given.
    case: Option<String>,
}

/// Start a drill on a throw-away fork of a volume
///
/// Its result comes as an alert, and is in the list when it has ended.
#[utoipa::path(post, path = "/api/v1/drills", tag = "drills", request_body = NewDrill, responses((status = 202)))]
async fn start(State(state): State<Shared>, signed_in: SignedIn, Json(new): Json<NewDrill>) -> Answer<StatusCode> {
    signed_in.require(Role::Operator)?;
    let start = move |site: &dyn crate::Site| site.start_drill(&signed_in.actor, &new.volume, new.case.as_deref());
    state.ask(start).await.map(|()| StatusCode::ACCEPTED)
}

/// The report of a drill, as a page of its own
#[utoipa::path(get, path = "/api/v1/drills/{drill}/report", tag = "drills", params(("drill" = String, Path,)), responses((status = 200, body = String, content_type = "text/html")))]
async fn drill_report(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<String>) -> Answer<Response> {
    signed_in.require(Role::Viewer)?;
    state.ask(move |site| site.drill_report(&id)).await.map(report)
}

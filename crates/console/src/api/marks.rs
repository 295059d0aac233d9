//! Marks: findings in logs that somebody called no sign of an attack.

use axum::extract::State;
use respond::people::Role;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, Path};
use super::output::{self, Answer, Done, Made};
use super::words;
use crate::auth::SignedIn;
use crate::site::{MarkView, MarkWish, Marked};
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(marks))
        .routes(routes!(mark_alert))
        .routes(routes!(mark_story))
        .routes(routes!(unmark))
}

/// Findings in logs that are held back
#[utoipa::path(get, path = "/api/v1/alerts/marks", tag = "alerts", responses((status = 200, body = Vec<MarkView>)))]
async fn marks(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<MarkView>>> {
    signed_in.require(Role::Viewer)?;
    state.ask(|site| site.marks()).await.map(output::Json)
}

/// How it is that something is no sign of an attack.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FalsePositive {
    /// Why.
    #[schema(max_length = 500)]
    #[serde(default)]
    because: String,
    /// For how long from now.
    #[schema(minimum = 3_600, maximum = 31_536_000)]
    #[serde(deserialize_with = "words::whole")]
    seconds: u64,
    /// Whether it's meant for what is critical on a domain controller, vCenter, hypervisor, backup or identity server, too.
    #[serde(default)]
    even_critical_on_tier_zero: bool,
}

/// Say that an alert is no sign of an attack
///
/// The same finding on the same people and machines is held back for a while: it joins no story, and nobody is told.
#[utoipa::path(post, path = "/api/v1/alerts/{alert}/marks", tag = "alerts", params(("alert" = i64, Path,)), request_body = FalsePositive, responses((status = 201, body = Vec<MarkView>)))]
async fn mark_alert(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(alert): Path<i64>,
    Json(said): Json<FalsePositive>,
) -> Answer<Made<Vec<MarkView>>> {
    mark(&state, signed_in, Marked::Alert(alert), said).await
}

/// Say that a story is no sign of an attack
///
/// The same findings on the same people and machines are held back for a while: they join no story, and nobody is told. Alerts have the
/// number of their story among their facts.
#[utoipa::path(post, path = "/api/v1/alerts/stories/{story}/marks", tag = "alerts", params(("story" = u64, Path,)), request_body = FalsePositive, responses((status = 201, body = Vec<MarkView>)))]
async fn mark_story(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(story): Path<u64>,
    Json(said): Json<FalsePositive>,
) -> Answer<Made<Vec<MarkView>>> {
    mark(&state, signed_in, Marked::Story(story), said).await
}

async fn mark(state: &Shared, signed_in: SignedIn, what: Marked, said: FalsePositive) -> Answer<Made<Vec<MarkView>>> {
    signed_in.require(Role::Operator)?;
    let wish = MarkWish {
        what,
        because: said.because,
        seconds: said.seconds,
        even_critical_on_tier_zero: said.even_critical_on_tier_zero,
    };
    let made = state.ask(move |site| site.mark(&signed_in.actor, &wish));
    made.await.map(Made)
}

/// Take a mark back
#[utoipa::path(delete, path = "/api/v1/alerts/marks/{mark}", tag = "alerts", params(("mark" = u64, Path,)), responses((status = 204)))]
async fn unmark(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<u64>) -> Answer<Done> {
    signed_in.require(Role::Operator)?;
    let gone = state.ask(move |site| site.unmark(&signed_in.actor, id));
    gone.await.map(|()| Done)
}

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
use crate::problem::Refusal;
use crate::site::{MarkView, MarkWish, Marked};
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(marks, mark))
        .routes(routes!(unmark))
}

/// Findings in logs that are held back
#[utoipa::path(get, path = "/api/v1/alerts/marks", tag = "alerts", responses((status = 200, body = Vec<MarkView>)))]
async fn marks(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<MarkView>>> {
    signed_in.require(Role::Viewer)?;
    state.ask(|site| site.marks()).await.map(output::Json)
}

/// What is no sign of an attack: either an alert or a story.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FalsePositive {
    /// The alert's number.
    alert: Option<i64>,
    /// The story's number, as alerts have it among their facts.
    #[schema(minimum = 0)]
    story: Option<u64>,
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

/// Say that an alert or story is no sign of an attack
///
/// The same findings on the same people and machines are held back for a while: they join no story, and nobody is told.
#[utoipa::path(post, path = "/api/v1/alerts/marks", tag = "alerts", request_body = FalsePositive, responses((status = 201, body = Vec<MarkView>)))]
async fn mark(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Json(said): Json<FalsePositive>,
) -> Answer<Made<Vec<MarkView>>> {
    signed_in.require(Role::Operator)?;
    let what = match (said.alert, said.story) {
        (Some(alert), None) => Marked::Alert(alert),
        (None, Some(story)) => Marked::Story(story),
        _ => return Err(Refusal::invalid("either an alert or a story is marked")),
    };
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

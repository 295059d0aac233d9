//! Regulators' clocks: who must be told by when, and what was done about it.

use axum::extract::State;
use respond::Time;
use respond::case_file::clocks::{Clock, Outcome, Stop, Stopped};
use respond::incident::IncidentId;
use respond::people::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::views::{DutyView, not_in_force};
use crate::api::input::{Json, Path};
use crate::api::output::{self, Answer};
use crate::api::views::ActorView;
use crate::api::words;
use crate::auth::SignedIn;
use crate::incident_file;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(start_clocks))
        .routes(routes!(stop_clock))
}

/// What was done about a duty.
#[derive(Debug, Serialize, ToSchema)]
struct StoppedView {
    /// `reported` or `not-needed`.
    outcome: String,
    /// When it was done.
    #[schema(value_type = String, format = DateTime)]
    time: Time,
    /// Why it was late, or isn't needed.
    why: Option<String>,
    /// The regulator's number, or where the report can be read.
    reference: Option<String>,
    /// Who said so.
    by: ActorView,
    /// When they said so.
    #[schema(value_type = String, format = DateTime)]
    recorded: Time,
}

impl From<Stopped> for StoppedView {
    fn from(stopped: Stopped) -> Self {
        Self {
            outcome: stopped.outcome.name().to_owned(),
            time: stopped.time,
            why: stopped.why,
            reference: stopped.reference,
            by: stopped.by.into(),
            recorded: stopped.recorded,
        }
    }
}

/// A duty, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClockView {
    /// Law and duty: `uk-gdpr/authority`.
    id: String,
    /// The law's name.
    law: String,
    /// Why the law isn't in force; null if it is.
    not_in_force: Option<String>,
    /// What it asks for.
    duty: DutyView,
    /// `not-started`, `no-fixed-time`, `running`, `overdue`, `reported`, `reported-late` or `not-needed`.
    state: String,
    /// When it started to count.
    #[schema(value_type = Option<String>, format = DateTime)]
    started: Option<Time>,
    /// What it counts from, in words.
    starts: String,
    /// When it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Time>,
    /// What was done about it.
    stopped: Option<StoppedView>,
    /// What has to be said with it.
    caveat: String,
}

impl From<Clock> for ClockView {
    fn from(clock: Clock) -> Self {
        Self {
            id: clock.id,
            law: clock.law,
            not_in_force: not_in_force(clock.force),
            duty: clock.duty.into(),
            state: clock.state.name().to_owned(),
            started: clock.started,
            starts: clock.starts,
            due: clock.due,
            stopped: clock.stopped.map(StoppedView::from),
            caveat: clock.caveat,
        }
    }
}

/// When the clocks of a law started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Starting {
    /// The law, like `uk-gdpr`.
    law: String,
    /// When you became aware of the incident; as it was if it isn't given.
    #[schema(value_type = Option<String>, format = DateTime)]
    aware: Option<Time>,
    /// When you decided that it must be reported, where a law counts from that; as it was if it isn't given.
    #[schema(value_type = Option<String>, format = DateTime)]
    determined: Option<Time>,
}

/// Start the clocks of a law, or correct when they started
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/file/clocks", tag = "incidents", params(("incident" = i64, Path,)), request_body = Starting, responses((status = 200, body = Vec<ClockView>)))]
async fn start_clocks(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(starting): Json<Starting>,
) -> Answer<output::Json<Vec<ClockView>>> {
    signed_in.require(Role::Operator)?;
    let id = IncidentId(id);
    let times = (starting.aware, starting.determined);
    let start = move |site: &dyn crate::Site| {
        let laws = site.incident_file()?.laws;
        incident_file::start_clocks(site, &signed_in.actor, id, (&laws, &starting.law), times)?;
        incident_file::clocks(site, id, &laws)
    };
    let clocks = state.ask(start).await?;
    Ok(output::Json(clocks.into_iter().map(ClockView::from).collect()))
}

/// What was done about a duty.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Stopping {
    /// The law, like `uk-gdpr`.
    law: String,
    /// The duty, like `authority`.
    duty: String,
    /// What was done: somebody was told, or it was decided that nobody has to be.
    #[schema(schema_with = words::outcomes)]
    outcome: Outcome,
    /// When; now if it isn't given.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Time>,
    /// Why it was late, or isn't needed; then it must be given.
    #[schema(min_length = 1, max_length = 2000)]
    #[serde(default, deserialize_with = "words::text_if::<_, 2000>")]
    why: Option<String>,
    /// The regulator's number, or where the report can be read.
    #[schema(min_length = 1, max_length = 2000)]
    #[serde(default, deserialize_with = "words::text_if::<_, 2000>")]
    reference: Option<String>,
}

/// Put on record that somebody was told, or that nobody has to be
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/file/clocks/stop", tag = "incidents", params(("incident" = i64, Path,)), request_body = Stopping, responses((status = 200, body = ClockView)))]
async fn stop_clock(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(stopping): Json<Stopping>,
) -> Answer<output::Json<ClockView>> {
    signed_in.require(Role::Operator)?;
    let stop = Stop {
        jurisdiction: stopping.law,
        duty: stopping.duty,
        outcome: stopping.outcome,
        time: stopping.at.unwrap_or_else(|| state.site.now()),
        why: stopping.why,
        reference: stopping.reference,
    };
    let stop = move |site: &dyn crate::Site| incident_file::stop_clock(site, &signed_in.actor, IncidentId(id), &stop);
    state.ask(stop).await.map(|clock| output::Json(clock.into()))
}

//! Incidents: what belongs together, and what people do with it.

use axum::extract::State;
use axum::http::Uri;
use respond::alert::Alert;
use respond::incident::{self, Incident, IncidentId, ScorePart};
use respond::ocsf::{FINDINGS_MAX, of_incident};
use respond::people::Role;
use respond::{Actor, Error, Ledger, Time, Writing, ledger};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, PageQuery, Path, Query};
use super::output::{self, Answer, Rows};
use super::reading;
use super::views::{ActorView, RecordView};
use crate::auth::SignedIn;
use crate::problem::Refusal;
use crate::state::Shared;

/// Records of a timeline that are given at a time.
const TIMELINE_ROWS: usize = 500;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(ocsf))
        .routes(routes!(show))
        .routes(routes!(timeline))
        .routes(routes!(acknowledge))
        .routes(routes!(assign))
        .routes(routes!(note))
        .routes(routes!(recovered))
        .routes(routes!(close))
        .routes(routes!(reopen))
}

/// What makes up a part of the score.
#[derive(Debug, Serialize, ToSchema)]
struct ScorePartView {
    /// Points.
    points: u32,
    /// Why.
    because: String,
}

impl From<ScorePart> for ScorePartView {
    fn from(part: ScorePart) -> Self {
        Self {
            points: part.points,
            because: part.because,
        }
    }
}

/// An incident: alerts that belong together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncidentView {
    /// Its number.
    pub(crate) id: i64,
    /// What it is, in a few words.
    pub(crate) title: String,
    /// `open`, `acknowledged`, `recovered`, `closed` or `false-alarm`.
    pub(crate) state: String,
    /// The worst of its alerts.
    pub(crate) severity: String,
    /// 0 to 100.
    score: u32,
    /// What makes up the score, largest first.
    score_parts: Vec<ScorePartView>,
    /// When the first of its alerts was noticed.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) began: Time,
    /// When something last happened about it.
    #[schema(value_type = String, format = DateTime)]
    updated: Time,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    closed: Option<Time>,
    /// Volumes that it concerns.
    volumes: Vec<String>,
    /// Hosts that it concerns.
    hosts: Vec<String>,
    /// People and accounts that it concerns.
    identities: Vec<String>,
    /// How many alerts it joins.
    alerts: u64,
    /// Who looks after it.
    assigned: Option<ActorView>,
}

impl From<Incident> for IncidentView {
    fn from(incident: Incident) -> Self {
        Self {
            id: incident.id.0,
            title: incident.title,
            state: incident.state.to_string(),
            severity: incident.severity.to_string(),
            score: incident.score,
            score_parts: incident.score_parts.into_iter().map(ScorePartView::from).collect(),
            began: incident.began,
            updated: incident.updated,
            closed: incident.closed,
            volumes: incident.volumes,
            hosts: incident.hosts,
            identities: incident.identities,
            alerts: incident.alerts,
            assigned: incident.assigned.map(ActorView::from),
        }
    }
}

/// Which incidents.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those that aren't done with.
    open: Option<bool>,
    /// About this volume.
    volume: Option<String>,
    /// About this host.
    host: Option<String>,
    /// About this person or account.
    identity: Option<String>,
    /// About which something happened at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// That began at this time or earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

impl Which {
    fn filter(self) -> incident::Filter {
        incident::Filter {
            open_only: self.open.unwrap_or(false),
            volume: self.volume,
            host: self.host,
            identity: self.identity,
            since: self.since,
            until: self.until,
        }
    }
}

/// Incidents, newest first
#[utoipa::path(get, path = "/api/v1/incidents", tag = "incidents", params(Which, PageQuery), responses((status = 200, body = Vec<IncidentView>)))]
async fn list(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
    uri: Uri,
) -> Answer<Rows<IncidentView>> {
    let filter = which.filter();
    let read = move |ledger: &Ledger, page| ledger.incidents(&filter, page);
    let page = (page, &uri);
    reading::list(
        &state,
        &signed_in,
        page,
        read,
        IncidentView::from,
        |incident: &IncidentView| incident.id,
    )
    .await
}

async fn find(state: &Shared, id: i64) -> Answer<Incident> {
    reading::one(state, "incident", id, move |ledger| ledger.incident(IncidentId(id))).await
}

/// Incidents as incident findings of the Open Cybersecurity Schema Framework, newest first
#[utoipa::path(get, path = "/api/v1/incidents/ocsf", tag = "incidents", params(Which, PageQuery), responses((status = 200, body = Vec<Object>)))]
async fn ocsf(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
    uri: Uri,
) -> Answer<Rows<Value>> {
    let filter = which.filter();
    let read = move |ledger: &Ledger, page| {
        let incidents = ledger.incidents(&filter, page)?.into_iter();
        let with_alerts = incidents.map(|incident| Ok((ledger.newest_alerts_of(incident.id, FINDINGS_MAX)?, incident)));
        with_alerts.collect()
    };
    let cursor = |(_, incident): &(Vec<Alert>, Incident)| incident.id.0;
    let incidents = reading::list(&state, &signed_in, (page, &uri), read, |found| found, cursor).await?;
    let origin = reading::origin(&state).await?;
    Ok(incidents.each(|(alerts, incident)| vec![of_incident(&incident, &alerts, &origin)]))
}

/// One incident
#[utoipa::path(get, path = "/api/v1/incidents/{incident}", tag = "incidents", params(("incident" = i64, Path,)), responses((status = 200, body = IncidentView)))]
async fn show(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<IncidentView>> {
    signed_in.require(Role::Viewer)?;
    find(&state, id).await.map(|incident| output::Json(incident.into()))
}

/// Where a timeline goes on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct After {
    /// After this record.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// What happened in an incident and was done about it, oldest first
#[utoipa::path(get, path = "/api/v1/incidents/{incident}/timeline", tag = "incidents", params(("incident" = i64, Path,), After), responses((status = 200, body = Vec<RecordView>)))]
async fn timeline(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Query(from): Query<After>,
    uri: Uri,
) -> Answer<Rows<RecordView>> {
    signed_in.require(Role::Viewer)?;
    find(&state, id).await?;
    let filter = ledger::Filter {
        after: super::ledger::after(from.after)?,
        subject: Some(format!("incident/{id}")),
        ..ledger::Filter::default()
    };
    let records = state
        .ask(move |site| site.desk().read(|ledger| ledger.records(&filter, TIMELINE_ROWS)))
        .await?;
    let rows = records.into_iter().map(RecordView::from).collect();
    Ok(Rows::after(rows, TIMELINE_ROWS, &uri, |record| record.sequence))
}

/// Does something with an incident, and shows it as it is then.
async fn change(
    state: &Shared,
    signed_in: SignedIn,
    id: i64,
    work: impl FnOnce(&mut Writing<'_>, Time, &Actor, IncidentId) -> Result<Incident, Error> + Send + 'static,
) -> Answer<output::Json<IncidentView>> {
    signed_in.require(Role::Operator)?;
    let now = state.site.now();
    let work = move |site: &dyn crate::Site| site.desk().write(|w| work(w, now, &signed_in.actor, IncidentId(id)));
    state.ask(work).await.map(|incident| output::Json(incident.into()))
}

/// Say that you look after an incident; this ends escalation
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/acknowledge", tag = "incidents", params(("incident" = i64, Path,)), responses((status = 200, body = IncidentView)))]
async fn acknowledge(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<IncidentView>> {
    change(&state, signed_in, id, incident::acknowledge).await
}

/// Who is to look after an incident.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Assignment {
    /// The name of an account; nobody if it isn't given.
    person: Option<String>,
}

/// Say who looks after an incident
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/assign", tag = "incidents", params(("incident" = i64, Path,)), request_body = Assignment, responses((status = 200, body = IncidentView)))]
async fn assign(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(to): Json<Assignment>,
) -> Answer<output::Json<IncidentView>> {
    let person = match to.person {
        None => None,
        Some(name) => {
            let wanted = name.clone();
            let find = move |site: &dyn crate::Site| {
                site.desk()
                    .read(|ledger| respond::people::account_by_name(ledger, &wanted))
            };
            let account = state.ask(find).await?;
            let account = account.ok_or_else(|| Refusal::not_found(format!("there is no account `{name}`")))?;
            Some(account.actor())
        }
    };
    change(&state, signed_in, id, move |w, now, by, id| {
        incident::assign(w, now, by, id, person.as_ref())
    })
    .await
}

/// A text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Text {
    /// The text.
    #[schema(min_length = 1)]
    text: String,
}

/// Add a note to an incident; it can't be changed any more
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/notes", tag = "incidents", params(("incident" = i64, Path,)), request_body = Text, responses((status = 200, body = IncidentView)))]
async fn note(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(note): Json<Text>,
) -> Answer<output::Json<IncidentView>> {
    change(&state, signed_in, id, move |w, now, by, id| {
        incident::note(w, now, by, id, &note.text)
    })
    .await
}

/// Say that what was damaged is back
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/recovered", tag = "incidents", params(("incident" = i64, Path,)), request_body = Text, responses((status = 200, body = IncidentView)))]
async fn recovered(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(how): Json<Text>,
) -> Answer<output::Json<IncidentView>> {
    change(&state, signed_in, id, move |w, now, by, id| {
        incident::recovered(w, now, by, id, &how.text)
    })
    .await
}

/// Why an incident is done with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Closing {
    /// Whether there was no attack.
    false_alarm: bool,
    /// Why.
    #[schema(min_length = 1)]
    why: String,
}

/// Say that an incident is done with
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/close", tag = "incidents", params(("incident" = i64, Path,)), request_body = Closing, responses((status = 200, body = IncidentView)))]
async fn close(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(closing): Json<Closing>,
) -> Answer<output::Json<IncidentView>> {
    let close = move |w: &mut Writing<'_>, now: Time, by: &Actor, id: IncidentId| {
        incident::close(w, now, by, id, closing.false_alarm, &closing.why)
    };
    change(&state, signed_in, id, close).await
}

/// Say that an incident isn't done with after all
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/reopen", tag = "incidents", params(("incident" = i64, Path,)), request_body = Text, responses((status = 200, body = IncidentView)))]
async fn reopen(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(why): Json<Text>,
) -> Answer<output::Json<IncidentView>> {
    change(&state, signed_in, id, move |w, now, by, id| {
        incident::reopen(w, now, by, id, &why.text)
    })
    .await
}

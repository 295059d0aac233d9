//! Alerts.

use axum::extract::State;
use axum::http::Uri;
use respond::alert::{self, Alert, AlertId, Layer, Severity};
use respond::incident::IncidentId;
use respond::ocsf::events_of_alert;
use respond::people::Role;
use respond::{Ledger, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{PageQuery, Path, Query};
use super::output::{self, Answer, Rows};
use super::{reading, words};
use crate::auth::SignedIn;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(ocsf))
        .routes(routes!(show))
}

/// An alert. The same thing noticed again soon after raises its count.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertView {
    /// Its number.
    id: i64,
    /// When it was noticed first.
    #[schema(value_type = String, format = DateTime)]
    time: Time,
    /// When it was noticed last.
    #[schema(value_type = String, format = DateTime)]
    last: Time,
    /// How often it was noticed.
    count: u64,
    /// Which part of Holdfast noticed it: `volume`, `guard`, `drill`, `exposure`, `threat` or `respond`.
    layer: String,
    /// What it is, in the layer's own words.
    kind: String,
    /// How bad it is: `informational`, `low`, `medium`, `high` or `critical`.
    severity: String,
    /// The volume that it concerns.
    volume: Option<String>,
    /// The host that it concerns.
    host: Option<String>,
    /// The person or account that it concerns.
    identity: Option<String>,
    /// What happened, in a few words.
    title: String,
    /// What happened, what it means and what to do next.
    text: String,
    /// The layer's own facts about it.
    #[schema(value_type = Object)]
    facts: Map<String, Value>,
    /// The incident that it belongs to.
    incident: Option<i64>,
    /// The alert that it is added to, as one more step of what that one told.
    part_of: Option<i64>,
    /// How many alerts were added to it.
    parts: u64,
    /// When the last of those was noticed.
    #[schema(value_type = Option<String>, format = DateTime)]
    parts_last: Option<Time>,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        let noticed = alert.noticed;
        Self {
            id: alert.id.0,
            time: noticed.time,
            last: alert.last,
            count: alert.count,
            layer: noticed.layer.to_string(),
            kind: noticed.kind,
            severity: noticed.severity.to_string(),
            volume: noticed.volume,
            host: noticed.host,
            identity: noticed.identity,
            title: noticed.title,
            text: noticed.text,
            facts: noticed.facts,
            incident: alert.incident.map(|id| id.0),
            part_of: alert.part_of.map(|id| id.0),
            parts: alert.parts.count,
            parts_last: alert.parts.last,
        }
    }
}

/// Which alerts.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this incident.
    incident: Option<i64>,
    /// Of this layer.
    #[param(schema_with = words::layers)]
    layer: Option<Layer>,
    /// At least so bad.
    #[param(schema_with = words::severities)]
    severity: Option<Severity>,
    /// About this volume.
    volume: Option<String>,
    /// About this host.
    host: Option<String>,
    /// About this person or account.
    identity: Option<String>,
    /// Noticed at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Noticed at this time or earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// Whose kind, title or text contain this.
    text: Option<String>,
    /// Whether those are listed too that were added to others; of an incident they are unless this says no.
    parts: Option<bool>,
    /// Only those that were added to this one.
    part_of: Option<i64>,
}

impl Which {
    fn filter(self) -> alert::Filter {
        alert::Filter {
            incident: self.incident.map(IncidentId),
            layer: self.layer,
            severity: self.severity,
            volume: self.volume,
            host: self.host,
            identity: self.identity,
            since: self.since,
            until: self.until,
            text: self.text,
            which: match (self.part_of, self.parts.unwrap_or(self.incident.is_some())) {
                (Some(head), _) => alert::Which::PartsOf(AlertId(head)),
                (None, true) => alert::Which::All,
                (None, false) => alert::Which::Lines,
            },
        }
    }
}

/// Alerts, newest first
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(Which, PageQuery), responses((status = 200, body = Vec<AlertView>)))]
async fn list(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
    uri: Uri,
) -> Answer<Rows<AlertView>> {
    let filter = which.filter();
    let read = move |ledger: &Ledger, page| ledger.alerts(&filter, page);
    let page = (page, &uri);
    reading::list(&state, &signed_in, page, read, AlertView::from, |alert: &AlertView| {
        alert.id
    })
    .await
}

/// Alerts as events of the Open Cybersecurity Schema Framework, newest first: of each its finding, what was recognised, what was done about it
#[utoipa::path(get, path = "/api/v1/alerts/ocsf", tag = "alerts", params(Which, PageQuery), responses((status = 200, body = Vec<Object>)))]
async fn ocsf(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
    uri: Uri,
) -> Answer<Rows<Value>> {
    let filter = which.filter();
    let read = move |ledger: &Ledger, page| ledger.alerts(&filter, page);
    let alerts = reading::list(
        &state,
        &signed_in,
        (page, &uri),
        read,
        |alert| alert,
        |alert: &Alert| alert.id.0,
    )
    .await?;
    let origin = reading::origin(&state).await?;
    Ok(alerts.each(|alert| events_of_alert(&alert, &origin)))
}

/// One alert
#[utoipa::path(get, path = "/api/v1/alerts/{alert}", tag = "alerts", params(("alert" = i64, Path,)), responses((status = 200, body = AlertView)))]
async fn show(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<AlertView>> {
    signed_in.require(Role::Viewer)?;
    let alert = reading::one(&state, "alert", id, move |ledger| ledger.alert(AlertId(id)));
    alert.await.map(|alert| output::Json(alert.into()))
}

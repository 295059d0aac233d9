//! Policies: what is in force, and trying others out on the past.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::extract::State;
use jiff::tz::TimeZone;
use respond::alert::{self, Alert};
use respond::incident::{Incident, IncidentId};
use respond::people::Role;
use respond::policy::{self, Outcome, Policies};
use respond::{Error, Ledger, Page, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::Json;
use super::output::{self, Answer};
use crate::auth::SignedIn;
use crate::site::{ProblemKind, Site};
use crate::state::Shared;

/// Alerts of the past that policies are tried out on.
const ALERTS_MAX: usize = 10_000;
/// Actions that are listed.
const LISTED_MAX: usize = 1000;
/// How far back is looked if nobody says: a week.
const SINCE_MS: i64 = 7 * 86_400_000;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(dry_run))
}

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
struct PolicyView {
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// Whether it does anything.
    enabled: bool,
    /// The file that it is from, or `built in`.
    source: String,
    /// When it does what, in sentences.
    text: String,
}

/// The policies in force.
#[derive(Debug, Serialize, ToSchema)]
struct PoliciesView {
    /// The policies, in the order in which they are asked.
    policies: Vec<PolicyView>,
    /// What is suspicious about them.
    warnings: Vec<String>,
}

/// The policies in force
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies", responses((status = 200, body = PoliciesView)))]
async fn list(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<PoliciesView>> {
    signed_in.require(Role::Viewer)?;
    let policies = state.ask(|site| site.policies(None)).await?;
    let views = policies.all().iter().map(|policy| PolicyView {
        name: policy.name.clone(),
        description: policy.description.clone(),
        enabled: policy.is_enabled,
        source: policy.source.clone(),
        text: policy::explain(policy),
    });
    Ok(output::Json(PoliciesView {
        policies: views.collect(),
        warnings: policies.warnings().iter().map(ToString::to_string).collect(),
    }))
}

/// What is tried out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// Policies as TOML, laid over the built-in ones; those in force if it isn't given.
    text: Option<String>,
    /// Alerts from when on; of the last week if it isn't given.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
}

/// What would have been done.
#[derive(Debug, Serialize, ToSchema)]
struct WouldView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    time: Time,
    /// The policy.
    policy: String,
    /// What, in words.
    text: String,
    /// Because of which alert.
    alert: i64,
    /// That alert in a few words.
    because: String,
    /// `at-once`, `approval` or `limit`.
    #[schema(value_type = String)]
    outcome: Outcome,
}

/// What came of a trial.
#[derive(Debug, Default, Serialize, ToSchema)]
struct TrialView {
    /// Alerts that were looked at, the newest if there were more than 10,000.
    alerts: usize,
    /// How many actions there would have been.
    count: usize,
    /// The first thousand of them, in order.
    actions: Vec<WouldView>,
    /// What is suspicious about the policies.
    warnings: Vec<String>,
    /// Why the text can't be used, with line and column, if it can't; then nothing was tried.
    error: Option<String>,
}

/// Try policies out on alerts of the past; nothing is done
#[utoipa::path(post, path = "/api/v1/policies/dry-run", tag = "policies", request_body = Trial, responses((status = 200, body = TrialView)))]
async fn dry_run(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Json(trial): Json<Trial>,
) -> Answer<output::Json<TrialView>> {
    signed_in.require(Role::Viewer)?;
    let since = trial.since.unwrap_or_else(|| state.site.now().plus_millis(-SINCE_MS));
    state
        .ask_long(move |site| try_out(site, trial.text.as_deref(), since))
        .await
        .map(output::Json)
}

fn try_out(site: &dyn Site, text: Option<&str>, since: Time) -> Answer<TrialView> {
    let policies: Policies = match site.policies(text) {
        Err(problem) if problem.kind == ProblemKind::Invalid => {
            return Ok(TrialView {
                error: Some(problem.message),
                ..TrialView::default()
            });
        }
        other => other?,
    };
    let alerts = site.desk().read(|ledger| past(ledger, since))?;
    let count = alerts.len();
    let replayed = policy::replay(&policies, alerts.into_iter().map(Ok), &TimeZone::system())?;
    let actions = replayed.iter().take(LISTED_MAX).map(|would| WouldView {
        time: would.time,
        policy: would.policy.clone(),
        text: would.text.clone(),
        alert: would.alert.0,
        because: would.because.clone(),
        outcome: would.outcome,
    });
    Ok(TrialView {
        alerts: count,
        count: replayed.len(),
        actions: actions.collect(),
        warnings: policies.warnings().iter().map(ToString::to_string).collect(),
        error: None,
    })
}

/// Alerts since a time, oldest first, each with its incident.
pub(crate) fn past(ledger: &Ledger, since: Time) -> Result<Vec<(Alert, Option<Incident>)>, Error> {
    let filter = alert::Filter {
        since: Some(since),
        ..alert::Filter::default()
    };
    let (mut alerts, mut before) = (Vec::new(), None);
    while alerts.len() < ALERTS_MAX {
        let page = ledger.alerts(
            &filter,
            Page {
                before,
                most: respond::PAGE_MAX,
            },
        )?;
        let Some(last) = page.last() else { break };
        before = Some(last.id.0);
        alerts.extend(page);
    }
    alerts.truncate(ALERTS_MAX);
    alerts.reverse();
    let mut incidents: HashMap<IncidentId, Option<Incident>> = HashMap::new();
    for id in alerts.iter().filter_map(|alert| alert.incident) {
        if let Entry::Vacant(unknown) = incidents.entry(id) {
            unknown.insert(ledger.incident(id)?);
        }
    }
    let with_incident = |alert: Alert| {
        let incident = alert.incident.and_then(|id| incidents.get(&id).cloned().flatten());
        (alert, incident)
    };
    Ok(alerts.into_iter().map(with_incident).collect())
}

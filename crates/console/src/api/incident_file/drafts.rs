//! Drafts: what regulators, those concerned, staff and customers are told.

use std::collections::BTreeMap;

use axum::extract::State;
use respond::case_file::drafts::{Draft, DraftKind, obstacles};
use respond::incident::IncidentId;
use respond::people::Role;
use respond::{Actor, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::facts::StandView;
use crate::api::input::{Json, Path};
use crate::api::output::{self, Answer, Made};
use crate::api::views::ActorView;
use crate::api::words::{self, ValueName, ValueText};
use crate::auth::SignedIn;
use crate::incident_file;
use crate::problem::Refusal;
use crate::site::Site;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(fill_values))
        .routes(routes!(make_draft))
        .routes(routes!(show_draft))
        .routes(routes!(approve_draft))
        .routes(routes!(mark_draft_sent))
}

/// A version of a fact, as a draft has it.
#[derive(Debug, Serialize, ToSchema)]
struct UsedFactView {
    /// The fact.
    fact: i64,
    /// Its version.
    version: u32,
}

/// A draft.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DraftView {
    /// Its number.
    id: i64,
    /// `regulator-form`, `letter`, `staff-note`, `faq` or `customer-status`.
    kind: String,
    /// `made`, `final`, `sent`, or `replaced` by a newer one.
    state: String,
    /// Its text.
    text: String,
    /// What somebody has to fill in: names of values.
    to_fill: Vec<String>,
    /// What stands in the way of its going out, in words.
    obstacles: Vec<String>,
    /// The versions of facts that it is made of.
    facts: Vec<UsedFactView>,
    /// Who had it made.
    made_by: ActorView,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    made: Time,
    /// Who stands by it; two people make it final.
    approvals: Vec<StandView>,
    /// When it went out.
    #[schema(value_type = Option<String>, format = DateTime)]
    sent: Option<Time>,
}

impl DraftView {
    pub(super) fn new(obstacles: Vec<String>, draft: Draft) -> Self {
        let facts = draft.facts.into_iter().map(|used| UsedFactView {
            fact: used.fact.0,
            version: used.version,
        });
        let approvals = draft.approvals.into_iter().map(|approval| StandView {
            by: approval.by.into(),
            time: approval.time,
        });
        Self {
            id: draft.id.0,
            kind: draft.kind.name().to_owned(),
            state: draft.state.name().to_owned(),
            text: draft.text,
            to_fill: draft.to_fill,
            obstacles,
            facts: facts.collect(),
            made_by: draft.made_by.into(),
            made: draft.made,
            approvals: approvals.collect(),
            sent: draft.sent,
        }
    }

    fn of(site: &dyn Site, draft: Draft) -> Result<Self, Refusal> {
        let obstacles = site.desk().read(|ledger| obstacles(ledger, &draft))?;
        Ok(Self::new(obstacles, draft))
    }
}

/// Fill in what drafts ask for: texts by names
///
/// Drafts that were made before stay as they are.
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/file/values", tag = "incidents", params(("incident" = i64, Path,)), request_body = BTreeMap<ValueName, ValueText>, responses((status = 200, body = BTreeMap<String, String>)))]
async fn fill_values(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(values): Json<BTreeMap<ValueName, ValueText>>,
) -> Answer<output::Json<BTreeMap<String, String>>> {
    signed_in.require(Role::Operator)?;
    let id = IncidentId(id);
    let fill = move |site: &dyn Site| {
        incident_file::find(site, id)?;
        let given = values.iter().map(|(name, text)| (name.0.as_str(), text.0.as_str()));
        incident_file::fill(site, &signed_in.actor, id, given)?;
        incident_file::values(site, id, &site.incident_file()?)
    };
    state.ask(fill).await.map(output::Json)
}

/// What is drafted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Making {
    /// What.
    #[schema(schema_with = words::draft_kinds)]
    kind: DraftKind,
}

/// Make a draft of what is known now; an earlier one of its kind that didn't go out is replaced
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/file/drafts", tag = "incidents", params(("incident" = i64, Path,)), request_body = Making, responses((status = 201, body = DraftView)))]
async fn make_draft(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(making): Json<Making>,
) -> Answer<Made<DraftView>> {
    signed_in.require(Role::Operator)?;
    let make = move |site: &dyn Site| {
        let made = incident_file::make_draft(site, &signed_in.actor, IncidentId(id), making.kind)?;
        DraftView::of(site, made)
    };
    state.ask_long(make).await.map(Made)
}

/// One draft
#[utoipa::path(get, path = "/api/v1/incidents/{incident}/file/drafts/{draft}", tag = "incidents", params(("incident" = i64, Path,), ("draft" = i64, Path,)), responses((status = 200, body = DraftView)))]
async fn show_draft(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path((id, draft)): Path<(i64, i64)>,
) -> Answer<output::Json<DraftView>> {
    signed_in.require(Role::Viewer)?;
    let read = move |site: &dyn Site| DraftView::of(site, incident_file::draft(site, IncidentId(id), draft)?);
    state.ask(read).await.map(output::Json)
}

/// Does something with a draft, and shows it as it is then.
async fn change(
    state: &Shared,
    signed_in: SignedIn,
    (id, draft): (i64, i64),
    work: fn(&dyn Site, &Actor, IncidentId, i64) -> Result<Draft, Refusal>,
) -> Answer<output::Json<DraftView>> {
    signed_in.require(Role::Operator)?;
    let change = move |site: &dyn Site| DraftView::of(site, work(site, &signed_in.actor, IncidentId(id), draft)?);
    state.ask(change).await.map(output::Json)
}

/// Stand by a draft that somebody else made; two people make it final
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/file/drafts/{draft}/approve", tag = "incidents", params(("incident" = i64, Path,), ("draft" = i64, Path,)), responses((status = 200, body = DraftView)))]
async fn approve_draft(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(which): Path<(i64, i64)>,
) -> Answer<output::Json<DraftView>> {
    change(&state, signed_in, which, incident_file::approve_draft).await
}

/// Put on record that a final draft went out, with the facts in it
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/file/drafts/{draft}/sent", tag = "incidents", params(("incident" = i64, Path,), ("draft" = i64, Path,)), responses((status = 200, body = DraftView)))]
async fn mark_draft_sent(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(which): Path<(i64, i64)>,
) -> Answer<output::Json<DraftView>> {
    change(&state, signed_in, which, incident_file::mark_sent).await
}

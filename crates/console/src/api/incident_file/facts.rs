//! The fact register: for every system and class of data whether it was taken, why that is said, and who stands by it.

use axum::extract::State;
use respond::Time;
use respond::case_file::facts::{Answer as Said, Fact, FactChange, FactId, NewFact};
use respond::incident::IncidentId;
use respond::people::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::input::{Json, Path};
use crate::api::output::{self, Answer};
use crate::api::views::ActorView;
use crate::api::words;
use crate::auth::SignedIn;
use crate::incident_file;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(set_fact))
        .routes(routes!(list_fact_versions))
        .routes(routes!(approve_fact))
}

/// Somebody stands by something.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StandView {
    /// Who.
    pub(super) by: ActorView,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(super) time: Time,
}

/// A version of a fact.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FactView {
    /// Its number: the same for all versions.
    id: i64,
    /// 1 for the first. Every change makes a new one.
    version: u32,
    /// The system: a volume, an application, a supplier.
    system: String,
    /// The class of data, like `email-address`.
    class: String,
    /// `taken`, `not-taken` or `unknown`.
    answer: String,
    /// Why this is said.
    evidence: String,
    /// Where that can be read.
    reference: Option<String>,
    /// Who said so.
    set_by: ActorView,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    set: Time,
    /// Who stands by this version. None was taken over from an earlier one.
    approvals: Vec<StandView>,
    /// Whether enough people stand by it.
    confirmed: bool,
    /// Drafts that went out with an earlier version: they may have to be corrected.
    after_letters: Vec<i64>,
}

impl From<Fact> for FactView {
    fn from(fact: Fact) -> Self {
        let confirmed = fact.is_confirmed();
        let approvals = fact.approvals.into_iter().map(|approval| StandView {
            by: approval.by.into(),
            time: approval.time,
        });
        Self {
            id: fact.id.0,
            version: fact.version,
            system: fact.said.system,
            class: fact.said.class,
            answer: fact.said.answer.name().to_owned(),
            evidence: fact.said.evidence,
            reference: fact.said.reference,
            set_by: fact.set_by.into(),
            set: fact.set,
            approvals: approvals.collect(),
            confirmed,
            after_letters: fact.after_letters.into_iter().map(|letter| letter.0).collect(),
        }
    }
}

/// What is known of a class of data in a system.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FactSetting {
    /// The system: a volume, an application, a supplier.
    #[schema(min_length = 1, max_length = 100)]
    #[serde(deserialize_with = "words::text::<_, 100>")]
    system: String,
    /// The class of data, like `email-address` or `date of birth`.
    #[schema(min_length = 1, max_length = 60)]
    #[serde(deserialize_with = "words::text::<_, 60>")]
    class: String,
    /// Whether it was taken.
    #[schema(schema_with = words::answers)]
    answer: Said,
    /// Why this is said.
    #[schema(min_length = 1, max_length = 2000)]
    #[serde(deserialize_with = "words::text::<_, 2000>")]
    evidence: String,
    /// Where that can be read: a report, a record's number.
    #[schema(min_length = 1, max_length = 500)]
    #[serde(default, deserialize_with = "words::text_if::<_, 500>")]
    reference: Option<String>,
}

/// What became of a fact that was set.
#[derive(Debug, Serialize, ToSchema)]
struct FactChangeView {
    /// The fact as it is now.
    fact: FactView,
    /// Whether anything changed.
    changed: bool,
    /// How many stood by the version before: they have to look again.
    approvals_lost: u64,
}

impl From<FactChange> for FactChangeView {
    fn from(change: FactChange) -> Self {
        Self {
            fact: change.fact.into(),
            changed: change.is_changed,
            approvals_lost: change.approvals_lost as u64,
        }
    }
}

/// Say what is known of a class of data in a system
///
/// A change makes a new version, by which nobody stands yet.
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/file/facts", tag = "incidents", params(("incident" = i64, Path,)), request_body = FactSetting, responses((status = 200, body = FactChangeView)))]
async fn set_fact(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(setting): Json<FactSetting>,
) -> Answer<output::Json<FactChangeView>> {
    signed_in.require(Role::Operator)?;
    let new = NewFact {
        system: setting.system,
        class: setting.class,
        answer: setting.answer,
        evidence: setting.evidence,
        reference: setting.reference,
    };
    let set = move |site: &dyn crate::Site| incident_file::set_fact(site, &signed_in.actor, IncidentId(id), &new);
    state.ask(set).await.map(|change| output::Json(change.into()))
}

/// All versions of a fact, oldest first
#[utoipa::path(get, path = "/api/v1/incidents/{incident}/file/facts/{fact}", tag = "incidents", params(("incident" = i64, Path,), ("fact" = i64, Path,)), responses((status = 200, body = Vec<FactView>)))]
async fn list_fact_versions(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path((id, fact)): Path<(i64, i64)>,
) -> Answer<output::Json<Vec<FactView>>> {
    signed_in.require(Role::Viewer)?;
    let read = move |site: &dyn crate::Site| incident_file::versions(site, IncidentId(id), FactId(fact));
    let versions = state.ask(read).await?;
    Ok(output::Json(versions.into_iter().map(FactView::from).collect()))
}

/// Which version somebody stands by: the one that they read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Standing {
    /// The version.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    #[serde(deserialize_with = "words::version")]
    version: u32,
}

/// Stand by a version of a fact that somebody else set; two people make it confirmed
#[utoipa::path(post, path = "/api/v1/incidents/{incident}/file/facts/{fact}/approve", tag = "incidents", params(("incident" = i64, Path,), ("fact" = i64, Path,)), request_body = Standing, responses((status = 200, body = FactView)))]
async fn approve_fact(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path((id, fact)): Path<(i64, i64)>,
    Json(standing): Json<Standing>,
) -> Answer<output::Json<FactView>> {
    signed_in.require(Role::Operator)?;
    let what = (FactId(fact), standing.version);
    let approve =
        move |site: &dyn crate::Site| incident_file::approve_fact(site, &signed_in.actor, IncidentId(id), what);
    state.ask(approve).await.map(|fact| output::Json(fact.into()))
}

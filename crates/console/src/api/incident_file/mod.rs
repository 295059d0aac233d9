//! An incident's file: what happened, what is known of people's data, who must be told by when, and what they are told.

mod clocks;
mod drafts;
mod facts;
mod views;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use respond::case_file::drafts::drafts_with_obstacles;
use respond::case_file::facts as register;
use respond::incident::IncidentId;
use respond::people::Role;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::clocks::ClockView;
use self::drafts::DraftView;
use self::facts::FactView;
use self::views::{LawView, TimelineView};
use super::incidents::IncidentView;
use super::input::Path;
use super::output::{self, Answer};
use crate::auth::SignedIn;
use crate::incident_file;
use crate::problem::Refusal;
use crate::site::Site;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(show_file))
        .routes(routes!(show_file_timeline))
        .routes(routes!(show_paper))
        .routes(routes!(list_laws))
        .merge(facts::router())
        .merge(clocks::router())
        .merge(drafts::router())
}

/// An incident's file, without its timeline.
#[derive(Debug, Serialize, ToSchema)]
struct FileView {
    /// The incident.
    incident: IncidentView,
    /// What is known of people's data: the newest version of every fact.
    facts: Vec<FactView>,
    /// Who must be told by when, those due first before the others.
    clocks: Vec<ClockView>,
    /// What they are told, newest first; the newest 200.
    drafts: Vec<DraftView>,
    /// What is filled in, by name: for this incident, over what the configuration has for all.
    values: BTreeMap<String, String>,
}

fn file(site: &dyn Site, id: IncidentId) -> Result<FileView, Refusal> {
    let (incident, settings) = (incident_file::find(site, id)?, site.incident_file()?);
    let (facts, drafts) = site.desk().read(|ledger| {
        let drafts = drafts_with_obstacles(ledger, id)?.into_iter();
        let drafts = drafts.map(|(obstacles, draft)| DraftView::new(obstacles, draft));
        Ok((register::facts(ledger, id)?, drafts.collect()))
    })?;
    let clocks = incident_file::clocks(site, id, &settings.laws)?;
    Ok(FileView {
        incident: incident.into(),
        facts: facts.into_iter().map(FactView::from).collect(),
        clocks: clocks.into_iter().map(ClockView::from).collect(),
        drafts,
        values: incident_file::values(site, id, &settings)?,
    })
}

/// An incident's file: facts, clocks, drafts and what was filled in
#[utoipa::path(get, path = "/api/v1/incidents/{incident}/file", tag = "incidents", params(("incident" = i64, Path,)), responses((status = 200, body = FileView)))]
async fn show_file(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<FileView>> {
    signed_in.require(Role::Viewer)?;
    state
        .ask(move |site| file(site, IncidentId(id)))
        .await
        .map(output::Json)
}

/// What happened, from all layers and from the history of the incident's disks, oldest first, in words
#[utoipa::path(get, path = "/api/v1/incidents/{incident}/file/timeline", tag = "incidents", params(("incident" = i64, Path,)), responses((status = 200, body = TimelineView)))]
async fn show_file_timeline(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<TimelineView>> {
    signed_in.require(Role::Viewer)?;
    let gather = move |site: &dyn Site| {
        let incident = incident_file::find(site, IncidentId(id))?;
        incident_file::timeline(site, &incident)
    };
    let (timeline, remarks) = state.ask_long(gather).await?;
    Ok(output::Json(TimelineView::new(timeline, remarks)))
}

/// The paper pack, for the day when nothing works: a PDF with whom to call, what to restore in which order, and all of the file
#[utoipa::path(get, path = "/api/v1/incidents/{incident}/file/paper", tag = "incidents", params(("incident" = i64, Path,)), responses((status = 200, body = String, content_type = "application/pdf")))]
async fn show_paper(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Response> {
    signed_in.require(Role::Operator)?;
    let pdf = state
        .ask_long(move |site| incident_file::paper(site, IncidentId(id)))
        .await?;
    let name = format!("attachment; filename=\"incident-{id}.pdf\"");
    let headers = [
        (header::CONTENT_TYPE, "application/pdf"),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, pdf).into_response())
}

/// The laws that are known, and what each asks for
#[utoipa::path(get, path = "/api/v1/incidents/laws", tag = "incidents", responses((status = 200, body = Vec<LawView>)))]
async fn list_laws(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<LawView>>> {
    signed_in.require(Role::Viewer)?;
    let settings = state.ask(|site| site.incident_file()).await?;
    let laws = settings.laws.into_iter();
    let laws = laws.map(|law| LawView::new(settings.chosen.contains(&law.id), law));
    Ok(output::Json(laws.collect()))
}

//! The addresses of an incident's file.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use respond::incident::IncidentId;
use respond::people::Role;

use super::file;
use crate::pages::frame::{act, show};
use crate::pages::visitor::Visitor;
use crate::state::Shared;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/incidents/{id}/file", get(whole))
        .route("/incidents/{id}/file/clocks", post(start_clocks))
        .route("/incidents/{id}/file/clocks/stop", post(stop_clock))
        .route("/incidents/{id}/file/facts", post(set_fact))
        .route("/incidents/{id}/file/facts/approve", post(approve_fact))
        .route("/incidents/{id}/file/values", post(fill))
        .route("/incidents/{id}/file/drafts", post(make))
        .route("/incidents/{id}/file/drafts/{draft}", get(draft))
        .route("/incidents/{id}/file/drafts/{draft}/approve", post(approve_draft))
        .route("/incidents/{id}/file/drafts/{draft}/sent", post(sent))
}

type Id = Path<i64>;
type DraftOf = Path<(i64, i64)>;

async fn whole(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    show(&state, visitor, move |site, visitor| {
        file::page(site, visitor, IncidentId(id))
    })
    .await
}

async fn start_clocks(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Id,
    Form(form): Form<file::StartClocks>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        file::start(site, visitor, IncidentId(id), &form)
    })
    .await
}

async fn stop_clock(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Id,
    Form(form): Form<file::StopClock>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        file::stop(site, visitor, IncidentId(id), &form)
    })
    .await
}

async fn set_fact(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Id,
    Form(form): Form<file::SetFact>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        file::set_fact(site, visitor, IncidentId(id), &form)
    })
    .await
}

async fn approve_fact(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Id,
    Form(form): Form<file::ApproveFact>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        file::approve_fact(site, visitor, IncidentId(id), &form)
    })
    .await
}

async fn fill(State(state): State<Shared>, visitor: Visitor, Path(id): Id, Form(form): Form<file::Fill>) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        file::fill(site, visitor, IncidentId(id), &form)
    })
    .await
}

async fn make(State(state): State<Shared>, visitor: Visitor, Path(id): Id, Form(form): Form<file::Make>) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        file::make(site, visitor, IncidentId(id), &form)
    })
    .await
}

async fn draft(State(state): State<Shared>, visitor: Visitor, Path((id, draft)): DraftOf) -> Response {
    show(&state, visitor, move |site, visitor| {
        file::draft_page(site, visitor, IncidentId(id), draft)
    })
    .await
}

async fn approve_draft(State(state): State<Shared>, visitor: Visitor, Path((id, draft)): DraftOf) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        file::approve_draft(site, visitor, IncidentId(id), draft)
    })
    .await
}

async fn sent(State(state): State<Shared>, visitor: Visitor, Path((id, draft)): DraftOf) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        file::sent(site, visitor, IncidentId(id), draft)
    })
    .await
}

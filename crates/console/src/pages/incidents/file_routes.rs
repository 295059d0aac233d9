//! The addresses of an incident's file.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use respond::incident::IncidentId;
use respond::people::Role;

use super::file;
use super::routes::form;
use crate::pages::frame::{Done, act, show};
use crate::pages::visitor::Visitor;
use crate::site::Site;
use crate::state::Shared;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/incidents/{id}/file", get(whole))
        .route("/incidents/{id}/file/clocks", form(file::start))
        .route("/incidents/{id}/file/clocks/stop", form(file::stop))
        .route("/incidents/{id}/file/facts", form(file::set_fact))
        .route("/incidents/{id}/file/facts/approve", form(file::approve_fact))
        .route("/incidents/{id}/file/values", form(file::fill))
        .route("/incidents/{id}/file/drafts", form(file::make))
        .route("/incidents/{id}/file/drafts/{draft}", get(draft))
        .route(
            "/incidents/{id}/file/drafts/{draft}/approve",
            with_draft(file::approve_draft),
        )
        .route("/incidents/{id}/file/drafts/{draft}/sent", with_draft(file::sent))
}

type DraftOf = Path<(i64, i64)>;

async fn whole(State(state): State<Shared>, visitor: Visitor, Path(id): Path<i64>) -> Response {
    show(&state, visitor, move |site, visitor| {
        file::page(site, visitor, IncidentId(id))
    })
    .await
}

async fn draft(State(state): State<Shared>, visitor: Visitor, Path((id, draft)): DraftOf) -> Response {
    show(&state, visitor, move |site, visitor| {
        file::draft_page(site, visitor, IncidentId(id), draft)
    })
    .await
}

/// Something that is done with a draft.
fn with_draft(work: fn(&dyn Site, &Visitor, IncidentId, i64) -> Done) -> MethodRouter<Shared> {
    post(
        move |State(state): State<Shared>, visitor: Visitor, Path((id, draft)): DraftOf| async move {
            act(&state, visitor, Role::Operator, move |site, visitor| {
                work(site, visitor, IncidentId(id), draft)
            })
            .await
        },
    )
}

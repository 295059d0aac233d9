//! The addresses of incidents' pages.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use respond::incident::IncidentId;
use respond::people::Role;

use super::{list, one};
use crate::pages::alerts;
use crate::pages::frame::{act, show};
use crate::pages::visitor::Visitor;
use crate::state::Shared;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/incidents", get(all))
        .route("/incidents/alerts", get(all_alerts))
        .route("/incidents/alerts/{id}", get(alert))
        .route("/incidents/{id}", get(incident))
        .route("/incidents/{id}/acknowledge", post(acknowledge))
        .route("/incidents/{id}/assign", post(assign))
        .route("/incidents/{id}/notes", post(note))
        .route("/incidents/{id}/recovered", post(recovered))
        .route("/incidents/{id}/close", get(close_page).post(close))
}

type Id = Path<i64>;

async fn all(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<list::Asked>) -> Response {
    show(&state, visitor, move |site, visitor| list::page(site, visitor, &asked)).await
}

async fn all_alerts(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<alerts::Asked>) -> Response {
    show(&state, visitor, move |site, _| alerts::page(site, &asked)).await
}

async fn alert(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    show(&state, visitor, move |site, _| alerts::one(site, id)).await
}

async fn incident(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    show(&state, visitor, move |site, visitor| {
        one::page(site, visitor, IncidentId(id))
    })
    .await
}

async fn acknowledge(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        one::acknowledge(site, visitor, IncidentId(id))
    })
    .await
}

async fn assign(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Id,
    Form(form): Form<one::Assign>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        one::assign(site, visitor, IncidentId(id), &form)
    })
    .await
}

async fn note(State(state): State<Shared>, visitor: Visitor, Path(id): Id, Form(form): Form<one::Note>) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        one::note(site, visitor, IncidentId(id), &form)
    })
    .await
}

async fn recovered(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        one::recovered(site, visitor, IncidentId(id))
    })
    .await
}

async fn close_page(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    show(&state, visitor, move |site, visitor| {
        visitor.signed_in.require(Role::Operator)?;
        one::close_page(site, visitor, IncidentId(id))
    })
    .await
}

async fn close(State(state): State<Shared>, visitor: Visitor, Path(id): Id, Form(form): Form<one::Close>) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        one::close(site, visitor, IncidentId(id), &form)
    })
    .await
}

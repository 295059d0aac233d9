//! The addresses of incidents' pages.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use respond::incident::IncidentId;
use respond::people::Role;
use serde::de::DeserializeOwned;

use super::{list, one};
use crate::pages::alerts;
use crate::pages::frame::{Done, act, show, show_to};
use crate::pages::visitor::Visitor;
use crate::site::Site;
use crate::state::Shared;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/incidents", get(all))
        .route("/incidents/alerts", get(all_alerts))
        .route("/incidents/alerts/{id}", get(alert))
        .route("/incidents/alerts/{id}/false-positive", post(false_positive))
        .route("/incidents/{id}", get(incident))
        .route("/incidents/{id}/acknowledge", button(one::acknowledge))
        .route("/incidents/{id}/assign", form(one::assign))
        .route("/incidents/{id}/notes", form(one::note))
        .route("/incidents/{id}/recovered", button(one::recovered))
        .route("/incidents/{id}/close", get(close_page).merge(form(one::close)))
}

type Id = Path<i64>;

async fn all(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<list::Asked>) -> Response {
    show(&state, visitor, move |site, visitor| list::page(site, visitor, &asked)).await
}

async fn all_alerts(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<alerts::Asked>) -> Response {
    show(&state, visitor, move |site, _| alerts::page(site, &asked)).await
}

async fn alert(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    show(&state, visitor, move |site, visitor| alerts::one(site, visitor, id)).await
}

async fn false_positive(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Id,
    Form(form): Form<alerts::FalsePositive>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        alerts::false_positive(site, visitor, id, &form)
    })
    .await
}

async fn incident(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    show(&state, visitor, move |site, visitor| {
        one::page(site, visitor, IncidentId(id))
    })
    .await
}

/// A form about an incident.
pub(super) fn form<F: DeserializeOwned + Send + 'static>(
    work: fn(&dyn Site, &Visitor, IncidentId, &F) -> Done,
) -> MethodRouter<Shared> {
    post(
        move |State(state): State<Shared>, visitor: Visitor, Path(id): Id, Form(form): Form<F>| async move {
            act(&state, visitor, Role::Operator, move |site, visitor| {
                work(site, visitor, IncidentId(id), &form)
            })
            .await
        },
    )
}

/// A button of an incident's.
fn button(work: fn(&dyn Site, &Visitor, IncidentId) -> Done) -> MethodRouter<Shared> {
    post(
        move |State(state): State<Shared>, visitor: Visitor, Path(id): Id| async move {
            act(&state, visitor, Role::Operator, move |site, visitor| {
                work(site, visitor, IncidentId(id))
            })
            .await
        },
    )
}

async fn close_page(State(state): State<Shared>, visitor: Visitor, Path(id): Id) -> Response {
    show_to(&state, visitor, Role::Operator, move |site, visitor| {
        one::close_page(site, visitor, IncidentId(id))
    })
    .await
}

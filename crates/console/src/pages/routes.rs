//! The addresses of the pages that are one file each, and problems as pages.

use axum::Router;
use axum::extract::{Form, Path, Query, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{get, post};
use respond::people::Role;
use serde::Deserialize;

use super::frame::{act, act_recent, part, see_other, show, show_standing, show_to, standing};
use super::links::own;
use super::visitor::{Theme, Visitor};
use super::{audit, drills, exposure, investigation, layout, overview, plain_problem, policies, requests, rules};
use crate::problem::Refusal;
use crate::state::Shared;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(first))
        .route("/standing", get(standing_part))
        .route("/theme", post(theme))
        .route("/drills", get(all_drills))
        .route("/drills/{id}", get(investigation::drill))
        .route("/exposure", get(exposure_page))
        .route("/policies", get(policies_page))
        .route("/policies/test", post(dry_run))
        .route("/approvals", get(approvals).post(ask))
        .route("/approvals/rules", get(rules_page))
        .route("/approvals/rules/on", post(rules_on))
        .route("/approvals/rules/off", post(rules_off))
        .route("/approvals/{id}", get(request))
        .route("/approvals/{id}/approve", post(approve))
        .route("/approvals/{id}/refuse", post(refuse))
        .route("/approvals/{id}/withdraw", post(withdraw))
        .route("/audit", get(audit_page))
        .route("/audit/verify", post(verify))
}

async fn first(State(state): State<Shared>, visitor: Visitor) -> Response {
    show_standing(&state, visitor, |site, visitor, standing| {
        Ok(overview::page(&overview::load(site, visitor, standing)?, visitor))
    })
    .await
}

async fn standing_part(State(state): State<Shared>, visitor: Visitor) -> Response {
    part(&state, visitor, |site, visitor| {
        let now = site.now();
        Ok(layout::standing_part(&standing(site, now)?, visitor, now))
    })
    .await
}

#[derive(Deserialize)]
struct Chosen {
    theme: String,
    back: String,
}

async fn theme(visitor: Visitor, Form(chosen): Form<Chosen>) -> Response {
    // Whoever is signed in may choose: the extractor saw to it.
    drop(visitor);
    let mut response = see_other(own(&chosen.back), None);
    response
        .headers_mut()
        .append(header::SET_COOKIE, Theme::named(&chosen.theme).cookie());
    response
}

async fn all_drills(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<drills::Asked>) -> Response {
    show(&state, visitor, move |site, visitor| {
        drills::page(site, visitor, &asked)
    })
    .await
}

async fn exposure_page(State(state): State<Shared>, visitor: Visitor) -> Response {
    show(&state, visitor, |site, _| exposure::page(site)).await
}

async fn policies_page(State(state): State<Shared>, visitor: Visitor) -> Response {
    show(&state, visitor, policies::page).await
}

async fn dry_run(State(state): State<Shared>, visitor: Visitor, Form(asked): Form<policies::Try>) -> Response {
    show(&state, visitor, move |site, visitor| {
        policies::dry_run(site, visitor, &asked)
    })
    .await
}

async fn approvals(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<requests::Asked>) -> Response {
    show(&state, visitor, move |site, visitor| {
        requests::list(site, visitor, &asked)
    })
    .await
}

async fn ask(State(state): State<Shared>, visitor: Visitor, Form(form): Form<requests::Ask>) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        requests::ask(site, visitor, &form)
    })
    .await
}

async fn request(State(state): State<Shared>, visitor: Visitor, Path(id): Path<i64>) -> Response {
    show(&state, visitor, move |site, visitor| requests::one(site, visitor, id)).await
}

async fn approve(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(form): Form<requests::Decide>,
) -> Response {
    act_recent(&state, visitor, Role::Operator, move |site, visitor| {
        requests::approve(site, visitor, id, &form)
    })
    .await
}

async fn refuse(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(form): Form<requests::Decide>,
) -> Response {
    act_recent(&state, visitor, Role::Operator, move |site, visitor| {
        requests::refuse(site, visitor, id, &form)
    })
    .await
}

async fn withdraw(State(state): State<Shared>, visitor: Visitor, Path(id): Path<i64>) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        requests::withdraw(site, visitor, id)
    })
    .await
}

async fn rules_page(State(state): State<Shared>, visitor: Visitor) -> Response {
    show(&state, visitor, rules::page).await
}

async fn rules_on(State(state): State<Shared>, visitor: Visitor) -> Response {
    act(&state, visitor, Role::Admin, rules::on).await
}

async fn rules_off(State(state): State<Shared>, visitor: Visitor) -> Response {
    act_recent(&state, visitor, Role::Admin, rules::off).await
}

async fn audit_page(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<audit::Asked>) -> Response {
    show_to(&state, visitor, Role::Auditor, move |site, visitor| {
        audit::page(site, visitor, &asked)
    })
    .await
}

async fn verify(State(state): State<Shared>, visitor: Visitor) -> Response {
    act(&state, visitor, Role::Auditor, |site, _| audit::verify(site)).await
}

/// Shows problems as pages to whoever asked for a page: what isn't there, what a form can't have, what came from elsewhere.
pub(crate) async fn problems(request: Request, next: Next) -> Response {
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if !wants_page || crate::auth::is_api(request.uri().path()) {
        return next.run(request).await;
    }
    let theme = Theme::of(request.headers());
    let response = next.run(request).await;
    let Some(refusal) = response.extensions().get::<Refusal>().cloned() else {
        return response;
    };
    plain_problem(&refusal, theme)
}

//! The addresses of disks' pages.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use respond::people::Role;

use super::{files, guard, history, list, manage, one, restore};
use crate::pages::frame::{act, part, show};
use crate::pages::investigation;
use crate::pages::visitor::Visitor;
use crate::state::Shared;

pub(in crate::pages) fn router() -> Router<Shared> {
    Router::new()
        .route("/disks", get(all).post(create))
        .route("/disks/new", get(new))
        .route("/disks/{name}", get(disk))
        .route("/disks/{name}/state", get(state))
        .route("/disks/{name}/activity", get(activity))
        .route("/disks/{name}/history", get(history))
        .route("/disks/{name}/files", get(files))
        .route("/disks/{name}/guard", get(guard).post(set_guard))
        .route("/disks/{name}/announce", post(announce))
        .route("/disks/{name}/manage", get(manage))
        .route("/disks/{name}/delete", get(delete_page).post(delete))
        .route("/disks/{name}/pins", post(pin))
        .route("/disks/{name}/pins/{pin}/delete", get(unpin_page).post(unpin))
        .route("/disks/{name}/forks", post(fork))
        .route("/disks/{name}/restore", get(restore_page).post(restore))
        .route("/disks/{name}/restored", get(restored))
        .route("/disks/{name}/undo", get(undo_page).post(undo))
        .route("/disks/{name}/release", get(release_page).post(release))
        .route("/disks/{name}/drill", get(drill_page).post(drill))
        .route("/disks/{name}/investigation", get(investigation))
        .route("/disks/{name}/investigation/report", get(investigation::report))
}

type Name = Path<String>;

async fn all(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<list::Asked>) -> Response {
    show(&state, visitor, move |site, visitor| list::page(site, visitor, &asked)).await
}

async fn new(State(state): State<Shared>, visitor: Visitor) -> Response {
    show(&state, visitor, |_, visitor| {
        visitor.signed_in.require(Role::Operator)?;
        Ok(manage::new_page(visitor))
    })
    .await
}

async fn create(State(state): State<Shared>, visitor: Visitor, Form(form): Form<manage::New>) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        manage::create(site, visitor, &form)
    })
    .await
}

async fn disk(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, visitor| one::page(site, visitor, &name)).await
}

async fn state(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    part(&state, visitor, move |site, visitor| {
        let volume = site.volume(&name)?;
        Ok(one::state(site, &volume, visitor.signed_in.role))
    })
    .await
}

async fn activity(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    part(&state, visitor, move |site, _| one::activity(site, &name)).await
}

async fn history(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Query(asked): Query<history::Asked>,
) -> Response {
    show(&state, visitor, move |site, visitor| {
        history::page(site, visitor, &name, &asked)
    })
    .await
}

async fn files(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Query(asked): Query<files::Asked>,
) -> Response {
    show(&state, visitor, move |site, _| files::page(site, &name, &asked)).await
}

async fn guard(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, visitor| guard::page(site, visitor, &name)).await
}

async fn set_guard(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Form(form): Form<guard::Set>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        guard::set(site, visitor, &name, &form)
    })
    .await
}

async fn announce(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Form(form): Form<guard::Announce>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        guard::announce(site, visitor, &name, &form)
    })
    .await
}

async fn manage(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, visitor| manage::page(site, visitor, &name)).await
}

async fn delete_page(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, visitor| {
        visitor.signed_in.require(Role::Admin)?;
        manage::delete_page(site, visitor, &name)
    })
    .await
}

async fn delete(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Form(form): Form<manage::Confirmed>,
) -> Response {
    if let Err(refusal) = visitor.signed_in.require_recent(&state) {
        return act(&state, visitor, Role::Admin, |_, _| Err(refusal)).await;
    }
    act(&state, visitor, Role::Admin, move |site, visitor| {
        manage::delete(site, visitor, &name, &form)
    })
    .await
}

async fn pin(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Form(form): Form<manage::AtMoment>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        manage::pin(site, visitor, &name, &form)
    })
    .await
}

async fn unpin_page(
    State(state): State<Shared>,
    visitor: Visitor,
    Path((name, pin)): Path<(String, String)>,
) -> Response {
    show(&state, visitor, move |site, visitor| {
        visitor.signed_in.require(Role::Operator)?;
        manage::unpin_page(site, visitor, &name, &pin)
    })
    .await
}

async fn unpin(
    State(state): State<Shared>,
    visitor: Visitor,
    Path((name, pin)): Path<(String, String)>,
    Form(form): Form<manage::Confirmed>,
) -> Response {
    if let Err(refusal) = visitor.signed_in.require_recent(&state) {
        return act(&state, visitor, Role::Operator, |_, _| Err(refusal)).await;
    }
    act(&state, visitor, Role::Operator, move |site, visitor| {
        manage::unpin(site, visitor, &name, &pin, &form)
    })
    .await
}

async fn fork(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Form(form): Form<manage::AtMoment>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        manage::fork(site, visitor, &name, &form)
    })
    .await
}

async fn restore_page(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Query(asked): Query<restore::Asked>,
) -> Response {
    show(&state, visitor, move |site, visitor| {
        visitor.signed_in.require(Role::Operator)?;
        restore::page(site, visitor, &name, &asked)
    })
    .await
}

async fn restore(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Form(asked): Form<restore::Asked>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        restore::restore(site, visitor, &name, &asked)
    })
    .await
}

async fn restored(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, _| restore::restored(site, &name)).await
}

async fn undo_page(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, visitor| {
        visitor.signed_in.require(Role::Operator)?;
        restore::undo_page(site, visitor, &name)
    })
    .await
}

async fn undo(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        restore::undo(site, visitor, &name)
    })
    .await
}

async fn release_page(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, visitor| {
        visitor.signed_in.require(Role::Operator)?;
        restore::release_page(site, visitor, &name)
    })
    .await
}

async fn release(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Form(form): Form<restore::Release>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        restore::release(site, visitor, &name, &form)
    })
    .await
}

async fn drill_page(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, visitor| {
        visitor.signed_in.require(Role::Operator)?;
        manage::drill_page(site, visitor, &name)
    })
    .await
}

async fn drill(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Name,
    Form(form): Form<manage::Drill>,
) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        manage::drill(site, visitor, &name, &form)
    })
    .await
}

async fn investigation(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    show(&state, visitor, move |site, _| investigation::page(site, &name)).await
}

//! The addresses of disks' pages, with the role that each needs.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use respond::people::Role;
use serde::de::DeserializeOwned;

use super::{files, guard, history, list, manage, one, restore};
use crate::pages::frame::{Done, act, act_recent, part, show, show_to};
use crate::pages::investigation;
use crate::pages::layout::Page;
use crate::pages::visitor::Visitor;
use crate::problem::Refusal;
use crate::site::Site;
use crate::state::Shared;

pub(in crate::pages) fn router() -> Router<Shared> {
    let (viewer, operator, admin) = (Role::Viewer, Role::Operator, Role::Admin);
    let restore = asked(operator, restore::page).merge(danger(operator, restore::restore));
    let release = page(operator, restore::release_page).merge(danger(operator, restore::release));
    let delete = page(admin, manage::delete_page).merge(danger(admin, manage::delete));
    let drill = page(operator, manage::drill_page).merge(form(operator, manage::drill));
    Router::new()
        .route("/disks", get(all).post(create))
        .route("/disks/new", get(new))
        .route("/disks/{name}", page(viewer, one::page))
        .route("/disks/{name}/state", get(state))
        .route("/disks/{name}/activity", get(activity))
        .route("/disks/{name}/history", asked(viewer, history::page))
        .route("/disks/{name}/files", asked(operator, files::page))
        .route(
            "/disks/{name}/guard",
            page(viewer, guard::page).merge(danger(operator, guard::set)),
        )
        .route("/disks/{name}/announce", danger(operator, guard::announce))
        .route("/disks/{name}/announce/over", post(announced_is_over))
        .route("/disks/{name}/manage", page(viewer, manage::page))
        .route("/disks/{name}/delete", delete)
        .route("/disks/{name}/pins", form(operator, manage::pin))
        .route("/disks/{name}/pins/{pin}/delete", get(unpin_page).post(unpin))
        .route("/disks/{name}/forks", form(operator, manage::fork))
        .route("/disks/{name}/restore", restore)
        .route("/disks/{name}/restored", page(operator, restore::restored))
        .route("/disks/{name}/undo", page(operator, restore::undo_page).post(undo))
        .route("/disks/{name}/release", release)
        .route("/disks/{name}/drill", drill)
        .route("/disks/{name}/investigation", page(operator, investigation::page))
        .route("/disks/{name}/investigation/report", get(investigation::report))
}

type Name = Path<String>;

/// A page of a disk.
fn page(role: Role, make: fn(&dyn Site, &Visitor, &str) -> Result<Page, Refusal>) -> MethodRouter<Shared> {
    get(
        move |State(state): State<Shared>, visitor: Visitor, Path(name): Name| async move {
            show_to(&state, visitor, role, move |site, visitor| make(site, visitor, &name)).await
        },
    )
}

/// A page of a disk that is asked for with a query.
fn asked<Q: DeserializeOwned + Send + 'static>(
    role: Role,
    make: fn(&dyn Site, &Visitor, &str, &Q) -> Result<Page, Refusal>,
) -> MethodRouter<Shared> {
    get(
        move |State(state): State<Shared>, visitor: Visitor, Path(name): Name, Query(asked): Query<Q>| async move {
            show_to(&state, visitor, role, move |site, visitor| {
                make(site, visitor, &name, &asked)
            })
            .await
        },
    )
}

/// A form about a disk.
fn form<F: DeserializeOwned + Send + 'static>(
    role: Role,
    work: fn(&dyn Site, &Visitor, &str, &F) -> Done,
) -> MethodRouter<Shared> {
    post(
        move |State(state): State<Shared>, visitor: Visitor, Path(name): Name, Form(form): Form<F>| async move {
            act(&state, visitor, role, move |site, visitor| {
                work(site, visitor, &name, &form)
            })
            .await
        },
    )
}

/// A form that does something dangerous to a disk.
fn danger<F: DeserializeOwned + Send + 'static>(
    role: Role,
    work: fn(&dyn Site, &Visitor, &str, &F) -> Done,
) -> MethodRouter<Shared> {
    post(
        move |State(state): State<Shared>, visitor: Visitor, Path(name): Name, Form(form): Form<F>| async move {
            act_recent(&state, visitor, role, move |site, visitor| {
                work(site, visitor, &name, &form)
            })
            .await
        },
    )
}

async fn all(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<list::Asked>) -> Response {
    show(&state, visitor, move |site, visitor| list::page(site, visitor, &asked)).await
}

async fn new(State(state): State<Shared>, visitor: Visitor) -> Response {
    show_to(&state, visitor, Role::Operator, |_, visitor| {
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

/// Guards stop attacks again: not dangerous, and never made to wait.
async fn announced_is_over(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        guard::announced_is_over(site, visitor, &name)
    })
    .await
}

async fn unpin_page(
    State(state): State<Shared>,
    visitor: Visitor,
    Path((name, pin)): Path<(String, String)>,
) -> Response {
    show_to(&state, visitor, Role::Operator, move |site, visitor| {
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
    act_recent(&state, visitor, Role::Operator, move |site, visitor| {
        manage::unpin(site, visitor, &name, &pin, &form)
    })
    .await
}

async fn undo(State(state): State<Shared>, visitor: Visitor, Path(name): Name) -> Response {
    act_recent(&state, visitor, Role::Operator, move |site, visitor| {
        restore::undo(site, visitor, &name)
    })
    .await
}

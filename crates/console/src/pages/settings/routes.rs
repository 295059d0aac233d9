//! The addresses of the settings.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::header;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;
use respond::approval::Wish;
use respond::people::Role;
use serde::Deserialize;

use super::{configuration, notices, own, people, tokens};
use crate::auth;
use crate::pages::frame::{Done, act, act_recent, show, show_to};
use crate::pages::layout::{Page, Section};
use crate::pages::requests::{agreement, ask_page};
use crate::pages::visitor::Visitor;
use crate::pages::{parts, set_up, sign_in};
use crate::problem::Refusal;
use crate::site::Site;
use crate::state::Shared;

pub(in crate::pages) fn router() -> Router<Shared> {
    Router::new()
        .route("/settings", get(own_page))
        .route("/settings/passkeys/{id}/remove", post(remove_passkey))
        .route("/settings/password", post(begin_password))
        .route("/settings/password/answer", post(finish_password))
        .route("/settings/sessions/end", post(end_others))
        .route("/settings/sessions/{id}/end", post(end_session))
        .route("/settings/people", get(people_page).post(invite))
        .route("/settings/people/{id}", get(person))
        .route("/settings/people/{id}/role", post(set_role))
        .route("/settings/people/{id}/disabled", post(set_disabled))
        .route("/settings/people/{id}/link", post(link))
        .route("/settings/tokens", get(tokens_page).post(make_token))
        .route("/settings/tokens/{id}/revoke", post(revoke))
        .route("/settings/notices", get(notices_page).post(test_notice))
        .route("/settings/configuration", get(configuration_page))
}

async fn own_page(State(state): State<Shared>, visitor: Visitor) -> Response {
    let limits = auth::session_limits(&state);
    show(&state, visitor, move |site, visitor| own::page(site, visitor, limits)).await
}

async fn remove_passkey(State(state): State<Shared>, visitor: Visitor, Path(id): Path<i64>) -> Response {
    act_recent(&state, visitor, Role::Viewer, move |site, visitor| {
        own::remove_passkey(site, visitor, id)
    })
    .await
}

async fn begin_password(State(state): State<Shared>, asking: auth::Visitor, visitor: Visitor) -> Response {
    offer_password(&state, &asking, visitor, None).await
}

async fn offer_password(state: &Shared, asking: &auth::Visitor, visitor: Visitor, wrong: Option<Refusal>) -> Response {
    match auth::begin_adding_password(state, asking, &visitor.signed_in) {
        Ok((offer, cookie)) => {
            let mut response = show(state, visitor, move |_, visitor| {
                let hidden = parts::csrf(&visitor.signed_in.csrf);
                let form = set_up::password_form("/settings/password/answer", &offer, &hidden);
                let body =
                    html! { div class="card" { @if let Some(wrong) = &wrong { (sign_in::problem(wrong)) } (form) } };
                Ok(Page::new(Section::Settings, "Password and app", body).below("/settings", "Settings"))
            })
            .await;
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(refusal) => show(state, visitor, move |_, _| Err(refusal)).await,
    }
}

#[derive(Deserialize)]
struct Password {
    password: String,
    code: String,
}

async fn finish_password(
    State(state): State<Shared>,
    asking: auth::Visitor,
    visitor: Visitor,
    Form(form): Form<Password>,
) -> Response {
    match auth::finish_adding_password(&state, &asking, &visitor.signed_in, &form.password, form.code.trim()).await {
        Ok(codes) => {
            show(&state, visitor, move |_, _| {
                let body = html! { div class="card" { (set_up::recovery_codes(&codes, "/settings")) } };
                Ok(Page::new(Section::Settings, "The password is set", body).below("/settings", "Settings"))
            })
            .await
        }
        Err(refusal) => offer_password(&state, &asking, visitor, Some(refusal)).await,
    }
}

async fn end_session(State(state): State<Shared>, visitor: Visitor, Path(id): Path<i64>) -> Response {
    act(&state, visitor, Role::Viewer, move |site, visitor| {
        own::end_session(site, visitor, id)
    })
    .await
}

async fn end_others(State(state): State<Shared>, visitor: Visitor) -> Response {
    act(&state, visitor, Role::Viewer, own::end_others).await
}

async fn people_page(State(state): State<Shared>, visitor: Visitor) -> Response {
    show_to(&state, visitor, Role::Admin, |site, visitor| {
        people::page(site, visitor)
    })
    .await
}

async fn person(State(state): State<Shared>, visitor: Visitor, Path(id): Path<i64>) -> Response {
    show_to(&state, visitor, Role::Admin, move |site, visitor| {
        people::one(site, visitor, id)
    })
    .await
}

async fn invite(State(state): State<Shared>, visitor: Visitor, Form(form): Form<people::Invite>) -> Response {
    let recent = visitor.signed_in.require_recent(&state);
    let url = state.settings.public_url.clone();
    show_to(&state, visitor, Role::Admin, move |site, visitor| {
        recent?;
        let random = (crate::random::bytes()?, crate::random::bytes()?);
        if_agreed(site, visitor, form.wish()?, || {
            Ok(people::link_page(&url, &people::invite(site, visitor, &form, random)?))
        })
    })
    .await
}

async fn link(State(state): State<Shared>, visitor: Visitor, Path(id): Path<i64>) -> Response {
    let recent = visitor.signed_in.require_recent(&state);
    let url = state.settings.public_url.clone();
    show_to(&state, visitor, Role::Admin, move |site, visitor| {
        recent?;
        let random = crate::random::bytes()?;
        if_agreed(site, visitor, people::link_wish(site, id)?, || {
            Ok(people::link_page(&url, &people::link(site, visitor, id, random)?))
        })
    })
    .await
}

async fn set_role(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(form): Form<people::SetRole>,
) -> Response {
    let asked = form.clone();
    let wish = move |site: &dyn Site| asked.wish(site, id);
    act_if_agreed(&state, visitor, wish, move |site, visitor| {
        people::set_role(site, visitor, id, &form)
    })
    .await
}

/// Does what an administrator's form asks for, if nobody else must agree or they did; else leads to the page on which they are asked.
async fn act_if_agreed(
    state: &Shared,
    visitor: Visitor,
    wish: impl FnOnce(&dyn Site) -> Result<Wish, Refusal> + Send + 'static,
    work: impl FnOnce(&dyn Site, &Visitor) -> Done + Send + 'static,
) -> Response {
    let asking = visitor.signed_in.clone();
    let agreement = state.ask(move |site| {
        asking.require(Role::Admin)?;
        agreement(site, wish(site)?)
    });
    let agreement = agreement.await;
    if let Ok(agreement) = &agreement
        && !agreement.is_given()
    {
        let page = ask_page(agreement, &visitor);
        return show(state, visitor, |_, _| Ok(page)).await;
    }
    act_recent(state, visitor, Role::Admin, work).await
}

/// The page that `work` makes, if nobody else must agree or they did; else the one on which they are asked.
fn if_agreed(
    site: &dyn Site,
    visitor: &Visitor,
    wish: Wish,
    work: impl FnOnce() -> Result<Page, Refusal>,
) -> Result<Page, Refusal> {
    let agreement = agreement(site, wish)?;
    if agreement.is_given() {
        work()
    } else {
        Ok(ask_page(&agreement, visitor))
    }
}

async fn set_disabled(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(form): Form<people::SetRole>,
) -> Response {
    let disables = form.disables();
    let work = move |site: &dyn Site, visitor: &Visitor| people::set_disabled(site, visitor, id, &form);
    if disables {
        return act_recent(&state, visitor, Role::Admin, work).await;
    }
    act_if_agreed(
        &state,
        visitor,
        move |site: &dyn Site| people::enable_wish(site, id),
        work,
    )
    .await
}

async fn tokens_page(State(state): State<Shared>, visitor: Visitor) -> Response {
    show_to(&state, visitor, Role::Admin, |site, visitor| {
        tokens::page(site, visitor)
    })
    .await
}

async fn make_token(State(state): State<Shared>, visitor: Visitor, Form(form): Form<tokens::Make>) -> Response {
    let recent = visitor.signed_in.require_recent(&state);
    show_to(&state, visitor, Role::Admin, move |site, visitor| {
        recent?;
        let random = crate::random::bytes()?;
        if_agreed(site, visitor, form.wish()?, || {
            tokens::make(site, visitor, &form, random)
        })
    })
    .await
}

async fn revoke(State(state): State<Shared>, visitor: Visitor, Path(id): Path<i64>) -> Response {
    act(&state, visitor, Role::Admin, move |site, visitor| {
        tokens::revoke(site, visitor, id)
    })
    .await
}

async fn notices_page(State(state): State<Shared>, visitor: Visitor, Query(asked): Query<notices::Asked>) -> Response {
    show_to(&state, visitor, Role::Operator, move |site, visitor| {
        notices::page(site, visitor, &asked)
    })
    .await
}

async fn test_notice(State(state): State<Shared>, visitor: Visitor, Form(form): Form<notices::Test>) -> Response {
    act(&state, visitor, Role::Operator, move |site, visitor| {
        notices::test(site, visitor, &form)
    })
    .await
}

async fn configuration_page(State(state): State<Shared>, visitor: Visitor) -> Response {
    let settings = state.settings.clone();
    show_to(&state, visitor, Role::Auditor, move |site, visitor| {
        configuration::page(site, visitor, &settings)
    })
    .await
}

//! The page behind a set-up link: the first administrator chooses a name, and everybody how they sign in from then on.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::code::qr;
use super::layout::alone;
use super::sign_in::problem;
use super::visitor::Theme;
use crate::auth::{self, Codes, Invited, TotpOffer};
use crate::problem::Refusal;
use crate::state::Shared;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/set-up/{link}", get(page))
        .route("/set-up/password", post(begin_password))
        .route("/set-up/password/answer", post(finish_password))
}

#[derive(Clone, Debug, Deserialize)]
struct Chosen {
    link: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    display_name: String,
}

#[derive(Deserialize)]
struct Password {
    link: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    display_name: String,
    password: String,
    code: String,
}

async fn page(State(state): State<Shared>, Path(link): Path<String>, headers: HeaderMap) -> Response {
    shown(&state, &headers, &link, None).await
}

async fn shown(state: &Shared, headers: &HeaderMap, link: &str, refusal: Option<&Refusal>) -> Response {
    let theme = Theme::of(headers);
    match auth::invited(state, link).await {
        Ok(invited) => {
            let status = refusal.map_or(StatusCode::OK, |refusal| refusal.status);
            (status, choose(&invited, link, theme, refusal)).into_response()
        }
        Err(refusal) => super::plain_problem(&refusal, theme),
    }
}

fn choose(invited: &Invited, link: &str, theme: Theme, refusal: Option<&Refusal>) -> Html<String> {
    let body = html! {
        @if let Some(refusal) = refusal { (problem(refusal)) }
        @match &invited.name {
            Some(name) => p { "For " strong { (name) } ", who may do what the role " strong { (invited.role.name()) } " may." },
            None => p { "You are the first. This account may do everything, and invites the others." },
        }
        form class="fields" method="post" action="/set-up/password" id="who" {
            input type="hidden" name="link" value=(link);
            @if invited.name.is_none() {
                div { label for="name" { "Name to sign in with" } input id="name" name="name" autocomplete="username" autocapitalize="off" spellcheck="false" required maxlength="64"; }
                div { label for="display_name" { "Your name, as others see it" } input id="display_name" name="display_name" autocomplete="name" maxlength="100"; }
            }
            div data-passkey-only hidden class="fields" {
                p { "A " strong { "passkey" } " is the safest way: your phone, your computer or a key signs in for you, and nobody can steal it by asking." }
                button class="primary wide" type="button" data-new-passkey="/api/v1/set-up/passkey" data-form="who" data-next="/" { "Make a passkey" }
                p class="error-text" role="alert" data-passkey-problem hidden {}
                p class="or" { "or" }
            }
            button class="wide" { "Use a password and an authenticator app" }
        }
    };
    alone(
        if invited.name.is_some() {
            "Welcome to Holdfast"
        } else {
            "Set Holdfast up"
        },
        theme,
        &["sign-in.js"],
        &body,
    )
}

async fn begin_password(
    State(state): State<Shared>,
    visitor: auth::Visitor,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Response {
    offer(&state, &visitor, &headers, &chosen, None).await
}

/// The second step: a secret for the app, and the password.
async fn offer(
    state: &Shared,
    visitor: &auth::Visitor,
    headers: &HeaderMap,
    chosen: &Chosen,
    refusal: Option<&Refusal>,
) -> Response {
    match auth::begin_set_up_password(state, visitor, &chosen.link, &chosen.name, &chosen.display_name).await {
        Ok((offer, cookie)) => {
            let hidden = html! {
                input type="hidden" name="link" value=(chosen.link);
                input type="hidden" name="name" value=(chosen.name);
                input type="hidden" name="display_name" value=(chosen.display_name);
            };
            let body = html! {
                @if let Some(refusal) = refusal { (problem(refusal)) }
                (password_form("/set-up/password/answer", &offer, &hidden))
            };
            let status = refusal.map_or(StatusCode::OK, |refusal| refusal.status);
            let markup = alone("Password and app", Theme::of(headers), &[], &body);
            (status, [(header::SET_COOKIE, cookie)], markup).into_response()
        }
        Err(refusal) => shown(state, headers, &chosen.link, Some(&refusal)).await,
    }
}

/// The form in which somebody puts a secret into their app and chooses a password.
pub(super) fn password_form(action: &str, offer: &TotpOffer, hidden: &Markup) -> Markup {
    html! {
        form class="fields" method="post" action=(action) {
            (hidden)
            div {
                p class="label" { "1. Put this into your authenticator app" }
                (qr(&offer.uri))
                p class="hint" { "Or type it there: " }
                p class="secret" id="secret" { (offer.secret) }
            }
            div { label for="code" { "2. The code that the app shows" } input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required; }
            div { label for="password" { "3. A password " span class="hint" { "at least 12 characters; a sentence is good" } } input id="password" name="password" type="password" autocomplete="new-password" minlength="12" required; }
            button class="primary wide" { "Go on" }
        }
    }
}

async fn finish_password(
    State(state): State<Shared>,
    visitor: auth::Visitor,
    headers: HeaderMap,
    Form(form): Form<Password>,
) -> Response {
    match auth::finish_set_up_password(&state, &visitor, &form.password, form.code.trim()).await {
        Ok((entered, codes)) => (
            entered,
            alone("You are in", Theme::of(&headers), &[], &recovery_codes(&codes, "/")),
        )
            .into_response(),
        Err(refusal) => {
            let chosen = Chosen {
                link: form.link,
                name: form.name,
                display_name: form.display_name,
            };
            offer(&state, &visitor, &headers, &chosen, Some(&refusal)).await
        }
    }
}

/// The codes for the day on which the app is lost, shown once.
pub(super) fn recovery_codes(codes: &Codes, next: &str) -> Markup {
    html! {
        p { strong { "Keep these codes on paper." } " Each is good once in place of the app's code, on the day when your phone is lost. They are shown this once." }
        ul class="secret" id="recovery-codes" { @for code in &codes.recovery_codes { li { (code) } } }
        p { a class="button primary" href=(next) { "I have them" } }
    }
}

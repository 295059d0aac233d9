//! Signing in and out. A passkey needs a script; a password with a code doesn't.

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use maud::{Markup, html};
use respond::people;
use serde::Deserialize;

use super::frame::see_other;
use super::layout::alone;
use super::links::{escaped, own};
use super::parts::{csrf, sentence, with_code};
use super::visitor::{Flash, Theme};
use crate::auth::{self, SignedIn};
use crate::problem::Refusal;
use crate::state::Shared;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/sign-in", get(page).post(with_password))
        .route("/sign-out", post(sign_out))
}

/// Where to go on.
#[derive(Clone, Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Password {
    name: String,
    password: String,
    code: String,
    #[serde(default)]
    next: String,
}

async fn page(
    State(state): State<Shared>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    signed_in: Option<Extension<SignedIn>>,
) -> Response {
    let has_accounts = state.ask(|site| site.desk().read(people::has_accounts)).await;
    match has_accounts {
        Ok(true) => shown(
            &state,
            StatusCode::OK,
            &headers,
            &asked.next,
            signed_in.as_deref(),
            None,
        ),
        Ok(false) => no_accounts(&headers),
        Err(refusal) => super::plain_problem(&refusal, Theme::of(&headers)),
    }
}

/// Before the first account there is nothing to sign in to.
fn no_accounts(headers: &HeaderMap) -> Response {
    let body = html! {
        p { "This Holdfast has no accounts yet. It printed a link when it started for the first time: open that to make the first one." }
        p { "The link is gone? On the machine itself, this prints another one:" }
        pre { "holdfast console link" }
    };
    alone("Set Holdfast up", Theme::of(headers), &[], &body).into_response()
}

fn shown(
    state: &Shared,
    status: StatusCode,
    headers: &HeaderMap,
    next: &str,
    signed_in: Option<&SignedIn>,
    refusal: Option<&Refusal>,
) -> Response {
    let next = own(next);
    // Whoever is signed in comes here once more before something dangerous.
    let token = signed_in.map_or("", |signed_in| signed_in.csrf.as_str());
    let body = html! {
        @if let Some(refusal) = refusal { (problem(refusal)) }
        div data-passkey-only hidden class="fields" {
            button class="primary wide" type="button" data-passkey="/api/v1/sign-in/passkey" data-csrf=(token) data-next=(next) { "Sign in with a passkey" }
            p class="error-text" role="alert" data-passkey-problem hidden {}
        }
        @if let Some(oidc) = &state.settings.oidc {
            p { a class="button wide" href={"/sign-in/provider?next=" (escaped(next))} { "Sign in with " (provider_name(&oidc.issuer)) } }
        }
        p class="or" { "or with a password" }
        form class="fields" method="post" action="/sign-in" {
            (csrf(token))
            input type="hidden" name="next" value=(next);
            div { label for="name" { "Name" } input id="name" name="name" autocomplete="username" autocapitalize="off" spellcheck="false" required; }
            div { label for="password" { "Password" } input id="password" name="password" type="password" autocomplete="current-password" required; }
            div { label for="code" { "Code " span class="hint" { "of your authenticator app, or a recovery code" } } input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required; }
            button class="wide" { "Sign in" }
        }
        details {
            summary { "I can't sign in" }
            p { "Use a recovery code in place of the code. If everything is lost, somebody on the machine itself can make a link for you:" }
            pre { "holdfast console link --for NAME" }
        }
    };
    let markup = alone("Sign in", Theme::of(headers), &["sign-in.js"], &body);
    (status, markup).into_response()
}

/// The provider's host.
fn provider_name(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// What was wrong, above a form.
pub(super) fn problem(refusal: &Refusal) -> Markup {
    html! {
        div class="notice bad" role="alert" {
            p { (with_code(&sentence(&refusal.detail))) @if let Some(hint) = &refusal.hint { " " (with_code(&sentence(hint))) } }
        }
    }
}

async fn with_password(
    State(state): State<Shared>,
    visitor: auth::Visitor,
    headers: HeaderMap,
    signed_in: Option<Extension<SignedIn>>,
    Form(form): Form<Password>,
) -> Response {
    match auth::with_password(&state, &visitor, form.name.trim(), &form.password, form.code.trim()).await {
        Ok(entered) => (entered, see_other(own(&form.next), None)).into_response(),
        Err(refusal) => {
            let signed_in = signed_in.as_deref();
            let mut response = shown(&state, refusal.status, &headers, &form.next, signed_in, Some(&refusal));
            if let Some(seconds) = refusal.retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    }
}

async fn sign_out(State(state): State<Shared>, signed_in: SignedIn) -> Response {
    match auth::sign_out(&state, &signed_in).await {
        Ok(cookie) => {
            let mut response = see_other("/sign-in", Some(&Flash::good("You are signed out.")));
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_named_by_its_host() {
        assert_eq!(
            provider_name("https://login.example.com/realms/main"),
            "login.example.com"
        );
        assert_eq!(provider_name("login"), "login");
    }
}

//! Signing in and out, and following a set-up link.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::Json;
use super::output::{self, Answer};
use crate::auth::webauthn::{AssertionAnswer, RegistrationAnswer};
use crate::auth::{self, Entered, Invited, SignedIn, TotpOffer, Visitor};
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(password))
        .routes(routes!(begin_passkey))
        .routes(routes!(finish_passkey))
        .routes(routes!(sign_out))
        .routes(routes!(look_at_link))
        .routes(routes!(begin_set_up_passkey))
        .routes(routes!(finish_set_up_passkey))
        .routes(routes!(begin_set_up_password))
        .routes(routes!(finish_set_up_password))
}

/// Somebody who has just signed in; the session is in a cookie.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Welcome {
    /// Their name.
    name: String,
    /// What they may do.
    role: String,
    /// What goes into the header `X-CSRF-Token` of requests that change something.
    csrf: String,
    /// Recovery codes, shown this once; each is good once in the place of a one-time code.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<String>>,
}

fn welcome(entered: Entered, recovery_codes: Option<Vec<String>>) -> Response {
    let welcome = Welcome {
        name: entered.name.clone(),
        role: entered.role.name().to_owned(),
        csrf: entered.csrf.clone(),
        recovery_codes,
    };
    (entered, output::Json(welcome)).into_response()
}

/// An answer with a cookie.
pub(super) fn with_cookie(cookie: HeaderValue, answer: impl IntoResponse) -> Response {
    (AppendHeaders([(SET_COOKIE, cookie)]), answer).into_response()
}

/// A name, its password, and a code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordSignIn {
    /// The account's name.
    name: String,
    /// Its password.
    password: String,
    /// The code of an authenticator app, or a recovery code.
    code: String,
}

/// Sign in with a password and a one-time code
#[utoipa::path(post, path = "/api/v1/sign-in/password", tag = "sign-in", request_body = PasswordSignIn, security(()), responses((status = 200, body = Welcome)))]
async fn password(
    State(state): State<Shared>,
    visitor: Visitor,
    Json(given): Json<PasswordSignIn>,
) -> Answer<Response> {
    let entered = auth::with_password(&state, &visitor, &given.name, &given.password, &given.code).await?;
    Ok(welcome(entered, None))
}

/// Begin to sign in with a passkey
///
/// The answer is the argument of `PublicKeyCredential.parseRequestOptionsFromJSON`.
#[utoipa::path(post, path = "/api/v1/sign-in/passkey/begin", tag = "sign-in", security(()), responses((status = 200, body = Object)))]
async fn begin_passkey(State(state): State<Shared>, visitor: Visitor) -> Answer<Response> {
    let (options, cookie): (Value, HeaderValue) = auth::begin_passkey(&state, &visitor)?;
    Ok(with_cookie(cookie, output::Json(options)))
}

/// Sign in with a passkey
///
/// The body is what `PublicKeyCredential.toJSON` gives.
#[utoipa::path(post, path = "/api/v1/sign-in/passkey/finish", tag = "sign-in", request_body = AssertionAnswer, security(()), responses((status = 200, body = Welcome)))]
async fn finish_passkey(
    State(state): State<Shared>,
    visitor: Visitor,
    Json(answer): Json<AssertionAnswer>,
) -> Answer<Response> {
    let entered = auth::finish_passkey(&state, &visitor, &answer).await?;
    Ok(welcome(entered, None))
}

/// Sign out
#[utoipa::path(post, path = "/api/v1/sign-out", tag = "sign-in", responses((status = 204)))]
async fn sign_out(State(state): State<Shared>, signed_in: SignedIn) -> Answer<Response> {
    let cookie = auth::sign_out(&state, &signed_in).await?;
    Ok(with_cookie(cookie, StatusCode::NO_CONTENT))
}

/// A set-up link's secret: what follows `/set-up/` in its address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkSecret {
    /// The secret.
    link: String,
}

/// Whom a set-up link is for
#[utoipa::path(post, path = "/api/v1/set-up/look", tag = "sign-in", request_body = LinkSecret, security(()), responses((status = 200, body = Invited)))]
async fn look_at_link(State(state): State<Shared>, Json(given): Json<LinkSecret>) -> Answer<output::Json<Invited>> {
    auth::invited(&state, &given.link).await.map(output::Json)
}

/// Somebody who follows a set-up link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Follower {
    /// The link's secret.
    link: String,
    /// The name that they choose; that of the account if the link is for one.
    #[serde(default)]
    name: String,
    /// The name to be shown.
    #[serde(default)]
    display_name: String,
}

/// Begin to set up a passkey
///
/// The answer is the argument of `PublicKeyCredential.parseCreationOptionsFromJSON`.
#[utoipa::path(post, path = "/api/v1/set-up/passkey/begin", tag = "sign-in", request_body = Follower, security(()), responses((status = 200, body = Object)))]
async fn begin_set_up_passkey(
    State(state): State<Shared>,
    visitor: Visitor,
    Json(given): Json<Follower>,
) -> Answer<Response> {
    let (options, cookie) =
        auth::begin_set_up_passkey(&state, &visitor, &given.link, &given.name, &given.display_name).await?;
    Ok(with_cookie(cookie, output::Json(options)))
}

/// A new passkey.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewPasskeyAnswer {
    /// What `PublicKeyCredential.toJSON` gives.
    pub(super) credential: RegistrationAnswer,
    /// What its owner calls it.
    #[serde(default)]
    pub(super) name: String,
}

/// Set up a passkey, and sign in
#[utoipa::path(post, path = "/api/v1/set-up/passkey/finish", tag = "sign-in", request_body = NewPasskeyAnswer, security(()), responses((status = 200, body = Welcome)))]
async fn finish_set_up_passkey(
    State(state): State<Shared>,
    visitor: Visitor,
    Json(given): Json<NewPasskeyAnswer>,
) -> Answer<Response> {
    let entered = auth::finish_set_up_passkey(&state, &visitor, &given.credential, &given.name).await?;
    Ok(welcome(entered, None))
}

/// Begin to set up a password
///
/// The answer has the secret for an authenticator app.
#[utoipa::path(post, path = "/api/v1/set-up/password/begin", tag = "sign-in", request_body = Follower, security(()), responses((status = 200, body = TotpOffer)))]
async fn begin_set_up_password(
    State(state): State<Shared>,
    visitor: Visitor,
    Json(given): Json<Follower>,
) -> Answer<Response> {
    let (offer, cookie) =
        auth::begin_set_up_password(&state, &visitor, &given.link, &given.name, &given.display_name).await?;
    Ok(with_cookie(cookie, output::Json(offer)))
}

/// A new password, and the first code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// The password: 12 to 128 characters.
    pub(super) password: String,
    /// The code.
    pub(super) code: String,
}

/// Set up a password, and sign in
#[utoipa::path(post, path = "/api/v1/set-up/password/finish", tag = "sign-in", request_body = NewPassword, security(()), responses((status = 200, body = Welcome)))]
async fn finish_set_up_password(
    State(state): State<Shared>,
    visitor: Visitor,
    Json(given): Json<NewPassword>,
) -> Answer<Response> {
    let (entered, codes) = auth::finish_set_up_password(&state, &visitor, &given.password, &given.code).await?;
    Ok(welcome(entered, Some(codes.recovery_codes)))
}

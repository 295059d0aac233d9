//! Whoever asks: who they are, their passkeys, password and sessions.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::Response;
use respond::people::{self, PasskeyId, SessionId};
use respond::{Error, Time};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, Path};
use super::output::{self, Answer, Done};
use super::sign_in::{NewPasskeyAnswer, NewPassword, with_cookie};
use crate::auth::{self, Codes, Proof, SignedIn, TotpOffer, Visitor, own_session, session_limits};
use crate::problem::Refusal;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(show))
        .routes(routes!(passkeys))
        .routes(routes!(begin_passkey))
        .routes(routes!(finish_passkey))
        .routes(routes!(remove_passkey))
        .routes(routes!(begin_password))
        .routes(routes!(finish_password, remove_password))
        .routes(routes!(sessions, end_other_sessions))
        .routes(routes!(end_session))
}

/// Whoever asks.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    /// Their name.
    name: String,
    /// `person`, `token` or `local`.
    kind: &'static str,
    /// What they may do.
    role: String,
    /// What goes into the header `X-CSRF-Token` of requests that change something; empty where it isn't needed.
    csrf: String,
    /// What the token is for, if a token asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    /// When the session began, if a session asks.
    #[schema(value_type = Option<String>, format = DateTime)]
    signed_in: Option<Time>,
}

/// Who asks, and what they may do
#[utoipa::path(get, path = "/api/v1/me", tag = "people", responses((status = 200, body = Me)))]
async fn show(signed_in: SignedIn) -> output::Json<Me> {
    let (kind, scopes, began) = match &signed_in.proof {
        Proof::Session { signed_in, .. } => ("person", None, Some(*signed_in)),
        Proof::Token { scopes } => ("token", Some(scopes), None),
        Proof::Local => ("local", None, None),
    };
    output::Json(Me {
        name: super::views::actor_name(&signed_in.actor),
        kind,
        role: signed_in.role.name().to_owned(),
        scopes: scopes.map(|scopes| scopes.iter().map(|scope| scope.name().to_owned()).collect()),
        signed_in: began,
        csrf: signed_in.csrf,
    })
}

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
struct PasskeyView {
    /// Its number.
    id: i64,
    /// What its owner calls it.
    name: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created: Time,
    /// When it was last used.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used: Option<Time>,
}

/// One's own passkeys
#[utoipa::path(get, path = "/api/v1/me/passkeys", tag = "people", responses((status = 200, body = Vec<PasskeyView>)))]
async fn passkeys(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<PasskeyView>>> {
    let id = signed_in.account()?;
    let passkeys = state
        .ask(move |site| site.desk().read(|ledger| people::passkeys(ledger, id)))
        .await?;
    let views = passkeys.into_iter().map(|passkey| PasskeyView {
        id: passkey.id.0,
        name: passkey.made.name,
        created: passkey.created,
        last_used: passkey.last_used,
    });
    Ok(output::Json(views.collect()))
}

/// Begin to add a passkey
///
/// The answer is the argument of `PublicKeyCredential.parseCreationOptionsFromJSON`.
#[utoipa::path(post, path = "/api/v1/me/passkeys/begin", tag = "people", responses((status = 200, body = Object)))]
async fn begin_passkey(State(state): State<Shared>, signed_in: SignedIn, visitor: Visitor) -> Answer<Response> {
    let (options, cookie): (Value, HeaderValue) = auth::begin_adding_passkey(&state, &visitor, &signed_in).await?;
    Ok(with_cookie(cookie, output::Json(options)))
}

/// Add a passkey
#[utoipa::path(post, path = "/api/v1/me/passkeys/finish", tag = "people", request_body = NewPasskeyAnswer, responses((status = 204)))]
async fn finish_passkey(
    State(state): State<Shared>,
    signed_in: SignedIn,
    visitor: Visitor,
    Json(given): Json<NewPasskeyAnswer>,
) -> Answer<Done> {
    auth::finish_adding_passkey(&state, &visitor, &signed_in, &given.credential, &given.name).await?;
    Ok(Done)
}

/// Remove one of one's passkeys
#[utoipa::path(delete, path = "/api/v1/me/passkeys/{passkey}", tag = "people", params(("passkey" = i64, Path,)), responses((status = 204)))]
async fn remove_passkey(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Done> {
    let account = signed_in.account()?;
    signed_in.require_recent(&state)?;
    let now = state.site.now();
    let remove = move |site: &dyn crate::Site| {
        site.desk()
            .write(|w| people::remove_passkey(w, now, &signed_in.actor, account, PasskeyId(id)))
    };
    state.ask(remove).await.map(|()| Done)
}

/// Begin to set one's password
///
/// The answer has the secret for an authenticator app.
#[utoipa::path(post, path = "/api/v1/me/password/begin", tag = "people", responses((status = 200, body = TotpOffer)))]
async fn begin_password(State(state): State<Shared>, signed_in: SignedIn, visitor: Visitor) -> Answer<Response> {
    let (offer, cookie) = auth::begin_adding_password(&state, &visitor, &signed_in)?;
    Ok(with_cookie(cookie, output::Json(offer)))
}

/// Set one's password; one's other sessions end
#[utoipa::path(put, path = "/api/v1/me/password", tag = "people", request_body = NewPassword, responses((status = 200, body = Codes)))]
async fn finish_password(
    State(state): State<Shared>,
    signed_in: SignedIn,
    visitor: Visitor,
    Json(given): Json<NewPassword>,
) -> Answer<output::Json<Codes>> {
    auth::finish_adding_password(&state, &visitor, &signed_in, &given.password, &given.code)
        .await
        .map(output::Json)
}

/// Take one's password away
#[utoipa::path(delete, path = "/api/v1/me/password", tag = "people", responses((status = 204)))]
async fn remove_password(State(state): State<Shared>, signed_in: SignedIn) -> Answer<Done> {
    let account = signed_in.account()?;
    signed_in.require_recent(&state)?;
    let now = state.site.now();
    let remove = move |site: &dyn crate::Site| {
        site.desk()
            .write(|w| people::remove_password(w, now, &signed_in.actor, account))
    };
    state.ask(remove).await.map(|()| Done)
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionView {
    /// Its number.
    id: i64,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    began: Time,
    /// When something was last asked; to the minute.
    #[schema(value_type = String, format = DateTime)]
    seen: Time,
    /// How its owner signed in.
    method: String,
    /// From where.
    address: String,
    /// What the browser calls itself.
    browser: String,
    /// Whether it is the one that asks.
    is_own: bool,
}

impl SessionView {
    pub(super) fn new(session: people::Session, own: Option<SessionId>) -> Self {
        Self {
            id: session.id.0,
            began: session.began,
            seen: session.seen,
            method: session.method,
            address: session.address,
            browser: session.browser,
            is_own: own == Some(session.id),
        }
    }
}

/// One's own sessions
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "people", responses((status = 200, body = Vec<SessionView>)))]
async fn sessions(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<SessionView>>> {
    let account = signed_in.account()?;
    let (now, limits) = (state.site.now(), session_limits(&state));
    let found = state
        .ask(move |site| {
            site.desk()
                .read(|ledger| people::sessions(ledger, now, account, limits))
        })
        .await?;
    let own = own_session(&signed_in);
    Ok(output::Json(
        found
            .into_iter()
            .map(|session| SessionView::new(session, own))
            .collect(),
    ))
}

/// End one of one's sessions
#[utoipa::path(delete, path = "/api/v1/me/sessions/{session}", tag = "people", params(("session" = i64, Path,)), responses((status = 204)))]
async fn end_session(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Done> {
    let account = signed_in.account()?;
    let now = state.site.now();
    let is_ended = state
        .ask(move |site| {
            site.desk()
                .write(|w| people::end_session(w, now, &signed_in.actor, account, SessionId(id)))
        })
        .await?;
    if is_ended {
        Ok(Done)
    } else {
        Err(Refusal::not_found(format!("there is no session `{id}`")))
    }
}

/// End all of one's sessions but this
#[utoipa::path(delete, path = "/api/v1/me/sessions", tag = "people", responses((status = 204)))]
async fn end_other_sessions(State(state): State<Shared>, signed_in: SignedIn) -> Answer<Done> {
    let account = signed_in.account()?;
    let (now, own) = (state.site.now(), own_session(&signed_in));
    let end = move |site: &dyn crate::Site| {
        site.desk()
            .write(|w| people::end_sessions(w, now, &signed_in.actor, account, own).map(drop))
    };
    let ended: Answer<()> = state.ask::<_, Error>(end).await;
    ended.map(|()| Done)
}

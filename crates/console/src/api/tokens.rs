//! Tokens of programs.

use axum::extract::State;
use respond::Time;
use respond::people::{self, NewToken, Role, Scope, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, Path};
use super::output::{self, Answer, Done, Made};
use super::people::RoleName;
use super::words::ScopeName;
use crate::auth::SignedIn;
use crate::problem::Refusal;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list, make))
        .routes(routes!(revoke))
}

/// A token without itself.
#[derive(Debug, Serialize, ToSchema)]
struct TokenView {
    /// Its number.
    id: i64,
    /// Its name, as records name its holder.
    name: String,
    /// What its holder may do.
    role: String,
    /// In which parts of the API.
    scopes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Time,
    /// When it stops to be valid.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Time>,
    /// When it was last used; to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used: Option<Time>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked: Option<Time>,
}

impl From<people::Token> for TokenView {
    fn from(token: people::Token) -> Self {
        Self {
            id: token.id.0,
            name: token.made.name,
            role: token.made.role.name().to_owned(),
            scopes: token.made.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
            created: token.created,
            expires: token.made.expires,
            last_used: token.last_used,
            revoked: token.revoked,
        }
    }
}

/// The newest tokens, revoked ones too
#[utoipa::path(get, path = "/api/v1/tokens", tag = "people", responses((status = 200, body = Vec<TokenView>)))]
async fn list(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<TokenView>>> {
    signed_in.require(Role::Auditor)?;
    let tokens = state.ask(|site| site.desk().read(people::tokens)).await?;
    Ok(output::Json(tokens.into_iter().map(TokenView::from).collect()))
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenOrder {
    /// Its name: letters, digits, `-`, `_`, `.`, `@` and `+`, 64 at most.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._@+-]*$")]
    name: String,
    /// What its holder may do.
    role: RoleName,
    /// In which parts of the API: the words behind `/api/v1/`, and `metrics`; all if it isn't given.
    #[schema(min_items = 1)]
    scopes: Option<Vec<ScopeName>>,
    /// When it stops to be valid; never if it isn't given.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Time>,
}

/// A new token. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct NewTokenView {
    /// Its number.
    id: i64,
    /// Its name.
    name: String,
    /// The token: `Authorization: Bearer hft_...`.
    token: String,
}

/// Make a token, which is shown this once
#[utoipa::path(post, path = "/api/v1/tokens", tag = "people", request_body = TokenOrder, responses((status = 201, body = NewTokenView)))]
async fn make(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Json(order): Json<TokenOrder>,
) -> Answer<Made<NewTokenView>> {
    signed_in.require(Role::Admin)?;
    signed_in.require_recent(&state)?;
    let now = state.site.now();
    if order.expires.is_some_and(|expires| expires <= now) {
        return Err(Refusal::refused(
            "the token would have expired already: `expires` is in the past",
        ));
    }
    let scopes = order.scopes.map_or_else(
        || Scope::ALL.to_vec(),
        |names| names.iter().map(|name| name.0).collect(),
    );
    if scopes.is_empty() {
        return Err(Refusal::invalid(
            "a token without `scopes` may do nothing; leave the member out for all",
        ));
    }
    let new = NewToken {
        name: order.name,
        role: order.role.into(),
        scopes,
        expires: order.expires,
    };
    let random = crate::random::bytes::<32>()?;
    let name = new.name.clone();
    let made = move |site: &dyn crate::Site| {
        site.desk().write(|w| {
            let by = &signed_in.actor;
            people::allow_change(w, now, by, &new.name, &format!("make a token as {}", new.role))?;
            people::make_token(w, now, by, &new, random)
        })
    };
    let (id, secret) = state.ask(made).await?;
    Ok(Made(NewTokenView {
        id: id.0,
        name,
        token: secret.reveal().to_owned(),
    }))
}

/// Revoke a token: it is refused from now on
#[utoipa::path(delete, path = "/api/v1/tokens/{token}", tag = "people", params(("token" = i64, Path,)), responses((status = 204)))]
async fn revoke(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Done> {
    signed_in.require(Role::Admin)?;
    let now = state.site.now();
    let revoke = move |site: &dyn crate::Site| {
        site.desk()
            .write(|w| people::revoke_token(w, now, &signed_in.actor, TokenId(id)))
    };
    state.ask(revoke).await.map(|()| Done)
}

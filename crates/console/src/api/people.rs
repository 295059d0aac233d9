//! Accounts: who may do what, inviting people, and helping who lost their way in.

use axum::extract::State;
use respond::people::{self, AccountId, LinkFor, NewAccount, Role};
use respond::{Error, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{Json, Path};
use super::output::{self, Answer, Done, Made};
use super::reading;
use crate::auth::{SignedIn, session_limits};
use crate::state::Shared;

/// How long an invitation is valid: a week.
const INVITATION_MS: i64 = 7 * 86_400_000;
/// How long a link for somebody with an account is valid: a day.
const RECOVERY_MS: i64 = 86_400_000;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(list, invite))
        .routes(routes!(show, change, remove))
        .routes(routes!(link))
        .routes(routes!(sessions, end_sessions))
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
struct PersonView {
    /// Its number.
    id: i64,
    /// The name to sign in with, and the one in records.
    name: String,
    /// The name to be shown.
    display_name: String,
    /// `viewer`, `operator`, `admin` or `auditor`.
    role: String,
    /// How many passkeys it has.
    passkeys: u32,
    /// Whether it can be signed in to with a password.
    has_password: bool,
    /// Whether it can be signed in to by the OpenID provider.
    has_provider: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Time,
    /// When it was disabled.
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled: Option<Time>,
    /// When its owner last signed in.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_signed_in: Option<Time>,
}

impl From<people::Account> for PersonView {
    fn from(account: people::Account) -> Self {
        Self {
            id: account.id.0,
            name: account.name,
            display_name: account.display_name,
            role: account.role.name().to_owned(),
            passkeys: account.passkeys,
            has_password: account.has_password,
            has_provider: account.provider.is_some(),
            created: account.created,
            disabled: account.disabled,
            last_signed_in: account.last_signed_in,
        }
    }
}

/// Whoever may look at accounts.
fn require_people(signed_in: &SignedIn) -> Answer<()> {
    signed_in.require(Role::Auditor)
}

/// All accounts, by name
#[utoipa::path(get, path = "/api/v1/people", tag = "people", responses((status = 200, body = Vec<PersonView>)))]
async fn list(State(state): State<Shared>, signed_in: SignedIn) -> Answer<output::Json<Vec<PersonView>>> {
    require_people(&signed_in)?;
    let accounts = state.ask(|site| site.desk().read(people::accounts)).await?;
    Ok(output::Json(accounts.into_iter().map(PersonView::from).collect()))
}

/// One account
#[utoipa::path(get, path = "/api/v1/people/{person}", tag = "people", params(("person" = i64, Path,)), responses((status = 200, body = PersonView)))]
async fn show(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<PersonView>> {
    require_people(&signed_in)?;
    find(&state, id).await.map(|account| output::Json(account.into()))
}

async fn find(state: &Shared, id: i64) -> Answer<people::Account> {
    reading::one(state, "account", id, move |ledger| {
        people::account(ledger, AccountId(id))
    })
    .await
}

/// Somebody to be invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invitation {
    /// The name to sign in with: letters, digits, `-`, `_`, `.`, `@` and `+`, 64 at most.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._@+-]*$")]
    name: String,
    /// The name to be shown.
    #[serde(default)]
    display_name: String,
    /// `viewer`, `operator`, `admin` or `auditor`.
    role: RoleName,
}

/// A role by its name.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RoleName {
    /// Sees how things are.
    Viewer,
    /// Sees how things are, and acts.
    Operator,
    /// May do everything.
    Admin,
    /// Sees everything, and changes nothing.
    Auditor,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
            Role::Auditor => Self::Auditor,
        }
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
            RoleName::Admin => Self::Admin,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

/// A link for somebody to set up how they sign in. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct LinkView {
    /// The account's number.
    id: i64,
    /// The link, to be sent to its owner by a way that others don't read.
    link: String,
    /// When it stops to be valid.
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
}

/// Invite somebody: an account, and the link by which they set it up
#[utoipa::path(post, path = "/api/v1/people", tag = "people", request_body = Invitation, responses((status = 201, body = LinkView)))]
async fn invite(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Json(invitation): Json<Invitation>,
) -> Answer<Made<LinkView>> {
    signed_in.require(Role::Admin)?;
    signed_in.require_recent(&state)?;
    let (handle, random) = (crate::random::bytes::<32>()?, crate::random::bytes::<32>()?);
    let now = state.site.now();
    let expires = now.plus_millis(INVITATION_MS);
    let new = NewAccount {
        name: invitation.name,
        display_name: invitation.display_name,
        role: invitation.role.into(),
        handle,
        provider: None,
    };
    let (id, secret) = state
        .ask(move |site| {
            site.desk().write(|w| {
                let by = &signed_in.actor;
                people::allow_change(w, now, by, &new.name, &format!("add as {}", new.role))?;
                let id = people::add(w, now, by, &new)?;
                let secret = people::make_link(w, now, by, LinkFor::Account(id), Some(expires), random)?;
                Ok::<_, Error>((id, secret))
            })
        })
        .await?;
    Ok(Made(LinkView {
        id: id.0,
        link: set_up_address(&state, secret.reveal()),
        expires,
    }))
}

/// The address of a set-up link.
fn set_up_address(state: &Shared, secret: &str) -> String {
    format!("{}/set-up/{secret}", state.settings.public_url)
}

/// What changes about an account; what isn't given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PersonChange {
    /// The name to be shown.
    display_name: Option<String>,
    /// `viewer`, `operator`, `admin` or `auditor`.
    role: Option<RoleName>,
    /// Whether it can't be signed in to.
    disabled: Option<bool>,
}

/// Change an account
#[utoipa::path(patch, path = "/api/v1/people/{person}", tag = "people", params(("person" = i64, Path,)), request_body = PersonChange, responses((status = 200, body = PersonView)))]
async fn change(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
    Json(change): Json<PersonChange>,
) -> Answer<output::Json<PersonView>> {
    signed_in.require(Role::Admin)?;
    signed_in.require_recent(&state)?;
    let account = find(&state, id).await?;
    let now = state.site.now();
    state
        .ask(move |site| {
            site.desk().write(|w| {
                let (by, id) = (&signed_in.actor, AccountId(id));
                if let Some(name) = &change.display_name {
                    people::rename(w, now, by, id, name)?;
                }
                if let Some(role) = change.role {
                    let role: Role = role.into();
                    people::allow_change(w, now, by, &account.name, &format!("make {role}"))?;
                    people::set_role(w, now, by, id, role)?;
                }
                if let Some(disabled) = change.disabled {
                    people::set_disabled(w, now, by, id, disabled)?;
                }
                Ok::<_, Error>(())
            })
        })
        .await?;
    find(&state, id).await.map(|account| output::Json(account.into()))
}

/// Remove an account; records go on naming it
#[utoipa::path(delete, path = "/api/v1/people/{person}", tag = "people", params(("person" = i64, Path,)), responses((status = 204)))]
async fn remove(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Done> {
    signed_in.require(Role::Admin)?;
    signed_in.require_recent(&state)?;
    let account = find(&state, id).await?;
    let now = state.site.now();
    state
        .ask(move |site| {
            site.desk().write(|w| {
                let by = &signed_in.actor;
                people::allow_change(w, now, by, &account.name, "remove")?;
                people::remove(w, now, by, AccountId(id))
            })
        })
        .await
        .map(|()| Done)
}

/// Make a link for somebody who lost their way in
///
/// Whoever has it gets into the account: send it by a way that proves who they are.
#[utoipa::path(post, path = "/api/v1/people/{person}/link", tag = "people", params(("person" = i64, Path,)), responses((status = 201, body = LinkView)))]
async fn link(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Made<LinkView>> {
    signed_in.require(Role::Admin)?;
    signed_in.require_recent(&state)?;
    let account = find(&state, id).await?;
    let random = crate::random::bytes::<32>()?;
    let now = state.site.now();
    let expires = now.plus_millis(RECOVERY_MS);
    let make = move |site: &dyn crate::Site| {
        let (by, for_whom) = (&signed_in.actor, LinkFor::Account(AccountId(id)));
        site.desk().write(|w| {
            people::allow_change(w, now, by, &account.name, "make a link")?;
            people::make_link(w, now, by, for_whom, Some(expires), random)
        })
    };
    let secret = state.ask(make).await?;
    Ok(Made(LinkView {
        id,
        link: set_up_address(&state, secret.reveal()),
        expires,
    }))
}

/// Somebody's sessions
#[utoipa::path(get, path = "/api/v1/people/{person}/sessions", tag = "people", params(("person" = i64, Path,)), responses((status = 200, body = Vec<super::me::SessionView>)))]
async fn sessions(
    State(state): State<Shared>,
    signed_in: SignedIn,
    Path(id): Path<i64>,
) -> Answer<output::Json<Vec<super::me::SessionView>>> {
    require_people(&signed_in)?;
    find(&state, id).await?;
    let (now, limits) = (state.site.now(), session_limits(&state));
    let found = state
        .ask(move |site| {
            site.desk()
                .read(|ledger| people::sessions(ledger, now, AccountId(id), limits))
        })
        .await?;
    let own = crate::auth::own_session(&signed_in);
    Ok(output::Json(
        found
            .into_iter()
            .map(|session| super::me::SessionView::new(session, own))
            .collect(),
    ))
}

/// End all of somebody's sessions
#[utoipa::path(delete, path = "/api/v1/people/{person}/sessions", tag = "people", params(("person" = i64, Path,)), responses((status = 204)))]
async fn end_sessions(State(state): State<Shared>, signed_in: SignedIn, Path(id): Path<i64>) -> Answer<Done> {
    signed_in.require(Role::Admin)?;
    let now = state.site.now();
    let end = move |site: &dyn crate::Site| {
        site.desk()
            .write(|w| people::end_sessions(w, now, &signed_in.actor, AccountId(id), None).map(drop))
    };
    let ended: Answer<()> = state.ask::<_, Error>(end).await;
    ended.map(|()| Done)
}

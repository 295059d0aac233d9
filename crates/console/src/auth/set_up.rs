//! Following a set-up link: the first administrator, and people who were invited or lost their way in.

use axum::http::{HeaderValue, StatusCode};
use respond::people::{self, AccountId, LinkFor, NewAccount, Role};
use respond::{Actor, Error, Ledger, Time, Writing};
use serde::Serialize;
use serde_json::Value;

use super::challenge::{Asked, SetUp};
use super::enter::{Entered, enter, refused};
use super::passkey::{expected, named};
use super::password_sign_in::{Codes, TotpOffer, chosen, offer, recovery_codes, set};
use super::visitor::Visitor;
use super::webauthn::{RegistrationAnswer, check_registration, registration_options};
use crate::problem::Refusal;
use crate::state::Shared;

/// Whom a link is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Invited {
    /// Their name; `None` if they choose it.
    pub name: Option<String>,
    /// The name to be shown.
    pub display_name: Option<String>,
    /// What they may do.
    #[schema(value_type = String)]
    pub role: Role,
}

/// Whom a link is for.
///
/// # Errors
/// Refuses a link that isn't valid, or not any more.
pub async fn invited(state: &Shared, link: &str) -> Result<Invited, Refusal> {
    let (link, now) = (link.to_owned(), state.site.now());
    let found = state
        .ask(move |site| site.desk().read(|ledger| find(ledger, now, &link)))
        .await?;
    found.ok_or_else(void)
}

fn find(ledger: &Ledger, now: Time, link: &str) -> Result<Option<Invited>, Error> {
    let Some(link) = people::link(ledger, now, link)? else {
        return Ok(None);
    };
    match link.for_whom {
        LinkFor::NewAdmin => Ok(Some(Invited {
            name: None,
            display_name: None,
            role: Role::Admin,
        })),
        LinkFor::Account(id) => Ok(people::account(ledger, id)?.map(|account| Invited {
            name: Some(account.name),
            display_name: Some(account.display_name),
            role: account.role,
        })),
    }
}

fn void() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "link-void",
        "this link isn't valid, or was used already",
    )
    .hint("`holdfast console link` on the machine itself makes another one")
}

/// What is set up: the link must be valid, and the name one that there isn't yet.
async fn begin(state: &Shared, link: &str, name: &str, display_name: &str) -> Result<SetUp, Refusal> {
    let random = crate::random::bytes::<32>()?;
    let (link, now) = (link.to_owned(), state.site.now());
    let (name, display_name) = (name.trim().to_owned(), display_name.trim().to_owned());
    let set_up = state
        .ask(move |site| {
            site.desk().read(|ledger| {
                let Some(invited) = find(ledger, now, &link)? else {
                    return Ok(None);
                };
                let handle = match &invited.name {
                    Some(name) => {
                        people::account_by_name(ledger, name)?.and_then(|account| account.handle.try_into().ok())
                    }
                    None => None,
                };
                let name = invited.name.unwrap_or(name);
                let shown = if display_name.is_empty() {
                    name.clone()
                } else {
                    display_name
                };
                let is_free = handle.is_some() || people::account_by_name(ledger, &name)?.is_none();
                Ok::<_, Error>(Some((
                    is_free,
                    SetUp {
                        link,
                        name,
                        display_name: invited.display_name.unwrap_or(shown),
                        handle: handle.unwrap_or(random),
                    },
                )))
            })
        })
        .await?;
    let (is_free, set_up) = set_up.ok_or_else(void)?;
    if !people::is_account_name(&set_up.name) {
        let detail = format!("`{}` can't be an account's name", set_up.name);
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "name-unfit", detail)
            .hint("letters, digits, `-`, `_`, `.`, `@` and `+`, 64 at most, a letter or digit first"));
    }
    if !is_free {
        return Err(
            Refusal::refused(format!("there is an account `{}` already", set_up.name)).hint("choose another name"),
        );
    }
    Ok(set_up)
}

/// Uses the link up, and makes the account if it is a new one.
fn use_up(w: &mut Writing<'_>, now: Time, set_up: &SetUp) -> Result<Option<AccountId>, Error> {
    match people::use_link(w, now, &set_up.link)? {
        None => Ok(None),
        Some(LinkFor::Account(id)) => Ok(Some(id)),
        Some(LinkFor::NewAdmin) => {
            people::cancel_links(w)?;
            let new = NewAccount {
                name: set_up.name.clone(),
                display_name: set_up.display_name.clone(),
                role: Role::Admin,
                handle: set_up.handle,
                provider: None,
            };
            let by = Actor::Person(set_up.name.clone());
            people::add(w, now, &by, &new).map(Some)
        }
    }
}

/// Asks a browser for a first passkey: the options for `navigator.credentials.create`, and the cookie that binds them to it.
///
/// # Errors
/// Refuses a link that isn't valid, and a name that is taken or can't be one.
pub async fn begin_set_up_passkey(
    state: &Shared,
    visitor: &Visitor,
    link: &str,
    name: &str,
    display_name: &str,
) -> Result<(Value, HeaderValue), Refusal> {
    let set_up = begin(state, link, name, display_name).await?;
    let challenge = crate::random::bytes::<32>()?;
    let names = (set_up.name.as_str(), set_up.display_name.as_str());
    let options = registration_options(state.settings.host(), &challenge, &set_up.handle, names, &[]);
    Ok((options, visitor.keep(state, challenge, Asked::SetUpPasskey(set_up))?))
}

/// Makes the account, if it is a new one, adds the passkey, and signs its owner in. The link is used up.
///
/// # Errors
/// Refuses what isn't the answer to what was asked.
pub async fn finish_set_up_passkey(
    state: &Shared,
    visitor: &Visitor,
    answer: &RegistrationAnswer,
    passkey_name: &str,
) -> Result<Entered, Refusal> {
    let (challenge, asked) = visitor.answered(state)?;
    let Asked::SetUpPasskey(set_up) = asked else {
        return Err(refused());
    };
    let registered = check_registration(answer, &expected(state, &challenge))?;
    let new = named(registered, passkey_name);
    enter(state, visitor, "link", move |w, now| {
        let Some(account) = use_up(w, now, &set_up)? else {
            return Ok(None);
        };
        people::add_passkey(w, now, &Actor::Person(set_up.name.clone()), account, &new)?;
        Ok(Some(account))
    })
    .await
}

/// Offers a secret of one-time codes, and the cookie that binds it to the browser.
///
/// # Errors
/// Refuses a link that isn't valid, and a name that is taken or can't be one.
pub async fn begin_set_up_password(
    state: &Shared,
    visitor: &Visitor,
    link: &str,
    name: &str,
    display_name: &str,
) -> Result<(TotpOffer, HeaderValue), Refusal> {
    let set_up = begin(state, link, name, display_name).await?;
    let challenge = crate::random::bytes::<32>()?;
    let offered = offer(state, &challenge, &set_up.name);
    Ok((offered, visitor.keep(state, challenge, Asked::SetUpPassword(set_up))?))
}

/// Makes the account, if it is a new one, sets its password, and signs its owner in. The link is used up.
///
/// # Errors
/// Refuses an unfit password and a wrong code; both can be typed again then.
pub async fn finish_set_up_password(
    state: &Shared,
    visitor: &Visitor,
    password: &str,
    code: &str,
) -> Result<(Entered, Codes), Refusal> {
    let (challenge, asked) = visitor.answered(state)?;
    let Asked::SetUpPassword(set_up) = asked else {
        return Err(refused());
    };
    let secrets = match chosen(state, challenge, &set_up.name, password, code).await {
        Ok(secrets) => secrets,
        Err(refusal) => {
            visitor.keep_again(state, challenge, Asked::SetUpPassword(set_up));
            return Err(refusal);
        }
    };
    let (recovery_codes, digests) = recovery_codes()?;
    let key = state.ask(|site| site.desk().code_key_made()).await?;
    let entered = enter(state, visitor, "link", move |w, now| {
        let Some(account) = use_up(w, now, &set_up)? else {
            return Ok(None);
        };
        let by = Actor::Person(set_up.name.clone());
        set(w, now, &by, account, (&secrets, &key), &digests)?;
        Ok(Some(account))
    });
    Ok((entered.await?, Codes { recovery_codes }))
}

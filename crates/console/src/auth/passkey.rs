//! Signing in with a passkey, and adding one.

use axum::http::HeaderValue;
use respond::Error;
use respond::people::{self, NewPasskey};
use serde_json::Value;

use super::challenge::Asked;
use super::enter::{Entered, attempt, enter, note_failure, refused};
use super::signed_in::SignedIn;
use super::throttle::Subject;
use super::visitor::Visitor;
use super::webauthn::{
    Assertion, AssertionAnswer, Expected, Registered, RegistrationAnswer, assertion_options, check_assertion,
    check_registration, registration_options,
};
use crate::problem::Refusal;
use crate::state::Shared;

/// What a browser's answer must be about.
pub(super) fn expected<'a>(state: &'a Shared, challenge: &'a [u8; 32]) -> Expected<'a> {
    Expected {
        challenge,
        origin: &state.settings.public_url,
        host: state.settings.host(),
    }
}

/// Asks a browser for a signature of a passkey: the options for `navigator.credentials.get`, and the cookie that binds them to it.
///
/// # Errors
/// When there is no randomness.
pub fn begin_passkey(state: &Shared, visitor: &Visitor) -> Result<(Value, HeaderValue), Refusal> {
    let challenge = crate::random::bytes::<32>()?;
    let cookie = visitor.keep(state, challenge, Asked::SignIn)?;
    Ok((assertion_options(state.settings.host(), &challenge), cookie))
}

/// Signs in whoever has the passkey.
///
/// # Errors
/// Refuses what isn't signed by a passkey of an account, and who tried too often.
pub async fn finish_passkey(state: &Shared, visitor: &Visitor, answer: &AssertionAnswer) -> Result<Entered, Refusal> {
    let attempt = attempt(state, visitor.address.map(Subject::address).into_iter().collect())?;
    let (challenge, asked) = visitor.answered(state)?;
    if asked != Asked::SignIn {
        return Err(refused());
    }
    let assertion = Assertion::parse(answer)?;
    let (credential, handle) = (assertion.credential.clone(), assertion.user_handle.clone());
    let found = state
        .ask(move |site| {
            site.desk().read(|ledger| {
                let passkey = people::passkey(ledger, &credential)?;
                let account = people::account_by_handle(ledger, &handle)?;
                Ok::<_, Error>(
                    passkey
                        .zip(account)
                        .filter(|(passkey, account)| passkey.account == account.id),
                )
            })
        })
        .await?;
    let Some((passkey, account)) = found else {
        note_failure(state, visitor, &attempt.subjects, None, "passkey").await?;
        return Err(refused());
    };
    let made = &passkey.made;
    match check_assertion(
        &assertion,
        &expected(state, &challenge),
        &made.public_key,
        made.sign_count,
    ) {
        Ok(sign_count) => {
            enter(state, visitor, "passkey", move |w, now| {
                people::used_passkey(w, now, passkey.id, sign_count)?;
                Ok(Some(passkey.account))
            })
            .await
        }
        Err(rejected) => {
            note_failure(state, visitor, &attempt.subjects, Some(account.name), "passkey").await?;
            Err(rejected.into())
        }
    }
}

/// Asks a browser for a new passkey for whoever is signed in: the options for `navigator.credentials.create`, and a cookie.
///
/// # Errors
/// Refuses who has no account, and who signed in too long ago.
pub async fn begin_adding_passkey(
    state: &Shared,
    visitor: &Visitor,
    signed_in: &SignedIn,
) -> Result<(Value, HeaderValue), Refusal> {
    signed_in.require_recent(state)?;
    let id = signed_in.account()?;
    let challenge = crate::random::bytes::<32>()?;
    let (account, known) = state
        .ask(move |site| {
            site.desk().read(|ledger| {
                let account = people::account(ledger, id)?;
                let known = people::passkeys(ledger, id)?;
                Ok::<_, Error>((account, known))
            })
        })
        .await?;
    let account = account.ok_or_else(Refusal::not_signed_in)?;
    let known: Vec<Vec<u8>> = known.into_iter().map(|passkey| passkey.made.credential).collect();
    let names = (account.name.as_str(), account.display_name.as_str());
    let options = registration_options(state.settings.host(), &challenge, &account.handle, names, &known);
    Ok((options, visitor.keep(state, challenge, Asked::AddPasskey(id))?))
}

/// Adds the passkey that a browser made, under the name that its owner gives it.
///
/// # Errors
/// Refuses what isn't the answer to what was asked.
pub async fn finish_adding_passkey(
    state: &Shared,
    visitor: &Visitor,
    signed_in: &SignedIn,
    answer: &RegistrationAnswer,
    name: &str,
) -> Result<(), Refusal> {
    let id = signed_in.account()?;
    let (challenge, asked) = visitor.answered(state)?;
    if asked != Asked::AddPasskey(id) {
        return Err(refused());
    }
    let registered = check_registration(answer, &expected(state, &challenge))?;
    let new = named(registered, name);
    let (actor, now) = (signed_in.actor.clone(), state.site.now());
    let added = state.ask(move |site| site.desk().write(|w| people::add_passkey(w, now, &actor, id, &new)));
    added.await.map(drop)
}

/// A passkey to be added.
pub(super) fn named(registered: Registered, name: &str) -> NewPasskey {
    NewPasskey {
        name: if name.trim().is_empty() { "passkey" } else { name.trim() }.to_owned(),
        credential: registered.credential,
        public_key: registered.public_key,
        sign_count: registered.sign_count,
    }
}

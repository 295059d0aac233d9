//! Signing in with a password and a one-time code, and setting both.

use axum::http::{HeaderValue, StatusCode};
use respond::people::{self, Account, AccountId, CodeKey, Digest, KeptPassword, PasswordSecrets};
use respond::{Actor, Error, Time, Writing};
use serde::Serialize;

use super::challenge::Asked;
use super::enter::{Entered, attempt, enter, note_failure, refused};
use super::signed_in::SignedIn;
use super::throttle::Subject;
use super::visitor::Visitor;
use super::{password, totp};
use crate::base64;
use crate::problem::Refusal;
use crate::state::Shared;

/// Recovery codes that somebody gets.
const RECOVERY_CODES: usize = 10;
/// Random bytes of a recovery code.
const RECOVERY_CODE_BYTES: usize = 10;

/// The secret of one-time codes, to be put into an authenticator app.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TotpOffer {
    /// To be typed.
    pub secret: String,
    /// To be shown as a QR code or followed as a link.
    pub uri: String,
}

/// Recovery codes, shown this once; each is good once in the place of a one-time code.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Codes {
    /// The codes.
    pub recovery_codes: Vec<String>,
}

/// What came of looking at a password and a code.
enum Found {
    /// Both are right: the account, and the step whose code it was.
    Code(AccountId, i64),
    /// The password is right, and the code may be a recovery code.
    Recovery(AccountId, Digest),
    /// Something is wrong.
    Wrong(Option<String>),
}

/// Signs in whoever knows a name, its password and a code: of an authenticator app, or a recovery code.
///
/// # Errors
/// Refuses whatever isn't right without saying what, and who tried too often.
pub async fn with_password(
    state: &Shared,
    visitor: &Visitor,
    name: &str,
    password: &str,
    code: &str,
) -> Result<Entered, Refusal> {
    let mut subjects = vec![Subject::account(name)];
    subjects.extend(visitor.address.map(Subject::address));
    let attempt = attempt(state, subjects)?;
    let now = state.site.now();
    let (name, password, code) = (name.to_owned(), password.to_owned(), code.to_owned());
    let found = state
        .ask(move |site| {
            let key = site.desk().code_key();
            let known = site.desk().read(|ledger| {
                let account = people::account_by_name(ledger, &name)?.filter(|account| account.disabled.is_none());
                let secrets = match &account {
                    Some(account) => people::password_secrets(ledger, key.as_ref(), account.id)?,
                    None => None,
                };
                Ok::<_, Error>((account, secrets))
            })?;
            Ok::<_, Error>(compare(known, &password, &code, now))
        })
        .await?;
    match found {
        Found::Code(account, step) => {
            let used = enter(state, visitor, "password", move |w, _| {
                Ok(people::use_code(w, account, step)?.then_some(account))
            });
            used.await
        }
        Found::Recovery(account, digest) => {
            let used = enter(state, visitor, "recovery-code", move |w, now| {
                Ok(people::use_recovery_code(w, now, account, digest)?.then_some(account))
            });
            match used.await {
                Err(refusal) if refusal.kind == refused().kind => {
                    note_failure(state, visitor, &attempt.subjects, None, "recovery-code").await?;
                    Err(refusal)
                }
                other => other,
            }
        }
        Found::Wrong(name) => {
            note_failure(state, visitor, &attempt.subjects, name, "password").await?;
            Err(refused_with_advice(state).await?)
        }
    }
}

/// What whoever isn't let in is told. Where codes can't be checked, everybody is told so, whoever they say they are: it says nothing
/// about an account.
async fn refused_with_advice(state: &Shared) -> Result<Refusal, Refusal> {
    if state.ask(|site| site.desk().codes_lost()).await? == 0 {
        return Ok(refused());
    }
    Ok(refused().hint(
        "this server can't check the codes of some people's apps: its file `codes.key` is gone or another one. Sign in with a \
         passkey, or with a recovery code in the place of the code; then set the password and the code up anew in the settings",
    ))
}

/// Compares, in the same time whether there is such an account or not.
fn compare(known: (Option<Account>, Option<KeptPassword>), password: &str, code: &str, now: Time) -> Found {
    let (account, secrets) = known;
    let is_right = password::is_right(password, secrets.as_ref().map(|secrets| secrets.password.as_str()));
    let nobody = [0; totp::SECRET_BYTES];
    let readable = secrets.as_ref().and_then(|secrets| secrets.totp_secret.as_deref());
    let used = secrets.as_ref().map_or(0, |secrets| secrets.totp_step);
    // Against a secret that isn't there no code is right.
    let step = totp::step(readable.unwrap_or(&nobody), code, now, used).filter(|_| readable.is_some());
    match (account, step) {
        (Some(account), Some(step)) if is_right => Found::Code(account.id, step),
        (Some(account), None) if is_right && plain(code).len() > 6 => {
            Found::Recovery(account.id, Digest::of(&plain(code)))
        }
        (account, _) => Found::Wrong(account.map(|account| account.name)),
    }
}

/// A recovery code as it was made, however it is typed.
fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .collect::<String>()
        .to_uppercase()
}

/// New recovery codes, and what the ledger keeps of them.
pub(super) fn recovery_codes() -> Result<(Vec<String>, Vec<Digest>), crate::Error> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let text = base64::base32(&crate::random::bytes::<RECOVERY_CODE_BYTES>()?);
        codes.push(format!(
            "{}-{}-{}-{}",
            text.get(..4).unwrap_or_default(),
            text.get(4..8).unwrap_or_default(),
            text.get(8..12).unwrap_or_default(),
            text.get(12..).unwrap_or_default()
        ));
    }
    let digests = codes.iter().map(|code| Digest::of(&plain(code))).collect();
    Ok((codes, digests))
}

/// The secret of one-time codes in a challenge.
pub(super) fn totp_secret(challenge: &[u8; 32]) -> &[u8] {
    challenge.get(..totp::SECRET_BYTES).unwrap_or_default()
}

/// The same for an authenticator app.
pub(super) fn offer(state: &Shared, challenge: &[u8; 32], name: &str) -> TotpOffer {
    let secret = totp_secret(challenge);
    TotpOffer {
        secret: base64::base32(secret),
        uri: totp::uri(secret, name, state.settings.host()),
    }
}

/// Checks a password that somebody chose and the first code of their app, and hashes the password.
pub(super) async fn chosen(
    state: &Shared,
    challenge: [u8; 32],
    name: &str,
    password: &str,
    code: &str,
) -> Result<PasswordSecrets, Refusal> {
    password::check(password, name)?;
    let secret = totp_secret(&challenge).to_vec();
    let step = totp::step(&secret, code, state.site.now(), 0).ok_or_else(|| {
        let detail = "the code isn't that of the secret";
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "code-wrong", detail)
            .hint("begin again: put the new secret into the app, and check the clock of the device")
    })?;
    let password = password.to_owned();
    state
        .ask(move |site| {
            if site.is_password_leaked(&password) {
                let detail = "this password is among those that have leaked somewhere";
                return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "password-unfit", detail));
            }
            Ok(PasswordSecrets {
                password: password::hash(&password)?,
                totp_secret: secret,
                totp_step: step,
            })
        })
        .await
}

/// Sets a password and new recovery codes.
pub(super) fn set(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    account: AccountId,
    (secrets, key): (&PasswordSecrets, &CodeKey),
    codes: &[Digest],
) -> Result<(), Error> {
    people::set_password(w, now, by, account, secrets, key)?;
    people::set_recovery_codes(w, now, by, account, codes)
}

/// Offers whoever is signed in a secret of one-time codes, for a password to be set; and the cookie that binds it to the browser.
///
/// # Errors
/// Refuses who has no account, and who signed in too long ago.
pub fn begin_adding_password(
    state: &Shared,
    visitor: &Visitor,
    signed_in: &SignedIn,
) -> Result<(TotpOffer, HeaderValue), Refusal> {
    signed_in.require_recent(state)?;
    let id = signed_in.account()?;
    let challenge = crate::random::bytes::<32>()?;
    let Actor::Person(name) = &signed_in.actor else {
        return Err(Refusal::not_signed_in());
    };
    let offered = offer(state, &challenge, name);
    Ok((offered, visitor.keep(state, challenge, Asked::AddPassword(id))?))
}

/// Sets the password of whoever is signed in, ends their other sessions, and gives them new recovery codes.
///
/// # Errors
/// Refuses an unfit password and a wrong code.
pub async fn finish_adding_password(
    state: &Shared,
    visitor: &Visitor,
    signed_in: &SignedIn,
    password: &str,
    code: &str,
) -> Result<Codes, Refusal> {
    let id = signed_in.account()?;
    let (challenge, asked) = visitor.answered(state)?;
    if asked != Asked::AddPassword(id) {
        return Err(refused());
    }
    let Actor::Person(name) = &signed_in.actor else {
        return Err(Refusal::not_signed_in());
    };
    let secrets = match chosen(state, challenge, name, password, code).await {
        Ok(secrets) => secrets,
        Err(refusal) => {
            visitor.keep_again(state, challenge, asked);
            return Err(refusal);
        }
    };
    let (recovery_codes, digests) = recovery_codes()?;
    let (actor, now, own) = (
        signed_in.actor.clone(),
        state.site.now(),
        super::enter::own_session(signed_in),
    );
    state
        .ask(move |site| {
            let key = site.desk().code_key_made()?;
            site.desk().write(|w| {
                set(w, now, &actor, id, (&secrets, &key), &digests)?;
                people::end_sessions(w, now, &actor, id, own)
            })
        })
        .await?;
    Ok(Codes { recovery_codes })
}

//! The end of every way in: a session begins, and the browser gets its cookie. And the way out.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponseParts, ResponseParts};
use respond::people::{self, AccountId, NewSession, Role, SessionId};
use respond::{Error, Sequence, Time, Writing};

use super::cookie::{self, Purpose};
use super::signed_in::{Proof, SignedIn};
use super::throttle::Subject;
use super::visitor::Visitor;
use crate::problem::Refusal;
use crate::state::Shared;

/// Somebody who has just signed in. As a part of an answer it gives the browser its cookie.
#[derive(Clone, Debug)]
pub struct Entered {
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What scripts put into the header `X-CSRF-Token` from now on.
    pub csrf: String,
    cookies: Vec<HeaderValue>,
}

impl IntoResponseParts for Entered {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        add_cookies(response.headers_mut(), self.cookies);
        Ok(response)
    }
}

fn add_cookies(headers: &mut HeaderMap, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// Begins a session for an account in the same transaction as `work`, which says that the way in was used up; `None` if it was
/// used up already.
pub(super) async fn enter(
    state: &Shared,
    visitor: &Visitor,
    method: &'static str,
    work: impl FnOnce(&mut Writing<'_>, Time) -> Result<Option<AccountId>, Error> + Send + 'static,
) -> Result<Entered, Refusal> {
    let random = crate::random::bytes::<32>()?;
    let now = state.site.now();
    let (from, asking) = (visitor.from(), visitor.clone());
    let begun = state
        .ask(move |site| {
            site.desk().write(|w| {
                let Some(account) = work(w, now)? else { return Ok(None) };
                let new = NewSession {
                    account,
                    method,
                    address: &from,
                    browser: &asking.browser,
                };
                let secret = people::begin_session(w, now, &new, asking.session.as_deref(), random)?;
                Ok(Some((account, secret)))
            })
        })
        .await?;
    let (account, secret) = begun.ok_or_else(refused)?;
    let account = state
        .ask(move |site| site.desk().read(|ledger| people::account(ledger, account)))
        .await?;
    let account = account.ok_or_else(refused)?;
    state.throttle.succeeded(&Subject::account(&account.name));
    let is_secure = state.settings.is_secure();
    Ok(Entered {
        name: account.name,
        role: account.role,
        csrf: cookie::csrf(secret.reveal()),
        cookies: vec![
            cookie::write(Purpose::Session, secret.reveal(), is_secure),
            cookie::write(Purpose::Attempt, "", is_secure),
        ],
    })
}

/// What everybody is told who doesn't come in, whatever was wrong: nobody learns which accounts there are.
pub(super) fn refused() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "sign-in-refused", "that isn't right").hint(
        "check the name, the password and the code; a code is good once, for half a minute. \
         `holdfast console link --for NAME` on the machine itself helps who lost everything",
    )
}

/// An attempt to sign in. It is under way as long as this lives.
pub(super) struct Attempt {
    state: Shared,
    pub(super) subjects: Vec<Subject>,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.state.throttle.end(&self.subjects);
    }
}

/// Begins an attempt; refuses who has to wait.
pub(super) fn attempt(state: &Shared, subjects: Vec<Subject>) -> Result<Attempt, Refusal> {
    let Err(wait_ms) = state.throttle.begin(state.site.now(), &subjects) else {
        return Ok(Attempt {
            state: state.clone(),
            subjects,
        });
    };
    let seconds = u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000);
    let mut refusal = Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-attempts",
        format!("there were too many attempts; the next one is possible in {seconds} seconds"),
    );
    refusal.retry_after = Some(seconds);
    Err(refusal)
}

/// Notes an attempt that failed, and records it if it is worth a record. `name` is that of an account that exists.
pub(super) async fn note_failure(
    state: &Shared,
    visitor: &Visitor,
    subjects: &[Subject],
    name: Option<String>,
    method: &'static str,
) -> Result<(), Refusal> {
    state
        .metrics
        .sign_ins_refused
        .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let now = state.site.now();
    if !state.throttle.failed(now, subjects) {
        return Ok(());
    }
    let from = visitor.from();
    state
        .ask(move |site| {
            let record = |w: &mut Writing<'_>| people::refused_sign_in(w, now, name.as_deref(), method, &from);
            site.desk().write(record)
        })
        .await
}

/// Ends the session of whoever asks. The value takes the browser's cookie away.
///
/// # Errors
/// When the ledger can't be written.
pub async fn sign_out(state: &Shared, signed_in: &SignedIn) -> Result<HeaderValue, Refusal> {
    if let Proof::Session { id, account, .. } = signed_in.proof {
        let (actor, now) = (signed_in.actor.clone(), state.site.now());
        let end = move |w: &mut Writing<'_>| {
            people::end_session(w, now, &actor, account, id)?;
            Ok::<Sequence, Error>(w.newest())
        };
        state.ask(move |site| site.desk().write(end)).await?;
    }
    Ok(cookie::write(Purpose::Session, "", state.settings.is_secure()))
}

/// The session of whoever asks, if they have one.
pub(crate) const fn own_session(signed_in: &SignedIn) -> Option<SessionId> {
    match signed_in.proof {
        Proof::Session { id, .. } => Some(id),
        _ => None,
    }
}

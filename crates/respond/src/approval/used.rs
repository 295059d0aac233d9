//! Whether something may be done, and using up the request that allows it.

use rusqlite::OptionalExtension;
use serde_json::json;

use super::rules::{Rules, in_force};
use super::store::{Request, RequestId, RequestState, find, needed, of_wish, set_state, subject};
use super::vote::{count, most_needed, set_used, who};
use super::words::Wish;
use crate::action;
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Requests that are found expired in one transaction.
const EXPIRED_MOST: usize = 100;

/// Whether something may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It needs no approval.
    Free,
    /// A request for it is approved.
    Approved(RequestId),
    /// A request for it waits.
    Waiting(Box<Request>),
    /// Somebody has to ask first.
    Needed,
}

/// Leave to do something, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The request that was used up; `None` if none was needed.
    pub request: Option<RequestId>,
}

/// Whether something may be done. Nothing is used up.
///
/// # Errors
/// When the ledger can't be read.
pub fn may(ledger: &Ledger, now: Time, wish: &Wish) -> Result<Permission, Error> {
    let connection = ledger.connection();
    let rules = ledger.tried(in_force(connection))?;
    if !rules.is_some_and(|rules| rules.0.contains_key(&wish.operation)) {
        return Ok(Permission::Free);
    }
    let key = (wish.operation, wish.subject.as_str(), wish.detail.as_str());
    for state in [RequestState::Approved, RequestState::Waiting] {
        let found = ledger.tried(of_wish(connection, key, state))?;
        let found = found.into_iter().find(|request| request.state_at(now) == state);
        match found {
            Some(request) if state == RequestState::Approved => return Ok(Permission::Approved(request.id)),
            Some(request) => return Ok(Permission::Waiting(Box::new(request))),
            None => {}
        }
    }
    Ok(Permission::Needed)
}

/// Uses up the request that allows something, before it is done. Once this is durable, nobody can use it again.
///
/// # Errors
/// [`Error::ApprovalNeeded`] if a rule covers it and no approved request allows it.
pub fn use_up(w: &mut Writing<'_>, now: Time, actor: &Actor, wish: &Wish) -> Result<Pass, Error> {
    use_up_in(w, now, actor, wish, false)
}

/// The same; `always` is for what needs an approval even if no rule covers it.
pub(super) fn use_up_in(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    wish: &Wish,
    always: bool,
) -> Result<Pass, Error> {
    let Some(rules) = w.tried(in_force(w.connection()))? else {
        return Ok(Pass { request: None });
    };
    let Some(rule) = rules
        .0
        .get(&wish.operation)
        .cloned()
        .or_else(|| always.then(Default::default))
    else {
        return Ok(Pass { request: None });
    };
    let key = (wish.operation, wish.subject.as_str(), wish.detail.as_str());
    for request in w.tried(of_wish(w.connection(), key, RequestState::Approved))? {
        // Who approved may have lost that right since.
        let is_enough = request.glass_broken || count(w, request.id, &rule)? >= most_needed(&request, &rule);
        if request.state_at(now) == RequestState::Approved && is_enough {
            set_used(w, now, actor, request.id)?;
            return Ok(Pass {
                request: Some(request.id),
            });
        }
    }
    Err(refusal(w, now, wish, &rules)?)
}

/// What to tell somebody who may not.
fn refusal(w: &Writing<'_>, now: Time, wish: &Wish, rules: &Rules) -> Result<Error, Error> {
    let rule = rules.0.get(&wish.operation).cloned().unwrap_or_default();
    let key = (wish.operation, wish.subject.as_str(), wish.detail.as_str());
    let waiting = w.tried(of_wish(w.connection(), key, RequestState::Waiting))?;
    let waiting = waiting
        .into_iter()
        .find(|request| request.state_at(now) == RequestState::Waiting);
    let what = format!(
        "{} needs the approval of {} who may give it ({})",
        wish.operation.text(),
        if rule.quorum == 1 {
            "somebody else".to_owned()
        } else {
            format!("{} others", rule.quorum)
        },
        who(&rule.approvers)
    );
    let next = match waiting {
        Some(request) => format!(
            "request {} waits for it: `holdfast approvals approve {}` by {} more; then repeat the command",
            request.id,
            request.id,
            most_needed(&request, &rule).saturating_sub(count(w, request.id, &rule)?)
        ),
        None => format!(
            "ask for it with `{}`; once it is approved, repeat the command",
            command(wish)
        ),
    };
    Ok(Error::ApprovalNeeded { what, next })
}

/// The command that asks for something.
fn command(wish: &Wish) -> String {
    let detail = match wish.detail.as_str() {
        "" => String::new(),
        detail => format!(" --detail {}", quoted(detail)),
    };
    format!(
        "holdfast approvals ask {} {}{detail} --because '...'",
        wish.operation,
        quoted(&wish.subject)
    )
}

/// A text as a word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What a request was used up for was surely not done: it may be used once more, if its time isn't over.
///
/// # Errors
/// When there is no such request, it wasn't used, or the ledger can't be written.
pub fn give_back(w: &mut Writing<'_>, now: Time, actor: &Actor, pass: Pass, why: &str) -> Result<(), Error> {
    let Some(id) = pass.request else {
        return Ok(());
    };
    let request = needed(w, id)?;
    if request.state != RequestState::Used {
        return Err(Error::Refused {
            what: format!("request {id} is `{}`: it wasn't used", request.state.name()),
        });
    }
    set_state(w, now, id, RequestState::Approved)?;
    w.record(now, actor, "approval.given-back", &subject(id), &json!({ "why": why }))
        .map(drop)
}

/// Whether there is something for [`expire`] to do.
///
/// # Errors
/// When the ledger can't be read.
pub fn is_any_expired(ledger: &Ledger, now: Time) -> Result<bool, Error> {
    let found = ledger.connection().prepare_cached(
        "select exists (select 1 from approval_request where state = 'waiting' and expires <= ?1)
         or exists (select 1 from approval_request where state = 'approved' and usable_until <= ?1)",
    );
    let found = found.and_then(|mut statement| statement.query_row([now], |row| row.get(0)));
    ledger.tried(found)
}

/// Marks requests as expired whose time is over; what waited for them isn't done. Returns how many.
///
/// # Errors
/// When the ledger can't be written.
pub fn expire(w: &mut Writing<'_>, now: Time) -> Result<usize, Error> {
    let system = Actor::System("approvals".to_owned());
    for count in 0..EXPIRED_MOST {
        let found = w.connection().prepare_cached(
            "select id from approval_request where (state = 'waiting' and expires <= ?1)
             or (state = 'approved' and usable_until <= ?1) limit 1",
        );
        let found = found.and_then(|mut statement| statement.query_row([now], |row| row.get(0)).optional());
        let Some(id) = w.tried(found)?.map(RequestId) else {
            return Ok(count);
        };
        let was = w.tried(find(w.connection(), id))?.map(|request| request.state.name());
        set_state(w, now, id, RequestState::Expired)?;
        w.record(now, &system, "approval.expired", &subject(id), &json!({ "was": was }))?;
        action::not_approved(w, now, &system, id, "nobody approved it in time")?;
    }
    Ok(EXPIRED_MOST)
}

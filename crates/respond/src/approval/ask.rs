//! Asking for an approval, and taking that back.

use serde_json::json;

use super::operation::Operation;
use super::rules::{Rule, in_force};
use super::store::{RequestId, RequestState, needed, of_wish, set_state, subject};
use super::voters;
use super::words::Wish;
use crate::action;
use crate::error::Error;
use crate::ledger::Writing;
use crate::people::Actor;
use crate::policy;
use crate::time::Time;

/// Requests that wait at most: what is more is refused until somebody decides about some.
const WAITING_MAX: i64 = 1000;
/// The longest texts of a request, in bytes.
const TEXT_BYTES_MAX: usize = 2000;
/// The longest detail, in bytes: rules are one.
const DETAIL_BYTES_MAX: usize = 16_384;

/// Asks for an approval. The same asked again by the same is the same request.
///
/// # Errors
/// When approvals are off, no rule covers it, too many requests wait, or a text is missing or too long.
pub fn ask(w: &mut Writing<'_>, now: Time, actor: &Actor, wish: &Wish) -> Result<RequestId, Error> {
    let Some(rules) = w.tried(in_force(w.connection()))? else {
        return refused("approvals are off: nothing needs one; `holdfast approvals enable` turns them on".to_owned());
    };
    if wish.operation == Operation::PolicyAction {
        return refused("actions of policies are asked for by the policies themselves".to_owned());
    }
    let Some(rule) = rules.0.get(&wish.operation) else {
        return refused(format!("`{}` needs no approval: no rule covers it", wish.operation));
    };
    if wish.because.trim().is_empty() {
        return refused("whoever approves has to know why; say so with `--because`".to_owned());
    }
    insert(w, now, actor, wish, rule)
}

/// Asks on behalf of a policy, also where approvals are off: whoever approves then is whoever may approve by default.
pub(crate) fn ask_for_policy(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    wish: &Wish,
    approval: Option<policy::Approval>,
) -> Result<RequestId, Error> {
    let mut rule = rule_for(w, wish.operation)?;
    if let Some(approval) = approval {
        rule.quorum = approval.quorum.map_or(rule.quorum, |quorum| quorum.max(rule.quorum));
        let seconds = approval
            .expires_millis
            .map(|millis| u64::try_from(millis / 1000).unwrap_or(0));
        rule.approval_seconds = seconds.unwrap_or(rule.approval_seconds);
    }
    insert(w, now, by, wish, &rule)
}

/// The rule in force for an operation, or the default one.
pub(super) fn rule_for(w: &Writing<'_>, operation: Operation) -> Result<Rule, Error> {
    let rules = w.tried(in_force(w.connection()))?.unwrap_or_default();
    Ok(rules.0.get(&operation).cloned().unwrap_or_default())
}

fn insert(w: &mut Writing<'_>, now: Time, actor: &Actor, wish: &Wish, rule: &Rule) -> Result<RequestId, Error> {
    let bytes = [
        (wish.subject.len(), TEXT_BYTES_MAX),
        (wish.because.len(), TEXT_BYTES_MAX),
        (wish.detail.len(), DETAIL_BYTES_MAX),
    ];
    if wish.subject.is_empty() || bytes.iter().any(|(length, most)| length > most) {
        return refused("a request needs a subject, and texts that can be read".to_owned());
    }
    let key = (wish.operation, wish.subject.as_str(), wish.detail.as_str());
    let waiting = w.tried(of_wish(w.connection(), key, RequestState::Waiting))?;
    let same = waiting
        .into_iter()
        .find(|request| request.asked_by == *actor && request.state_at(now) == RequestState::Waiting);
    if let Some(same) = same {
        return Ok(same.id);
    }
    let count = w.connection().query_row(
        "select count(*) from approval_request where state = 'waiting'",
        [],
        |row| row.get::<_, i64>(0),
    );
    if w.tried(count)? >= WAITING_MAX {
        return refused(format!(
            "{WAITING_MAX} requests wait already; have some approved, refused or withdrawn first"
        ));
    }
    let asker = w.tried(voters::person(w.connection(), actor))?;
    let expires = now.plus_millis(
        i64::try_from(rule.approval_seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1000),
    );
    let asked_by = serde_json::to_string(actor).unwrap_or_default();
    let inserted = w.connection().execute(
        "insert into approval_request (operation, subject, detail, because, asked_by, asker, asked, expires, quorum, state, glass)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting', 0)",
        rusqlite::params![
            wish.operation.name(),
            wish.subject,
            wish.detail,
            wish.because,
            asked_by,
            asker,
            now,
            expires,
            rule.quorum
        ],
    );
    w.tried(inserted)?;
    let id = RequestId(w.connection().last_insert_rowid());
    let body = json!({
        "operation": wish.operation, "subject": wish.subject, "detail": wish.detail, "because": wish.because, "expires": expires,
    });
    w.record(now, actor, "approval.asked", &subject(id), &body)?;
    Ok(id)
}

/// Takes a request back; only whoever asked can.
///
/// # Errors
/// When there is no such request, it is decided already, or somebody else asked.
pub fn withdraw(w: &mut Writing<'_>, now: Time, actor: &Actor, id: RequestId) -> Result<(), Error> {
    let request = needed(w, id)?;
    if !matches!(request.state_at(now), RequestState::Waiting | RequestState::Approved) {
        return refused(format!(
            "request {id} is `{}`: there is nothing to withdraw",
            request.state_at(now).name()
        ));
    }
    let person = w.tried(voters::person(w.connection(), actor))?;
    let is_asker = request.asked_by == *actor || (person.is_some() && person == request.asker);
    if !is_asker {
        return refused(format!(
            "{} asked for request {id}; only they can withdraw it, but whoever may approve it can refuse it",
            request.asked_by
        ));
    }
    set_state(w, now, id, RequestState::Withdrawn)?;
    w.record(now, actor, "approval.withdrawn", &subject(id), &json!({}))?;
    action::not_approved(w, now, actor, id, "the request was withdrawn")
}

fn refused<T>(what: String) -> Result<T, Error> {
    Err(Error::Refused { what })
}

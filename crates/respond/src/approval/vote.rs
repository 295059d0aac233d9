//! Saying yes or no.

use serde_json::json;

use super::ask::rule_for;
use super::operation::Operation;
use super::rules::{Approvers, Rule, in_force};
use super::store::{Request, RequestId, RequestState, needed, set_state, subject};
use super::voters;
use crate::action;
use crate::error::Error;
use crate::ledger::Writing;
use crate::people::{Actor, Role};
use crate::time::Time;

/// The longest note, in bytes.
const NOTE_BYTES_MAX: usize = 2000;
/// Stands for whoever uses the command line, where approvals are off and there are no accounts to tell people apart.
const OWNER: &str = "#owner";

/// Approves a request. With enough approvals it can be used, and an action that waited for it runs.
///
/// # Errors
/// When there is no such request, it doesn't wait any more, or this person may not: because of their role, because they asked for it, or
/// because they approved already.
pub fn approve(w: &mut Writing<'_>, now: Time, actor: &Actor, id: RequestId, note: &str) -> Result<Request, Error> {
    let request = needed(w, id)?;
    let rule = rule_for(w, request.operation)?;
    let person = voter(w, now, actor, &request, &rule)?;
    if request.asker.as_deref() == Some(person.as_str()) || is_same_name(&request.asked_by, &person) {
        return refused(format!("request {id} is your own: somebody else has to approve it"));
    }
    let by = serde_json::to_string(actor).unwrap_or_default();
    let note: String = note.chars().take(NOTE_BYTES_MAX / 4).collect();
    let voted = w.connection().execute(
        "insert or ignore into approval_vote (request, person, actor, time, note) values (?1, ?2, ?3, ?4, ?5)",
        rusqlite::params![id.0, person, by, now, note],
    );
    if w.tried(voted)? == 0 {
        return refused(format!("you have approved request {id} already"));
    }
    w.record(now, actor, "approval.given", &subject(id), &json!({ "note": note }))?;
    if count(w, id, &rule)? >= most_needed(&request, &rule) {
        approved(w, now, actor, &request, &rule)?;
    }
    needed(w, id)
}

/// Refuses a request: it is over, and whatever waited for it won't be done.
///
/// # Errors
/// When there is no such request, it doesn't wait any more, or this person may not.
pub fn refuse(w: &mut Writing<'_>, now: Time, actor: &Actor, id: RequestId, why: &str) -> Result<(), Error> {
    let request = needed(w, id)?;
    let rule = rule_for(w, request.operation)?;
    voter(w, now, actor, &request, &rule)?;
    set_state(w, now, id, RequestState::Refused)?;
    w.record(now, actor, "approval.refused", &subject(id), &json!({ "why": why }))?;
    action::not_approved(w, now, actor, id, &format!("{actor} refused it"))
}

/// Who somebody is, if they may decide about a request that waits.
fn voter(w: &Writing<'_>, now: Time, actor: &Actor, request: &Request, rule: &Rule) -> Result<String, Error> {
    let state = request.state_at(now);
    if state != RequestState::Waiting {
        return refused(format!(
            "request {} is `{}`: there is nothing to decide",
            request.id,
            state.name()
        ));
    }
    let is_off = w.tried(in_force(w.connection()))?.is_none();
    // Without approvals nobody needs an account to have a policy's action done.
    if is_off && matches!((&request.asked_by, actor), (Actor::System(_), Actor::Local(_))) {
        return Ok(OWNER.to_owned());
    }
    let Some(person) = w.tried(voters::person(w.connection(), actor))? else {
        return refused(format!(
            "{actor} isn't somebody with an account, and only they can decide about requests: name a file with a token of yours in \
             `HOLDFAST_TOKEN_FILE`, or use the console"
        ));
    };
    let approvers = if is_off {
        Approvers::Role(Role::Operator)
    } else {
        rule.approvers.clone()
    };
    if w.tried(voters::may_approve(w.connection(), &person, &approvers))? {
        return Ok(person);
    }
    refused(format!(
        "{actor} may not decide about `{}`: {} may",
        request.operation,
        who(&approvers)
    ))
}

/// Whoever asked on the command line may have the same name there as in the console.
fn is_same_name(asked_by: &Actor, person: &str) -> bool {
    matches!(asked_by, Actor::Local(name) if name.eq_ignore_ascii_case(person))
}

/// How many have approved who may still do so.
pub(super) fn count(w: &Writing<'_>, id: RequestId, rule: &Rule) -> Result<u32, Error> {
    let is_off = w.tried(in_force(w.connection()))?.is_none();
    let people = || {
        let mut statement = w
            .connection()
            .prepare_cached("select person from approval_vote where request = ?1")?;
        let people = statement.query_map([id.0], |row| row.get::<_, String>(0))?;
        people.collect::<rusqlite::Result<Vec<_>>>()
    };
    let mut count: u32 = 0;
    for person in w.tried(people())? {
        let counts = is_off || w.tried(voters::may_approve(w.connection(), &person, &rule.approvers))?;
        count = count.saturating_add(u32::from(counts));
    }
    Ok(count)
}

/// How many have to approve: as many as when it was asked, and as many as the rule demands now.
pub(super) fn most_needed(request: &Request, rule: &Rule) -> u32 {
    let unnamed = u32::from(request.asker.is_none() && !matches!(request.asked_by, Actor::System(_)));
    request.needed.max(rule.quorum.saturating_add(unnamed))
}

fn approved(w: &mut Writing<'_>, now: Time, actor: &Actor, request: &Request, rule: &Rule) -> Result<(), Error> {
    let id = request.id;
    set_state(w, now, id, RequestState::Approved)?;
    let until = now.plus_millis(
        i64::try_from(rule.execution_seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1000),
    );
    let usable = w.connection().execute(
        "update approval_request set usable_until = ?2 where id = ?1",
        (id.0, until),
    );
    w.tried(usable)?;
    w.record(
        now,
        actor,
        "approval.approved",
        &subject(id),
        &json!({ "until": until }),
    )?;
    let runs = action::approved(w, now, actor, id)?;
    let is_off = w.tried(in_force(w.connection()))?.is_none();
    if runs && (is_off || request.operation == Operation::PolicyAction) {
        // The action takes it with it, where no gate will ask for it: nothing else can be done with it.
        set_used(w, now, actor, id)?;
    }
    Ok(())
}

pub(super) fn set_used(w: &mut Writing<'_>, now: Time, actor: &Actor, id: RequestId) -> Result<(), Error> {
    set_state(w, now, id, RequestState::Used)?;
    w.record(now, actor, "approval.used", &subject(id), &json!({}))
        .map(drop)
}

/// Who may approve, in words.
pub(super) fn who(approvers: &Approvers) -> String {
    match approvers {
        Approvers::Role(role) => format!("whoever has the role `{role}`"),
        Approvers::People(names) => names.join(", "),
    }
}

fn refused<T>(what: String) -> Result<T, Error> {
    Err(Error::Refused { what })
}

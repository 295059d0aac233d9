//! From a decision to an action: what is the same is merged, what contradicts is held back, what is too much waits for people.

use rusqlite::OptionalExtension;
use serde_json::json;

use super::kind::{ActionId, ActionKind, ActionState};
use super::run::Lane;
use super::store::set_state;
use crate::alert::Alert;
use crate::approval::{self, Operation, RequestId};
use crate::error::Error;
use crate::incident::Incident;
use crate::ledger::Writing;
use crate::people::Actor;
use crate::policy::Decision;
use crate::time::Time;

/// The span in which fences by policies are counted, in milliseconds.
pub(crate) const FENCES_WITHIN_MILLIS: i64 = 600_000;
/// For how long after a fence nothing takes it down by policy, in milliseconds.
const FENCE_STANDS_MILLIS: i64 = 3_600_000;

/// Plans what a policy decided. `None` if the same runs already, or ran within the policy's cooldown.
///
/// # Errors
/// When the ledger can't be written.
pub fn plan(
    w: &mut Writing<'_>,
    now: Time,
    decision: &Decision,
    alert: &Alert,
    incident: Option<&Incident>,
) -> Result<Option<ActionId>, Error> {
    let mark = mark(&decision.action, alert, incident);
    if is_repeated(w, now, &mark, decision.cooldown_millis)? {
        return Ok(None);
    }
    let by = Actor::System(format!("policy {}", decision.policy));
    let id = insert(w, now, decision, &mark, &by, alert, incident)?;
    let state = settle(w, now, decision, &by, id)?;
    let body = json!({
        "action": decision.action, "policy": decision.policy, "because": decision.because, "alert": alert.id,
        "incident": incident.map(|incident| incident.id), "state": state,
    });
    let kind = if state == ActionState::Waiting {
        "action.waiting"
    } else {
        "action.planned"
    };
    let kind = if matches!(state, ActionState::NotRun { .. }) {
        "action.not-run"
    } else {
        kind
    };
    w.record(now, &by, kind, &format!("action/{id}"), &body)?;
    Ok(Some(id))
}

/// Says what is the same: the same action on the same volume, or towards the same people about the same incident.
pub(crate) fn mark(action: &ActionKind, alert: &Alert, incident: Option<&Incident>) -> String {
    let about = incident.map_or_else(
        || format!("alert/{}", alert.id),
        |incident| format!("incident/{}/{:?}", incident.id, incident.severity),
    );
    let of = alert.noticed.volume.as_deref().unwrap_or("");
    match action {
        // However it is fenced, once is enough.
        ActionKind::Fence { volume, .. } => format!("fence {volume}"),
        ActionKind::Pin { volume } => format!("pin {volume}"),
        ActionKind::Release { volume, .. } => format!("release {volume}"),
        ActionKind::Sensitivity { volume, percent, .. } => format!("sensitivity {volume} {percent}"),
        ActionKind::Drill { volume } => format!("drill {volume}"),
        ActionKind::Notify { group } => format!("notify {} {about}", group.as_deref().unwrap_or("")),
        ActionKind::Webhook { target } => format!("webhook {target} {of} {about}"),
        ActionKind::Command { name } => format!("command {name} {of} {about}"),
    }
}

/// Whether the same waits, runs, or was done within the cooldown. What failed may be tried again.
fn is_repeated(w: &Writing<'_>, now: Time, mark: &str, cooldown_millis: i64) -> Result<bool, Error> {
    let found = w.connection().prepare_cached(
        "select 1 from action where mark = ?1 and (state in ('waiting', 'planned', 'started')
         or (planned > ?2 and planned < ?3 and state in ('done', 'unknown'))) limit 1",
    );
    let (since, until) = around(now, cooldown_millis);
    let found = found.and_then(|mut statement| statement.query_row((mark, since, until), |_| Ok(())).optional());
    Ok(w.tried(found)?.is_some())
}

/// What counts as lately. What was planned long after now was planned while the clock was wrong: it holds nothing up until that time comes.
fn around(now: Time, millis: i64) -> (Time, Time) {
    (now.plus_millis(-millis), now.plus_millis(millis))
}

fn insert(
    w: &Writing<'_>,
    now: Time,
    decision: &Decision,
    mark: &str,
    by: &Actor,
    alert: &Alert,
    incident: Option<&Incident>,
) -> Result<ActionId, Error> {
    let action = &decision.action;
    let unwritable = |error: serde_json::Error| Error::Refused {
        what: format!("an action can't be written down: {error}"),
    };
    let body = serde_json::to_string(action).map_err(unwritable)?;
    let by = serde_json::to_string(by).map_err(unwritable)?;
    let inserted = w.connection().prepare_cached(
        "insert into action (kind, body, mark, lane, by, policy, because, volume, alert, incident, planned, state, told)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'planned', 0)",
    );
    let inserted = inserted.and_then(|mut statement| {
        statement.insert(rusqlite::params![
            action.name(),
            body,
            mark,
            Lane::of(action) as i64,
            by,
            decision.policy,
            decision.because,
            action.volume(),
            alert.id.0,
            incident.map(|incident| incident.id.0),
            now,
        ])
    });
    w.tried(inserted).map(ActionId)
}

/// Decides how a new action goes on: at once, after an approval, or not at all.
fn settle(w: &mut Writing<'_>, now: Time, decision: &Decision, by: &Actor, id: ActionId) -> Result<ActionState, Error> {
    if let Some(why) = contradiction(w, now, decision)? {
        let state = ActionState::NotRun { why };
        set_state(w, now, id, &state)?;
        return Ok(state);
    }
    let excess = excess(w, now, decision, id)?;
    let covered = approval::is_covered(w, covering(&decision.action).0)?;
    if decision.approval.is_none() && excess.is_none() && !covered {
        return Ok(ActionState::Planned);
    }
    let because = excess.map_or_else(
        || decision.because.clone(),
        |excess| format!("{}; {excess}", decision.because),
    );
    let request = match ask(w, now, decision, by, id, because) {
        Ok(request) => request,
        // It isn't done; the alert that led to it is recorded all the same, and so is what else came in with it.
        Err(Error::Refused { what }) => {
            let state = ActionState::NotRun {
                why: format!("nobody can be asked to approve it: {what}"),
            };
            set_state(w, now, id, &state)?;
            return Ok(state);
        }
        Err(error) => return Err(error),
    };
    let waits = w
        .connection()
        .execute("update action set request = ?2 where id = ?1", (id.0, request.0));
    w.tried(waits)?;
    set_state(w, now, id, &ActionState::Waiting)?;
    Ok(ActionState::Waiting)
}

fn ask(
    w: &mut Writing<'_>,
    now: Time,
    decision: &Decision,
    by: &Actor,
    id: ActionId,
    because: String,
) -> Result<RequestId, Error> {
    let (operation, detail) = covering(&decision.action);
    let subject = match operation {
        Operation::PolicyAction => format!("action/{id}"),
        _ => decision.action.volume().unwrap_or_default().to_owned(),
    };
    let wish = approval::Wish {
        operation,
        subject,
        detail,
        because,
    };
    approval::ask_for_policy(w, now, by, &wish, decision.approval)
}

/// The operation that an action is, where approvals cover it, with its detail.
fn covering(action: &ActionKind) -> (Operation, String) {
    match action {
        ActionKind::Release { diverted, .. } => {
            (Operation::ReleaseFence, approval::release_detail(diverted.as_deref()))
        }
        other => (Operation::PolicyAction, other.text()),
    }
}

/// A fence that was just decided isn't taken down by another policy: what protects wins.
fn contradiction(w: &Writing<'_>, now: Time, decision: &Decision) -> Result<Option<String>, Error> {
    let ActionKind::Release { volume, .. } = &decision.action else {
        return Ok(None);
    };
    let found = w.connection().prepare_cached(
        "select id from action where mark = ?1 and planned > ?2 and planned < ?3
         and state in ('planned', 'started', 'done', 'unknown') order by id desc limit 1",
    );
    let (since, until) = around(now, FENCE_STANDS_MILLIS);
    let mark = format!("fence {volume}");
    let found = found.and_then(|mut statement| statement.query_row((mark, since, until), |row| row.get(0)).optional());
    let found: Option<i64> = w.tried(found)?;
    Ok(found.map(|id| {
        format!("action {id} fenced `{volume}` within the last hour: a policy doesn't take that down; whoever knows better can")
    }))
}

/// Why an action is more than may be done at once, if it is.
fn excess(w: &Writing<'_>, now: Time, decision: &Decision, id: ActionId) -> Result<Option<String>, Error> {
    if let Some(limit) = decision.limit {
        let (since, until) = around(now, limit.within_millis);
        let counted = w.connection().prepare_cached(
            "select count(*) from action where policy = ?1 and planned > ?2 and planned < ?3 and id <> ?4
             and state in ('planned', 'started', 'done', 'unknown')",
        );
        let parameters = (&decision.policy, since, until, id.0);
        let counted = counted.and_then(|mut statement| statement.query_row(parameters, |row| row.get::<_, u32>(0)));
        if w.tried(counted)? >= limit.most {
            return Ok(Some(format!(
                "the policy acted {} times within {} already, which is its limit",
                limit.most,
                crate::policy::span(limit.within_millis)
            )));
        }
    }
    if !matches!(decision.action, ActionKind::Fence { .. }) {
        return Ok(None);
    }
    let counted = w.connection().prepare_cached(
        "select count(distinct volume) from action where kind = 'fence' and planned > ?1 and planned < ?2 and id <> ?3
         and state in ('planned', 'started', 'done', 'unknown') and volume <> ?4",
    );
    let (since, until) = around(now, FENCES_WITHIN_MILLIS);
    let parameters = (since, until, id.0, decision.action.volume());
    let counted = counted.and_then(|mut statement| statement.query_row(parameters, |row| row.get::<_, i64>(0)));
    let fenced = usize::try_from(w.tried(counted)?).unwrap_or(usize::MAX);
    Ok((fenced >= decision.fences_most).then(|| {
        format!(
            "policies fenced {fenced} volumes within ten minutes already, and a false alarm must not cut off a whole site"
        )
    }))
}

/// A request was approved: what waited for it is about to run. False if nothing did.
pub(crate) fn approved(w: &mut Writing<'_>, now: Time, by: &Actor, request: RequestId) -> Result<bool, Error> {
    let Some(id) = waiting_for(w, request)? else {
        return Ok(false);
    };
    set_state(w, now, id, &ActionState::Planned)?;
    w.record(
        now,
        by,
        "action.planned",
        &format!("action/{id}"),
        &json!({ "request": request }),
    )?;
    Ok(true)
}

/// A request won't be approved any more: what waited for it won't run.
pub(crate) fn not_approved(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    request: RequestId,
    why: &str,
) -> Result<(), Error> {
    let Some(id) = waiting_for(w, request)? else {
        return Ok(());
    };
    let state = ActionState::NotRun { why: why.to_owned() };
    set_state(w, now, id, &state)?;
    w.record(
        now,
        by,
        "action.not-run",
        &format!("action/{id}"),
        &json!({ "why": why, "request": request }),
    )?;
    Ok(())
}

fn waiting_for(w: &Writing<'_>, request: RequestId) -> Result<Option<ActionId>, Error> {
    let found = w
        .connection()
        .prepare_cached("select id from action where request = ?1 and state = 'waiting'");
    let found = found.and_then(|mut statement| statement.query_row([request.0], |row| row.get(0)).optional());
    Ok(w.tried(found)?.map(ActionId))
}

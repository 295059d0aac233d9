//! Carrying actions out: which is next, that it is started, how it ended, and what a kill left behind.

use rusqlite::OptionalExtension;
use serde_json::json;

use super::kind::{ActionId, ActionKind, ActionState};
use super::store::{Action, first, needed, set_state};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::time::Time;

/// What was decided longer ago than this and isn't begun isn't done any more, in milliseconds: nobody expects it.
const STALE_MILLIS: i64 = 3_600_000;
/// Actions told of at a time.
const TOLD_MOST: usize = 100;

/// Who carries an action out: what may take long doesn't hold up what protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// What protects a volume; fences go before all else.
    Volumes = 0,
    /// Telling people: a part of the ledger.
    Notices = 1,
    /// What waits for others: web servers and programs.
    Outside = 2,
    /// Drills, which take minutes.
    Drills = 3,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 4] = [Self::Volumes, Self::Notices, Self::Outside, Self::Drills];

    /// The lane of an action.
    #[must_use]
    pub const fn of(action: &ActionKind) -> Self {
        match action {
            ActionKind::Pin { .. }
            | ActionKind::Fence { .. }
            | ActionKind::Release { .. }
            | ActionKind::Sensitivity { .. } => Self::Volumes,
            ActionKind::Notify { .. } => Self::Notices,
            ActionKind::Webhook { .. } | ActionKind::Command { .. } => Self::Outside,
            ActionKind::Drill { .. } => Self::Drills,
        }
    }
}

/// What a look tells about an action that was started before a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was done; what came of it.
    Done(String),
    /// It was surely not done.
    NotDone,
    /// Nobody can know.
    Unknown,
}

/// The next action of a lane: fences first, then in the order in which they were decided.
///
/// # Errors
/// When the ledger can't be read.
pub fn next(ledger: &Ledger, lane: Lane) -> Result<Option<Action>, Error> {
    let next = |condition| first(ledger.connection(), condition, &[&(lane as i64)]);
    let fence = next("state = 'planned' and lane = ?1 and kind = 'fence' order by id");
    let found = match ledger.tried(fence)? {
        None => next("state = 'planned' and lane = ?1 order by id"),
        fence => Ok(fence),
    };
    ledger.tried(found)
}

/// Whether an action is about to run: it waits for nobody.
///
/// # Errors
/// When there is no such action, or the ledger can't be read.
pub fn is_planned(w: &Writing<'_>, id: ActionId) -> Result<bool, Error> {
    Ok(needed(w, id)?.state == ActionState::Planned)
}

/// Marks an action as started. Once this is durable, and only then, it may be done. `None` if it isn't to be done after all.
///
/// # Errors
/// When there is no such action, it isn't planned, or the ledger can't be written.
pub fn start(w: &mut Writing<'_>, now: Time, id: ActionId) -> Result<Option<Action>, Error> {
    let action = needed(w, id)?;
    if action.state != ActionState::Planned {
        return Err(wrong_state(&action, "be started"));
    }
    let is_notice = Lane::of(&action.kind) == Lane::Notices;
    let approved = decided(w, &action)?;
    if !is_notice && now.millis_since(approved) > STALE_MILLIS {
        let why = "it was decided more than an hour ago, and nothing carried it out since".to_owned();
        end(w, now, &action, ActionState::NotRun { why })?;
        return Ok(None);
    }
    set_state(w, now, id, &ActionState::Started)?;
    w.record(
        now,
        &action.by,
        "action.started",
        &subject(id),
        &json!({ "action": action.kind }),
    )?;
    Ok(Some(Action {
        state: ActionState::Started,
        started: Some(now),
        ..action
    }))
}

/// When an action was decided for good: when it was planned, or approved.
fn decided(w: &Writing<'_>, action: &Action) -> Result<Time, Error> {
    let Some(request) = action.request else {
        return Ok(action.planned);
    };
    let decided = w
        .connection()
        .query_row(
            "select decided from approval_request where id = ?1",
            [request.0],
            |row| row.get(0),
        )
        .optional();
    Ok(w.tried(decided)?.flatten().unwrap_or(action.planned))
}

/// Records how an action ended that was started.
///
/// # Errors
/// When there is no such action, it wasn't started, `state` isn't an end, or the ledger can't be written.
pub fn finish(w: &mut Writing<'_>, now: Time, id: ActionId, state: ActionState) -> Result<(), Error> {
    let action = needed(w, id)?;
    if action.state != ActionState::Started {
        return Err(wrong_state(&action, "end"));
    }
    if matches!(
        state,
        ActionState::Waiting | ActionState::Planned | ActionState::Started
    ) {
        return Err(wrong_state(&action, "end like this"));
    }
    end(w, now, &action, state)
}

fn end(w: &mut Writing<'_>, now: Time, action: &Action, state: ActionState) -> Result<(), Error> {
    set_state(w, now, action.id, &state)?;
    let kind = format!("action.{}", state.name());
    let body = json!({ "action": action.kind, "outcome": state.outcome(), "incident": action.incident });
    w.record(now, &action.by, &kind, &subject(action.id), &body).map(drop)
}

/// After a start of the program: what was started and not ended is looked at (`look`), and is recorded as what it is. What protects a
/// volume and was surely not done is planned again; all else isn't tried twice. Returns what was looked at.
///
/// # Errors
/// When the ledger can't be written.
pub fn after_restart(
    w: &mut Writing<'_>,
    now: Time,
    look: &mut dyn FnMut(&Action) -> Found,
) -> Result<Vec<Action>, Error> {
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let found = first(w.connection(), "state = 'started' and id > ?1 order by id", &[&after]);
        let Some(action) = w.tried(found)? else {
            return Ok(seen);
        };
        after = action.id.0;
        match look(&action) {
            Found::Done(outcome) => end(w, now, &action, ActionState::Done { outcome })?,
            Found::Unknown => end(w, now, &action, ActionState::Unknown)?,
            Found::NotDone if is_protective(&action.kind) => {
                set_state(w, now, action.id, &ActionState::Planned)?;
                let why = "the program ended before it was done";
                w.record(
                    now,
                    &action.by,
                    "action.planned",
                    &subject(action.id),
                    &json!({ "again": why }),
                )?;
            }
            Found::NotDone => {
                let why = "the program ended before it was done".to_owned();
                end(w, now, &action, ActionState::NotRun { why })?;
            }
        }
        seen.push(action);
    }
}

/// Whether it does no harm to do it late, and may do harm not to.
const fn is_protective(kind: &ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::Pin { .. } | ActionKind::Fence { .. } | ActionKind::Sensitivity { .. } | ActionKind::Notify { .. }
    )
}

/// Actions that wait for people of which nobody was told yet.
///
/// # Errors
/// When the ledger can't be read.
pub fn tell_waiting(ledger: &Ledger) -> Result<Vec<Action>, Error> {
    let mut untold = Vec::new();
    let mut after = 0;
    while untold.len() < TOLD_MOST {
        let condition = "state = 'waiting' and told = 0 and id > ?1 order by id";
        let found = ledger.tried(first(ledger.connection(), condition, &[&after]))?;
        let Some(action) = found else { break };
        after = action.id.0;
        untold.push(action);
    }
    Ok(untold)
}

/// People were told that an action waits for them.
///
/// # Errors
/// When the ledger can't be written.
pub fn told(w: &mut Writing<'_>, id: ActionId) -> Result<(), Error> {
    let told = w
        .connection()
        .execute("update action set told = 1 where id = ?1", [id.0]);
    w.tried(told).map(drop)
}

fn subject(id: ActionId) -> String {
    format!("action/{id}")
}

fn wrong_state(action: &Action, what: &str) -> Error {
    Error::Refused {
        what: format!("action {} can't {what}: it is `{}`", action.id, action.state.name()),
    }
}

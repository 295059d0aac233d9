//! Actions in the ledger.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::kind::{ActionId, ActionKind, ActionState};
use crate::alert::AlertId;
use crate::approval::RequestId;
use crate::error::Error;
use crate::incident::IncidentId;
use crate::ledger::{Ledger, Writing};
use crate::page::Page;
use crate::people::Actor;
use crate::time::Time;

/// Tables of this part. `mark` says what is the same ([`super::plan()`]); `lane` who carries it out.
pub(crate) const SCHEMA: &str = "
    create table action (
        id integer primary key autoincrement,
        kind text not null,
        body text not null,
        mark text not null,
        lane integer not null,
        by text not null,
        policy text not null,
        because text not null,
        volume text,
        alert integer,
        incident integer,
        request integer,
        planned integer not null,
        started integer,
        ended integer,
        state text not null,
        outcome text,
        told integer not null
    ) strict;
    create index action_state on action (state, lane, id);
    create index action_mark on action (mark, planned);
    create index action_policy on action (policy, planned);
    create index action_kind on action (kind, planned);
    create index action_volume on action (volume, id);
    create index action_incident on action (incident, id);
    create index action_request on action (request);
";

/// The columns of an [`Action`], in the order in which [`read`] takes them.
const COLUMNS: &str = "id, body, by, because, alert, incident, request, planned, started, ended, state, outcome";

/// Something that was decided to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its number.
    pub id: ActionId,
    /// What.
    #[serde(flatten)]
    pub kind: ActionKind,
    /// Who decided.
    pub by: Actor,
    /// Why, in words.
    pub because: String,
    /// The alert that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertId>,
    /// The incident that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The request for an approval that it waits for, or waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// When it was decided.
    pub planned: Time,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// How far it is.
    #[serde(flatten)]
    pub state: ActionState,
}

/// Which actions are wanted; all if nothing is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Because of an alert.
    pub alert: Option<AlertId>,
    /// Of an incident.
    pub incident: Option<IncidentId>,
    /// On a volume.
    pub volume: Option<String>,
    /// In a state, by its name (`waiting`, `planned`, `started`, `done`, `failed`, `not-run`, `unknown`).
    pub state: Option<String>,
}

impl Action {
    /// A name that nothing else has: what the action does is marked with it.
    #[must_use]
    pub fn mark(&self) -> String {
        // The time tells apart what ledgers decided of which one replaced the other.
        let time = self.planned.timestamp().to_string();
        let digits: String = time.chars().filter(char::is_ascii_digit).take(14).collect();
        format!("action-{}-{digits}", self.id)
    }
}

impl Ledger {
    /// Actions, newest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn actions(&self, filter: &Filter, page: Page) -> Result<Vec<Action>, Error> {
        let sql = format!(
            "select {COLUMNS} from action where id < ?1 and (?2 is null or incident = ?2) and (?3 is null or volume = ?3)
             and (?4 is null or state = ?4) and (?6 is null or alert = ?6) order by id desc limit ?5"
        );
        let (incident, alert) = (filter.incident.map(|id| id.0), filter.alert.map(|id| id.0));
        let parameters = (
            page.below(),
            incident,
            &filter.volume,
            &filter.state,
            page.limit(),
            alert,
        );
        let rows = self.connection().prepare_cached(&sql).and_then(|mut statement| {
            let rows = statement.query_map(parameters, read)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        self.tried(rows)
    }

    /// One action.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn action(&self, id: ActionId) -> Result<Option<Action>, Error> {
        self.tried(find(self.connection(), id))
    }
}

/// One action, by its number.
pub(super) fn find(connection: &Connection, id: ActionId) -> rusqlite::Result<Option<Action>> {
    first(connection, "id = ?1", &[&id.0])
}

/// The first action, by number, for which a condition holds.
pub(super) fn first(
    connection: &Connection,
    condition: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Option<Action>> {
    let sql = format!("select {COLUMNS} from action where {condition} limit 1");
    connection.prepare_cached(&sql)?.query_row(parameters, read).optional()
}

/// The action that must be there.
pub(super) fn needed(w: &Writing<'_>, id: ActionId) -> Result<Action, Error> {
    w.tried(find(w.connection(), id))?.ok_or_else(|| Error::NotFound {
        what: "action",
        name: id.to_string(),
    })
}

/// Enters how far an action is.
pub(super) fn set_state(w: &Writing<'_>, now: Time, id: ActionId, state: &ActionState) -> Result<(), Error> {
    let (name, outcome) = (state.name(), state.outcome());
    let (started, ended) = match state {
        ActionState::Waiting | ActionState::Planned => (None, None),
        ActionState::Started => (Some(now), None),
        _ => (None, Some(now)),
    };
    let changed = w.connection().prepare_cached(
        "update action set state = ?2, outcome = ?3, started = coalesce(?4, started), ended = ?5 where id = ?1",
    );
    let changed = changed.and_then(|mut statement| statement.execute((id.0, name, outcome, started, ended)));
    w.tried(changed).map(drop)
}

/// Reads a row of [`COLUMNS`].
fn read(row: &Row<'_>) -> rusqlite::Result<Action> {
    Ok(Action {
        id: ActionId(row.get(0)?),
        kind: json(row, 1)?,
        by: json(row, 2)?,
        because: row.get(3)?,
        alert: row.get::<_, Option<i64>>(4)?.map(AlertId),
        incident: row.get::<_, Option<i64>>(5)?.map(IncidentId),
        request: row.get::<_, Option<i64>>(6)?.map(RequestId),
        planned: row.get(7)?,
        started: row.get(8)?,
        ended: row.get(9)?,
        state: state(
            &row.get::<_, String>(10)?,
            row.get::<_, Option<String>>(11)?.unwrap_or_default(),
        ),
    })
}

/// A column that holds JSON.
pub(crate) fn json<T: for<'de> Deserialize<'de>>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error)))
}

/// The state of a name, with what goes with it.
fn state(name: &str, text: String) -> ActionState {
    match name {
        "waiting" => ActionState::Waiting,
        "planned" => ActionState::Planned,
        "started" => ActionState::Started,
        "done" => ActionState::Done { outcome: text },
        "failed" => ActionState::Failed { error: text },
        "not-run" => ActionState::NotRun { why: text },
        // Of what isn't known nobody may think that it was done or that it wasn't.
        _ => ActionState::Unknown,
    }
}

impl ActionState {
    /// Its name, as it is stored and asked for.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Planned => "planned",
            Self::Started => "started",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::NotRun { .. } => "not-run",
            Self::Unknown => "unknown",
        }
    }

    /// What came of it, in words.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        match self {
            Self::Done { outcome: text } | Self::Failed { error: text } | Self::NotRun { why: text } => Some(text),
            Self::Waiting | Self::Planned | Self::Started | Self::Unknown => None,
        }
    }
}

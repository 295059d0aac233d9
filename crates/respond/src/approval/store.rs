//! Requests and votes in the ledger.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::operation::Operation;
use crate::action::json;
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::page::Page;
use crate::people::Actor;
use crate::time::Time;

/// Tables of this part.
pub(crate) const SCHEMA: &str = "
    create table approval_setting (id integer primary key check (id = 1), rules text not null) strict;
    create table approval_request (
        id integer primary key autoincrement,
        operation text not null,
        subject text not null,
        detail text not null,
        because text not null,
        asked_by text not null,
        asker text,
        asked integer not null,
        expires integer not null,
        quorum integer not null,
        state text not null,
        decided integer,
        usable_until integer,
        glass integer not null
    ) strict;
    create index approval_request_state on approval_request (state, id);
    create index approval_request_wish on approval_request (operation, subject, state);
    create table approval_vote (
        request integer not null references approval_request (id),
        person text not null,
        actor text not null,
        time integer not null,
        note text not null,
        primary key (request, person)
    ) strict, without rowid;
    create table approval_seal (
        hash blob primary key,
        made integer not null,
        expires integer not null,
        used integer
    ) strict, without rowid;
    create table approval_kept (subject text primary key, value text not null) strict, without rowid;
";

/// Columns of a request, in the order in which [`read`] takes them.
const COLUMNS: &str =
    "id, operation, subject, detail, because, asked_by, asker, asked, expires, quorum, state, decided,
    usable_until, glass";

/// A request's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub i64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestState {
    /// It waits for approvals.
    Waiting,
    /// Enough have approved: it may be used, once.
    Approved,
    /// What was asked for was done, or is being done.
    Used,
    /// Somebody said no.
    Refused,
    /// Whoever asked doesn't want it any more.
    Withdrawn,
    /// Nobody approved in time, or nobody used it in time.
    Expired,
}

/// Somebody's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub by: Actor,
    /// When.
    pub time: Time,
    /// What they wrote about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Something that somebody asks to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// What.
    pub operation: Operation,
    /// To what.
    pub subject: String,
    /// How exactly.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Why.
    pub because: String,
    /// Who asks.
    pub asked_by: Actor,
    /// When it was asked.
    pub asked: Time,
    /// Until when it can be approved.
    pub expires: Time,
    /// How many have to approve.
    pub needed: u32,
    /// Who has.
    pub approvals: Vec<Vote>,
    /// How far it is.
    pub state: RequestState,
    /// When it was approved, refused, withdrawn, used or found expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Time>,
    /// Until when it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable_until: Option<Time>,
    /// Whether glass was broken for it: nobody approved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub glass_broken: bool,
    /// The account of whoever asks; unknown of the command line without a token.
    #[serde(skip)]
    pub(super) asker: Option<String>,
}

/// Which requests are wanted; all if nothing is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In a state.
    pub state: Option<RequestState>,
    /// For an operation.
    pub operation: Option<Operation>,
    /// About a subject.
    pub subject: Option<String>,
}

impl Request {
    /// How far it is at a time: what isn't marked as expired yet may be all the same.
    #[must_use]
    pub fn state_at(&self, now: Time) -> RequestState {
        match self.state {
            RequestState::Waiting if now >= self.expires => RequestState::Expired,
            RequestState::Approved if self.usable_until.is_none_or(|until| now >= until) => RequestState::Expired,
            state => state,
        }
    }

    /// What is asked for, in a few words.
    #[must_use]
    pub fn text(&self) -> String {
        super::words::text(self.operation, &self.subject, &self.detail)
    }
}

impl RequestState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Approved,
        Self::Used,
        Self::Refused,
        Self::Withdrawn,
        Self::Expired,
    ];

    /// Its name in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Used => "used",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

impl Ledger {
    /// Requests, newest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn requests(&self, filter: &Filter, page: Page) -> Result<Vec<Request>, Error> {
        let sql = format!(
            "select {COLUMNS} from approval_request where id < ?1 and (?2 is null or state = ?2)
             and (?3 is null or operation = ?3) and (?4 is null or subject = ?4) order by id desc limit ?5"
        );
        let state = filter.state.map(RequestState::name);
        let operation = filter.operation.map(Operation::name);
        let parameters = (page.below(), state, operation, &filter.subject, page.limit());
        let read_all = || {
            let mut statement = self.connection().prepare_cached(&sql)?;
            let rows = statement.query_map(parameters, read)?;
            let requests = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            requests
                .into_iter()
                .map(|request| with_votes(self.connection(), request))
                .collect()
        };
        self.tried(read_all())
    }

    /// One request.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        self.tried(find(self.connection(), id))
    }
}

/// One request, by its number.
pub(super) fn find(connection: &Connection, id: RequestId) -> rusqlite::Result<Option<Request>> {
    let sql = format!("select {COLUMNS} from approval_request where id = ?1");
    let found = connection.prepare_cached(&sql)?.query_row([id.0], read).optional()?;
    found.map(|request| with_votes(connection, request)).transpose()
}

/// Requests for something in a state, newest first.
pub(super) fn of_wish(
    connection: &Connection,
    wish: (Operation, &str, &str),
    state: RequestState,
) -> rusqlite::Result<Vec<Request>> {
    let sql = format!(
        "select {COLUMNS} from approval_request where operation = ?1 and subject = ?2 and detail = ?3 and state = ?4
         order by id desc limit 16"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((wish.0.name(), wish.1, wish.2, state.name()), read)?;
    let requests = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    requests
        .into_iter()
        .map(|request| with_votes(connection, request))
        .collect()
}

/// The request that must be there.
pub(super) fn needed(w: &Writing<'_>, id: RequestId) -> Result<Request, Error> {
    w.tried(find(w.connection(), id))?.ok_or_else(|| Error::NotFound {
        what: "request",
        name: id.to_string(),
    })
}

/// Enters how far a request is.
pub(super) fn set_state(w: &Writing<'_>, now: Time, id: RequestId, state: RequestState) -> Result<(), Error> {
    let changed = w.connection().execute(
        "update approval_request set state = ?2, decided = ?3 where id = ?1",
        (id.0, state.name(), now),
    );
    w.tried(changed).map(drop)
}

pub(super) fn subject(id: RequestId) -> String {
    format!("approval/{id}")
}

fn with_votes(connection: &Connection, mut request: Request) -> rusqlite::Result<Request> {
    let mut statement = connection
        .prepare_cached("select actor, time, note from approval_vote where request = ?1 order by time, person")?;
    let votes = statement.query_map([request.id.0], |row| {
        Ok(Vote {
            by: json(row, 0)?,
            time: row.get(1)?,
            note: row.get(2)?,
        })
    })?;
    request.approvals = votes.collect::<rusqlite::Result<_>>()?;
    Ok(request)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Request> {
    let unknown = |index| {
        let what = "a word that this program doesn't know".into();
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, what)
    };
    let operation: String = row.get(1)?;
    let state: String = row.get(10)?;
    let quorum: u32 = row.get(9)?;
    let asked_by = json(row, 5)?;
    let asker: Option<String> = row.get(6)?;
    Ok(Request {
        id: RequestId(row.get(0)?),
        operation: operation.parse().map_err(|_| unknown(1))?,
        subject: row.get(2)?,
        detail: row.get(3)?,
        because: row.get(4)?,
        needed: quorum.saturating_add(u32::from(is_unnamed(&asked_by, asker.as_deref()))),
        asked_by,
        asked: row.get(7)?,
        expires: row.get(8)?,
        approvals: Vec::new(),
        state: state_of(&state).ok_or_else(|| unknown(10))?,
        decided: row.get(11)?,
        usable_until: row.get(12)?,
        glass_broken: row.get(13)?,
        asker,
    })
}

/// Whether a person asked of whom isn't known who they are: any approver may be the one, so one more has to approve.
fn is_unnamed(asked_by: &Actor, asker: Option<&str>) -> bool {
    asker.is_none() && !matches!(asked_by, Actor::System(_))
}

fn state_of(name: &str) -> Option<RequestState> {
    RequestState::ALL.into_iter().find(|state| state.name() == name)
}

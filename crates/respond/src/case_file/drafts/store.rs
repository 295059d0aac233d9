//! Drafts in the ledger.

use rusqlite::{Connection, OptionalExtension, Row};

use super::render::Rendered;
use super::vocabulary::{APPROVALS_NEEDED, Approval, Draft, DraftId, DraftKind, DraftState, UsedFact};
use crate::approval::{self, Operation, Wish};
use crate::case_file::columns::{actor_of, actor_text, check_approver, check_incident, sha256, subject};
use crate::case_file::facts::{Fact, FactId, facts_of};
use crate::error::Error;
use crate::incident::IncidentId;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Drafts of an incident that are listed, at most: the newest.
const DRAFTS_MAX: i64 = 200;
const SELECT: &str = "select id, incident, kind, state, text, to_fill, actor, made, sent from draft";

/// Drafts of an incident, newest first.
///
/// # Errors
/// When the ledger can't be read.
pub fn drafts(ledger: &Ledger, incident: IncidentId) -> Result<Vec<Draft>, Error> {
    let read = |connection: &Connection| {
        let mut statement =
            connection.prepare_cached(&format!("{SELECT} where incident = ?1 order by id desc limit ?2"))?;
        let rows = statement.query_map((incident.0, DRAFTS_MAX), draft_of_row)?;
        let drafts: Vec<Draft> = rows.collect::<rusqlite::Result<_>>()?;
        drafts.into_iter().map(|draft| completed(connection, draft)).collect()
    };
    ledger.tried(read(ledger.connection()))
}

/// One draft.
///
/// # Errors
/// When the ledger can't be read.
pub fn draft(ledger: &Ledger, id: DraftId) -> Result<Option<Draft>, Error> {
    ledger.tried(by_id(ledger.connection(), id))
}

/// Keeps a text as a draft, made of `facts`. An earlier one of its kind that didn't go out is replaced.
///
/// # Errors
/// When the incident doesn't exist, or the ledger can't be written.
pub fn make_draft(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    incident: IncidentId,
    kind: DraftKind,
    rendered: &Rendered,
    facts: &[Fact],
) -> Result<Draft, Error> {
    check_incident(w, incident)?;
    let to_fill = serde_json::to_string(&rendered.to_fill).map_err(|error| Error::Refused {
        what: format!("the draft can't be kept: {error}"),
    })?;
    let by = actor_text(actor)?;
    let insert = |connection: &Connection| {
        connection.execute(
            "update draft set state = 'replaced' where incident = ?1 and kind = ?2 and state in ('made', 'final')",
            (incident.0, kind.name()),
        )?;
        connection.execute(
            "insert into draft (incident, kind, state, text, to_fill, actor, made) values (?1, ?2, 'made', ?3, ?4, ?5, ?6)",
            (incident.0, kind.name(), &rendered.text, &to_fill, &by, now),
        )?;
        let id = DraftId(connection.last_insert_rowid());
        let mut statement =
            connection.prepare_cached("insert into draft_fact (draft, fact, version) values (?1, ?2, ?3)")?;
        for fact in facts {
            statement.execute((id.0, fact.id.0, fact.version))?;
        }
        by_id(connection, id).map(|draft| (id, draft))
    };
    let (id, draft) = w.tried(insert(w.connection()))?;
    let draft = draft.ok_or_else(|| not_found(id))?;
    let body = serde_json::json!({
        "draft": id, "kind": kind, "to_fill": draft.to_fill, "facts": draft.facts, "sha256": sha256(draft.text.as_bytes()),
    });
    w.record(now, actor, "draft.made", &subject(incident), &body)?;
    Ok(draft)
}

/// Why a draft can't become final; empty if it can.
///
/// # Errors
/// When the ledger can't be read.
pub fn obstacles(ledger: &Ledger, draft: &Draft) -> Result<Vec<String>, Error> {
    ledger.tried(obstacles_now(ledger.connection(), draft))
}

/// The drafts of an incident, as [`drafts`] gives them, each with its [`obstacles`].
///
/// # Errors
/// When the ledger can't be read.
pub fn drafts_with_obstacles(ledger: &Ledger, incident: IncidentId) -> Result<Vec<(Vec<String>, Draft)>, Error> {
    let drafts = drafts(ledger, incident)?;
    let facts = ledger.tried(facts_of(ledger.connection(), incident))?;
    let each = drafts.into_iter().map(|draft| (obstacles_of(&draft, &facts), draft));
    Ok(each.collect())
}

fn obstacles_now(connection: &Connection, draft: &Draft) -> rusqlite::Result<Vec<String>> {
    Ok(obstacles_of(draft, &facts_of(connection, draft.incident)?))
}

/// Why a draft can't become final, as things are in the register.
fn obstacles_of(draft: &Draft, current: &[Fact]) -> Vec<String> {
    let mut found = Vec::new();
    match draft.to_fill.as_slice() {
        [] => {}
        names => found.push(format!("{} to fill in: {}", things(names.len()), names.join(", "))),
    }
    if current.is_empty() {
        found.push("the fact register is empty: set facts, and make the draft again".to_owned());
    }
    for fact in current {
        let name = format!("fact {} ({} in `{}`)", fact.id, fact.said.class, fact.said.system);
        match draft.facts.iter().find(|used| used.fact == fact.id) {
            None => found.push(format!("{name} came after the draft: make it again")),
            Some(used) if used.version != fact.version => {
                found.push(format!("{name} has changed since the draft was made: make it again"));
            }
            Some(_) if !fact.is_confirmed() => found.push(format!("{name} isn't confirmed by two people")),
            Some(_) => {}
        }
    }
    found
}

/// "1 thing", "3 things"
#[must_use]
pub fn things(count: usize) -> String {
    format!("{count} thing{}", if count == 1 { "" } else { "s" })
}

/// Approves a draft; it is final once enough different people have. Whoever had it made is none of them.
///
/// # Errors
/// When it isn't the newest of its kind, something stands in the way ([`obstacles`]), the actor is no person, had it made or approved it
/// already, or the ledger can't be written.
pub fn approve_draft(w: &mut Writing<'_>, now: Time, actor: &Actor, id: DraftId) -> Result<Draft, Error> {
    let current = w.tried(by_id(w.connection(), id))?.ok_or_else(|| not_found(id))?;
    let what = format!("draft {id} ({})", current.kind.name());
    let refused = |why: String| Err(Error::Refused { what: why });
    match current.state {
        DraftState::Made => {}
        DraftState::Final => return refused(format!("{what} is final already")),
        DraftState::Sent => return refused(format!("{what} went out already")),
        DraftState::Replaced => return refused(format!("a newer draft took the place of {what}: approve that")),
    }
    check_approver(
        w,
        &what,
        actor,
        &current.made_by,
        current.approvals.iter().map(|approval| &approval.by),
    )?;
    let obstacles = w.tried(obstacles_now(w.connection(), &current))?;
    if !obstacles.is_empty() {
        return refused(format!("{what} can't be approved yet: {}", obstacles.join("; ")));
    }
    let by = actor_text(actor)?;
    let state = if current.approvals.len() + 1 >= APPROVALS_NEEDED {
        DraftState::Final
    } else {
        DraftState::Made
    };
    let insert = "insert into draft_approval (draft, actor, time) values (?1, ?2, ?3)";
    w.tried(w.connection().execute(insert, (id.0, by, now)))?;
    w.tried(
        w.connection()
            .execute("update draft set state = ?2 where id = ?1", (id.0, state.name())),
    )?;
    let approved = w.tried(by_id(w.connection(), id))?.ok_or_else(|| not_found(id))?;
    let body = serde_json::json!({
        "draft": id, "kind": approved.kind, "approvals": approved.approvals.len(), "final": state == DraftState::Final,
        "sha256": sha256(approved.text.as_bytes()),
    });
    w.record(now, actor, "draft.approved", &subject(approved.incident), &body)?;
    Ok(approved)
}

/// Records that a final draft went out, and with which facts.
///
/// # Errors
/// When it isn't final, a fact in it has changed since, a rule of approvals covers letters and nobody approved that this one is sent, or
/// the ledger can't be written.
pub fn mark_sent(w: &mut Writing<'_>, now: Time, actor: &Actor, id: DraftId) -> Result<Draft, Error> {
    let current = w.tried(by_id(w.connection(), id))?.ok_or_else(|| not_found(id))?;
    let refused = |why: String| Err(Error::Refused { what: why });
    if current.state != DraftState::Final {
        let what = format!("draft {id} ({}) is not final", current.kind.name());
        return refused(format!("{what}: {APPROVALS_NEEDED} people have to approve it first"));
    }
    let obstacles = w.tried(obstacles_now(w.connection(), &current))?;
    if !obstacles.is_empty() {
        return refused(format!("draft {id} must not go out as it is: {}", obstacles.join("; ")));
    }
    // Whatever the rules of approvals say of letters holds as well.
    approval::use_up(w, now, actor, &wish(&current))?;
    let write = |connection: &Connection| {
        connection.execute("update draft set state = 'sent', sent = ?2 where id = ?1", (id.0, now))?;
        connection.execute(
            "insert into letter_fact (fact, letter, version) select fact, draft, version from draft_fact where draft = ?1",
            [id.0],
        )?;
        by_id(connection, id)
    };
    let sent = w.tried(write(w.connection()))?.ok_or_else(|| not_found(id))?;
    let body = serde_json::json!({
        "draft": id, "kind": sent.kind, "facts": sent.facts, "sha256": sha256(sent.text.as_bytes()),
    });
    w.record(now, actor, "draft.sent", &subject(sent.incident), &body)?;
    Ok(sent)
}

/// What the rules of approvals are asked for: this text and no other goes out.
#[must_use]
pub fn wish(draft: &Draft) -> Wish {
    Wish {
        operation: Operation::SendLetter,
        subject: format!("draft/{}", draft.id),
        detail: format!(
            "{} of incident {}, SHA-256 {}",
            draft.kind.name(),
            draft.incident,
            sha256(draft.text.as_bytes())
        ),
        because: String::new(),
    }
}

fn not_found(id: DraftId) -> Error {
    Error::NotFound {
        what: "draft",
        name: id.to_string(),
    }
}

fn by_id(connection: &Connection, id: DraftId) -> rusqlite::Result<Option<Draft>> {
    let found = connection
        .query_row(&format!("{SELECT} where id = ?1"), [id.0], draft_of_row)
        .optional()?;
    found.map(|draft| completed(connection, draft)).transpose()
}

fn draft_of_row(row: &Row<'_>) -> rusqlite::Result<Draft> {
    let (kind, state): (String, String) = (row.get(2)?, row.get(3)?);
    let to_fill: String = row.get(5)?;
    let unknown = |column: usize, text: &str| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, format!("`{text}`").into())
    };
    Ok(Draft {
        id: DraftId(row.get(0)?),
        incident: IncidentId(row.get(1)?),
        kind: DraftKind::named(&kind).ok_or_else(|| unknown(2, &kind))?,
        state: DraftState::ALL
            .into_iter()
            .find(|known| known.name() == state)
            .ok_or_else(|| unknown(3, &state))?,
        text: row.get(4)?,
        to_fill: serde_json::from_str(&to_fill).map_err(|_| unknown(5, &to_fill))?,
        facts: Vec::new(),
        made_by: actor_of(row, 6)?,
        made: row.get(7)?,
        approvals: Vec::new(),
        sent: row.get(8)?,
    })
}

fn completed(connection: &Connection, mut draft: Draft) -> rusqlite::Result<Draft> {
    let mut statement =
        connection.prepare_cached("select fact, version from draft_fact where draft = ?1 order by fact")?;
    let used = statement.query_map([draft.id.0], |row| {
        Ok(UsedFact {
            fact: FactId(row.get(0)?),
            version: row.get(1)?,
        })
    })?;
    draft.facts = used.collect::<rusqlite::Result<_>>()?;
    let mut statement =
        connection.prepare_cached("select actor, time from draft_approval where draft = ?1 order by time")?;
    let approvals = statement.query_map([draft.id.0], |row| {
        Ok(Approval {
            by: actor_of(row, 0)?,
            time: row.get(1)?,
        })
    })?;
    draft.approvals = approvals.collect::<rusqlite::Result<_>>()?;
    Ok(draft)
}

//! The register in the ledger.

use rusqlite::{Connection, OptionalExtension, Row};

use super::classes::class_name;
use super::vocabulary::{Answer, Fact, FactApproval, FactChange, FactId, NewFact};
use crate::case_file::columns::{actor_of, actor_text, check_approver, check_incident, line_of, subject};
use crate::case_file::drafts::DraftId;
use crate::error::Error;
use crate::incident::IncidentId;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Facts of an incident at most.
const FACTS_MAX: i64 = 2_000;
/// Longest name of a system.
const SYSTEM_MAX: usize = 100;
/// Longest evidence.
const EVIDENCE_MAX: usize = 2_000;
/// Longest reference.
const REFERENCE_MAX: usize = 500;

/// The newest version of every fact of an incident, by class and system.
///
/// # Errors
/// When the ledger can't be read.
pub fn facts(ledger: &Ledger, incident: IncidentId) -> Result<Vec<Fact>, Error> {
    ledger.tried(facts_of(ledger.connection(), incident))
}

/// See [`facts`]; also inside of a transaction.
pub(in crate::case_file) fn facts_of(connection: &Connection, incident: IncidentId) -> rusqlite::Result<Vec<Fact>> {
    let text = format!(
        "{SELECT} and version.version = fact.version where fact.incident = ?1 order by fact.class, fact.system"
    );
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map([incident.0], fact_of_row)?;
    let facts: Vec<Fact> = rows.collect::<rusqlite::Result<_>>()?;
    facts.into_iter().map(|fact| with_approvals(connection, fact)).collect()
}

/// All versions of a fact, oldest first.
///
/// # Errors
/// When there is no such fact or the ledger can't be read.
pub fn fact_versions(ledger: &Ledger, fact: FactId) -> Result<Vec<Fact>, Error> {
    let read = || {
        let text = format!("{SELECT} where fact.id = ?1 order by version.version");
        let mut statement = ledger.connection().prepare_cached(&text)?;
        let rows = statement.query_map([fact.0], fact_of_row)?;
        let versions: Vec<Fact> = rows.collect::<rusqlite::Result<_>>()?;
        let versions = versions
            .into_iter()
            .map(|version| with_approvals(ledger.connection(), version));
        versions.collect::<rusqlite::Result<Vec<Fact>>>()
    };
    let versions = ledger.tried(read())?;
    if versions.is_empty() {
        return Err(not_found(fact));
    }
    Ok(versions)
}

/// Sets what is known of a class of data in a system: a new version, unless nothing changes.
///
/// # Errors
/// When the incident doesn't exist, a text is unusable, or the ledger can't be written.
pub fn set_fact(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    incident: IncidentId,
    new: &NewFact,
) -> Result<FactChange, Error> {
    check_incident(w, incident)?;
    let new = checked(new)?;
    let former = w.tried(find(w.connection(), incident, &new.system, &new.class))?;
    if let Some(former) = former.as_ref().filter(|former| former.said == new) {
        return Ok(FactChange {
            fact: former.clone(),
            is_changed: false,
            approvals_lost: 0,
        });
    }
    let (id, version) = match &former {
        Some(former) => (former.id, former.version.saturating_add(1)),
        None => (w.tried(add(w.connection(), incident, &new))?.ok_or_else(too_many)?, 1),
    };
    let by = actor_text(actor)?;
    let written = w.connection().execute(
        "insert into fact_version (fact, version, answer, evidence, reference, set_by, time) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (id.0, version, new.answer.name(), &new.evidence, &new.reference, by, now),
    );
    w.tried(written)?;
    w.tried(
        w.connection()
            .execute("update fact set version = ?2 where id = ?1", (id.0, version)),
    )?;
    let fact = w
        .tried(find(w.connection(), incident, &new.system, &new.class))?
        .ok_or_else(|| not_found(id))?;
    let approvals_lost = former.as_ref().map_or(0, |former| former.approvals.len());
    let body = serde_json::json!({
        "fact": id, "version": version, "system": new.system, "class": new.class, "answer": new.answer,
        "evidence": new.evidence, "reference": new.reference, "formerly": former.map(|former| former.said.answer),
        "approvals_lost": approvals_lost, "after_letters": fact.after_letters,
    });
    w.record(now, actor, "fact.set", &subject(incident), &body)?;
    Ok(FactChange {
        fact,
        is_changed: true,
        approvals_lost,
    })
}

/// Stands by a version of a fact. Naming the version keeps what changed meanwhile from being approved unseen.
///
/// # Errors
/// When there is no such fact, another version is the newest, the actor is no person, set it, or approved it already, or the ledger
/// can't be written.
pub fn approve_fact(w: &mut Writing<'_>, now: Time, actor: &Actor, fact: FactId, version: u32) -> Result<Fact, Error> {
    let current = w.tried(by_id(w.connection(), fact))?.ok_or_else(|| not_found(fact))?;
    may_approve(w, &current, actor, version)?;
    let by = actor_text(actor)?;
    let written = w.connection().execute(
        "insert into fact_approval (fact, version, actor, time) values (?1, ?2, ?3, ?4)",
        (fact.0, version, by, now),
    );
    w.tried(written)?;
    let approved = w.tried(by_id(w.connection(), fact))?.ok_or_else(|| not_found(fact))?;
    let body = serde_json::json!({
        "fact": fact, "version": version, "system": approved.said.system, "class": approved.said.class,
        "answer": approved.said.answer, "approvals": approved.approvals.len(), "confirmed": approved.is_confirmed(),
    });
    w.record(now, actor, "fact.approved", &subject(approved.incident), &body)?;
    Ok(approved)
}

fn may_approve(w: &Writing<'_>, current: &Fact, actor: &Actor, version: u32) -> Result<(), Error> {
    let what = format!(
        "fact {} ({} in `{}`)",
        current.id, current.said.class, current.said.system
    );
    if current.version != version {
        let what = format!(
            "{what} is at version {}, not {version}: look at it again before you approve it",
            current.version
        );
        return Err(Error::Refused { what });
    }
    let others = current.approvals.iter().map(|approval| &approval.by);
    check_approver(w, &what, actor, &current.set_by, others)
}

fn checked(new: &NewFact) -> Result<NewFact, Error> {
    let class = class_name(&new.class).ok_or_else(|| Error::Refused {
        what: format!(
            "`{}` names no class of data: use letters, digits and `-`, like `email-address` or `date-of-birth`",
            new.class
        ),
    })?;
    Ok(NewFact {
        system: line_of("a system's name", &new.system, SYSTEM_MAX)?,
        class,
        answer: new.answer,
        evidence: line_of("the evidence", &new.evidence, EVIDENCE_MAX)?,
        reference: match &new.reference {
            Some(reference) => Some(line_of("the reference", reference, REFERENCE_MAX)?),
            None => None,
        },
    })
}

/// `None` if there are too many.
fn add(connection: &Connection, incident: IncidentId, new: &NewFact) -> rusqlite::Result<Option<FactId>> {
    let count: i64 = connection.query_row("select count(*) from fact where incident = ?1", [incident.0], |row| {
        row.get(0)
    })?;
    if count >= FACTS_MAX {
        return Ok(None);
    }
    connection.execute(
        "insert into fact (incident, system, class, version) values (?1, ?2, ?3, 0)",
        (incident.0, &new.system, &new.class),
    )?;
    Ok(Some(FactId(connection.last_insert_rowid())))
}

fn too_many() -> Error {
    Error::Refused {
        what: format!("an incident has at most {FACTS_MAX} facts: join systems under one name"),
    }
}

const SELECT: &str = "select fact.id, fact.incident, fact.system, fact.class, version.version, version.answer, version.evidence, \
                      version.reference, version.set_by, version.time \
                      from fact join fact_version version on version.fact = fact.id";

fn find(connection: &Connection, incident: IncidentId, system: &str, class: &str) -> rusqlite::Result<Option<Fact>> {
    let id = "select id from fact where incident = ?1 and system = ?2 and class = ?3";
    let id: Option<i64> = connection
        .query_row(id, (incident.0, system, class), |row| row.get(0))
        .optional()?;
    id.map_or(Ok(None), |id| by_id(connection, FactId(id)))
}

fn by_id(connection: &Connection, fact: FactId) -> rusqlite::Result<Option<Fact>> {
    let text = format!("{SELECT} and version.version = fact.version where fact.id = ?1");
    let found = connection.query_row(&text, [fact.0], fact_of_row).optional()?;
    found.map(|fact| with_approvals(connection, fact)).transpose()
}

fn fact_of_row(row: &Row<'_>) -> rusqlite::Result<Fact> {
    let answer: String = row.get(5)?;
    Ok(Fact {
        id: FactId(row.get(0)?),
        incident: IncidentId(row.get(1)?),
        version: row.get(4)?,
        said: NewFact {
            system: row.get(2)?,
            class: row.get(3)?,
            // What this program doesn't know, nobody can rely on.
            answer: Answer::named(&answer).unwrap_or(Answer::Unknown),
            evidence: row.get(6)?,
            reference: row.get(7)?,
        },
        set_by: actor_of(row, 8)?,
        set: row.get(9)?,
        approvals: Vec::new(),
        after_letters: Vec::new(),
    })
}

fn with_approvals(connection: &Connection, mut fact: Fact) -> rusqlite::Result<Fact> {
    let text = "select actor, time from fact_approval where fact = ?1 and version = ?2 order by time, actor";
    let mut statement = connection.prepare_cached(text)?;
    let approvals = statement.query_map((fact.id.0, fact.version), |row| {
        Ok(FactApproval {
            by: actor_of(row, 0)?,
            time: row.get(1)?,
        })
    })?;
    fact.approvals = approvals.collect::<rusqlite::Result<_>>()?;
    let text = "select letter from letter_fact where fact = ?1 and version < ?2 order by letter";
    let mut statement = connection.prepare_cached(text)?;
    let letters = statement.query_map((fact.id.0, fact.version), |row| Ok(DraftId(row.get(0)?)))?;
    fact.after_letters = letters.collect::<rusqlite::Result<_>>()?;
    Ok(fact)
}

fn not_found(fact: FactId) -> Error {
    Error::NotFound {
        what: "fact",
        name: fact.to_string(),
    }
}

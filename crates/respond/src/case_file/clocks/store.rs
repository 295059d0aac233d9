//! Clocks in the ledger: when they started, and what was done about them.

use jiff::tz::TimeZone;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::count::{Clock, ClockState, count};
use super::jurisdiction::Jurisdiction;
use crate::case_file::columns::{actor_of, actor_text, check_incident, line_of, subject};
use crate::error::Error;
use crate::incident::IncidentId;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Longest reason or reference.
const TEXT_MAX: usize = 2_000;

/// When the clocks of a law started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The jurisdiction.
    pub jurisdiction: String,
    /// When one became aware of the incident.
    pub aware: Time,
    /// When one decided that it is of the kind that must be reported.
    pub determined: Option<Time>,
    /// Who said so.
    pub by: Actor,
    /// When they said so.
    pub recorded: Time,
}

/// What was done about a duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Whoever has to be told was told.
    Reported,
    /// Somebody decided that nobody has to be told.
    NotNeeded,
}

impl Outcome {
    /// The name in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::NotNeeded => "not-needed",
        }
    }
}

/// What is to be recorded of a duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The jurisdiction.
    pub jurisdiction: String,
    /// The duty.
    pub duty: String,
    /// What was done.
    pub outcome: Outcome,
    /// When it was done.
    pub time: Time,
    /// Why it was late, or isn't needed.
    pub why: Option<String>,
    /// The regulator's reference number, or where the report can be read.
    pub reference: Option<String>,
}

/// What was done about a duty, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The duty.
    pub duty: String,
    /// What was done.
    pub outcome: Outcome,
    /// When it was done.
    pub time: Time,
    /// Why it was late, or isn't needed.
    pub why: Option<String>,
    /// The regulator's reference number, or where the report can be read.
    pub reference: Option<String>,
    /// Who said so.
    pub by: Actor,
    /// When they said so.
    pub recorded: Time,
}

/// All clocks of an incident, those due first before the others.
///
/// # Errors
/// When the ledger can't be read, or a jurisdiction whose clocks run isn't among those given.
pub fn clocks(
    ledger: &Ledger,
    incident: IncidentId,
    now: Time,
    jurisdictions: &[Jurisdiction],
    zone: &TimeZone,
) -> Result<Vec<Clock>, Error> {
    let mut all = Vec::new();
    for started in ledger.tried(started(ledger.connection(), incident))? {
        let stops = ledger.tried(stops(ledger.connection(), incident, &started.jurisdiction))?;
        all.extend(count(
            named(jurisdictions, &started.jurisdiction)?,
            &started,
            &stops,
            now,
            zone,
        ));
    }
    all.sort_by_key(|clock| (!clock.state.is_open(), clock.due.is_none(), clock.due, clock.id.clone()));
    Ok(all)
}

/// Starts the clocks of a law, or corrects when they started: what isn't given stays as it was.
///
/// # Errors
/// When the incident or jurisdiction doesn't exist, a time is in the future, no awareness is known, or the ledger can't be written.
pub fn start_clocks(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    incident: IncidentId,
    law: &Jurisdiction,
    aware: Option<Time>,
    determined: Option<Time>,
) -> Result<Started, Error> {
    check_incident(w, incident)?;
    let former = w.tried(started(w.connection(), incident))?;
    let former = former.into_iter().find(|started| started.jurisdiction == law.id);
    let aware = aware
        .or(former.as_ref().map(|former| former.aware))
        .ok_or_else(|| Error::Refused {
            what: format!(
                "the clocks of {} don't run yet: say when you became aware of the incident",
                law.id
            ),
        })?;
    let determined = determined.or_else(|| former.as_ref().and_then(|former| former.determined));
    for (what, time) in [("awareness", Some(aware)), ("the decision", determined)] {
        if let Some(time) = time.filter(|time| *time > now) {
            let what = format!("{what} can't be in the future: it is {now} now, and {time} was given");
            return Err(Error::Refused { what });
        }
    }
    if let Some(determined) = determined.filter(|determined| *determined < aware) {
        let what = format!("the decision at {determined} can't come before awareness at {aware}");
        return Err(Error::Refused { what });
    }
    let started = Started {
        jurisdiction: law.id.clone(),
        aware,
        determined,
        by: actor.clone(),
        recorded: now,
    };
    let written = w.connection().execute(
        "insert into clock (incident, jurisdiction, aware, determined, actor, recorded) values (?1, ?2, ?3, ?4, ?5, ?6)
         on conflict (incident, jurisdiction) do update set aware = excluded.aware, determined = excluded.determined,
         actor = excluded.actor, recorded = excluded.recorded",
        (incident.0, &law.id, aware, determined, actor_text(actor)?, now),
    );
    w.tried(written)?;
    let body = serde_json::json!({
        "jurisdiction": law.id, "law": law.name, "aware": aware, "determined": determined,
        "formerly": former.map(|former| serde_json::json!({ "aware": former.aware, "determined": former.determined })),
    });
    w.record(now, actor, "clock.started", &subject(incident), &body)?;
    Ok(started)
}

/// Records that a duty was done, or isn't needed. What is late, or not done at all, needs a reason.
///
/// # Errors
/// When its clock doesn't run, the time can't be, a reason is missing, or the ledger can't be written.
pub fn stop_clock(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    incident: IncidentId,
    jurisdictions: &[Jurisdiction],
    zone: &TimeZone,
    stop: &Stop,
) -> Result<Clock, Error> {
    let law = named(jurisdictions, &stop.jurisdiction)?;
    let found = w.tried(started(w.connection(), incident))?;
    let started = found
        .into_iter()
        .find(|started| started.jurisdiction == law.id)
        .ok_or_else(|| Error::Refused {
            what: format!(
                "the clocks of {} don't run for incident {incident}: start them first",
                law.id
            ),
        })?;
    if !law.duties.iter().any(|duty| duty.id == stop.duty) {
        let known: Vec<&str> = law.duties.iter().map(|duty| duty.id.as_str()).collect();
        let what = format!("{} has no duty `{}`: there are {}", law.id, stop.duty, known.join(", "));
        return Err(Error::Refused { what });
    }
    if stop.time > now || stop.time < started.aware {
        let what = format!(
            "{} is not between awareness ({}) and now ({now})",
            stop.time, started.aware
        );
        return Err(Error::Refused { what });
    }
    let stopped = Stopped {
        duty: stop.duty.clone(),
        outcome: stop.outcome,
        time: stop.time,
        why: stop
            .why
            .as_deref()
            .map(|why| line_of("the reason", why, TEXT_MAX))
            .transpose()?,
        reference: stop
            .reference
            .as_deref()
            .map(|text| line_of("the reference", text, TEXT_MAX))
            .transpose()?,
        by: actor.clone(),
        recorded: now,
    };
    let mut all = w.tried(stops(w.connection(), incident, &law.id))?;
    all.retain(|former| former.duty != stop.duty);
    all.push(stopped.clone());
    let clock = count(law, &started, &all, now, zone)
        .into_iter()
        .find(|clock| clock.duty.id == stop.duty);
    let clock = clock.ok_or_else(|| unknown(&stop.jurisdiction))?;
    if stopped.why.is_none() && clock.state != ClockState::Reported {
        let late = clock
            .due
            .map_or_else(String::new, |due| format!(" ({} was due {due})", clock.id));
        let what = format!("a report that is late or not made needs a reason{late}: give one");
        return Err(Error::Refused { what });
    }
    write_stop(w, incident, &law.id, &stopped)?;
    let body = serde_json::json!({
        "clock": clock.id, "title": clock.duty.title, "tell": clock.duty.tell, "outcome": stopped.outcome, "at": stopped.time,
        "due": clock.due, "late": clock.state == ClockState::ReportedLate, "why": stopped.why, "reference": stopped.reference,
    });
    w.record(now, actor, "clock.stopped", &subject(incident), &body)?;
    Ok(clock)
}

fn write_stop(w: &Writing<'_>, incident: IncidentId, law: &str, stopped: &Stopped) -> Result<(), Error> {
    let written = w.connection().execute(
        "insert or replace into clock_stop (incident, jurisdiction, duty, outcome, time, why, reference, actor, recorded)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        rusqlite::params![
            incident.0,
            law,
            stopped.duty,
            stopped.outcome.name(),
            stopped.time,
            stopped.why,
            stopped.reference,
            actor_text(&stopped.by)?,
            stopped.recorded
        ],
    );
    w.tried(written).map(drop)
}

fn named<'a>(jurisdictions: &'a [Jurisdiction], id: &str) -> Result<&'a Jurisdiction, Error> {
    jurisdictions.iter().find(|law| law.id == id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    Error::NotFound {
        what: "jurisdiction",
        name: id.to_owned(),
    }
}

fn started(connection: &Connection, incident: IncidentId) -> rusqlite::Result<Vec<Started>> {
    let text =
        "select jurisdiction, aware, determined, actor, recorded from clock where incident = ?1 order by jurisdiction";
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map([incident.0], |row| {
        Ok(Started {
            jurisdiction: row.get(0)?,
            aware: row.get(1)?,
            determined: row.get(2)?,
            by: actor_of(row, 3)?,
            recorded: row.get(4)?,
        })
    })?;
    rows.collect()
}

fn stops(connection: &Connection, incident: IncidentId, law: &str) -> rusqlite::Result<Vec<Stopped>> {
    let text = "select duty, outcome, time, why, reference, actor, recorded from clock_stop \
                where incident = ?1 and jurisdiction = ?2 order by duty";
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map((incident.0, law), stopped_of)?;
    rows.collect()
}

fn stopped_of(row: &Row<'_>) -> rusqlite::Result<Stopped> {
    let outcome: String = row.get(1)?;
    Ok(Stopped {
        duty: row.get(0)?,
        outcome: if outcome == Outcome::NotNeeded.name() {
            Outcome::NotNeeded
        } else {
            Outcome::Reported
        },
        time: row.get(2)?,
        why: row.get(3)?,
        reference: row.get(4)?,
        by: actor_of(row, 5)?,
        recorded: row.get(6)?,
    })
}

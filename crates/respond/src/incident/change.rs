//! What people do with incidents.

use serde_json::json;

use super::store::of;
use super::vocabulary::{Incident, IncidentId, IncidentState};
use crate::error::Error;
use crate::ledger::Writing;
use crate::people::Actor;
use crate::time::Time;

/// Bytes of a note at most.
pub const NOTE_BYTES_MAX: usize = 16 << 10;

/// Somebody looks after it. Who has it already keeps it.
///
/// # Errors
/// When there is no such incident, it is done with, or the ledger can't be written.
pub fn acknowledge(w: &mut Writing<'_>, now: Time, actor: &Actor, id: IncidentId) -> Result<Incident, Error> {
    let mut incident = open(w, id)?;
    if incident.state != IncidentState::Open {
        return Ok(incident);
    }
    incident.state = IncidentState::Acknowledged;
    if incident.assigned.is_none() {
        incident.assigned = Some(actor.clone());
    }
    let body = json!({ "assigned": incident.assigned });
    changed(w, now, actor, incident, "incident.acknowledged", body)
}

/// Says who looks after it; nobody if `None`.
///
/// # Errors
/// As [`acknowledge`].
pub fn assign(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    id: IncidentId,
    to: Option<&Actor>,
) -> Result<Incident, Error> {
    let mut incident = open(w, id)?;
    incident.assigned = to.cloned();
    changed(w, now, actor, incident, "incident.assigned", json!({ "to": to }))
}

/// Adds a note, [`NOTE_BYTES_MAX`] at most; also to one that is done with. Notes are records: they can't be changed.
///
/// # Errors
/// When the note is empty or too long, there is no such incident, or the ledger can't be written.
pub fn note(w: &mut Writing<'_>, now: Time, actor: &Actor, id: IncidentId, text: &str) -> Result<Incident, Error> {
    let text = sentence(text, "a note")?;
    let incident = existing(w, id)?;
    changed(w, now, actor, incident, "incident.noted", json!({ "text": text }))
}

/// What was damaged is back.
///
/// # Errors
/// As [`acknowledge`].
pub fn recovered(w: &mut Writing<'_>, now: Time, actor: &Actor, id: IncidentId, how: &str) -> Result<Incident, Error> {
    let how = sentence(how, "how it was recovered")?;
    let mut incident = open(w, id)?;
    incident.state = IncidentState::Recovered;
    changed(w, now, actor, incident, "incident.recovered", json!({ "how": how }))
}

/// It is done with.
///
/// # Errors
/// As [`acknowledge`].
pub fn close(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    id: IncidentId,
    is_false_alarm: bool,
    why: &str,
) -> Result<Incident, Error> {
    let why = sentence(why, "the reason")?;
    let mut incident = open(w, id)?;
    incident.state = if is_false_alarm {
        IncidentState::FalseAlarm
    } else {
        IncidentState::Closed
    };
    incident.closed = Some(now);
    let body = json!({ "false_alarm": is_false_alarm, "why": why });
    changed(w, now, actor, incident, "incident.closed", body)
}

/// It isn't done with after all.
///
/// # Errors
/// When there is no such incident, it isn't done with, or the ledger can't be written.
pub fn reopen(w: &mut Writing<'_>, now: Time, actor: &Actor, id: IncidentId, why: &str) -> Result<Incident, Error> {
    let why = sentence(why, "the reason")?;
    let mut incident = existing(w, id)?;
    if !incident.state.is_done() && incident.state != IncidentState::Recovered {
        return Err(Error::Refused {
            what: format!("incident `{id}` is open already"),
        });
    }
    incident.state = IncidentState::Open;
    incident.closed = None;
    changed(w, now, actor, incident, "incident.reopened", json!({ "why": why }))
}

fn existing(w: &Writing<'_>, id: IncidentId) -> Result<Incident, Error> {
    of(w, id)?.ok_or_else(|| Error::NotFound {
        what: "incident",
        name: id.to_string(),
    })
}

fn open(w: &Writing<'_>, id: IncidentId) -> Result<Incident, Error> {
    let incident = existing(w, id)?;
    if incident.state.is_done() {
        return Err(Error::Refused {
            what: format!("incident `{id}` is closed; `holdfast incidents reopen {id}` opens it again"),
        });
    }
    Ok(incident)
}

fn sentence<'a>(text: &'a str, what: &str) -> Result<&'a str, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::Refused {
            what: format!("{what} is empty: say something that helps whoever reads it later"),
        });
    }
    if text.len() > NOTE_BYTES_MAX {
        return Err(Error::Refused {
            what: format!("{what} is longer than {NOTE_BYTES_MAX} bytes; shorten it, or split it into several notes"),
        });
    }
    Ok(text)
}

/// Writes down what changed, and the record that says so.
fn changed(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    mut incident: Incident,
    kind: &str,
    body: serde_json::Value,
) -> Result<Incident, Error> {
    incident.updated = incident.updated.max(now);
    let assigned = incident.assigned.as_ref().map(|actor| json!(actor).to_string());
    let written = w.connection().execute(
        "update incident set state = ?2, updated = ?3, closed = ?4, assigned = ?5 where id = ?1",
        (
            incident.id.0,
            incident.state,
            incident.updated,
            incident.closed,
            assigned,
        ),
    );
    w.tried(written)?;
    w.record(now, actor, kind, &subject(incident.id), &body)?;
    super::score::refresh(w, incident.id)?;
    existing(w, incident.id)
}

/// How records name an incident.
pub(super) fn subject(id: IncidentId) -> String {
    format!("incident/{id}")
}

//! What a draft needs that no record has: names, numbers and sentences that people fill in. None of it is made up.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::case_file::columns::{actor_text, check_incident, sha256, subject};
use crate::error::Error;
use crate::incident::IncidentId;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Longest value.
const VALUE_BYTES_MAX: usize = 4_000;

/// Names of values, and what they ask for.
pub const KNOWN: &[(&str, &str)] = &[
    ("organisation", "the name of the organisation"),
    ("address", "the organisation's address"),
    ("registration-number", "the registration number with the regulator"),
    ("staff", "how many people the organisation employs"),
    ("sector", "the sector that the organisation works in"),
    ("contact-name", "who answers questions of those concerned"),
    ("contact-email", "an email address for questions"),
    ("contact-phone", "a telephone number for questions, with its hours"),
    (
        "officer",
        "the data protection officer: name, email address, telephone number",
    ),
    (
        "reporter",
        "who sends the report: name, email address, telephone number",
    ),
    ("monitor-url", "the public page of your breach monitor"),
    ("status-url", "the page with the newest state"),
    ("greeting", "the greeting, like `Dear customer`"),
    ("what-happened", "what happened, in two or three plain sentences"),
    ("how-it-happened", "how the attackers got in, as far as known"),
    ("when-it-happened", "when the breach happened, as far as known"),
    ("discovered-how", "how you noticed it"),
    ("measures-before", "what you had in place to prevent this"),
    ("what-we-did", "what you did since, in plain sentences"),
    ("what-we-do-next", "what you will do, and by when"),
    ("who-is-concerned", "whose data it is: customers, staff, children"),
    ("people-concerned", "how many people are concerned"),
    ("records-concerned", "how many records are concerned"),
    ("harm-so-far", "harm to people that is known of"),
    ("likelihood", "how likely serious consequences for people are, and why"),
    ("impact", "what the organisation could not do, and since when"),
    ("recovery", "when things will be as before"),
    (
        "training",
        "what training in data protection staff had in the last two years",
    ),
    (
        "others-told",
        "which other organisations were told: police, NCSC, other regulators",
    ),
    ("services", "which services work, and which don't"),
];

/// What a value asks for; `None` if no value has that name.
#[must_use]
pub fn asks_for(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|known| known.0 == name).map(|known| known.1)
}

/// Whether something can be the value of a name; says why not.
///
/// # Errors
/// When no value has that name, or the text is empty, too long, or has control characters.
pub fn check_value(name: &str, value: &str) -> Result<(), Error> {
    let refused = |what: String| Err(Error::Refused { what });
    if asks_for(name).is_none() {
        let names: Vec<&str> = KNOWN.iter().map(|known| known.0).collect();
        return refused(format!("no draft asks for `{name}`: there are {}", names.join(", ")));
    }
    if value.trim().is_empty() || value.len() > VALUE_BYTES_MAX {
        return refused(format!(
            "`{name}` has {} bytes: at least 1, at most {VALUE_BYTES_MAX}",
            value.len()
        ));
    }
    if value.chars().any(|c| c.is_control() && c != '\n') {
        return refused(format!("`{name}` has control characters: write plain text"));
    }
    Ok(())
}

/// What was filled in for an incident.
///
/// # Errors
/// When the ledger can't be read.
pub fn values(ledger: &Ledger, incident: IncidentId) -> Result<BTreeMap<String, String>, Error> {
    ledger.tried(values_of(ledger.connection(), incident))
}

fn values_of(connection: &Connection, incident: IncidentId) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare_cached("select name, value from case_value where incident = ?1")?;
    let rows = statement.query_map([incident.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Fills something in.
///
/// # Errors
/// When the incident doesn't exist, the value is unusable, or the ledger can't be written.
pub fn fill(
    w: &mut Writing<'_>,
    now: Time,
    actor: &Actor,
    incident: IncidentId,
    name: &str,
    value: &str,
) -> Result<(), Error> {
    check_incident(w, incident)?;
    check_value(name, value)?;
    let value = value.trim();
    let written = w.connection().execute(
        "insert or replace into case_value (incident, name, value, actor, time) values (?1, ?2, ?3, ?4, ?5)",
        (incident.0, name, value, actor_text(actor)?, now),
    );
    w.tried(written)?;
    // What people fill in has names and telephone numbers, and records stay for good.
    let body = serde_json::json!({ "name": name, "sha256": sha256(value.as_bytes()) });
    w.record(now, actor, "draft.filled", &subject(incident), &body)?;
    Ok(())
}

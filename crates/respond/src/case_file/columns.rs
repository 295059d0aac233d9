//! How people and texts are kept in the tables of the incident file.

use rusqlite::Row;
use rusqlite::types::Type;

use crate::error::Error;
use crate::incident::IncidentId;
use crate::ledger::Writing;
use crate::people::Actor;

/// An actor as the ledger keeps it: JSON.
pub(in crate::case_file) fn actor_text(actor: &Actor) -> Result<String, Error> {
    serde_json::to_string(actor).map_err(|error| Error::Refused {
        what: format!("`{actor}` can't be recorded: {error}"),
    })
}

/// The actor in a column.
pub(in crate::case_file) fn actor_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Actor> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// What records about an incident are about.
pub(in crate::case_file) fn subject(incident: IncidentId) -> String {
    format!("incident/{incident}")
}

/// Refuses an incident that doesn't exist.
pub(in crate::case_file) fn check_incident(w: &Writing<'_>, incident: IncidentId) -> Result<(), Error> {
    let found = w.connection().query_row(
        "select exists (select 1 from incident where id = ?1)",
        [incident.0],
        |row| row.get(0),
    );
    if w.tried::<bool>(found)? {
        return Ok(());
    }
    Err(Error::NotFound {
        what: "incident",
        name: incident.to_string(),
    })
}

/// A text of one line, without blanks around it. `what` names it in the refusal: "the evidence".
pub(in crate::case_file) fn line_of(what: &str, text: &str, bytes_max: usize) -> Result<String, Error> {
    let text = text.trim();
    let refused = |why: String| Err(Error::Refused { what: why });
    if text.is_empty() {
        return refused(format!("{what} is empty: say it in a few words"));
    }
    if text.len() > bytes_max {
        return refused(format!(
            "{what} has {} bytes, at most {bytes_max} are kept: shorten it",
            text.len()
        ));
    }
    if text.chars().any(char::is_control) {
        return refused(format!(
            "{what} has line breaks or control characters: write it in one line"
        ));
    }
    Ok(text.to_owned())
}

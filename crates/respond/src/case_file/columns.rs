//! How people and texts are kept in the tables of the incident file, and who may stand by something.

use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use crate::approval;
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

/// The person behind an actor, in lower case. Whoever uses the command line is one by their name on this machine.
fn person(w: &Writing<'_>, actor: &Actor) -> Result<Option<String>, Error> {
    if let Actor::Local(name) = actor {
        return Ok(Some(name.to_lowercase()));
    }
    w.tried(approval::person(w.connection(), actor))
}

/// Refuses somebody who can't stand by `what` ("fact 3"): a program, whoever made it (`author`), and who did so already (`others`).
///
/// As long as nobody has an account, names of this machine tell people apart. With accounts they don't: one person has both, so that only
/// who signed in, or uses their own token, counts.
pub(in crate::case_file) fn check_approver<'a>(
    w: &Writing<'_>,
    what: &str,
    actor: &Actor,
    author: &Actor,
    others: impl IntoIterator<Item = &'a Actor>,
) -> Result<(), Error> {
    let refused = |why: String| Err(Error::Refused { what: why });
    let Some(name) = person(w, actor)? else {
        return refused(format!("{what} is approved by people, and `{actor}` is none"));
    };
    if matches!(actor, Actor::Local(_)) && w.tried(has_accounts(w.connection()))? {
        return refused(format!(
            "{what} is approved by people with accounts: sign in to the console, or name a file with your token in `HOLDFAST_TOKEN_FILE`"
        ));
    }
    if person(w, author)?.as_ref() == Some(&name) {
        return refused(format!("{what} is by {author}: others approve it"));
    }
    for other in others {
        if person(w, other)?.as_ref() == Some(&name) {
            return refused(format!("{what} was approved by {other} already: somebody else has to"));
        }
    }
    Ok(())
}

fn has_accounts(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("select exists (select 1 from account)", [], |row| row.get(0))
}

/// The SHA-256 of something, in hexadecimal: records name a text without repeating it.
pub(in crate::case_file) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
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

//! Notices are sent: a thread decides what is told by now, and each way has a thread of its own, so that one whose server is
//! slow or gone holds up no other.
//!
//! Invariants: what waits is in the ledger and nowhere else; a notice is sent at least once: it is marked as tried before, and as
//! sent after whoever takes it said so. One window is left in which a crash makes it be sent twice: between that answer and
//! the mark. It has the same key each time (`Message-ID`, `Idempotency-Key`, `id`), by which the second is known.

mod body;
mod chat;
mod http;
mod syslog;
mod syslog_connection;
mod text;
mod threads;
mod way;

pub use threads::{Delivering, check};

use respond::notice::{Content, Due, NotTaken, Recipient, Settings, WayChange};
use respond::{Desk, Time, notice};

use self::text::Sender;
use self::way::Way;
use crate::config::NoticesSettings;
use crate::failure::Failure;

/// How the trial of a way ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The way, and whom it was to reach.
    pub recipient: Recipient,
    /// What whoever took it said, or why nobody did.
    pub outcome: Result<String, NotTaken>,
}

/// Sends a notice by each way that `name` stands for: a way, a group or a person. Waits for the answers.
///
/// # Errors
/// When nothing has that name, a setting can't be used, or the ledger can't be written.
pub fn test(desk: &Desk, settings: &NoticesSettings, now: Time, name: &str) -> Result<Vec<Tried>, Failure> {
    let failed = |error: respond::Error| super::failed(&error);
    let who: &Settings = &settings.who;
    let made = desk.write(|w| notice::test(w, now, who, name)).map_err(failed)?;
    let mut tried = Vec::new();
    for (recipient, due) in made {
        let outcome = try_once(desk, settings, now, &recipient.way, &due)?;
        desk.write(|w| settle(w, now, &due, &outcome)).map_err(failed)?;
        tried.push(Tried { recipient, outcome });
    }
    Ok(tried)
}

/// What a notice says, as mail has it.
#[must_use]
pub fn plain(content: &Content) -> String {
    text::plain(content, &Sender::of_this_machine())
}

fn try_once(
    desk: &Desk,
    settings: &NoticesSettings,
    now: Time,
    way: &str,
    due: &Due,
) -> Result<Result<String, NotTaken>, Failure> {
    let Some(found) = settings.ways.get(way) else {
        return Ok(Err(NotTaken::Refused("its way isn't in the configuration".to_owned())));
    };
    let mut loaded = Way::load(way, found)?;
    let sender = Sender::of_this_machine();
    desk.write(|w| notice::attempting(w, due.id).map(drop))
        .map_err(|error| super::failed(&error))?;
    let outcome = loaded.send(desk, due, &sender, now);
    loaded.rest();
    Ok(outcome)
}

/// Notes how an attempt ended. What that says about the way.
fn settle(
    w: &mut respond::Writing<'_>,
    now: Time,
    due: &Due,
    outcome: &Result<String, NotTaken>,
) -> Result<Option<WayChange>, respond::Error> {
    match outcome {
        Ok(answer) => notice::delivered(w, now, due.id, answer),
        Err(why) => notice::failed(w, now, due.id, why),
    }
}

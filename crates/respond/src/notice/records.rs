//! What new records mean for those who are told: somebody asks for an approval, looks after something, or is done with it. Whoever wrote
//! them, in whatever process, needs to know nothing of notices.

use serde_json::Value;

use super::about::About;
use super::plan::plan;
use super::settings::Settings;
use super::topic;
use crate::error::Error;
use crate::ledger::Writing;
use crate::people::Actor;
use crate::time::Time;

/// Records that are looked through in one transaction.
const RECORDS_MAX: usize = 50_000;
/// Somebody looks after something.
const ACKNOWLEDGING: [&str; 3] = ["incident.acknowledged", "notice.acknowledged", "approval.given"];
/// Nothing is left to do about something.
const CLOSING: [&str; 7] = [
    "incident.recovered",
    "incident.closed",
    "approval.approved",
    "approval.refused",
    "approval.withdrawn",
    "approval.expired",
    "approval.used",
];
/// Something isn't over after all.
const REOPENING: &str = "incident.reopened";
/// Somebody asks for an approval.
const ASKING: &str = "approval.asked";

struct Heard {
    kind: String,
    subject: String,
    time: Time,
    actor: String,
    body: String,
}

/// Looks through what was recorded since the last time.
pub(super) fn hear(w: &mut Writing<'_>, now: Time, settings: &Settings) -> Result<(), Error> {
    let seen = "select sequence from notice_cursor";
    let seen: i64 = w.tried(w.connection().query_row(seen, [], |row| row.get(0)))?;
    let until = w.newest().0.min(seen.saturating_add(topic::count(RECORDS_MAX)));
    for heard in between(w, seen, until)? {
        let subject = &heard.subject;
        match heard.kind.as_str() {
            ASKING => {
                if let Some(about) = request(&heard) {
                    plan(w, now, settings, &about)?;
                }
            }
            REOPENING => topic::reopen(w, now, subject)?,
            kind if CLOSING.contains(&kind) => topic::close(w, now, subject)?,
            _ => {
                topic::acknowledge(w, now, &actor(&heard), subject)?;
            }
        }
    }
    let moved = w
        .connection()
        .execute("update notice_cursor set sequence = ?1", [until]);
    w.tried(moved).map(drop)
}

/// The kinds of records that mean something, as a list in SQL.
pub(super) fn kinds() -> String {
    let all = ACKNOWLEDGING.iter().chain(&CLOSING).chain([&REOPENING, &ASKING]);
    let quoted = all.map(|kind| format!("'{kind}'"));
    quoted.collect::<Vec<_>>().join(", ")
}

fn between(w: &Writing<'_>, seen: i64, until: i64) -> Result<Vec<Heard>, Error> {
    let sql = format!(
        "select kind, subject, time, actor, body from record where sequence > ?1 and sequence <= ?2 and kind in ({}) order by sequence",
        kinds()
    );
    let mut statement = w.tried(w.connection().prepare_cached(&sql))?;
    let rows = statement.query_map((seen, until), |row| {
        Ok(Heard {
            kind: row.get(0)?,
            subject: row.get(1)?,
            time: row.get(2)?,
            actor: row.get(3)?,
            body: row.get(4)?,
        })
    });
    w.tried(rows)?.map(|row| w.tried(row)).collect()
}

fn actor(heard: &Heard) -> String {
    serde_json::from_str::<Actor>(&heard.actor).map_or_else(|_| "somebody".to_owned(), |actor| actor.to_string())
}

/// The request of a person or program. What a policy wants approved is an alert of its own.
fn request(heard: &Heard) -> Option<About> {
    let body: Value = serde_json::from_str(&heard.body).ok()?;
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    let operation = field("operation").filter(|operation| *operation != "policy-action")?;
    let what = format!("{operation} {}", field("subject").unwrap_or_default());
    let because = field("because").unwrap_or_default();
    let expires = field("expires").unwrap_or_default();
    Some(About::request(
        &heard.subject,
        &what,
        because,
        &actor(heard),
        heard.time,
        expires,
    ))
}

//! Sessions of people who are signed in with a browser.

use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::account::{name_of, note_signed_in, subject};
use super::{AccountId, Actor, Digest, Role, SECRET_BYTES, Secret};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::time::Time;

/// Sessions of an account at most; the oldest ends when there are more.
const SESSIONS_MAX: i64 = 20;
/// Characters of a browser's name that are kept.
const BROWSER_MAX: usize = 200;

/// A session's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub i64);

/// How long sessions last, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without anything being asked.
    pub idle_ms: i64,
    /// At most.
    pub lasting_ms: i64,
}

/// A session to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSession<'a> {
    /// Whose it is.
    pub account: AccountId,
    /// How they signed in: `passkey`, `password`, `recovery-code`, `provider`, `link`.
    pub method: &'a str,
    /// From where.
    pub address: &'a str,
    /// What the browser calls itself.
    pub browser: &'a str,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they signed in.
    pub began: Time,
    /// When something was last asked; to the minute.
    pub seen: Time,
    /// How they signed in.
    pub method: String,
    /// From where.
    pub address: String,
    /// What the browser calls itself.
    pub browser: String,
}

const COLUMNS: &str = "select session.id, account, name, role, began, seen, method, address, browser
    from session join account on account.id = session.account";

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let role: String = row.get(3)?;
    Ok(Session {
        id: SessionId(row.get(0)?),
        account: AccountId(row.get(1)?),
        name: row.get(2)?,
        role: role.parse().unwrap_or(Role::Viewer),
        began: row.get(4)?,
        seen: row.get(5)?,
        method: row.get(6)?,
        address: row.get(7)?,
        browser: row.get(8)?,
    })
}

/// Begins a session. Whoever had one in the same browser loses it: `replacing` is the secret of that.
///
/// # Errors
/// When there is no such account, or the ledger can't be written.
pub fn begin_session(
    w: &mut Writing<'_>,
    now: Time,
    new: &NewSession<'_>,
    replacing: Option<&str>,
    random: [u8; SECRET_BYTES],
) -> Result<Secret, Error> {
    let name = name_of(w, new.account)?;
    let secret = Secret::new("", random);
    let connection = w.connection();
    if let Some(replaced) = replacing {
        w.tried(connection.execute("delete from session where digest = ?1", [Digest::of(replaced)]))?;
    }
    w.tried(connection.execute(
        "delete from session where account = ?1 and id in
         (select id from session where account = ?1 order by id desc limit -1 offset ?2)",
        (new.account.0, SESSIONS_MAX - 1),
    ))?;
    let browser: String = new
        .browser
        .chars()
        .filter(|c| !c.is_control())
        .take(BROWSER_MAX)
        .collect();
    w.tried(connection.execute(
        "insert into session (digest, account, began, seen, method, address, browser) values (?1, ?2, ?3, ?3, ?4, ?5, ?6)",
        (secret.digest(), new.account.0, now, new.method, new.address, browser),
    ))?;
    note_signed_in(w, now, new.account)?;
    let facts = json!({ "method": new.method, "address": new.address });
    w.record(
        now,
        &Actor::Person(name.clone()),
        "session.began",
        &subject(&name),
        &facts,
    )?;
    Ok(secret)
}

/// The session of whoever has a secret, if it hasn't ended and its account isn't disabled.
///
/// # Errors
/// When the ledger can't be read.
pub fn session(ledger: &Ledger, now: Time, secret: &str, limits: SessionLimits) -> Result<Option<Session>, Error> {
    let sql = format!("{COLUMNS} where digest = ?1 and disabled is null and began > ?2 and seen > ?3");
    let (began, seen) = oldest(now, limits);
    let found = ledger.connection().prepare_cached(&sql);
    let found = found.and_then(|mut statement| statement.query_row((Digest::of(secret), began, seen), read).optional());
    ledger.tried(found)
}

/// The oldest beginning and the oldest last use that a session may have.
fn oldest(now: Time, limits: SessionLimits) -> (Time, Time) {
    (now.plus_millis(-limits.lasting_ms), now.plus_millis(-limits.idle_ms))
}

/// Notes that a session is in use.
///
/// # Errors
/// When the ledger can't be written.
pub fn touch_session(w: &Writing<'_>, now: Time, id: SessionId) -> Result<(), Error> {
    w.tried(
        w.connection()
            .execute("update session set seen = ?2 where id = ?1", (id.0, now)),
    )?;
    Ok(())
}

/// The sessions of an account that haven't ended, newest first.
///
/// # Errors
/// When the ledger can't be read.
pub fn sessions(ledger: &Ledger, now: Time, account: AccountId, limits: SessionLimits) -> Result<Vec<Session>, Error> {
    let (began, seen) = oldest(now, limits);
    let read_all = || {
        let sql = format!("{COLUMNS} where account = ?1 and began > ?2 and seen > ?3 order by session.id desc");
        let mut statement = ledger.connection().prepare(&sql)?;
        statement.query_map((account.0, began, seen), read)?.collect()
    };
    ledger.tried(read_all())
}

/// Ends a session. Whether there was one.
///
/// # Errors
/// When the ledger can't be written.
pub fn end_session(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    account: AccountId,
    id: SessionId,
) -> Result<bool, Error> {
    let name = name_of(w, account)?;
    let ended = w
        .connection()
        .execute("delete from session where id = ?1 and account = ?2", (id.0, account.0));
    let is_ended = w.tried(ended)? > 0;
    if is_ended {
        w.record(now, by, "session.ended", &subject(&name), &json!({ "session": id }))?;
    }
    Ok(is_ended)
}

/// Ends all sessions of an account but one. How many.
///
/// # Errors
/// When there is no such account, or the ledger can't be written.
pub fn end_sessions(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    account: AccountId,
    but: Option<SessionId>,
) -> Result<usize, Error> {
    let name = name_of(w, account)?;
    let kept = but.map_or(0, |id| id.0);
    let ended = w
        .connection()
        .execute("delete from session where account = ?1 and id <> ?2", (account.0, kept));
    let count = w.tried(ended)?;
    if count > 0 {
        w.record(now, by, "session.ended", &subject(&name), &json!({ "sessions": count }))?;
    }
    Ok(count)
}

//! Links by which somebody sets up how they sign in: the first administrator, people who were invited, people who lost their
//! passkey.

use rusqlite::OptionalExtension;
use serde_json::json;

use super::account::{name_of, subject};
use super::{AccountId, Actor, Digest, SECRET_BYTES, Secret};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::time::Time;

/// Links that are open at most; the oldest goes when there are more.
const LINKS_MAX: i64 = 1000;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFor {
    /// A new administrator, who chooses their name.
    NewAdmin,
    /// Somebody with an account.
    Account(AccountId),
}

/// A link that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is for.
    pub for_whom: LinkFor,
    /// When it stops to be valid.
    pub expires: Option<Time>,
}

/// Makes a link, valid until it is used or `expires`. Earlier ones for the same are void.
///
/// # Errors
/// When there is no such account, or the ledger can't be written.
pub fn make_link(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    for_whom: LinkFor,
    expires: Option<Time>,
    random: [u8; SECRET_BYTES],
) -> Result<Secret, Error> {
    let (account, about) = match for_whom {
        LinkFor::NewAdmin => (None, "account".to_owned()),
        LinkFor::Account(id) => (Some(id.0), subject(&name_of(w, id)?)),
    };
    let secret = Secret::new("", random);
    let connection = w.connection();
    w.tried(connection.execute(
        "delete from setup_link where account is ?1 or expires < ?2",
        (account, now),
    ))?;
    w.tried(connection.execute(
        "delete from setup_link where digest in (select digest from setup_link order by created desc limit -1 offset ?1)",
        [LINKS_MAX - 1],
    ))?;
    w.tried(connection.execute(
        "insert into setup_link (digest, account, created, expires) values (?1, ?2, ?3, ?4)",
        (secret.digest(), account, now, expires),
    ))?;
    w.record(now, by, "people.link-made", &about, &json!({ "expires": expires }))?;
    Ok(secret)
}

/// What a link is for, if it is valid.
///
/// # Errors
/// When the ledger can't be read.
pub fn link(ledger: &Ledger, now: Time, text: &str) -> Result<Option<Link>, Error> {
    let found = ledger.connection().query_row(
        "select account, expires from setup_link where digest = ?1 and (expires is null or expires > ?2)",
        (Digest::of(text), now),
        |row| {
            let account: Option<i64> = row.get(0)?;
            Ok(Link {
                for_whom: account.map_or(LinkFor::NewAdmin, |id| LinkFor::Account(AccountId(id))),
                expires: row.get(1)?,
            })
        },
    );
    ledger.tried(found.optional())
}

/// Uses a link up. Whoever asked first gets what it is for; everybody else nothing.
///
/// # Errors
/// When the ledger can't be written.
pub fn use_link(w: &Writing<'_>, now: Time, text: &str) -> Result<Option<LinkFor>, Error> {
    let found = w.connection().query_row(
        "delete from setup_link where digest = ?1 and (expires is null or expires > ?2) returning account",
        (Digest::of(text), now),
        |row| row.get::<_, Option<i64>>(0),
    );
    let found = w.tried(found.optional())?;
    Ok(found.map(|account| account.map_or(LinkFor::NewAdmin, |id| LinkFor::Account(AccountId(id)))))
}

/// Voids the links for new administrators: somebody is one.
///
/// # Errors
/// When the ledger can't be written.
pub fn cancel_links(w: &Writing<'_>) -> Result<(), Error> {
    w.tried(
        w.connection()
            .execute("delete from setup_link where account is null", []),
    )?;
    Ok(())
}

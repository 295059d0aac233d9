//! Passkeys: what WebAuthn calls credentials. Their signatures are checked by whoever asks.

use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::account::{name_of, subject};
use super::{AccountId, Actor};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::time::Time;

/// Passkeys of an account at most.
const PASSKEYS_MAX: i64 = 20;
/// Characters of a passkey's name at most.
const NAME_MAX: usize = 60;

/// A passkey's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasskeyId(pub i64);

/// A passkey to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    /// What its owner calls it.
    pub name: String,
    /// The credential's identifier.
    pub credential: Vec<u8>,
    /// Its public key (COSE, RFC 9052).
    pub public_key: Vec<u8>,
    /// How often it has signed, as far as it tells.
    pub sign_count: u32,
}

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its number.
    pub id: PasskeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What it is.
    pub made: NewPasskey,
    /// When it was added.
    pub created: Time,
    /// When it was last used.
    pub last_used: Option<Time>,
}

const COLUMNS: &str = "select id, account, name, credential, public_key, sign_count, created, last_used from passkey";

fn read(row: &Row<'_>) -> rusqlite::Result<Passkey> {
    Ok(Passkey {
        id: PasskeyId(row.get(0)?),
        account: AccountId(row.get(1)?),
        made: NewPasskey {
            name: row.get(2)?,
            credential: row.get(3)?,
            public_key: row.get(4)?,
            sign_count: row.get(5)?,
        },
        created: row.get(6)?,
        last_used: row.get(7)?,
    })
}

/// The passkeys of an account, oldest first.
///
/// # Errors
/// When the ledger can't be read.
pub fn passkeys(ledger: &Ledger, account: AccountId) -> Result<Vec<Passkey>, Error> {
    let read_all = || {
        let sql = format!("{COLUMNS} where account = ?1 order by id");
        let mut statement = ledger.connection().prepare(&sql)?;
        statement.query_map([account.0], read)?.collect()
    };
    ledger.tried(read_all())
}

/// The passkey with a credential's identifier, if its account isn't disabled.
///
/// # Errors
/// When the ledger can't be read.
pub fn passkey(ledger: &Ledger, credential: &[u8]) -> Result<Option<Passkey>, Error> {
    let sql = format!(
        "{COLUMNS} where credential = ?1 and exists (select 1 from account where id = passkey.account and disabled is null)"
    );
    ledger.tried(ledger.connection().query_row(&sql, [credential], read).optional())
}

/// Adds a passkey.
///
/// # Errors
/// When there is no such account, it has too many, or the passkey is somebody's already.
pub fn add_passkey(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    account: AccountId,
    new: &NewPasskey,
) -> Result<PasskeyId, Error> {
    let name = name_of(w, account)?;
    let (count, is_taken): (i64, bool) = w.tried(w.connection().query_row(
        "select count(*), exists (select 1 from passkey where credential = ?2) from passkey where account = ?1",
        (account.0, &new.credential),
        |row| Ok((row.get(0)?, row.get(1)?)),
    ))?;
    if is_taken {
        return Err(Error::Refused {
            what: "this passkey is registered already".to_owned(),
        });
    }
    if count >= PASSKEYS_MAX {
        return Err(Error::Refused {
            what: format!("there are {count} passkeys already; remove one first"),
        });
    }
    let called: String = new.name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
    w.tried(w.connection().execute(
        "insert into passkey (account, name, credential, public_key, sign_count, created) values (?1, ?2, ?3, ?4, ?5, ?6)",
        (account.0, called, &new.credential, &new.public_key, new.sign_count, now),
    ))?;
    let id = PasskeyId(w.connection().last_insert_rowid());
    w.record(
        now,
        by,
        "people.passkey-added",
        &subject(&name),
        &json!({ "passkey": id }),
    )?;
    Ok(id)
}

/// Notes that a passkey was used.
///
/// # Errors
/// When the ledger can't be written.
pub fn used_passkey(w: &Writing<'_>, now: Time, id: PasskeyId, sign_count: u32) -> Result<(), Error> {
    let noted = w.connection().execute(
        "update passkey set sign_count = ?2, last_used = ?3 where id = ?1",
        (id.0, sign_count, now),
    );
    w.tried(noted).map(drop)
}

/// Removes a passkey; not the last way in.
///
/// # Errors
/// When the account has no such passkey, or no other way in.
pub fn remove_passkey(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    account: AccountId,
    id: PasskeyId,
) -> Result<(), Error> {
    let name = name_of(w, account)?;
    let has_other: bool = w.tried(w.connection().query_row(
        "select password is not null or provider is not null
         or exists (select 1 from passkey where account = ?1 and id <> ?2) from account where id = ?1",
        (account.0, id.0),
        |row| row.get(0),
    ))?;
    if !has_other && *by == Actor::Person(name.clone()) {
        return Err(Error::Refused {
            what: "this is your only way in; add another passkey or a password first".to_owned(),
        });
    }
    let removed = w
        .connection()
        .execute("delete from passkey where id = ?1 and account = ?2", (id.0, account.0));
    if w.tried(removed)? == 0 {
        return Err(Error::NotFound {
            what: "passkey",
            name: id.0.to_string(),
        });
    }
    w.record(
        now,
        by,
        "people.passkey-removed",
        &subject(&name),
        &json!({ "passkey": id }),
    )?;
    Ok(())
}

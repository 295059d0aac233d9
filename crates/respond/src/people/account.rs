//! Accounts of people.
//!
//! Invariant: as long as there are accounts, one that isn't disabled is an administrator's; the last one can't be taken away,
//! except by the data folder's owner, who can make another ([`super::make_link`]).

use std::fmt;

use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Actor, Role, allow_change};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::time::Time;

/// Accounts at most: a page shows them all.
const ACCOUNTS_MAX: i64 = 1000;
/// What enabling an account again is asked for as.
pub const ENABLE: &str = "enable";
/// Characters of a name to be shown at most.
const DISPLAY_NAME_MAX: usize = 80;

/// An account's number; it isn't used again when the account is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub i64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// The name to sign in with, and the one in records.
    pub name: String,
    /// The name to be shown.
    pub display_name: String,
    /// What its owner may do.
    pub role: Role,
    /// What authenticators know the account by (the user handle of WebAuthn).
    pub handle: Vec<u8>,
    /// Whether it can be signed in to with a password.
    pub has_password: bool,
    /// How many passkeys it has.
    pub passkeys: u32,
    /// Who its owner is at the OpenID provider: issuer and subject.
    pub provider: Option<String>,
    /// When it was made.
    pub created: Time,
    /// When it was disabled.
    pub disabled: Option<Time>,
    /// When its owner last signed in.
    pub last_signed_in: Option<Time>,
}

impl Account {
    /// Its owner, as records name them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Person(self.name.clone())
    }
}

/// An account to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// The name to sign in with.
    pub name: String,
    /// The name to be shown; the other one if empty.
    pub display_name: String,
    /// What its owner may do.
    pub role: Role,
    /// Random bytes.
    pub handle: [u8; 32],
    /// Who its owner is at the OpenID provider.
    pub provider: Option<String>,
}

/// Whether a text can be an account's name: letters, digits, `-`, `_`, `.`, `@` and `+`, 64 at most, a letter or digit first.
#[must_use]
pub fn is_account_name(name: &str) -> bool {
    let is_first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let are_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte));
    is_first && are_plain && name.len() <= 64
}

const COLUMNS: &str = "select id, name, display_name, role, handle, password is not null,
    (select count(*) from passkey where account = account.id), provider, created, disabled, last_signed_in from account";

fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    let role: String = row.get(3)?;
    Ok(Account {
        id: AccountId(row.get(0)?),
        name: row.get(1)?,
        display_name: row.get(2)?,
        // A role of a newer program isn't known to allow anything else.
        role: role.parse().unwrap_or(Role::Viewer),
        handle: row.get(4)?,
        has_password: row.get(5)?,
        passkeys: row.get(6)?,
        provider: row.get(7)?,
        created: row.get(8)?,
        disabled: row.get(9)?,
        last_signed_in: row.get(10)?,
    })
}

fn one(ledger: &Ledger, condition: &str, value: impl rusqlite::ToSql) -> Result<Option<Account>, Error> {
    let sql = format!("{COLUMNS} where {condition}");
    let found = ledger.connection().prepare_cached(&sql);
    ledger.tried(found.and_then(|mut statement| statement.query_row([value], read).optional()))
}

/// An account.
///
/// # Errors
/// When the ledger can't be read; so with all questions of this module.
pub fn account(ledger: &Ledger, id: AccountId) -> Result<Option<Account>, Error> {
    one(ledger, "id = ?1", id.0)
}

/// The account with a name, however its letters are written.
///
/// # Errors
/// When the ledger can't be read.
pub fn account_by_name(ledger: &Ledger, name: &str) -> Result<Option<Account>, Error> {
    one(ledger, "name = ?1", name)
}

/// The account that an authenticator knows by a handle.
///
/// # Errors
/// When the ledger can't be read.
pub fn account_by_handle(ledger: &Ledger, handle: &[u8]) -> Result<Option<Account>, Error> {
    one(ledger, "handle = ?1", handle)
}

/// The account of somebody whom the OpenID provider knows.
///
/// # Errors
/// When the ledger can't be read.
pub fn account_by_provider(ledger: &Ledger, provider: &str) -> Result<Option<Account>, Error> {
    one(ledger, "provider = ?1", provider)
}

/// All accounts, by name.
///
/// # Errors
/// When the ledger can't be read.
pub fn accounts(ledger: &Ledger) -> Result<Vec<Account>, Error> {
    let read_all = || {
        let mut statement = ledger
            .connection()
            .prepare(&format!("{COLUMNS} order by name limit ?1"))?;
        statement.query_map([ACCOUNTS_MAX], read)?.collect()
    };
    ledger.tried(read_all())
}

/// Whether anybody has an account yet.
///
/// # Errors
/// When the ledger can't be read.
pub fn has_accounts(ledger: &Ledger) -> Result<bool, Error> {
    ledger.tried(
        ledger
            .connection()
            .query_row("select exists (select 1 from account)", [], |row| row.get(0)),
    )
}

/// Makes an account. It can't be signed in to before it has a passkey or a password.
///
/// # Errors
/// When the name is taken or can't be one, or there are too many; or the ledger can't be written. So with all changes of this
/// module.
pub fn add(w: &mut Writing<'_>, now: Time, by: &Actor, new: &NewAccount) -> Result<AccountId, Error> {
    if !is_account_name(&new.name) {
        return Err(Error::Refused {
            what: format!(
                "`{}` can't be an account's name: use letters, digits, `-`, `_`, `.`, `@` and `+`, 64 at most",
                new.name
            ),
        });
    }
    let display_name = shown(&new.display_name, &new.name);
    let (count, is_taken): (i64, bool) = w.tried(w.connection().query_row(
        "select count(*), exists (select 1 from account where name = ?1 or provider = ?2) from account",
        (&new.name, &new.provider),
        |row| Ok((row.get(0)?, row.get(1)?)),
    ))?;
    if is_taken {
        return Err(Error::Refused {
            what: format!("there is an account `{}` already", new.name),
        });
    }
    if count >= ACCOUNTS_MAX {
        return Err(Error::Refused {
            what: format!("there are {count} accounts already; remove some first"),
        });
    }
    w.tried(w.connection().execute(
        "insert into account (name, display_name, role, handle, provider, created) values (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            &new.name,
            &display_name,
            new.role.name(),
            new.handle,
            &new.provider,
            now,
        ),
    ))?;
    let id = AccountId(w.connection().last_insert_rowid());
    w.record(
        now,
        by,
        "people.added",
        &subject(&new.name),
        &json!({ "role": new.role }),
    )?;
    Ok(id)
}

/// The name to be shown: on one line, and not too long.
fn shown(display_name: &str, name: &str) -> String {
    let text: String = display_name
        .chars()
        .filter(|c| !c.is_control())
        .take(DISPLAY_NAME_MAX)
        .collect();
    match text.trim() {
        "" => name.to_owned(),
        text => text.to_owned(),
    }
}

/// What records say a change of an account is about.
pub(super) fn subject(name: &str) -> String {
    format!("account/{name}")
}

/// The name of an account that must exist.
pub(super) fn name_of(w: &Writing<'_>, id: AccountId) -> Result<String, Error> {
    let found = w
        .connection()
        .query_row("select name from account where id = ?1", [id.0], |row| row.get(0));
    w.tried(found.optional())?.ok_or_else(|| Error::NotFound {
        what: "account",
        name: id.to_string(),
    })
}

/// Refuses what would leave nobody who may do everything.
fn keep_an_admin(w: &Writing<'_>, without: AccountId, by: &Actor) -> Result<(), Error> {
    let others: bool = w.tried(w.connection().query_row(
        "select exists (select 1 from account where role = 'admin' and disabled is null and id <> ?1)
         or not exists (select 1 from account where role = 'admin' and disabled is null and id = ?1)",
        [without.0],
        |row| row.get(0),
    ))?;
    // The owner of the data folder can make another one.
    if others || matches!(by, Actor::Local(_)) {
        return Ok(());
    }
    Err(Error::Refused {
        what: "this is the last administrator; make another one first".to_owned(),
    })
}

/// Gives somebody another role. Their sessions have it from the next request on.
///
/// # Errors
/// When there is no such account, or nobody else is an administrator.
pub fn set_role(w: &mut Writing<'_>, now: Time, by: &Actor, id: AccountId, role: Role) -> Result<(), Error> {
    let name = name_of(w, id)?;
    if role != Role::Admin {
        keep_an_admin(w, id, by)?;
    }
    w.tried(
        w.connection()
            .execute("update account set role = ?2 where id = ?1", (id.0, role.name())),
    )?;
    w.record(now, by, "people.role", &subject(&name), &json!({ "role": role }))?;
    Ok(())
}

/// Changes the name to be shown.
///
/// # Errors
/// When there is no such account.
pub fn rename(w: &mut Writing<'_>, now: Time, by: &Actor, id: AccountId, display_name: &str) -> Result<(), Error> {
    let name = name_of(w, id)?;
    let text = shown(display_name, &name);
    w.tried(
        w.connection()
            .execute("update account set display_name = ?2 where id = ?1", (id.0, &text)),
    )?;
    w.record(now, by, "people.renamed", &subject(&name), &json!({}))?;
    Ok(())
}

/// Disables an account, which ends its sessions and its links, or enables it again. Disabling is never held up; to enable it again gives
/// somebody an account, which others may have to approve ([`allow_change`], [`ENABLE`]).
///
/// # Errors
/// When there is no such account, nobody else is an administrator, or the approval to enable it is missing.
pub fn set_disabled(w: &mut Writing<'_>, now: Time, by: &Actor, id: AccountId, disabled: bool) -> Result<(), Error> {
    let name = name_of(w, id)?;
    if disabled {
        keep_an_admin(w, id, by)?;
        w.tried(w.connection().execute("delete from session where account = ?1", [id.0]))?;
        w.tried(
            w.connection()
                .execute("delete from setup_link where account = ?1", [id.0]),
        )?;
    } else {
        allow_change(w, now, by, &name, ENABLE)?;
    }
    let since = disabled.then_some(now);
    w.tried(
        w.connection()
            .execute("update account set disabled = ?2 where id = ?1", (id.0, since)),
    )?;
    let kind = if disabled { "people.disabled" } else { "people.enabled" };
    w.record(now, by, kind, &subject(&name), &json!({}))?;
    Ok(())
}

/// Removes an account with its sessions, passkeys and links. Records go on naming it.
///
/// # Errors
/// When there is no such account, or nobody else is an administrator.
pub fn remove(w: &mut Writing<'_>, now: Time, by: &Actor, id: AccountId) -> Result<(), Error> {
    let name = name_of(w, id)?;
    keep_an_admin(w, id, by)?;
    w.tried(w.connection().execute("delete from account where id = ?1", [id.0]))?;
    w.record(now, by, "people.removed", &subject(&name), &json!({}))?;
    Ok(())
}

/// Notes when somebody signed in.
pub(super) fn note_signed_in(w: &Writing<'_>, now: Time, id: AccountId) -> Result<(), Error> {
    w.tried(
        w.connection()
            .execute("update account set last_signed_in = ?2 where id = ?1", (id.0, now)),
    )?;
    Ok(())
}

/// Records a failed attempt to sign in to an account, or to one that doesn't exist (`None`): what was typed then isn't recorded,
/// since people type passwords into the wrong field.
///
/// # Errors
/// When the ledger can't be written.
pub fn refused_sign_in(
    w: &mut Writing<'_>,
    now: Time,
    name: Option<&str>,
    method: &str,
    address: &str,
) -> Result<(), Error> {
    let by = Actor::System("console".to_owned());
    let subject = name.map_or_else(|| "account".to_owned(), subject);
    w.record(
        now,
        &by,
        "session.refused",
        &subject,
        &json!({ "method": method, "address": address }),
    )?;
    Ok(())
}

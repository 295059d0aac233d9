//! Passwords with one-time codes (RFC 6238), and recovery codes for when the device that makes those is lost.
//!
//! The secret of one-time codes can't be kept as a hash, since codes are computed from it: it is encrypted (`code_key`).

use rusqlite::OptionalExtension;
use serde_json::json;

use super::account::{name_of, subject};
use super::code_key::{self, CodeKey};
use super::{AccountId, Actor, Digest};
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::time::Time;

/// What a new password is to be checked with. Not shown by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordSecrets {
    /// The hash in PHC's form, as `argon2` writes it.
    pub password: String,
    /// The secret of one-time codes.
    pub totp_secret: Vec<u8>,
    /// The time step of the newest code that was used: it and older ones aren't good any more.
    pub totp_step: i64,
}

impl std::fmt::Debug for PasswordSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordSecrets(..)")
    }
}

/// What a password is checked with. Not shown by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptPassword {
    /// The hash in PHC's form.
    pub password: String,
    /// The secret of one-time codes; `None` if the key that it is encrypted with isn't there: then recovery codes go on.
    pub totp_secret: Option<Vec<u8>>,
    /// The time step of the newest code that was used.
    pub totp_step: i64,
}

impl std::fmt::Debug for KeptPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptPassword(..)")
    }
}

/// What an account's password is checked with, if it has one.
///
/// # Errors
/// When the ledger can't be read.
pub fn password_secrets(
    ledger: &Ledger,
    key: Option<&CodeKey>,
    account: AccountId,
) -> Result<Option<KeptPassword>, Error> {
    let found = ledger.connection().query_row(
        "select password, totp_secret, totp_step from account
         where id = ?1 and password is not null and totp_secret is not null",
        [account.0],
        |row| {
            let kept: Vec<u8> = row.get(1)?;
            Ok(KeptPassword {
                password: row.get(0)?,
                totp_secret: code_key::secret(key, account, &kept),
                totp_step: row.get(2)?,
            })
        },
    );
    ledger.tried(found.optional())
}

/// Sets an account's password and its secret of one-time codes, encrypted with `key` ([`crate::Desk::code_key_made`]).
///
/// # Errors
/// When there is no such account, or the ledger can't be written.
pub fn set_password(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    account: AccountId,
    secrets: &PasswordSecrets,
    key: &CodeKey,
) -> Result<(), Error> {
    let name = name_of(w, account)?;
    let sealed = key.seal(account, &secrets.totp_secret)?;
    w.tried(w.connection().execute(
        "update account set password = ?2, totp_secret = ?3, totp_step = ?4 where id = ?1",
        (account.0, &secrets.password, sealed, secrets.totp_step),
    ))?;
    w.record(now, by, "people.password-set", &subject(&name), &json!({}))?;
    Ok(())
}

/// Takes an account's password away; not the last way in.
///
/// # Errors
/// When there is no such account, or it has no other way in.
pub fn remove_password(w: &mut Writing<'_>, now: Time, by: &Actor, account: AccountId) -> Result<(), Error> {
    let name = name_of(w, account)?;
    let removed = w.connection().execute(
        "update account set password = null, totp_secret = null where id = ?1
         and (provider is not null or exists (select 1 from passkey where account = ?1))",
        [account.0],
    );
    if w.tried(removed)? == 0 {
        return Err(Error::Refused {
            what: "this is the only way in; add a passkey first".to_owned(),
        });
    }
    w.tried(
        w.connection()
            .execute("delete from recovery_code where account = ?1", [account.0]),
    )?;
    w.record(now, by, "people.password-removed", &subject(&name), &json!({}))?;
    Ok(())
}

/// Notes that the code of a time step was used. Whether that was for the first time: of two who send the same code at the same
/// time, one comes in.
///
/// # Errors
/// When the ledger can't be written.
pub fn use_code(w: &Writing<'_>, account: AccountId, step: i64) -> Result<bool, Error> {
    let used = w.connection().execute(
        "update account set totp_step = ?2 where id = ?1 and totp_step < ?2",
        (account.0, step),
    );
    Ok(w.tried(used)? > 0)
}

/// Sets an account's recovery codes; earlier ones are void.
///
/// # Errors
/// When there is no such account, or the ledger can't be written.
pub fn set_recovery_codes(
    w: &mut Writing<'_>,
    now: Time,
    by: &Actor,
    account: AccountId,
    codes: &[Digest],
) -> Result<(), Error> {
    let name = name_of(w, account)?;
    w.tried(
        w.connection()
            .execute("delete from recovery_code where account = ?1", [account.0]),
    )?;
    for code in codes {
        let added = w.connection().execute(
            "insert into recovery_code (account, digest) values (?1, ?2)",
            (account.0, code),
        );
        w.tried(added)?;
    }
    w.record(
        now,
        by,
        "people.recovery-codes",
        &subject(&name),
        &json!({ "codes": codes.len() }),
    )?;
    Ok(())
}

/// Uses a recovery code up. Whether it was good.
///
/// # Errors
/// When the ledger can't be written.
pub fn use_recovery_code(w: &mut Writing<'_>, now: Time, account: AccountId, code: Digest) -> Result<bool, Error> {
    let used = w.connection().execute(
        "delete from recovery_code where account = ?1 and digest = ?2",
        (account.0, code),
    );
    let is_good = w.tried(used)? > 0;
    if is_good {
        let name = name_of(w, account)?;
        let by = Actor::Person(name.clone());
        w.record(now, &by, "people.recovery-code-used", &subject(&name), &json!({}))?;
    }
    Ok(is_good)
}

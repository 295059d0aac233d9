//! What stays in force until its weakening is approved: settings of the configuration, by name.
//!
//! The configuration file is edited outside of Holdfast. What it last said and was accepted is kept here, so that neither a reload nor a
//! restart weakens it without approval.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;

use crate::error::Error;
use crate::ledger::{Ledger, Writing};

/// What was accepted last under a name.
///
/// # Errors
/// When the ledger can't be read.
pub fn kept(ledger: &Ledger, subject: &str) -> Result<Option<String>, Error> {
    let found = ledger
        .connection()
        .query_row("select value from approval_kept where subject = ?1", [subject], |row| {
            row.get(0)
        })
        .optional();
    ledger.tried(found)
}

/// What was accepted last, under every name.
///
/// # Errors
/// When the ledger can't be read.
pub fn all_kept(ledger: &Ledger) -> Result<BTreeMap<String, String>, Error> {
    let found = ledger
        .connection()
        .prepare_cached("select subject, value from approval_kept");
    let found = found.and_then(|mut statement| {
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    });
    ledger.tried(found)
}

/// Keeps what was accepted.
///
/// # Errors
/// When the ledger can't be written.
pub fn keep(w: &Writing<'_>, subject: &str, value: &str) -> Result<(), Error> {
    let kept = w.connection().execute(
        "insert or replace into approval_kept (subject, value) values (?1, ?2)",
        (subject, value),
    );
    w.tried(kept).map(drop)
}

/// Forgets what was kept under a name: there is no such thing any more.
///
/// # Errors
/// When the ledger can't be written.
pub fn forget_kept(w: &Writing<'_>, subject: &str) -> Result<(), Error> {
    let gone = w
        .connection()
        .execute("delete from approval_kept where subject = ?1", [subject]);
    w.tried(gone).map(drop)
}

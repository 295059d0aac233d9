//! The catalogue of breaches and of pastes, and which tables of accounts count.

use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::Error;
use crate::address::Identity;

/// `breach.record` is the breach as the API prints it (JSON). A `load` is one import of a breach: rows of tables name the load, so that
/// importing a breach again takes back its earlier rows by one change of one row here. `accounts_table` names the files that count.
/// Numbers are never used twice. `paste.identity` is the SHA-1 of the address.
pub(super) const SCHEMA: &str = "
create table if not exists breach (
    id integer primary key autoincrement,
    name text not null unique collate nocase,
    record text not null
) strict;
create table if not exists load (
    id integer primary key autoincrement,
    breach integer not null unique references breach (id) on delete cascade
) strict;
create table if not exists accounts_table (
    number integer primary key autoincrement,
    kind text not null,
    rows integer not null
) strict;
create table if not exists paste (
    identity blob not null,
    source text not null,
    id text not null,
    title text,
    date text,
    email_count integer not null,
    primary key (identity, source, id)
) strict, without rowid;
";

/// A breach's row in the ledger. It stays the same when the breach is imported again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BreachId(pub u32);

/// A breach as the API prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the public API's model of a breach")]
pub struct Breach {
    /// The name by which it is asked for, like `Adobe`: unique whatever its case, without spaces.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// The website that it concerns; empty if none.
    pub domain: String,
    /// When it happened: `2013-10-04`.
    pub breach_date: String,
    /// When it was first loaded: `2013-12-04T00:00:00Z`.
    pub added_date: String,
    /// When it or its description last changed.
    pub modified_date: String,
    /// How many accounts.
    pub pwn_count: u64,
    /// What happened, in HTML.
    pub description: String,
    /// What was taken, like `Email addresses`; sorted.
    pub data_classes: Vec<String>,
    /// Whether it is believed to be genuine.
    pub is_verified: bool,
    /// Whether the data is believed to be made up.
    pub is_fabricated: bool,
    /// Whether that somebody is in it is told to nobody but themselves.
    pub is_sensitive: bool,
    /// Whether it was taken back: it is told to nobody.
    pub is_retired: bool,
    /// Whether it is a list of people to send spam to.
    pub is_spam_list: bool,
    /// Whether it was taken by malware.
    pub is_malware: bool,
    /// Whether it doesn't count towards the size of a subscription.
    pub is_subscription_free: bool,
    /// Whether it comes from malware that logs what is typed into websites.
    pub is_stealer_log: bool,
    /// The address of a picture.
    pub logo_path: String,
    /// Whom it was received from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
    /// Where it was made public by those who were hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disclosure_url: Option<String>,
}

/// A paste that an account is in, as the API prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Paste {
    /// Where it was found, like `Pastebin`.
    pub source: String,
    /// Its name there.
    pub id: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it was made: `2014-03-04T19:14:54Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// How many addresses are in it.
    pub email_count: u64,
}

impl Ledger {
    /// All breaches, by name.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn breaches(&self) -> Result<Vec<(BreachId, Breach)>, Error> {
        self.tried((|| {
            let mut statement = self.connection.prepare("select id, record from breach order by name")?;
            statement.query_map([], breach_of_row)?.collect()
        })())
    }

    /// The breach of a name, whatever its case.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn breach(&self, name: &str) -> Result<Option<(BreachId, Breach)>, Error> {
        self.tried((|| {
            let mut statement = self
                .connection
                .prepare("select id, record from breach where name = ?1")?;
            statement.query_row([name], breach_of_row).optional()
        })())
    }

    /// The pastes that an account is in: newest first, those without a date last.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn pastes(&self, identity: Identity) -> Result<Vec<Paste>, Error> {
        self.tried((|| {
            let mut statement = self.connection.prepare(
                "select source, id, title, date, email_count from paste where identity = ?1 \
                 order by date is null, date desc, source, id",
            )?;
            let pastes = statement.query_map([identity.0], |row| {
                Ok(Paste {
                    source: row.get(0)?,
                    id: row.get(1)?,
                    title: row.get(2)?,
                    date: row.get(3)?,
                    email_count: row.get::<_, i64>(4)?.unsigned_abs(),
                })
            })?;
            pastes.collect()
        })())
    }

    /// Writes down a paste and who is in it, instead of what was known of it before. Erased people are left out.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn add_paste(&mut self, paste: &Paste, identities: &[Identity]) -> Result<u64, Error> {
        let email_count = i64::try_from(paste.email_count).unwrap_or(i64::MAX);
        let result = (|| {
            let transaction = self.connection.transaction()?;
            transaction.execute(
                "delete from paste where source = ?1 and id = ?2",
                params![paste.source, paste.id],
            )?;
            let mut added = 0;
            for identity in identities {
                added += transaction.execute(
                    "insert or ignore into paste (identity, source, id, title, date, email_count) \
                     select ?1, ?2, ?3, ?4, ?5, ?6 where not exists (select 1 from erasure where identity = ?1)",
                    params![identity.0, paste.source, paste.id, paste.title, paste.date, email_count],
                )?;
            }
            transaction.commit()?;
            Ok(added as u64)
        })();
        self.tried(result)
    }
}

/// A breach from its row: `id, record`.
pub(super) fn breach_of_row(row: &Row<'_>) -> rusqlite::Result<(BreachId, Breach)> {
    let record: String = row.get(1)?;
    let breach = serde_json::from_str(&record)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error)))?;
    Ok((BreachId(row.get(0)?), breach))
}

//! Questions about records.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::chain::RecordHash;
use super::filter::Filter;
use super::head::{Head, SignedHead};
use super::record::{Record, Sequence};
use super::store::{Ledger, Writing};
use crate::error::Error;
use crate::page::PAGE_MAX;

/// Records that a question looks at, at most, after the one with which it begins.
const LOOKED_AT_MAX: usize = 200_000;
const COLUMNS: &str = "sequence, time, actor, kind, subject, body";

impl Ledger {
    /// Records that a filter lets through, oldest first, `most` at most. Without a subject, the first 200,000 after
    /// [`Filter::after`] are looked at.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn records(&self, filter: &Filter, most: usize) -> Result<Vec<Record>, Error> {
        let (sql, values) = question(filter, most);
        let mut statement = self.tried(self.connection().prepare_cached(&sql))?;
        let mut rows = self.tried(statement.query(params_from_iter(&values)))?;
        let mut records = Vec::new();
        while let Some(row) = self.tried(rows.next())? {
            records.push(from_row(row)?);
        }
        Ok(records)
    }

    /// One record.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn record(&self, sequence: Sequence) -> Result<Option<Record>, Error> {
        let filter = Filter {
            after: Sequence(sequence.0.saturating_sub(1)),
            ..Filter::default()
        };
        let first = self.records(&filter, 1)?.pop();
        Ok(first.filter(|record| record.sequence == sequence))
    }

    /// The hash that is stored for a record; `None` if there is no such record, or no hash.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn hash_of(&self, sequence: Sequence) -> Result<Option<RecordHash>, Error> {
        use rusqlite::OptionalExtension;
        let sql = "select hash from record where sequence = ?1";
        let hash = self
            .connection()
            .query_row(sql, [sequence.0], |row| Ok(row.get(0).ok().map(RecordHash)));
        Ok(self.tried(hash.optional())?.flatten())
    }

    /// Whether a head that was signed for this ledger, or for another one in its place, isn't borne out by it: the end was cut off,
    /// the chain made anew, or the ledger replaced. A head whose signature doesn't hold says nothing.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn contradicts(&self, signed: &SignedHead) -> Result<bool, Error> {
        Ok(signed.is_genuine() && self.hash_of(signed.head.sequence)? != Some(signed.head.hash))
    }

    /// The newest record and its hash; `None` if there is no record.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn newest(&self) -> Result<Option<Head>, Error> {
        use rusqlite::OptionalExtension;
        let sql = "select sequence, hash from record order by sequence desc limit 1";
        let newest = self.connection().query_row(sql, [], |row| {
            Ok(Head {
                sequence: Sequence(row.get(0)?),
                hash: RecordHash(row.get(1)?),
            })
        });
        self.tried(newest.optional())
    }
}

fn question(filter: &Filter, most: usize) -> (String, Vec<Value>) {
    let most = i64::try_from(most.min(PAGE_MAX)).unwrap_or(0);
    let mut values: Vec<Value> = vec![filter.after.0.into(), most.into()];
    let mut name = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    let mut narrow = vec!["sequence > ?1".to_owned()];
    if let Some(subject) = &filter.subject {
        narrow.push(format!("subject = {}", name(subject.clone().into())));
    }
    let mut others = Vec::new();
    if let Some(kind) = &filter.kind {
        let kind = name(kind.clone().into());
        others.push(format!("substr(kind, 1, length({kind})) = {kind}"));
    }
    if let Some(actor) = &filter.actor {
        // Names and a kind only.
        let actor = serde_json::to_string(actor).unwrap_or_default();
        others.push(format!("actor = {}", name(actor.into())));
    }
    if let Some(since) = filter.since {
        others.push(format!("time >= {}", name(since.unix_millis().into())));
    }
    if let Some(until) = filter.until {
        others.push(format!("time <= {}", name(until.unix_millis().into())));
    }
    let narrow = narrow.join(" and ");
    let sql = if others.is_empty() {
        format!("select {COLUMNS} from record where {narrow} order by sequence limit ?2")
    } else {
        format!(
            "select {COLUMNS} from (select {COLUMNS} from record where {narrow} order by sequence limit {LOOKED_AT_MAX}) \
             where {} order by sequence limit ?2",
            others.join(" and ")
        )
    };
    (sql, values)
}

fn from_row(row: &Row<'_>) -> Result<Record, Error> {
    let sequence = Sequence(row.get(0).unwrap_or_default());
    let unreadable = |what: String| Error::Record { sequence, what };
    let read = || {
        let actor: String = row.get(2)?;
        let body: String = row.get(5)?;
        Ok((row.get(1)?, actor, row.get(3)?, row.get(4)?, body))
    };
    let (time, actor, kind, subject, body) = read().map_err(|error: rusqlite::Error| unreadable(error.to_string()))?;
    let parsed = |error: serde_json::Error| unreadable(error.to_string());
    Ok(Record {
        sequence,
        time,
        actor: serde_json::from_str(&actor).map_err(parsed)?,
        kind,
        subject,
        body: serde_json::from_str(&body).map_err(parsed)?,
    })
}

impl Writing<'_> {
    /// The newest record and its hash, of this transaction too; `None` if there is none.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        let (sequence, hash) = (self.newest(), self.newest_hash());
        (sequence.0 > 0).then_some(Head { sequence, hash })
    }
}

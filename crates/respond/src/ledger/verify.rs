//! Whether the ledger is as it was written: every record's hash is computed anew, and signed heads are compared.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::chain::{self, RecordHash};
use super::head::{Head, SignedHead};
use super::record::Sequence;
use super::store::Ledger;
use crate::error::Error;
use crate::time::Time;

/// Findings that are listed, at most; all are counted.
const FINDINGS_MAX: usize = 20;
/// The kind of the record that names the key of heads.
pub(crate) const KEY_RECORD: &str = "ledger.key";

/// What a check of the whole ledger found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Records that were read.
    pub records: u64,
    /// The newest record and its hash as computed: whoever noted an earlier one can compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Head>,
    /// Signed heads that agree with the chain.
    pub heads: u64,
    /// Keys that the ledger names: from the first on there is a signed head somewhere.
    pub keys: u64,
    /// What is wrong, the first record first; the first 20.
    pub findings: Vec<Finding>,
    /// How much is wrong.
    pub finding_count: u64,
}

impl Verification {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.finding_count == 0
    }

    fn find(&mut self, finding: Finding) {
        self.finding_count += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Trouble {
    /// Its hash doesn't fit what it says and what stands before it.
    Edited,
    /// Records before it are missing.
    Gap,
    /// It isn't made like a record.
    Unreadable,
    /// A signed head has another hash for it: the chain was made anew from here or from before.
    Rewritten,
    /// A signed head names it, and it isn't there: the end was cut off.
    CutOff,
    /// A head whose signature doesn't hold.
    BadSignature,
    /// A head signed by a key that the ledger doesn't know.
    OtherKey,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The record.
    pub sequence: Sequence,
    /// What is wrong.
    pub trouble: Trouble,
    /// The same in words: what was found, what it means, and what to do.
    pub text: String,
}

impl Finding {
    fn new(sequence: Sequence, trouble: Trouble) -> Self {
        let text = match trouble {
            Trouble::Edited => format!(
                "record {sequence} doesn't fit its hash: it, or the hash, was changed after it was written. What it says can't \
                 be believed; what stands before it can. Compare it with an export or a backup from before"
            ),
            Trouble::Gap => format!(
                "records before {sequence} are missing: they were deleted. Compare with an export or a backup from before"
            ),
            Trouble::Unreadable => format!(
                "record {sequence} isn't made like a record: the file is damaged or was changed. Compare it with an export or \
                 a backup from before, and check the disk below"
            ),
            Trouble::Rewritten => format!(
                "a signed head has another hash for record {sequence}: that record or one before it was changed, and the hashes \
                 after it were made anew. Nothing up to it can be believed. Compare with an export or a backup from before"
            ),
            Trouble::CutOff => format!(
                "a signed head names record {sequence}, which isn't there: the end of the ledger was cut off, or an older copy \
                 was put in its place. What is left can be believed; what is missing may be in an export or a backup"
            ),
            Trouble::BadSignature => format!(
                "the signature of a head for record {sequence} doesn't hold: the head's file was changed. It proves nothing; \
                 the other heads do"
            ),
            Trouble::OtherKey => format!(
                "a head for record {sequence} is signed by a key that this ledger doesn't name: it belongs to another ledger, or \
                 the ledger was replaced. Find out where the volume, or the ledger, came from"
            ),
        };
        Self {
            sequence,
            trouble,
            text,
        }
    }
}

/// Reads the whole ledger and computes its hashes anew; compares `heads`, wherever they were kept.
///
/// # Errors
/// When the ledger can't be read. What is wrong with it is no error, but a finding.
pub fn verify(ledger: &Ledger, heads: &[SignedHead]) -> Result<Verification, Error> {
    let mut verification = Verification {
        records: 0,
        newest: None,
        heads: 0,
        keys: 0,
        findings: Vec::new(),
        finding_count: 0,
    };
    let mut walk = Walk::new(heads, &mut verification);
    let sql = "select sequence, time, actor, kind, subject, body, hash from record order by sequence";
    let mut statement = ledger.tried(ledger.connection().prepare(sql))?;
    let mut rows = ledger.tried(statement.query([]))?;
    while let Some(row) = ledger.tried(rows.next())? {
        walk.step(row);
    }
    walk.end();
    Ok(verification)
}

/// The way along the chain.
struct Walk<'a> {
    verification: &'a mut Verification,
    heads: BTreeMap<i64, Vec<&'a SignedHead>>,
    keys: BTreeSet<String>,
    before: Head,
}

impl<'a> Walk<'a> {
    fn new(heads: &'a [SignedHead], verification: &'a mut Verification) -> Self {
        let mut by_sequence = BTreeMap::<i64, Vec<&SignedHead>>::new();
        for head in heads {
            by_sequence.entry(head.head.sequence.0).or_default().push(head);
        }
        Self {
            verification,
            heads: by_sequence,
            keys: BTreeSet::new(),
            before: Head {
                sequence: Sequence(0),
                hash: RecordHash::GENESIS,
            },
        }
    }

    fn step(&mut self, row: &Row<'_>) {
        let sequence = Sequence(row.get(0).unwrap_or_default());
        self.verification.records += 1;
        if sequence.0 != self.before.sequence.0.saturating_add(1) {
            self.verification.find(Finding::new(sequence, Trouble::Gap));
        }
        let stored: Option<RecordHash> = row.get(6).ok().map(RecordHash);
        let computed = match read(row) {
            Some(read) => {
                self.note_key(&read);
                let texts = [read.actor, read.kind, read.subject, read.body];
                Some(chain::hash(&self.before.hash, sequence.0, read.time, texts))
            }
            None => None,
        };
        match (computed, stored) {
            (Some(computed), Some(stored)) if computed != stored => {
                self.verification.find(Finding::new(sequence, Trouble::Edited));
            }
            (Some(_), Some(_)) => {}
            _ => self.verification.find(Finding::new(sequence, Trouble::Unreadable)),
        }
        // From what is stored: so a record that was edited alone doesn't hide what else was.
        let hash = stored.or(computed).unwrap_or(RecordHash::GENESIS);
        self.before = Head { sequence, hash };
        self.verification.newest = Some(self.before);
        self.compare();
    }

    /// The record that names the key of the heads.
    fn note_key(&mut self, read: &Read<'_>) {
        if read.kind == KEY_RECORD {
            let body: serde_json::Value = serde_json::from_str(read.body).unwrap_or_default();
            let key = body.get("key").and_then(serde_json::Value::as_str);
            self.keys.extend(key.map(str::to_owned));
        }
    }

    /// Compares the heads that name the record just read.
    fn compare(&mut self) {
        for signed in self.heads.remove(&self.before.sequence.0).unwrap_or_default() {
            let trouble = if !signed.is_genuine() {
                Trouble::BadSignature
            } else if !self.keys.contains(&signed.key) {
                Trouble::OtherKey
            } else if signed.head.hash != self.before.hash {
                Trouble::Rewritten
            } else {
                self.verification.heads += 1;
                continue;
            };
            self.verification.find(Finding::new(signed.head.sequence, trouble));
        }
    }

    /// Heads of records that aren't there.
    fn end(mut self) {
        self.verification.keys = self.keys.len() as u64;
        for signed in std::mem::take(&mut self.heads).into_values().flatten() {
            let trouble = if !signed.is_genuine() {
                Trouble::BadSignature
            } else if !self.keys.contains(&signed.key) {
                Trouble::OtherKey
            } else {
                Trouble::CutOff
            };
            self.verification.find(Finding::new(signed.head.sequence, trouble));
        }
    }
}

/// What is stored of a record, as it is hashed.
struct Read<'a> {
    time: i64,
    actor: &'a str,
    kind: &'a str,
    subject: &'a str,
    body: &'a str,
}

fn read<'a>(row: &'a Row<'_>) -> Option<Read<'a>> {
    let text = |index| row.get_ref(index).ok()?.as_str().ok();
    let time: i64 = row.get(1).ok()?;
    // A time that no record can have would be hashed as another one.
    (Time::from_unix_millis(time).unix_millis() == time).then_some(())?;
    Some(Read {
        time,
        actor: text(2)?,
        kind: text(3)?,
        subject: text(4)?,
        body: text(5)?,
    })
}

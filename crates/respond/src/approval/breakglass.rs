//! Breaking glass: sealed one-time codes for the night in which nobody else can be reached.
//!
//! A code stands in for the approvals of one request. The ledger has only hashes of codes. Using one is loud: the record that it makes is
//! the only one of its kind ([`GLASS_BROKEN`]), and whoever uses it tells the desk of a critical alert.

use ring::digest::{SHA256, digest};
use rusqlite::OptionalExtension;
use serde::Serialize;
use serde_json::json;

use super::ask::rule_for;
use super::operation::Operation;
use super::rules::in_force;
use super::store::{Request, RequestId, needed, subject};
use super::used::use_up_in;
use super::voters;
use super::words::Wish;
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::people::Actor;
use crate::time::Time;

/// Random bytes of a code.
pub const CODE_BYTES: usize = 20;
/// Codes that are sealed at a time.
const CODES_MAX: usize = 20;
/// How long codes can be used, in milliseconds: a year.
const CODES_KEPT_MILLIS: i64 = 366 * 86_400_000;
/// How long what a code allows can be done, in milliseconds.
const USABLE_MILLIS: i64 = 3_600_000;
/// Characters of codes: five bits each, without those that are mistaken for others.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The record of a code that was used.
const GLASS_BROKEN: &str = "approval.break-glass";

/// A code to be printed and sealed. It isn't shown by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(..)")
    }
}

impl Code {
    /// A code from random bytes: 32 characters in groups of four.
    #[must_use]
    pub fn new(random: [u8; CODE_BYTES]) -> Self {
        let (mut bits, mut have, mut text) = (0u32, 0u32, String::new());
        for byte in random {
            bits = (bits << 8) | u32::from(byte);
            have += 8;
            while have >= 5 {
                have -= 5;
                let index = ((bits >> have) & 31) as usize;
                if text.len() % 5 == 4 {
                    text.push('-');
                }
                text.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'0')));
            }
            bits &= 0xff;
        }
        Self(text)
    }

    /// What is printed.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// How many codes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Seals {
    /// Those that can be used.
    pub left: u32,
    /// Those that were.
    pub used: u32,
}

/// Replaces all codes by new ones. With approvals on, that needs a request that was approved (`change-approvals`, subject `seal`): else
/// one person could make the codes that stand in for the others.
///
/// # Errors
/// With no code or more than twenty, without such a request, or when the ledger can't be written.
pub fn seal(w: &mut Writing<'_>, now: Time, actor: &Actor, random: &[[u8; CODE_BYTES]]) -> Result<Vec<Code>, Error> {
    if !(1..=CODES_MAX).contains(&random.len()) {
        return refused(format!("`{}` codes aren't within 1 to {CODES_MAX}", random.len()));
    }
    let wish = Wish {
        operation: Operation::ChangeApprovals,
        subject: "seal".to_owned(),
        detail: String::new(),
        because: String::new(),
    };
    use_up_in(w, now, actor, &wish, true)?;
    w.tried(
        w.connection()
            .execute("delete from approval_seal where used is null", []),
    )?;
    let codes: Vec<Code> = random.iter().map(|random| Code::new(*random)).collect();
    let expires = now.plus_millis(CODES_KEPT_MILLIS);
    for code in &codes {
        let kept = w.connection().execute(
            "insert into approval_seal (hash, made, expires) values (?1, ?2, ?3)",
            (hash(code.reveal()), now, expires),
        );
        w.tried(kept)?;
    }
    let body = json!({ "change": "sealed", "codes": codes.len(), "expires": expires });
    w.record(now, actor, "approval.rules", "approvals", &body)?;
    Ok(codes)
}

/// Breaks glass: a code stands in for the approvals of one request, made here, which can be used once within the next hour.
///
/// # Errors
/// When approvals are off, no rule covers it, there is no reason, or the code is none or was used.
pub fn break_glass(w: &mut Writing<'_>, now: Time, actor: &Actor, code: &str, wish: &Wish) -> Result<Request, Error> {
    let is_covered = w
        .tried(in_force(w.connection()))?
        .is_some_and(|rules| rules.0.contains_key(&wish.operation));
    if !is_covered {
        return refused(format!(
            "`{}` needs no approval now: there is no glass to break",
            wish.operation
        ));
    }
    if wish.because.trim().is_empty() {
        return refused("whoever reads of this in the morning has to know why; say so with `--because`".to_owned());
    }
    if wish.operation == Operation::ChangeApprovals {
        return refused("the rules themselves can't be changed by breaking glass: that needs the others".to_owned());
    }
    let found = w
        .connection()
        .query_row(
            "update approval_seal set used = ?2 where hash = ?1 and used is null and expires > ?2 returning made",
            (hash(code), now),
            |row| row.get::<_, Time>(0),
        )
        .optional();
    let Some(made) = w.tried(found)? else {
        return refused("this is no code that can still be used; codes are 32 characters and work once".to_owned());
    };
    let asker = w.tried(voters::person(w.connection(), actor))?;
    let until = now.plus_millis(USABLE_MILLIS);
    let quorum = rule_for(w, wish.operation)?.quorum;
    let asked_by = serde_json::to_string(actor).unwrap_or_default();
    let inserted = w.connection().execute(
        "insert into approval_request (operation, subject, detail, because, asked_by, asker, asked, expires, quorum, state, decided,
         usable_until, glass) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'approved', ?7, ?8, 1)",
        rusqlite::params![
            wish.operation.name(),
            wish.subject,
            wish.detail,
            wish.because,
            asked_by,
            asker,
            now,
            until,
            quorum
        ],
    );
    w.tried(inserted)?;
    let id = RequestId(w.connection().last_insert_rowid());
    let body = json!({
        "operation": wish.operation, "subject": wish.subject, "detail": wish.detail, "because": wish.because, "until": until,
        "sealed": made,
    });
    w.record(now, actor, GLASS_BROKEN, &subject(id), &body)?;
    needed(w, id)
}

/// How many codes there are.
///
/// # Errors
/// When the ledger can't be read.
pub fn seals(ledger: &Ledger, now: Time) -> Result<Seals, Error> {
    let counted = ledger.connection().query_row(
        "select count(*) filter (where used is null and expires > ?1), count(*) filter (where used is not null)
         from approval_seal",
        [now],
        |row| {
            Ok(Seals {
                left: row.get(0)?,
                used: row.get(1)?,
            })
        },
    );
    ledger.tried(counted)
}

/// SHA-256 of a code's characters as they were drawn, however they were typed. 160 random bits can't be tried out, so no slow hash is
/// needed.
fn hash(code: &str) -> [u8; 32] {
    let typed = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase());
    let meant: String = typed
        .map(|c| match c {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, meant.as_bytes()).as_ref());
    hash
}

fn refused<T>(what: String) -> Result<T, Error> {
    Err(Error::Refused { what })
}

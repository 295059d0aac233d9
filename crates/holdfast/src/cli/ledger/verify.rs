//! `holdfast ledger verify`

use std::path::PathBuf;

use clap::Args;
use respond::Ledger;
use respond::ledger::{self, HEAD_NAME, RecordHash, SignedHead, Verification};

use crate::cli::noted::Noted;
use crate::cli::output::{self, print};
use crate::desk::{self, heads};
use crate::failure::{EXIT_OK, Failure, FailureCode};

pub(super) const HELP: &str = "\
Each record's hash covers the one before it, so that an edited record shows in all that follow. That the
end was cut off shows by signed heads, which the daemon keeps beside the ledger and beside the volumes, and
by a hash that you noted elsewhere: the last line of a check, or the line that the daemon logs when it stops.

Examples:
  holdfast ledger verify
  holdfast ledger verify --expect 1234:5f0c...
  holdfast ledger verify --file /srv/backup/ledger.sqlite";

/// What it means that the head beside the ledger is gone.
const MISSING_HEAD: &str = "the ledger names a key that signs heads, and there is none beside it: it was removed, and nothing beside \
    the ledger tells whether its end was cut off. Compare with the hash that an earlier check told, an export or a backup";

/// `holdfast ledger verify`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Verify {
    /// A record's number and hash, as an earlier check told them: it must still be there
    #[arg(long, value_name = "N:HASH")]
    expect: Option<String>,
    /// Another ledger: a backup
    #[arg(long)]
    file: Option<PathBuf>,
}

pub(super) fn run(noted: &Noted<'_>, task: &Verify) -> Result<u8, Failure> {
    let expected = task.expect.as_deref().map(expected).transpose()?;
    let kept = heads::kept(&noted.place.data);
    let check = |ledger: &Ledger| {
        let heads = comparable(ledger, task, &kept.heads)?;
        let verification = ledger::verify(ledger, &heads)?;
        let found = expected
            .map(|(number, _)| ledger.hash_of(respond::Sequence(number)))
            .transpose()?;
        Ok((verification, found.flatten(), heads.len()))
    };
    let (verification, found, compared) = match &task.file {
        Some(file) => {
            let opened = Ledger::open_file(file.clone()).and_then(|ledger| check(&ledger));
            opened.map_err(|error| desk::failed(&error))?
        }
        None => noted.ask_existing(check)?,
    };
    let mut problems: Vec<String> = verification
        .findings
        .iter()
        .map(|finding| finding.text.clone())
        .collect();
    if task.file.is_none() && verification.keys > 0 && !noted.folder.join(HEAD_NAME).exists() {
        problems.push(MISSING_HEAD.to_owned());
    }
    problems.extend(kept.problems);
    if let Some((number, hash)) = expected
        && found != Some(hash)
    {
        problems.push(format!(
            "record {number} doesn't have the hash that was noted: the ledger was changed since, or its end was cut off"
        ));
    }
    if noted.common.json {
        output::json(&serde_json::json!({ "verification": verification, "problems": problems }));
    } else {
        let later = kept.heads.len().saturating_sub(compared);
        print(text(&verification, (compared, later), &problems).as_bytes());
    }
    Ok(if problems.is_empty() {
        EXIT_OK
    } else {
        FailureCode::Damage.exit_code()
    })
}

/// The heads that say something about a ledger. A copy ends where it was made: those of later records aren't about it.
fn comparable(ledger: &Ledger, task: &Verify, heads: &[SignedHead]) -> Result<Vec<SignedHead>, respond::Error> {
    let mut heads = heads.to_vec();
    if task.file.is_some() {
        let end = ledger.newest()?.map(|newest| newest.sequence);
        heads.retain(|signed| Some(signed.head.sequence) <= end);
    }
    Ok(heads)
}

/// `1234:5f0c...`
fn expected(text: &str) -> Result<(i64, RecordHash), Failure> {
    let parsed = text
        .split_once(':')
        .and_then(|(number, hash)| Some((number.parse().ok()?, RecordHash::parse(hash)?)));
    parsed.ok_or_else(|| {
        Failure::usage(format!("`{text}` is no number and hash of a record"))
            .hint("`holdfast ledger verify` prints them, as NUMBER:HASH")
    })
}

/// What was found; `heads` says how many were compared, and how many are of records after the end of a copy.
fn text(verification: &Verification, heads: (usize, usize), problems: &[String]) -> String {
    let mut text = String::new();
    for problem in problems {
        text += &format!("wrong: {problem}\n");
    }
    let more = verification
        .finding_count
        .saturating_sub(verification.findings.len() as u64);
    if more > 0 {
        text += &format!("and {more} more like these\n");
    }
    let Verification {
        records, heads: good, ..
    } = verification;
    let (compared, later) = heads;
    text += &format!("{records} records checked, {good} of {compared} signed heads agree\n");
    if later > 0 {
        text += &format!("{later} signed heads are of later records: what came after this copy was made isn't in it\n");
    }
    if problems.is_empty() {
        text += "nothing was edited and nothing is missing, as far as chain and heads can tell\n";
    }
    if let Some(newest) = verification.newest {
        text += &format!("the last record is {}:{}\n", newest.sequence, newest.hash);
    }
    text
}

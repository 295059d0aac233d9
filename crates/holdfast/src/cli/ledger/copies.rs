//! `holdfast ledger export` and `backup`

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use respond::Sequence;
use respond::ledger;
use serde_json::json;

use crate::cli::noted::Noted;
use crate::cli::output::{self, print};
use crate::desk::heads;
use crate::failure::{EXIT_OK, Failure};

pub(super) const EXPORT_HELP: &str = "\
A line is a record: its `actor` and `body` are the JSON texts that were hashed, character by character, so
that other programs can compute `hash` anew; the last lines are signed heads. The format is in docs/respond.md.

Examples:
  holdfast ledger export ledger.ndjson
  holdfast ledger export --after 1234 >> ledger.ndjson";

pub(super) fn export(noted: &Noted<'_>, file: Option<&Path>, after: i64) -> Result<u8, Failure> {
    let kept = heads::kept(&noted.place.data);
    let mut to: Box<dyn Write> = match file {
        Some(path) => Box::new(BufWriter::new(make(path)?)),
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let exported = noted.ask_existing(|ledger| ledger::export(ledger, Sequence(after), &kept.heads, &mut *to))?;
    drop(to);
    let Some(path) = file else { return Ok(EXIT_OK) };
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| Failure::io(format!("write `{}`", path.display()), &error))?;
    if noted.common.json {
        return Ok(output::json(&json!({ "file": path, "exported": exported })));
    }
    let (count, shown) = (exported.records, path.display());
    print(
        format!(
            "wrote {count} records and {} signed heads into `{shown}`\n",
            kept.heads.len()
        )
        .as_bytes(),
    );
    Ok(EXIT_OK)
}

fn make(path: &Path) -> Result<File, Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| Failure::io(format!("make `{}`", path.display()), &error))
}

pub(super) fn backup(noted: &Noted<'_>, file: &Path) -> Result<u8, Failure> {
    noted.ask_existing(|ledger| ledger::backup(ledger, file))?;
    if noted.common.json {
        return Ok(output::json(&json!({ "file": file })));
    }
    let shown = file.display();
    print(
        format!("copied the ledger into `{shown}`; `holdfast ledger verify --file {shown}` checks the copy\n")
            .as_bytes(),
    );
    Ok(EXIT_OK)
}

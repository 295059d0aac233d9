//! `holdfast exposure stats`

use clap::Args;
use exposure::hash::HashKind;
use exposure::ledger::Ledger;
use exposure::passwords::{CorpusStatistics, Passwords, Reads};
use jiff::Timestamp;
use serde_json::json;

use super::Scene;
use super::failures::failure;
use super::import_passwords::FOLDER;
use crate::cli::output::print;
use crate::cli::show::count;
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};
use crate::size::format_size;

/// `holdfast exposure stats`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Stats {}

/// What is loaded and who is watched.
struct Loaded {
    passwords: Vec<CorpusStatistics>,
    /// What a lookup of each kind of hash reads.
    reads: Vec<(HashKind, Reads)>,
    /// Tables of accounts of one kind, at most.
    tables: usize,
    breaches: Vec<exposure::accounts::Breach>,
    domains: usize,
    watches: usize,
    keys: usize,
}

pub(super) fn run(scene: &Scene<'_>, _task: &Stats) -> Result<u8, Failure> {
    let loaded = read(scene)?;
    let text = if scene.common.json {
        object(&loaded).to_string() + "\n"
    } else {
        text(&loaded)
    };
    print(text.as_bytes());
    Ok(EXIT_OK)
}

fn read(scene: &Scene<'_>) -> Result<Loaded, Failure> {
    let failed = |error| failure(&error);
    let passwords = Passwords::open(&scene.folder.join(FOLDER)).map_err(failed)?;
    let reads = HashKind::ALL.map(|kind| (kind, passwords.reads(kind)));
    let mut loaded = Loaded {
        passwords: passwords.statistics().map_err(failed)?,
        reads: reads.into_iter().filter(|(_, reads)| reads.parts > 0).collect(),
        tables: 0,
        breaches: Vec::new(),
        domains: 0,
        watches: 0,
        keys: 0,
    };
    // Looking doesn't make a ledger.
    if !scene.folder.is_dir() {
        return Ok(loaded);
    }
    loaded.tables = exposure::accounts::tables(&scene.folder).map_err(failed)?;
    let ledger = Ledger::open(&scene.folder).map_err(failed)?;
    loaded.breaches = ledger
        .breaches()
        .map_err(failed)?
        .into_iter()
        .map(|(_, breach)| breach)
        .collect();
    loaded.domains = ledger.domains().map_err(failed)?.len();
    loaded.keys = ledger.keys().map_err(failed)?.len();
    let mut after = 0;
    loop {
        let watches = ledger.watches_after(after).map_err(failed)?;
        let Some(last) = watches.last() else { break };
        after = last.id;
        loaded.watches += watches.len();
    }
    Ok(loaded)
}

fn text(loaded: &Loaded) -> String {
    let mut text = String::new();
    if loaded.passwords.is_empty() {
        text += "no leaked passwords are loaded: `holdfast exposure import passwords` loads them\n";
    } else {
        let mut table = Table::new(&[
            ("PASSWORDS FROM", Align::Left),
            ("HASH", Align::Left),
            ("HASHES", Align::Right),
            ("SEEN", Align::Right),
            ("RANGES", Align::Right),
            ("COUNTS", Align::Right),
            ("IMPORTED", Align::Left),
        ]);
        for corpus in &loaded.passwords {
            table.row(vec![
                corpus.source.clone(),
                corpus.kind.name().to_owned(),
                corpus.hashes.to_string(),
                corpus.occurrences.to_string(),
                format_size(corpus.range_bytes),
                format_size(corpus.counts_bytes),
                time(corpus.imported),
            ]);
        }
        text += &table.render();
    }
    let accounts: u64 = loaded.breaches.iter().map(|breach| breach.pwn_count).sum();
    text += &format!("breaches  {} with {accounts} accounts\n", loaded.breaches.len());
    text += &format!(
        "watched   {} domains, {} watches\nkeys      {}\n",
        loaded.domains, loaded.watches, loaded.keys
    );
    text + &reads_text(loaded)
}

/// What a question reads, and how to make it less.
fn reads_text(loaded: &Loaded) -> String {
    let mut lines = Vec::new();
    for (kind, reads) in &loaded.reads {
        let loose = match reads.loose_parts {
            0 => String::new(),
            loose => format!(" and {}", count(loose as u64, "block")),
        };
        let pages = count(reads.indexes as u64, "page");
        let blocks = count(reads.parts as u64, "block");
        lines.push(format!("{} lookup {pages}{loose}, range {blocks}", kind.name()));
    }
    if loaded.tables > 0 {
        lines.push(format!("account {}", count(loaded.tables as u64, "block")));
    }
    if lines.is_empty() {
        return String::new();
    }
    let is_merged = loaded.tables < 2
        && loaded
            .reads
            .iter()
            .all(|(_, reads)| reads.indexes + reads.loose_parts == 1);
    let advice = if is_merged {
        ""
    } else {
        "; a running server merges them, or `holdfast exposure merge`"
    };
    format!("reads     {}{advice}\n", lines.join("; "))
}

fn object(loaded: &Loaded) -> serde_json::Value {
    let breaches = loaded
        .breaches
        .iter()
        .map(|breach| json!({ "name": breach.name, "accounts": breach.pwn_count }));
    json!({
        "passwords": loaded.passwords.iter().map(corpus_object).collect::<Vec<_>>(),
        "breaches": breaches.collect::<Vec<_>>(),
        "domains": loaded.domains,
        "watches": loaded.watches,
        "keys": loaded.keys,
        "reads": loaded.reads.iter().map(reads_object).collect::<Vec<_>>(),
        "tables": loaded.tables,
    })
}

fn reads_object((kind, reads): &(HashKind, Reads)) -> serde_json::Value {
    json!({
        "kind": kind.name(),
        "indexes": reads.indexes,
        "parts": reads.parts,
        "loose_parts": reads.loose_parts,
    })
}

/// What one source has, as `--json` shows it.
pub(super) fn corpus_object(corpus: &CorpusStatistics) -> serde_json::Value {
    json!({
        "source": corpus.source,
        "kind": corpus.kind.name(),
        "hashes": corpus.hashes,
        "occurrences": corpus.occurrences,
        "range_bytes": corpus.range_bytes,
        "counts_bytes": corpus.counts_bytes,
        "parts": corpus.parts,
        "imported": time(corpus.imported),
    })
}

/// A time in seconds since 1970, in UTC.
fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| "-".to_owned(), |time| time.to_string())
}

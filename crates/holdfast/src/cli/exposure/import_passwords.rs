//! `holdfast exposure import passwords`

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exposure::hash::HashKind;
use exposure::passwords::{
    Existing, Format, ImportOptions, ImportProgress, ImportReport, ImportStage, Input, Tally, import, remove,
};
use serde_json::json;

use super::Scene;
use super::failures::{failure, import_failure};
use crate::cli::output::print;
use crate::cli::progress::Shown;
use crate::cli::show::count;
use crate::control::Progress;
use crate::exposure_delivery::now;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::size::parse_size;

/// The folder of the passwords in that of the breach monitor.
pub(in crate::cli) const FOLDER: &str = "passwords";
/// The least memory for sorting: below it, runs are so small that there are too many of them.
const MEMORY_BYTES_MIN: u64 = 64 << 20;

/// `holdfast exposure import passwords`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct ImportPasswords {
    /// A file, a folder of range files, or `-` for standard input
    #[arg(value_name = "PATH", required_unless_present = "remove")]
    path: Option<PathBuf>,
    /// Which hashes, where the input doesn't say; of a list of passwords both are made unless one is named
    #[arg(long, value_name = "KIND", value_parser = kind())]
    kind: Option<HashKind>,
    /// The form of the input [default: as recognised]
    #[arg(long, value_name = "FORM", value_parser = format())]
    format: Option<Format>,
    /// The name under which it is kept [default: pwned-passwords; of a list of passwords, its file's name]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Most memory for sorting
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = memory)]
    memory: u64,
    /// Keep what the source has, and add the counts
    #[arg(long, conflicts_with = "replace_with_less")]
    add: bool,
    /// Replace the source even with less than half as many hashes
    #[arg(long)]
    replace_with_less: bool,
    /// Remove a source
    #[arg(long, value_name = "NAME", conflicts_with_all = ["path", "kind", "format", "source", "add", "replace_with_less"])]
    remove: Option<String>,
}

const HELP: &str = "\
Forms, each also as .gz or .zst:
  hashes     lines of HASH:COUNT in any order, SHA-1 or NTLM; without a count it is 1
  ranges     a folder of 2^20 files like 5BAA6.txt, or nested like 5b/aa/5baa6.gz (hibp-downloader)
  binary     records of a hash and a 32-bit count (hibp-download of oschonrock)
  passwords  one password a line; only its hashes are kept

Importing a source again replaces it; the counts of different sources add up. An import that was
interrupted goes on where it was when the same command is given again. Exit code 5: some lines could
not be read; the rest is loaded.

Examples:
  holdfast exposure import passwords pwnedpasswords.txt
  holdfast exposure import passwords hibp-downloads --kind ntlm
  holdfast exposure import passwords police.txt --source police --add
  zcat list.gz | holdfast exposure import passwords - --source list";

fn kind() -> impl TypedValueParser<Value = HashKind> {
    PossibleValuesParser::new(HashKind::ALL.map(HashKind::name))
        .try_map(|name| HashKind::named(&name).ok_or("no kind of hash has this name"))
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| {
        let found = Format::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or("no form has this name")
    })
}

fn memory(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    if bytes < MEMORY_BYTES_MIN {
        return Err("at least `64M` is needed".to_owned());
    }
    Ok(bytes)
}

pub(super) fn run(scene: &Scene<'_>, task: &ImportPasswords) -> Result<u8, Failure> {
    let folder = scene.folder.join(FOLDER);
    let mut shown = StageShown::new(scene.common.json);
    if let Some(source) = &task.remove {
        let removed = remove(&folder, source, &mut |progress| shown.update(progress));
        shown.end();
        let hashes = removed.map_err(|error| failure(&error))?;
        return Ok(removed_text(source, hashes, scene.common.json));
    }
    let Some(path) = &task.path else {
        return Err(Failure::usage("no file or folder is named"));
    };
    scene.place.prepare()?;
    let input = if path == Path::new("-") {
        Input::Stream(Box::new(io::stdin()))
    } else {
        Input::Path(path.clone())
    };
    let report = import(&folder, input, &options(task), &mut |progress| shown.update(progress));
    shown.end();
    let report = report.map_err(|error| failed(&error, &folder))?;
    if scene.common.json {
        print((object(&report).to_string() + "\n").as_bytes());
    } else {
        print(text(&report).as_bytes());
        warn(&report.tally);
    }
    Ok(if report.tally.malformed > 0 {
        FailureCode::Damage.exit_code()
    } else {
        EXIT_OK
    })
}

fn options(task: &ImportPasswords) -> ImportOptions {
    ImportOptions {
        source: task.source.clone(),
        kind: task.kind,
        format: task.format,
        memory_bytes: task.memory,
        existing: match (task.add, task.replace_with_less) {
            (true, _) => Existing::Add,
            (_, true) => Existing::ReplaceWithLess,
            _ => Existing::Replace,
        },
        now: now(),
    }
}

/// The failure of an import, with what to do.
fn failed(error: &exposure::Error, folder: &Path) -> Failure {
    match error {
        exposure::Error::WouldShrink { .. } => {
            failure(error).hint("name another source with `--source`, or say `--replace-with-less`")
        }
        _ => import_failure(
            error,
            folder,
            "three times the room of what it keeps, and goes on where it was",
        ),
    }
}

/// Progress of one stage after the other.
pub(super) struct StageShown {
    json: bool,
    stage: Option<(ImportStage, Shown)>,
}

impl StageShown {
    pub(super) const fn new(json: bool) -> Self {
        Self { json, stage: None }
    }

    pub(super) fn update(&mut self, progress: ImportProgress) {
        if self.stage.as_ref().is_none_or(|(stage, _)| *stage != progress.stage) {
            self.end();
            let shown = match progress.stage {
                ImportStage::Reading => Shown::new("reading", self.json),
                ImportStage::Merging => Shown::counting("merging", self.json),
                ImportStage::Counting => Shown::counting("counting", self.json),
                ImportStage::Indexing => Shown::counting("indexing", self.json),
            };
            self.stage = Some((progress.stage, shown));
        }
        if let Some((_, shown)) = &mut self.stage {
            // An import is never stopped half-way by its progress.
            let _ = shown.update(progress.done, progress.total);
        }
    }

    pub(super) fn end(&mut self) {
        if let Some((_, shown)) = self.stage.take() {
            shown.end();
        }
    }
}

fn removed_text(source: &str, hashes: u64, json: bool) -> u8 {
    let text = if json {
        json!({ "removed": source, "hashes": hashes }).to_string() + "\n"
    } else {
        format!("`{source}` with {hashes} hashes is removed\n")
    };
    print(text.as_bytes());
    EXIT_OK
}

fn text(report: &ImportReport) -> String {
    let mut lines = Vec::new();
    if report.resumed {
        lines.push("went on where an import was interrupted".to_owned());
    }
    for source in &report.sources {
        lines.push(format!(
            "`{}` has {} {} hashes, seen {} in all",
            source.source,
            source.hashes,
            source.kind.name(),
            count(source.occurrences, "time")
        ));
    }
    if report.replaced > 0 {
        lines.push(format!("before, it had {}", report.replaced));
    }
    if report.tally.files_missing > 0 {
        lines.push(format!("{} of 1048576 ranges have no file", report.tally.files_missing));
    }
    lines.join("\n") + "\n"
}

/// Tells what could not be read.
fn warn(tally: &Tally) {
    if tally.malformed == 0 {
        return;
    }
    eprintln!(
        "warning: {} of {} lines could not be read and were left out",
        tally.malformed, tally.lines
    );
    for malformed in &tally.first_malformed {
        let file = if malformed.file.is_empty() {
            String::new()
        } else {
            format!("`{}` ", malformed.file)
        };
        eprintln!("warning: {file}line {}: {}", malformed.line, malformed.reason);
    }
}

fn object(report: &ImportReport) -> serde_json::Value {
    let sources = report.sources.iter().map(super::stats::corpus_object);
    json!({
        "format": report.format.name(),
        "resumed": report.resumed,
        "sources": sources.collect::<Vec<_>>(),
        "replaced": report.replaced,
        "read": report.tally,
    })
}

//! `holdfast exposure import breach`

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use exposure::accounts::{Accounts, AccountsWriter};
use exposure::ingest::{About, Import, Imported, MEMORY_BYTES, PasswordForm, Problems};
use exposure::watch::breach_loaded;
use serde_json::json;

use super::Scene;
use super::failures::{failure, import_failure};
use crate::cli::output::print;
use crate::cli::progress::Shown;
use crate::cli::show::count;
use crate::control::Progress;
use crate::desk::exposed;
use crate::exposure_delivery::now;
use crate::failure::{EXIT_OK, Failure, FailureCode};

/// How much room an import needs, as messages say it.
pub(super) const ROOM: &str = "about twice the room of the accounts and passwords in its files";
/// Problems that are shown to people; `--json` has a thousand.
const SHOWN_MAX: usize = 20;

/// `holdfast exposure import breach`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct ImportBreach {
    /// Files, folders and archives
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What is known about the breach: a file, TOML or JSON
    #[arg(long, value_name = "FILE")]
    about: PathBuf,
    /// It is your own list of people who were hit: passwords are not looked for in it
    #[arg(long)]
    affected_list: bool,
}

const HELP: &str = "\
Read are CSV, TSV and other tables, JSON, SQL dumps, logs of malware (URL: / Username: / Password:, url:login:password),
address:password and any text; in UTF-8, UTF-16 or Latin-1; also packed as .gz, .zst, .zip or .tar. Passwords are kept as hashes only.
A breach is loaded wholly or not at all, and takes the place of an earlier one of the same name.

The file about it has at least a name; `docs/exposure.md` lists the rest:
  name = \"Shop\"                       # part of the API's addresses
  title = \"Our shop\"
  domain = \"shop.example\"
  breach_date = \"2026-11-23\"
  data_classes = [\"Email addresses\", \"Passwords\"]
  columns = { phone = [\"mobile\"] }    # makes telephone numbers searchable

Examples:
  holdfast exposure import breach dump.sql.gz --about shop.toml
  holdfast exposure import breach customers.csv --about affected.toml --affected-list";

pub(super) fn run(scene: &Scene<'_>, task: &ImportBreach) -> Result<u8, Failure> {
    let mut about = About::parse(&read(&task.about)?).map_err(|error| failure(&error))?;
    if task.affected_list {
        about.passwords = PasswordForm::None;
    }
    let has_webhook = scene.place.config()?.exposure.webhook.is_some();
    scene.place.prepare()?;
    let now = now();
    let import = Import {
        paths: task.paths.clone(),
        about,
        memory_bytes: MEMORY_BYTES,
        now,
    };
    let mut shown = Shown::new("importing", scene.common.json);
    let mut writer =
        AccountsWriter::open(&scene.folder).map_err(|error| import_failure(&error, &scene.folder, ROOM))?;
    let name = import.about.name.clone();
    let passwords = scene.folder.join("passwords");
    let imported = import.run(
        &mut writer,
        &mut |done, total| shown.update(done, total),
        &mut |hashes| hashes.keep(&passwords, &name, now),
    );
    shown.end();
    let imported = imported.map_err(|error| import_failure(&error, &scene.folder, ROOM))?;
    // From here on the breach is loaded: whatever fails, the server writes the notices.
    let accounts = Accounts::open(&scene.folder).map_err(|error| failure(&error))?;
    let told = breach_loaded(writer.ledger(), &accounts, imported.loaded.id, now).map_err(|error| failure(&error))?;
    if told.watches > 0 {
        let alert = exposed::breach(exposed::now(), &name, told.watches, told.domains);
        if let Err(error) = exposed::tell(&scene.folder, alert) {
            // Nothing is left to be done where even a warning can't be shown.
            let _ = writeln!(
                std::io::stderr(),
                "warning: the ledger doesn't have this breach: {error}"
            );
        }
    }
    let notices = if has_webhook {
        told.notices
    } else {
        told.notices.saturating_sub(told.webhook)
    };
    if scene.common.json {
        print((object(&imported, notices).to_string() + "\n").as_bytes());
    } else {
        print(text(&imported, notices).as_bytes());
        warn(&imported.problems);
    }
    Ok(exit_code(&imported.problems))
}

/// Reads a file that tells about others.
pub(super) fn read(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::io(format!("read `{}`", path.display()), &error))
}

/// What could not be read is damage, though the rest is loaded.
pub(super) fn exit_code(problems: &Problems) -> u8 {
    if problems.count > 0 {
        FailureCode::Damage.exit_code()
    } else {
        EXIT_OK
    }
}

/// Tells what could not be read.
pub(super) fn warn(problems: &Problems) {
    for problem in problems.listed.iter().take(SHOWN_MAX) {
        let line = problem.line.map_or_else(String::new, |line| format!(", line {line}"));
        let byte = problem.byte.map_or_else(String::new, |byte| format!(", byte {byte}"));
        eprintln!("warning: `{}`{line}{byte}: {}", problem.file, problem.reason);
    }
    let more = problems.count.saturating_sub(SHOWN_MAX as u64);
    if more > 0 {
        eprintln!("warning: {more} more parts could not be read; `--json` lists a thousand");
    }
}

fn text(imported: &Imported, notices: u64) -> String {
    let (loaded, counts) = (&imported.loaded, &imported.counts);
    let mut lines = vec![format!(
        "`{}` is loaded: {}, {} of them mail addresses, from {} in {}",
        loaded.breach.name,
        count(loaded.accounts, "account"),
        loaded.addresses,
        count(counts.records, "record"),
        count(counts.files, "file")
    )];
    if loaded.stealer_logs > 0 {
        lines.push(format!(
            "{} pairs of an address and a website were kept",
            loaded.stealer_logs
        ));
    }
    if counts.passwords > 0 {
        lines.push(format!("passwords: {}; only their hashes are kept", counts.passwords));
    }
    if notices > 0 {
        lines.push(format!("to be sent by a running server: {}", count(notices, "notice")));
    }
    lines.join("\n") + "\n"
}

fn object(imported: &Imported, notices: u64) -> serde_json::Value {
    json!({
        "breach": imported.loaded.breach,
        "accounts": imported.loaded.accounts,
        "addresses": imported.loaded.addresses,
        "stealer_logs": imported.loaded.stealer_logs,
        "found": imported.counts,
        "notices": notices,
        "unreadable_count": imported.problems.count,
        "unreadable": imported.problems.listed,
    })
}

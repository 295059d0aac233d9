//! `holdfast threat rules update`: a folder of rules replaced as a whole by another, and back.

mod difference;
mod folder;
mod source;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use threat::rules::Refused;

use crate::browse::text::printable_line;
use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::progress::Shown;
use crate::cli::show::count;
use crate::control::{Client, Request};
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;
use crate::rule_files::{self, Text, is_rules};
use difference::Difference;
use folder::Installed;
use source::Source;

const HELP: &str = "\
--from is a folder of Sigma rules, an archive of them (.zip, .tar, .tar.gz, .tar.zst), or the
https address of one, such as a release of SigmaHQ. Only files that end with .yml or .yaml are
taken. An archive that names places outside of itself, or that unpacks to far more than rules
are, is refused as a whole.

All rules are loaded before anything is replaced. Rules that can't be used are named and kept
out by the daemon, as always; if none can be used, nothing is replaced. The new folder is
written beside the old one, made durable, and takes its place in one step; the one before is
kept for --undo. A folder that this command didn't make is replaced only if it is empty: keep
rules of your own in another.

A running daemon reads its rules again at once.

Examples:
  holdfast threat rules update --from sigma_core.zip --to /etc/holdfast/sigma --dry-run
  holdfast threat rules update --from https://example.org/sigma_all_rules.zip
  holdfast threat rules update --undo";

/// What is listed of new, changed, gone and refused rules.
const LISTED_MAX: usize = 20;

/// `holdfast threat rules update`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Update {
    /// Where the rules come from: a folder, an archive, or an https address
    #[arg(long, value_name = "PATH|URL", required_unless_present = "undo")]
    from: Option<String>,
    /// The folder that is replaced; the only one that [threat] rules names, if there is one
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Only show what would change
    #[arg(long, conflicts_with = "undo")]
    dry_run: bool,
    /// Put the rules from before the last update back; a second time, those of the update again
    #[arg(long, conflicts_with = "from")]
    undo: bool,
}

/// What an update did.
#[derive(Debug, Serialize)]
struct Updated {
    folder: PathBuf,
    files: usize,
    rules: usize,
    #[serde(flatten)]
    difference: Difference,
    refused: Vec<Refused>,
    /// Whether the folder was replaced.
    installed: bool,
    /// Whether a running daemon reads its rules again.
    reloading: bool,
}

pub(in crate::cli::threat) fn run(common: &Common, place: &Place, task: &Update) -> Result<u8, Failure> {
    let installed = Installed::at(target(place, task.to.as_deref())?)?;
    let before = rule_files::texts(&installed.existing(), is_rules)?;
    let updated = match &task.from {
        None => undo(place, &installed, &before)?,
        Some(from) => update(common, place, task, from, &installed, &before)?,
    };
    if common.json {
        return Ok(output::json(&updated));
    }
    print(text(&updated, task).as_bytes());
    Ok(EXIT_OK)
}

fn update(
    common: &Common,
    place: &Place,
    task: &Update,
    from: &str,
    installed: &Installed,
    before: &[Text],
) -> Result<Updated, Failure> {
    installed.check_replaceable()?;
    let mut shown = Shown::new("fetching", common.json);
    let source = Source::of(from, &mut shown);
    shown.end();
    let source = source?;
    let files = source.files()?;
    let texts: Vec<Text> = files
        .iter()
        .filter(|(name, _)| is_rules(name))
        .map(|(name, text)| Text {
            file: name.clone(),
            text: text.clone(),
        })
        .collect();
    let loaded = rule_files::load(&texts, false);
    if loaded.rules.is_empty() {
        let why = loaded.refused.first().map_or_else(String::new, |first| {
            format!(": `{}` line {}: {}", first.file, first.line, first.reason)
        });
        return Err(Failure::refused(format!("`{from}` has no rule that can be used{why}"))
            .hint("the rules that are there stay; `holdfast threat rules check` tells of each what is wrong"));
    }
    let mut updated = Updated {
        folder: installed.folder().to_owned(),
        files: files.len(),
        rules: loaded.rules.len(),
        difference: Difference::between(before, &texts),
        refused: loaded.refused,
        installed: false,
        reloading: false,
    };
    if !task.dry_run {
        installed.replace(from, &files)?;
        updated.installed = true;
        updated.reloading = reload(place)?;
    }
    Ok(updated)
}

fn undo(place: &Place, installed: &Installed, before: &[Text]) -> Result<Updated, Failure> {
    installed.undo()?;
    let now = rule_files::texts(&installed.existing(), is_rules)?;
    let loaded = rule_files::load(&now, false);
    Ok(Updated {
        folder: installed.folder().to_owned(),
        files: now.len(),
        rules: loaded.rules.len(),
        difference: Difference::between(before, &now),
        refused: loaded.refused,
        installed: true,
        reloading: reload(place)?,
    })
}

/// The folder that is replaced.
fn target(place: &Place, named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let rules = place.config()?.threat.rules;
    match rules.as_slice() {
        [only] => Ok(only.clone()),
        several => Err(Failure::usage(format!(
            "which folder is meant? [threat] rules of the configuration names {}",
            several.len()
        ))
        .hint("name it with `--to`, and in [threat] rules, so that the daemon reads it")),
    }
}

/// Has a running daemon read its rules again. Whether one runs.
fn reload(place: &Place) -> Result<bool, Failure> {
    let Some(mut client) = Client::connect(&place.data)? else {
        return Ok(false);
    };
    client.execute(Request::Reload, None, &mut Shown::Nowhere)?;
    Ok(true)
}

fn text(updated: &Updated, task: &Update) -> String {
    let mut text = String::new();
    let difference = &updated.difference;
    for (what, titles) in [
        ("new", &difference.new),
        ("changed", &difference.changed),
        ("gone", &difference.gone),
    ] {
        text += &format!("{what}: {}\n", count(titles.len() as u64, "rule"));
        for title in titles.iter().take(LISTED_MAX) {
            text += &printable_line(&format!("  {title}"));
        }
        if titles.len() > LISTED_MAX {
            text += &format!("  and {} more\n", titles.len() - LISTED_MAX);
        }
    }
    for refused in updated.refused.iter().take(LISTED_MAX) {
        text += &printable_line(&format!(
            "can't be used: {}:{}: {}; {}",
            refused.file, refused.line, refused.reason, refused.hint
        ));
    }
    if updated.refused.len() > LISTED_MAX {
        text += &format!("and {} more can't be used\n", updated.refused.len() - LISTED_MAX);
    }
    let folder = updated.folder.display().to_string();
    text += &printable_line(&match (updated.installed, task.undo) {
        (false, _) => format!(
            "`{folder}` would have {}; nothing was changed",
            count(updated.rules as u64, "rule")
        ),
        (true, false) => format!(
            "`{folder}` has {} now; `--undo` puts those before back",
            count(updated.rules as u64, "rule")
        ),
        (true, true) => format!("`{folder}` has {} again", count(updated.rules as u64, "rule")),
    });
    if updated.reloading {
        text += "the running daemon reads its rules again; its log says how many are in force\n";
    }
    text
}

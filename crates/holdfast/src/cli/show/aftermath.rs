//! Investigations and restores as text for people.

use std::fmt::Write as _;

use answers::{Investigation, Way, What};

use crate::aftermath::KeepGoodReport;
use crate::size::format_size;

/// Files of each kind that are listed; the rest is in the page, the table and the JSON.
const LISTED: usize = 8;
/// Things left to be done that are listed.
const REMAINS: usize = 12;

/// An investigation.
pub(in super::super) fn investigation(report: &Investigation, html: Option<&std::path::Path>) -> String {
    let mut text = String::new();
    for sentence in &report.summary {
        // Writing into a text doesn't fail.
        let _ = writeln!(text, "{sentence}");
    }
    for what in What::ALL {
        let files = || report.files.iter().filter(|file| file.what == what);
        let count = files().count();
        if count == 0 {
            continue;
        }
        let _ = writeln!(text, "\n{} ({count}):", capitalised(what.text()));
        for file in files().take(LISTED) {
            let why = file
                .evidence
                .first()
                .map_or_else(String::new, |why| format!("  ({why})"));
            let _ = writeln!(text, "  {}{why}", shown(&file.path));
        }
        if count > LISTED {
            let _ = writeln!(text, "  and {} more", count - LISTED);
        }
    }
    if let Some(personal) = report.personal.as_ref().filter(|personal| !personal.classes.is_empty()) {
        text += "\nPersonal data in the files touched (files: taken, not taken, unknown):\n";
        for answer in personal.classes.values() {
            let _ = writeln!(
                text,
                "  {}: {} found in {} files ({}, {}, {})",
                answer.title, answer.found, answer.files, answer.taken, answer.not_taken, answer.unknown
            );
        }
    }
    if !report.limits.is_empty() {
        text += "\nNot known:\n";
        for limit in &report.limits {
            let _ = writeln!(text, "  {limit}");
        }
    }
    match html {
        Some(path) => {
            let _ = writeln!(
                text,
                "\nAll of it is in `{}`, a page that opens in any browser.",
                path.display()
            );
        }
        None => {
            text +=
                "\n`--html FILE` writes a page for those who must decide, `--csv FILE` a table, `--json` everything.\n"
        }
    }
    text
}

/// A restore that keeps good work.
pub(in super::super) fn keep_good(report: &KeepGoodReport) -> String {
    let would = if report.dry_run { "would be " } else { "" };
    let mut text = String::new();
    if let Some(sentence) = report.summary.first() {
        let _ = writeln!(text, "{sentence}");
    }
    match report.way {
        Way::Nothing => text += "nothing was done: no file is damaged\n",
        Way::Surgical => {
            let _ = writeln!(
                text,
                "{} files {would}returned in place: {} of blocks went back, everything else stays as it is",
                report.files,
                format_size(report.bytes)
            );
        }
        Way::Rollback => {
            let _ = writeln!(
                text,
                "the disk {would}returned to the moment before, {} files with it, because:",
                report.files
            );
            for reason in &report.reasons {
                let _ = writeln!(text, "  {reason}");
            }
            let _ = writeln!(text, "{} files of good work since {would}set aside", report.set_aside);
        }
    }
    if let Some(archive) = &report.archive {
        let _ = writeln!(text, "  archive with a list: `{}`", archive.display());
    }
    if let Some(fork) = &report.fork {
        let _ = writeln!(text, "  the disk as it was: the volume `{fork}`");
    }
    for problem in report
        .archived
        .iter()
        .flat_map(|archived| &archived.incomplete)
        .take(REMAINS)
    {
        let _ = writeln!(text, "  not complete in the archive: {problem}");
    }
    if report.written_meanwhile {
        text += "the disk was written to while this was planned: shut the machine down and look again with `holdfast investigate`\n";
    }
    for left in report.remains.iter().take(REMAINS) {
        let _ = writeln!(text, "  {left}");
    }
    if report.remains.len() > REMAINS {
        let _ = writeln!(text, "  and {} more such", report.remains.len() - REMAINS);
    }
    if report.restored.is_some() {
        let _ = writeln!(
            text,
            "check the file system before it is used; `holdfast restore {} --undo` takes this back",
            report.volume
        );
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// A name on a terminal: control characters would write over what stands there.
fn shown(path: &str) -> String {
    path.chars()
        .map(|character| if character.is_control() { '?' } else { character })
        .collect()
}

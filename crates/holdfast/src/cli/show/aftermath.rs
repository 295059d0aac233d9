//! Investigations and restores as text for people.

use std::fmt::Write as _;

use answers::{Investigation, Way, What};

use super::{count, guard};
use crate::aftermath::KeepGoodReport;
use crate::browse::text::printable;
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
                .map_or_else(String::new, |why| format!("  ({})", printable(why.as_bytes())));
            let _ = writeln!(text, "  {}{why}", printable(file.path.as_bytes()));
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
                "  {}: {} found in {} ({}, {}, {})",
                answer.title,
                answer.found,
                count(answer.files, "file"),
                answer.taken,
                answer.not_taken,
                answer.unknown
            );
        }
    }
    if !report.limits.is_empty() {
        text += "\nNot known:\n";
        for limit in &report.limits {
            let _ = writeln!(text, "  {}", printable(limit.as_bytes()));
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
        Way::Nothing => {
            let _ = writeln!(
                text,
                "no file is damaged: nothing was changed\n\
                 hint: if writes are fenced, that goes on; `holdfast guard status {}` tells how to release them",
                report.volume
            );
        }
        Way::Surgical => {
            let _ = writeln!(
                text,
                "{} {would}returned in place: {} of blocks {}, everything else stays as it is",
                count(report.files, "damaged file"),
                format_size(report.bytes),
                if report.dry_run { "would go back" } else { "went back" }
            );
        }
        Way::Rollback => {
            let _ = writeln!(
                text,
                "the disk {would}returned to the moment before, {} with it, because:",
                count(report.files, "damaged file")
            );
            for reason in &report.reasons {
                let _ = writeln!(text, "  {}", printable(reason.as_bytes()));
            }
            let aside = count(report.set_aside, "good file");
            let _ = writeln!(text, "{aside} made or changed since {would}set aside");
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
        let _ = writeln!(text, "  not complete in the archive: {}", printable(problem.as_bytes()));
    }
    if report.written_meanwhile {
        text += "the disk was written to while this was planned: shut the machine down and look again with `holdfast investigate`\n";
    }
    for left in report.remains.iter().take(REMAINS) {
        let _ = writeln!(text, "  {}", printable(left.as_bytes()));
    }
    if report.remains.len() > REMAINS {
        let _ = writeln!(text, "  and {} more such", report.remains.len() - REMAINS);
    }
    if let Some(restored) = &report.restored {
        text += &guard::refused(restored.clients_refused);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use answers::{ArchiveReport, FileReport, MomentReport, ReadingsReport, Time, Totals};
    use volume::Timestamp;

    use super::*;
    use crate::control::RestoreReport;

    /// Moves the cursor, and turns the direction of writing.
    const EVIL: &str = "\u{1b}[2Jexe.\u{202e}fdp";
    const ESCAPED: &str = "\\u{1b}[2Jexe.\\u{202e}fdp";

    fn moment() -> MomentReport {
        MomentReport {
            sequence: 7,
            time: Time(Timestamp::ZERO),
        }
    }

    fn file() -> FileReport {
        FileReport {
            area: String::new(),
            path: format!("/{EVIL}"),
            new_path: None,
            what: What::EncryptedInPlace,
            kind: None,
            new_kind: None,
            size_bytes: None,
            new_size_bytes: None,
            owner: None,
            first: None,
            last: None,
            changed_bytes: 0,
            read_bytes: None,
            is_read_certain: false,
            evidence: vec![format!("`{EVIL}` took its place")],
            newest_good: None,
            personal: BTreeMap::new(),
            between: None,
            damage: answers::Damage::default(),
        }
    }

    fn found() -> Investigation {
        Investigation {
            version: 1,
            volume: "disk".to_owned(),
            from: moment(),
            to: moment(),
            summary: Vec::new(),
            limits: vec![format!("`{EVIL}` can't be read any more")],
            file_systems: Vec::new(),
            totals: Totals::default(),
            timeline: Vec::new(),
            by_folder: Vec::new(),
            by_type: Vec::new(),
            by_owner: Vec::new(),
            readings: ReadingsReport {
                since: None,
                is_complete: false,
                grain_bytes: 0,
                bytes: 0,
            },
            personal: None,
            files: vec![file()],
        }
    }

    fn kept(way: Way) -> KeepGoodReport {
        KeepGoodReport {
            volume: "disk".to_owned(),
            dry_run: false,
            summary: Vec::new(),
            way,
            reasons: vec![format!("`{EVIL}`")],
            files: 1,
            bytes: 4096,
            set_aside: 1,
            archive: None,
            archived: Some(ArchiveReport {
                files: 1,
                bytes: 1,
                incomplete: vec![format!("`{EVIL}`: unreadable")],
            }),
            fork: None,
            remains: vec![format!("the ransom note `{EVIL}` stays")],
            written_meanwhile: false,
            restored: None,
        }
    }

    #[test]
    fn a_restore_tells_who_must_reconnect_and_counts_in_words() {
        let at = crate::control::MomentReport {
            time: crate::control::Time(Timestamp::ZERO),
            sequence: 7,
        };
        let restored = Some(RestoreReport {
            volume: "disk".to_owned(),
            undone: false,
            from: at,
            to: at,
            clients_refused: 1,
            after: None,
        });
        let text = keep_good(&KeepGoodReport {
            restored,
            ..kept(Way::Rollback)
        });
        for part in [
            "1 damaged file with it",
            "1 good file made or changed since set aside",
            "1 connected client is refused writes until reconnected",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let planned = KeepGoodReport {
            dry_run: true,
            ..kept(Way::Surgical)
        };
        let text = keep_good(&planned);
        assert!(
            text.starts_with("1 damaged file would be returned in place: 4 KiB of blocks would go back"),
            "{text}"
        );
    }

    #[test]
    fn a_fence_that_stays_is_told_where_nothing_was_changed() {
        let text = keep_good(&kept(Way::Nothing));
        assert!(text.starts_with("no file is damaged: nothing was changed\n"), "{text}");
        assert!(text.contains("`holdfast guard status disk`"), "{text}");
    }

    #[test]
    fn names_from_a_disk_cannot_drive_the_terminal() {
        for (text, times) in [(investigation(&found(), None), 3), (keep_good(&kept(Way::Rollback)), 3)] {
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
            assert_eq!(text.matches(ESCAPED).count(), times, "{text}");
        }
    }
}

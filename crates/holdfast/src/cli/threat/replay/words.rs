//! A replay as text.

use logs::replay::Outcome;

use super::chain::Line;
use super::{Played, Summary};
use crate::browse::text::{printable, printable_line};
use crate::cli::noted::shown;
use crate::cli::policy::replayed;
use crate::cli::show::count;
use crate::cli::table::{Align, Table};

/// Lines and actions in the tables; `--json` has all.
const ROWS_MAX: usize = 200;
/// Problems and reasons that are listed.
const LISTED_MAX: usize = 8;
/// Disks in a cell.
const DISKS_MAX: usize = 4;

pub(super) fn text(played: &Played<'_>, outcome: &Outcome) -> String {
    let mut text = String::new();
    if played.told.is_empty() {
        text += "nothing would have been told\n";
    } else {
        text += &told(played.told);
        text += "\n";
    }
    let actions = played
        .actions
        .get(..ROWS_MAX.min(played.actions.len()))
        .unwrap_or_default();
    if !actions.is_empty() {
        text += &replayed(actions);
        text += &more(played.actions.len());
        text += "\n";
    }
    text += &in_short(&played.summary, played);
    text + &read(played, outcome)
}

fn told(lines: &[Line]) -> String {
    let mut table = Table::new(&[
        ("WHEN", Align::Left),
        ("SEVERITY", Align::Left),
        ("STAGE", Align::Right),
        ("MACHINE", Align::Left),
        ("PERSON", Align::Left),
        ("DISKS", Align::Left),
        ("WHAT", Align::Left),
    ]);
    for line in lines.iter().take(ROWS_MAX) {
        let disks: Vec<&str> = line.volumes.iter().take(DISKS_MAX).map(String::as_str).collect();
        let more = line.volumes.len().saturating_sub(DISKS_MAX);
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        table.row(vec![
            shown(line.time),
            line.severity.to_string(),
            line.stage.map(|stage| stage.to_string()).unwrap_or_default(),
            line.host.clone().unwrap_or_default(),
            line.identity.clone().unwrap_or_default(),
            disks.join(", ") + &more,
            if line.is_added {
                format!("+ {}", line.title)
            } else {
                line.title.clone()
            },
        ]);
    }
    table.render() + &more(lines.len())
}

fn more(rows: usize) -> String {
    match rows.saturating_sub(ROWS_MAX) {
        0 => String::new(),
        more => format!("and {more} more: `--json` has them all\n"),
    }
}

fn in_short(summary: &Summary<'_>, played: &Played<'_>) -> String {
    let mut text = first("incident", summary.first_incident) + &first("story", summary.first_story);
    for pinned in summary.pinned.iter().take(LISTED_MAX) {
        text += &format!(
            "pinned: {} at {} by `{}`\n",
            pinned.volume,
            shown(pinned.time),
            pinned.policy
        );
    }
    let more = summary.pinned.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        text += &format!("and {} more\n", count(more as u64, "disk"));
    }
    if summary.pinned.is_empty() {
        text += "pinned: nothing\n";
    }
    text += &format!(
        "to read: {} ({} added to them, marked `+`; {} to people, {}), instead of {}\n",
        count(summary.lines, "line"),
        count(summary.added as u64, "finding"),
        count(summary.messages as u64, "message"),
        if summary.stories == 1 {
            "1 story".to_owned()
        } else {
            format!("{} stories", summary.stories)
        },
        count(played.records, "record"),
    );
    text + "nothing was done\n"
}

fn first(what: &str, line: Option<&Line>) -> String {
    let Some(line) = line else {
        return format!("first {what}: none\n");
    };
    let stage = match (line.stage, line.stage_words) {
        (Some(stage), Some(words)) => format!(", at stage {stage} ({words})"),
        _ => String::new(),
    };
    let title = printable(line.title.as_bytes());
    format!("first {what}: {}{stage}: {title}\n", shown(line.time))
}

/// What was read, and what couldn't be.
fn read(played: &Played<'_>, outcome: &Outcome) -> String {
    let mut text = String::new();
    if played.was_given_up {
        text += "it was broken off before its end\n";
    }
    if played.events == 0 {
        text += &format!(
            "no event was played: {} of {} were read; `holdfast threat scan` shows what isn't understood, `--from` and `--to` what is meant\n",
            count(played.records, "record"),
            count(played.files as u64, "file")
        );
    }
    if played.late > 0 {
        text += &format!(
            "{} came later than those after them: their logs aren't in order\n",
            count(played.late, "event")
        );
    }
    for (reason, tally) in outcome.not_understood.by_count().into_iter().take(LISTED_MAX) {
        text += &printable_line(&format!("not understood: {} {reason}", count(tally.count, "record")));
    }
    for problem in outcome.problems.iter().take(LISTED_MAX) {
        text += &printable_line(&format!("not read: `{}`: {}", problem.name, problem.reason));
    }
    text
}

//! What a search found, as a table for people; and what was read, so that nothing found can be told from nothing read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use logs::report::{About, level_name, machine, person, sources};
use threat::alert::{Alert, Finder};

use super::loading;
use crate::cli::show::count;
use crate::cli::table::{Align, Table};

/// Alerts in the table: the most severe ones.
const ALERTS_MAX: usize = 40;
/// Rules in the table.
const RULES_MAX: usize = 60;
/// Names in a cell.
const NAMES_MAX: usize = 3;
/// Kinds of logs, reasons and problems that are listed.
const LISTED_MAX: usize = 8;
/// Characters of a title.
const TITLE_MAX: usize = 70;

/// The whole result.
pub(super) fn text(about: &About<'_>) -> String {
    let mut text = String::new();
    if about.outcome.fired.is_empty() {
        text += &nothing(about);
    } else {
        text += &rules(about);
        text += "\n";
        text += &alerts(about);
        text += "\n";
        text += &in_short(about);
    }
    text + &read(about)
}

/// How much was found, in a sentence.
pub(super) fn in_short(about: &About<'_>) -> String {
    let outcome = about.outcome;
    let alerts: u64 = outcome.fired.iter().map(|fired| fired.count).sum();
    format!(
        "{} of {} in {}, {}\n",
        count(alerts, "alert"),
        count(number(outcome.fired.len()), "rule"),
        count(outcome.records, "record"),
        count(outcome.files, "file"),
    )
}

/// Why nothing was found, as far as it can be said.
fn nothing(about: &About<'_>) -> String {
    let (outcome, rules) = (about.outcome, about.rules);
    let mut text = format!(
        "no rule fired: {} of {} were read and understood as {}\n",
        count(outcome.records, "record"),
        count(outcome.files, "file"),
        count(outcome.events, "event"),
    );
    text += &format!(
        "{} of the {} at this level could have fired on them\n",
        rules.able,
        count(number(rules.telling), "rule")
    );
    if outcome.events == 0 {
        text += "hint: docs/threat-sources.md lists the logs that are understood\n";
    } else if rules.able == 0 {
        text += "hint: none of the rules is for these logs; `--rules FOLDER` adds some, `--level low` shows less severe ones\n";
    }
    text
}

/// What is kept of all alerts of a rule.
#[derive(Default)]
struct Kept<'a> {
    machines: BTreeSet<&'a str>,
    people: BTreeSet<&'a str>,
    times: Option<(Timestamp, Timestamp)>,
}

fn rules(about: &About<'_>) -> String {
    let mut kept: BTreeMap<&Finder, Kept<'_>> = BTreeMap::new();
    for alert in &about.outcome.alerts {
        let kept = kept.entry(&alert.finder).or_default();
        kept.machines
            .extend(Some(machine(alert)).filter(|name| !name.is_empty()));
        kept.people.extend(Some(person(alert)).filter(|name| !name.is_empty()));
        let (first, last) = kept.times.unwrap_or((alert.time, alert.time));
        kept.times = Some((first.min(alert.time), last.max(alert.time)));
    }
    let mut table = Table::new(&[
        ("LEVEL", Align::Left),
        ("TIMES", Align::Right),
        ("WHAT", Align::Left),
        ("MACHINES", Align::Left),
        ("PEOPLE", Align::Left),
        ("FIRST", Align::Left),
        ("LAST", Align::Left),
    ]);
    for fired in about.outcome.fired.iter().take(RULES_MAX) {
        let kept = kept.remove(&fired.finder).unwrap_or_default();
        let (first, last) = kept
            .times
            .map_or_else(Default::default, |(first, last)| (time(first), time(last)));
        table.row(vec![
            level_name(fired.level).to_owned(),
            fired.count.to_string(),
            short(&fired.title),
            names(&kept.machines),
            names(&kept.people),
            first,
            last,
        ]);
    }
    let more = about.outcome.fired.len().saturating_sub(RULES_MAX);
    table.render() + &and_more(more, "rule")
}

fn alerts(about: &About<'_>) -> String {
    let mut worst: Vec<&Alert> = about.outcome.alerts.iter().collect();
    worst.sort_by_key(|alert| (std::cmp::Reverse(alert.level), alert.time));
    worst.truncate(ALERTS_MAX);
    worst.sort_by_key(|alert| alert.time);
    let mut table = Table::new(&[
        ("TIME", Align::Left),
        ("LEVEL", Align::Left),
        ("WHAT", Align::Left),
        ("MACHINE", Align::Left),
        ("PERSON", Align::Left),
        ("RECORD", Align::Left),
    ]);
    for alert in &worst {
        let record = alert
            .evidence
            .first()
            .map(|origin| format!("{}#{}", origin.source, origin.record));
        table.row(vec![
            time(alert.time),
            level_name(alert.level).to_owned(),
            short(&alert.title),
            machine(alert).to_owned(),
            person(alert).to_owned(),
            record.unwrap_or_default(),
        ]);
    }
    let alerts: u64 = about.outcome.fired.iter().map(|fired| fired.count).sum();
    let more = alerts.saturating_sub(number(worst.len()));
    table.render() + &and_more(usize::try_from(more).unwrap_or(usize::MAX), "alert")
}

/// What was read, and what couldn't be.
fn read(about: &About<'_>) -> String {
    let outcome = about.outcome;
    let listed: Vec<_> = sources(outcome)
        .into_iter()
        .take(LISTED_MAX)
        .map(|(log, events)| format!("{log} ({events})"))
        .collect();
    let mut text = String::new();
    if !listed.is_empty() {
        text += &format!("logs: {}\n", listed.join(", "));
    }
    for (reason, tally) in outcome.not_understood.by_count().into_iter().take(LISTED_MAX) {
        let sample = tally.samples.first();
        let place = sample.map_or_else(String::new, |sample| {
            format!(", such as {}#{}", sample.origin.source, sample.origin.record)
        });
        text += &format!("not understood: {} {reason}{place}\n", count(tally.count, "record"));
    }
    for problem in outcome.problems.iter().take(LISTED_MAX) {
        text += &format!("not read: `{}`: {}\n", problem.name, problem.reason);
    }
    let more = usize::try_from(outcome.problem_count)
        .unwrap_or(usize::MAX)
        .saturating_sub(LISTED_MAX);
    text += &and_more(more, "file");
    text += &loading::refused(about.rules.refused);
    // Names and reasons come from logs and archives: nothing of them may command a terminal.
    text.lines().map(crate::browse::text::printable_line).collect()
}

fn and_more(number: usize, what: &str) -> String {
    match number {
        0 => String::new(),
        more => format!("and {} more\n", count(self::number(more), what)),
    }
}

fn names(names: &BTreeSet<&str>) -> String {
    let mut shown: Vec<&str> = names.iter().copied().take(NAMES_MAX).collect();
    let more = format!("+{}", names.len().saturating_sub(NAMES_MAX));
    if names.len() > NAMES_MAX {
        shown.push(&more);
    }
    shown.join(", ")
}

fn short(title: &str) -> String {
    title.chars().take(TITLE_MAX).collect()
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn number(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

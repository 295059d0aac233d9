//! Drills as text.

use std::time::Duration;

use drill::{AttackResult, CheckOutcome, DrillResult, MomentsResult, Verdict};

use super::super::table::{Align, Table};
use super::count;
use crate::browse::text::printable;
use crate::control::{DrillListReport, DrillVolumeReport, ScheduleReport};
use crate::drills::milliseconds;
use crate::size::format_size;
use crate::span::format_span;
use crate::when::local_short;

/// Whether a list is shown as an overview, with one line a volume, or with every result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Shape {
    /// The newest result of each volume.
    Overview,
    /// Every result.
    Results,
    /// The newest result of each volume in full.
    InFull,
}

/// One drill in full.
pub(super) fn result(result: &DrillResult) -> String {
    let mut text = format!(
        "drill on `{}` of {}: {}\n",
        result.volume,
        local_short(result.started),
        result.verdict.name()
    );
    for failure in &result.failures {
        text += &format!("  failed: {}\n", printable(failure.as_bytes()));
    }
    if let Some(attack) = &result.attack {
        text += &attacked(attack);
    }
    text += &checks(result);
    if let Some(moments) = &result.moments {
        text += &past(moments);
    }
    for remark in &result.remarks {
        text += &format!("  note: {}\n", printable(remark.as_bytes()));
    }
    let cost = &result.cost;
    text += &format!(
        "  cost: {} in all, {} of it spent waiting; {} read, {} written, {} on disk meanwhile\n",
        format_span(Duration::from_millis(result.milliseconds)),
        format_span(Duration::from_millis(cost.waited_milliseconds)),
        format_size(cost.read_bytes),
        format_size(cost.written_bytes),
        format_size(cost.fork_bytes),
    );
    text + &format!(
        "  the same again: holdfast drill run {} {}--seed {}\n",
        result.volume,
        case_of(result),
        result.seed
    )
}

fn case_of(result: &DrillResult) -> String {
    let attack = result.attack.as_ref();
    attack.map_or_else(String::new, |attack| format!("--case {} ", attack.case))
}

fn attacked(attack: &AttackResult) -> String {
    let stopped = match (attack.fenced, attack.bookmarked) {
        (Some(noticed), _) => format!(
            "stopped after {} in {}",
            format_size(noticed.written_bytes),
            format_span(Duration::from_millis(noticed.milliseconds))
        ),
        (None, Some(noticed)) => format!("suspected after {}, not stopped", format_size(noticed.written_bytes)),
        (None, None) => "not noticed".to_owned(),
    };
    let mut text = format!(
        "  attack: {} ({}); {} chosen, {} damaged; {stopped}\n",
        attack.case,
        attack.case.summary(),
        count(attack.files, "file"),
        attack.files_damaged
    );
    for reason in &attack.reasons {
        text += &format!("          {}\n", printable(reason.as_bytes()));
    }
    let restore = &attack.restore;
    let (to, lost) = if restore.by_guard {
        let lost = Duration::from_millis(restore.lost_milliseconds);
        (
            "the guard's restore point",
            format!("{} of work before it lost", format_span(lost)),
        )
    } else {
        (
            "the beginning of the fork, for want of a restore point",
            "no measured loss".to_owned(),
        )
    };
    text += &format!(
        "  restore: to {to} in {}; {lost}\n",
        milliseconds(restore.recovery_microseconds)
    );
    let compared = &attack.compared;
    let which = if compared.is_whole_disk {
        "all files of the disk"
    } else {
        "the files chosen"
    };
    text + &format!(
        "  compared: {} of {} identical ({which}, {}); {} of {} as before\n",
        compared.files_identical,
        count(compared.files, "file"),
        format_size(compared.bytes),
        compared.blocks - compared.blocks_different.min(compared.blocks),
        count(compared.blocks, "changed block")
    )
}

fn checks(result: &DrillResult) -> String {
    let mut text = String::new();
    for system in &result.file_systems {
        let name = if system.area.is_empty() {
            "the disk"
        } else {
            &system.area
        };
        let said = match &system.check {
            None => String::new(),
            Some(check) => match check.outcome {
                CheckOutcome::Sound => format!(": whole, says `{}`", check.tool),
                CheckOutcome::Damaged => format!(
                    ": damaged, says `{}`: {}",
                    check.tool,
                    printable(check.detail.as_bytes())
                ),
                CheckOutcome::NotChecked => format!(": not checked: {}", printable(check.detail.as_bytes())),
            },
        };
        text += &format!(
            "  file system: {} on {}{said}\n",
            system.kind,
            printable(name.as_bytes())
        );
    }
    text
}

fn past(moments: &MomentsResult) -> String {
    let mut text = format!(
        "  past: {} and {} opened, up to {} back, {} usable; {} read, {} of them known and as they were\n",
        count(moments.pins, "pin"),
        count(moments.others, "other moment"),
        format_span(Duration::from_secs(moments.oldest_seconds)),
        moments.usable,
        count(moments.files, "file"),
        moments.known.saturating_sub(moments.problems.len() as u64),
    );
    for problem in &moments.problems {
        text += &format!("        {}\n", printable(problem.as_bytes()));
    }
    text
}

/// A list of results.
pub(in super::super) fn list(report: &DrillListReport, shape: Shape) -> String {
    let mut text = schedule(&report.schedule);
    if let Some(volume) = &report.running {
        text += &format!("a drill runs on `{volume}` now\n");
    }
    text += "\n";
    match shape {
        Shape::Overview => {
            text += &table(
                report
                    .volumes
                    .iter()
                    .filter_map(|volume| Some((volume, volume.results.last()?))),
            )
        }
        Shape::Results => {
            let all = report
                .volumes
                .iter()
                .flat_map(|volume| volume.results.iter().map(move |result| (volume, result)));
            text += &table(all);
        }
        Shape::InFull => {
            for newest in report.volumes.iter().filter_map(|volume| volume.results.last()) {
                text += &result(newest);
            }
        }
    }
    for volume in &report.volumes {
        text += &notes(volume);
    }
    text
}

fn schedule(schedule: &ScheduleReport) -> String {
    match (&schedule.at, schedule.next) {
        (Some(at), Some(next)) => {
            let case = schedule.case.map_or("another attack each time", drill::Case::name);
            format!("every day at {at}, next {}; {case}\n", local_short(next.0))
        }
        _ => "there is no schedule: drills are run by hand\nhint: `at = \"02:30\"` in [drill] of the configuration has all \
              volumes tried every night\n"
            .to_owned(),
    }
}

fn table<'r>(rows: impl Iterator<Item = (&'r DrillVolumeReport, &'r DrillResult)>) -> String {
    let mut table = Table::new(&[
        ("VOLUME", Align::Left),
        ("DRILL", Align::Left),
        ("RESULT", Align::Left),
        ("ATTACK", Align::Left),
        ("STOPPED AFTER", Align::Right),
        ("BACK IN", Align::Right),
        ("WORK LOST", Align::Right),
        ("FILES", Align::Right),
    ]);
    let mut is_empty = true;
    for (volume, result) in rows {
        is_empty = false;
        let attack = result.attack.as_ref();
        let of = |show: &dyn Fn(&AttackResult) -> String| attack.map_or_else(|| "-".to_owned(), show);
        table.row(vec![
            volume.volume.clone(),
            local_short(result.started),
            result.verdict.name().to_owned(),
            of(&|attack| attack.case.to_string()),
            of(&|attack| {
                attack
                    .fenced
                    .map_or("-".to_owned(), |noticed| format_size(noticed.written_bytes))
            }),
            of(&|attack| milliseconds(attack.restore.recovery_microseconds)),
            of(&|attack| match attack.restore.by_guard {
                true => format_span(Duration::from_millis(attack.restore.lost_milliseconds)),
                false => "-".to_owned(),
            }),
            of(&|attack| format!("{}/{}", attack.compared.files_identical, attack.compared.files)),
        ]);
    }
    if is_empty {
        return "there was no drill yet\nhint: `holdfast drill run VOLUME` tries one\n".to_owned();
    }
    table.render()
}

fn notes(volume: &DrillVolumeReport) -> String {
    let mut text = String::new();
    let name = &volume.volume;
    if let Some(failed) = volume.results.last().filter(|result| result.verdict == Verdict::Failed) {
        text += &format!(
            "\nthe last drill on `{name}` failed: {}\n",
            printable(failed.failures.join("; ").as_bytes())
        );
    }
    if volume.overdue {
        text += &format!("\na drill on `{name}` is overdue\nhint: `holdfast drill run {name}` tries it now\n");
    }
    if volume.unreadable > 0 {
        let lines = count(volume.unreadable, "line");
        text += &format!("\n{lines} of the history of `{name}` can't be understood and are left out\n");
    }
    text
}

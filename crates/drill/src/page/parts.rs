//! A volume's chapter of the page.

use super::VolumePage;
use super::chart::chart;
use super::words::{count, day_and_time, escaped, milliseconds, size, span};
use crate::result::{AttackResult, CheckOutcome, DrillResult, MomentsResult, Verdict};

/// Results in the table at most; the newest.
const ROWS_MAX: usize = 60;

/// How it is measured, for whoever has to rely on it.
pub(super) const HOW: &str = include_str!("how.html");

pub(super) fn volume(volume: &VolumePage<'_>) -> String {
    let name = escaped(volume.name);
    let Some(newest) = volume.results.last() else {
        return format!(
            "<section class=\"volume\">\n<h2>{name} <span class=\"badge never\">never tried</span></h2>\n<p>There was no drill on \
             this volume yet. <code>holdfast drill run {name}</code> tries it.</p>\n</section>\n"
        );
    };
    let class = newest.verdict.name();
    let overdue = if volume.is_overdue {
        " <span class=\"badge overdue\">overdue</span>"
    } else {
        ""
    };
    let mut text = format!(
        "<section class=\"volume\">\n<h2>{name} <span class=\"badge {class}\">{class}</span>{overdue}</h2>\n<p class=\"verdict\">{}</p>\n",
        sentence(newest)
    );
    text += &list("failures", "What failed", &newest.failures);
    text += &figures(newest);
    text += &chart(volume.results);
    text += &list("remarks", "To be known", &newest.remarks);
    text += &systems(newest);
    text += &table(volume.results);
    if volume.unreadable > 0 {
        let lines = count(volume.unreadable, "line");
        text += &format!("<p class=\"note\">{lines} of the history can't be understood and are left out.</p>\n");
    }
    if !volume.is_scheduled {
        text += "<p class=\"note\">This volume isn't part of a schedule.</p>\n";
    }
    text + "</section>\n"
}

/// The newest drill in one sentence.
fn sentence(result: &DrillResult) -> String {
    let when = day_and_time(result.started);
    let disk = size(result.size_bytes);
    let Some(attack) = &result.attack else {
        return format!("Tried on {when}: there was nothing on this disk of {disk} that could be attacked.");
    };
    let case = escaped(attack.case.summary());
    let stopped = match attack.fenced {
        Some(noticed) => format!(
            "was recognised and stopped after <b>{}</b> had been written ({} of {} files damaged)",
            size(noticed.written_bytes),
            attack.files_damaged,
            attack.files
        ),
        None if attack.bookmarked.is_some() => "was suspected, and not stopped".to_owned(),
        None => "was not noticed".to_owned(),
    };
    let compared = &attack.compared;
    let back = if compared.files == compared.files_identical && compared.blocks_different == 0 {
        let files = count(compared.files, "file");
        let blocks = count(compared.blocks, "changed block");
        format!("and <b>everything was back as before</b>: {files} by hash, {blocks} one by one")
    } else {
        "and <b>not everything was back as before</b>".to_owned()
    };
    format!(
        "Tried on {when} on a fork of this disk of {disk}. The attack ({case}) {stopped}. The disk was usable again \
         <b>{}</b> after the decision, {back}.",
        milliseconds(attack.restore.recovery_microseconds)
    )
}

fn list(class: &str, heading: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items: String = lines
        .iter()
        .map(|line| format!("<li>{}</li>\n", escaped(line)))
        .collect();
    format!("<div class=\"{class}\"><h3>{heading}</h3>\n<ul>\n{items}</ul></div>\n")
}

/// The figures that are asked for first.
fn figures(result: &DrillResult) -> String {
    let mut figures: Vec<(String, String)> = Vec::new();
    if let Some(attack) = &result.attack {
        figures.extend(of_attack(attack));
    }
    if let Some(moments) = &result.moments {
        figures.push((tried(moments), "moments of the past opened and usable".to_owned()));
        figures.push((
            format!("{} known", moments.known),
            format!(
                "of {} read in the past, compared with earlier drills",
                count(moments.files, "file")
            ),
        ));
    }
    figures.push((
        span(result.milliseconds),
        format!(
            "for the drill, {} of it waiting for the guest",
            span(result.cost.waited_milliseconds)
        ),
    ));
    let cells: String = figures
        .iter()
        .map(|(figure, words)| format!("<div><b>{}</b><span>{}</span></div>\n", escaped(figure), escaped(words)))
        .collect();
    format!("<div class=\"figures\">\n{cells}</div>\n")
}

fn of_attack(attack: &AttackResult) -> Vec<(String, String)> {
    let stopped = attack
        .fenced
        .map_or_else(|| "-".to_owned(), |noticed| size(noticed.written_bytes));
    let lost = if attack.restore.by_guard {
        span(attack.restore.lost_milliseconds)
    } else {
        "-".to_owned()
    };
    vec![
        (stopped, "written before the attack was stopped".to_owned()),
        (
            milliseconds(attack.restore.recovery_microseconds),
            "until the disk was usable again (measured RTO)".to_owned(),
        ),
        (lost, "of work before the attack lost (measured RPO)".to_owned()),
        (
            format!("{} of {}", attack.compared.files_identical, attack.compared.files),
            "files identical afterwards, by BLAKE3 hash".to_owned(),
        ),
    ]
}

fn tried(moments: &MomentsResult) -> String {
    format!("{} of {}", moments.usable, moments.pins + moments.others)
}

fn systems(result: &DrillResult) -> String {
    let mut rows = String::new();
    for system in &result.file_systems {
        let place = if system.area.is_empty() {
            "whole disk"
        } else {
            &system.area
        };
        let said = system.check.as_ref().map_or_else(
            || "-".to_owned(),
            |check| {
                let outcome = match check.outcome {
                    CheckOutcome::Sound => "whole",
                    CheckOutcome::Damaged => "damaged",
                    CheckOutcome::NotChecked => "not checked",
                };
                format!(
                    "<b>{outcome}</b> &middot; <code>{}</code> {}",
                    escaped(&check.tool),
                    escaped(&check.detail)
                )
            },
        );
        rows += &format!(
            "<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td><td>{said}</td></tr>\n",
            escaped(place),
            escaped(&system.kind),
            size(system.size_bytes)
        );
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<h3>File systems after the restore</h3>\n<div class=\"scroll\"><table>\n<thead><tr><th>Where</th><th>What</th><th \
         class=\"number\">Size</th><th>Its own tool says</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

/// All drills, newest first.
fn table(results: &[DrillResult]) -> String {
    let rows: String = results.iter().rev().take(ROWS_MAX).map(row).collect();
    format!(
        "<h3>All drills</h3>\n<div class=\"scroll\"><table>\n<thead><tr><th>When</th><th>Result</th><th>Attack</th><th \
         class=\"number\">Stopped after</th><th class=\"number\">Back in</th><th class=\"number\">Work lost</th><th \
         class=\"number\">Files identical</th><th class=\"number\">Seed</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn row(result: &DrillResult) -> String {
    let verdict = result.verdict.name();
    let cells = result.attack.as_ref().map_or_else(
        || "<td colspan=\"5\">nothing was attacked</td>".to_owned(),
        |attack| {
            let figures = of_attack(attack);
            let mut cells = format!("<td>{}</td>", attack.case.name());
            for (figure, _) in figures {
                cells += &format!("<td class=\"number\">{}</td>", escaped(&figure));
            }
            cells
        },
    );
    let title = match result.verdict {
        Verdict::Failed => result.failures.join("; "),
        Verdict::Passed | Verdict::Inconclusive => result.remarks.join("; "),
    };
    format!(
        "<tr><td>{}</td><td><span class=\"badge {verdict}\" title=\"{}\">{verdict}</span></td>{cells}<td class=\"number\">{}</td></tr>\n",
        day_and_time(result.started),
        escaped(&title),
        result.seed
    )
}

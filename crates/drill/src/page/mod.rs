//! The report as one page of HTML, for people who weren't there: an auditor, an insurer, a manager. It needs nothing from
//! anywhere else, and runs no script.

mod chart;
mod parts;
mod words;

use volume::Timestamp;

use crate::result::{DrillResult, Verdict};
use words::{day_and_time, escaped};

const STYLE: &str = include_str!("style.css");

/// What the page is about.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// When it was made.
    pub time: Timestamp,
    /// The machine.
    pub host: &'f str,
    /// The program with its version.
    pub program: &'f str,
    /// The time of day of the schedule; `None` if there is none.
    pub schedule: Option<&'f str>,
    /// How long after a drill the next one is missed.
    pub overdue_after_seconds: u64,
    /// The volumes.
    pub volumes: &'f [VolumePage<'f>],
}

/// A volume on the page.
#[derive(Clone, Copy, Debug)]
pub struct VolumePage<'f> {
    /// Its name.
    pub name: &'f str,
    /// Whether the schedule includes it.
    pub is_scheduled: bool,
    /// Whether a drill is missed.
    pub is_overdue: bool,
    /// Its results, oldest first.
    pub results: &'f [DrillResult],
    /// Lines of its history that can't be understood.
    pub unreadable: u64,
}

/// The page.
#[must_use]
pub fn page(facts: &Facts<'_>) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>Resilience report of {host}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<header>\n<h1>Resilience report</h1>\n<p class=\"of\">Machine <b>{host}</b> &middot; made {time} \
         &middot; {program}</p>\n</header>\n",
        host = escaped(facts.host),
        time = day_and_time(facts.time),
        program = escaped(facts.program),
    );
    page += &in_short(facts);
    for volume in facts.volumes {
        page += &parts::volume(volume);
    }
    page += parts::HOW;
    page += "</main>\n</body>\n</html>\n";
    page
}

/// The first thing that is read: how many volumes are proven, and what isn't.
fn in_short(facts: &Facts<'_>) -> String {
    let newest = |volume: &VolumePage<'_>| volume.results.last().map(|result| result.verdict);
    let count = |wanted: Option<Verdict>| facts.volumes.iter().filter(|volume| newest(volume) == wanted).count();
    let overdue = facts.volumes.iter().filter(|volume| volume.is_overdue).count();
    let tiles = [
        ("passed", count(Some(Verdict::Passed)), "passed their newest drill"),
        ("failed", count(Some(Verdict::Failed)), "failed it"),
        ("inconclusive", count(Some(Verdict::Inconclusive)), "without a result"),
        ("never", count(None), "never tried"),
        ("overdue", overdue, "overdue"),
    ];
    let schedule = match facts.schedule {
        Some(at) => format!(
            "Every volume is tried every day at {}; a drill counts as missed {} hours after the one before.",
            escaped(at),
            facts.overdue_after_seconds / 3600
        ),
        None => "There is no schedule: drills are run by hand.".to_owned(),
    };
    let mut text = String::from("<section class=\"short\">\n<div class=\"tiles\">\n");
    for (class, number, words) in tiles {
        let class = if number == 0 { "none" } else { class };
        text += &format!("<div class=\"tile {class}\"><b>{number}</b> {words}</div>\n");
    }
    text + &format!(
        "</div>\n<p>Of {} volumes. {schedule}</p>\n</section>\n",
        facts.volumes.len()
    )
}

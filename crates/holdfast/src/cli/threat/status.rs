//! `holdfast threat status`: what the daemon reads, and what is lost of it.

use std::fmt::Write;

use clap::Args;

use crate::browse::text::printable_line;
use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;
use crate::threat_watch::{self, Reason};

/// Sources that are listed, unless all are asked for.
const SOURCES_SHOWN: usize = 40;

const HELP: &str = "\
Counts begin anew with each start of the daemon, which writes them down every two seconds while something comes in. BEHIND is how old the last
event was when it came in. What isn't understood is shown with samples, which may hold what is confidential in logs.

Examples:
  holdfast threat status
  holdfast threat status --all       every source
  holdfast --json threat status";

/// `holdfast threat status`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct ShowStatus {
    /// Every source, also where there are many
    #[arg(long)]
    all: bool,
}

pub(super) fn run(common: &Common, place: &Place, task: &ShowStatus) -> Result<u8, Failure> {
    let Some(status) = threat_watch::read_status(&place.data)? else {
        return Err(Failure::not_found("no logs have been read yet")
            .hint("name logs in [threat] of the configuration, and start `holdfast up`"));
    };
    if common.json {
        return Ok(output::json(&status));
    }
    let mut text = format!("since {}, as of {}\n\n", status.since, status.written);
    let mut table = Table::new(&[
        ("SOURCE", Align::Left),
        ("RECORDS", Align::Right),
        ("NOT UNDERSTOOD", Align::Right),
        ("LAST RECORD", Align::Left),
        ("BEHIND", Align::Right),
    ]);
    let mut sources: Vec<_> = status.sources.iter().collect();
    sources.sort_by_key(|(_, source)| std::cmp::Reverse(source.records));
    let shown = if task.all { sources.len() } else { SOURCES_SHOWN };
    for (name, source) in sources.iter().take(shown) {
        table.row(vec![
            (*name).clone(),
            source.records.to_string(),
            source.not_understood.to_string(),
            source.last_record.clone(),
            source.behind_seconds.map_or_else(|| "-".to_owned(), span),
        ]);
    }
    if sources.is_empty() {
        text += "no record has come in yet\n";
    } else {
        text += &table.render();
    }
    if sources.len() > shown {
        let more = sources.len() - shown;
        // Writing to a string doesn't fail, here and below.
        let _ = writeln!(text, "{more} more: `--all` lists them");
    }
    if !status.dropped.is_empty() {
        text += "\nSent and not taken:\n";
        for (reason, count) in &status.dropped {
            let _ = writeln!(text, "  {count:>8}  {reason}");
        }
    }
    reasons(&mut text, "Not readable as records", &status.unreadable);
    reasons(&mut text, "Not understood", &status.not_understood);
    reasons(&mut text, "Can't be followed", &status.problems);
    print(text.as_bytes());
    Ok(EXIT_OK)
}

/// A span in its largest unit that says enough.
fn span(seconds: i64) -> String {
    let (units, unit) = match seconds.abs() {
        0..=119 => (seconds, "s"),
        120..=7199 => (seconds / 60, "min"),
        7200..=172_799 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{units} {unit}")
}

fn reasons(text: &mut String, title: &str, reasons: &[Reason]) {
    if reasons.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}:");
    for reason in reasons {
        *text += &printable_line(&format!("  {:>8}  {}", reason.tally.count, reason.reason));
        for sample in &reason.tally.samples {
            let (origin, said) = (&sample.origin, &sample.text);
            *text += &printable_line(&format!("            {}#{}: {said}", origin.source, origin.record));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_in_units_that_people_read() {
        assert_eq!(
            [5, 119, 7199, -7200, 200_000].map(span),
            ["5 s", "119 s", "119 min", "-2 h", "2 d"]
        );
    }
}

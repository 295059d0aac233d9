//! One page of HTML, which needs nothing from anywhere else and runs no script: what fired, and when, for each machine and person.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use threat::alert::{Alert, Level};

use super::{About, level_name, machine, person, sources};

const STYLE: &str = include_str!("style.css");
/// Lanes of the timeline, of machines and of people.
const LANES_MAX: usize = 60;
/// Dots of a lane.
const DOTS_MAX: usize = 400;
/// Alerts that are listed.
const ALERTS_MAX: usize = 3000;
/// Characters of what an alert says.
const WORDS_MAX: usize = 400;

/// Writes the page.
///
/// # Errors
///
/// Those of `out`.
pub fn page(about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = about.outcome;
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<title>Alerts in logs</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Alerts in logs</h1>\n\
         <p class=\"soft\">{} &middot; {}</p>\n<p>{} records in {} logs were read and understood as {} events. {} rules were loaded, {} of \
         them could fire on these logs.</p>\n",
        escaped(about.program),
        time(about.made),
        outcome.records,
        outcome.logs,
        outcome.events,
        about.rules.loaded,
        about.rules.able,
    )?;
    fired(about, out)?;
    let span = Span::of(&outcome.alerts);
    lanes("Machines", machine, &outcome.alerts, span, out)?;
    lanes("People", person, &outcome.alerts, span, out)?;
    alerts(about, out)?;
    read(about, out)?;
    out.write_all(b"</main>\n</body>\n</html>\n")
}

fn fired(about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    if about.outcome.fired.is_empty() {
        return out.write_all(b"<p><b>No rule fired.</b></p>\n");
    }
    out.write_all(b"<h2>What fired</h2>\n<table><thead><tr><th>Level</th><th>Rule</th><th>ATT&amp;CK</th><th>Times</th></tr></thead><tbody>\n")?;
    for fired in &about.outcome.fired {
        let level = level_name(fired.level);
        writeln!(
            out,
            "<tr><td class=\"{level}\">{level}</td><td>{}</td><td>{}</td><td class=\"count\">{}</td></tr>",
            escaped(&fired.title),
            escaped(&fired.attack.join(" ")),
            fired.count
        )?;
    }
    out.write_all(b"</tbody></table>\n")
}

/// The time that all alerts lie in.
#[derive(Clone, Copy)]
struct Span {
    first: Timestamp,
    seconds: f64,
}

impl Span {
    fn of(alerts: &[Alert]) -> Option<Self> {
        let (first, last) = (alerts.first()?.time, alerts.last()?.time);
        Some(Self {
            first,
            seconds: last.duration_since(first).as_secs_f64().max(1.0),
        })
    }

    /// Where a time lies, from 0 to 1000.
    fn place(self, time: Timestamp) -> f64 {
        (time.duration_since(self.first).as_secs_f64() / self.seconds * 1000.0).clamp(0.0, 1000.0)
    }
}

/// A line for each machine or person, with a dot for each alert. Those with the worst alerts first.
fn lanes(
    title: &str,
    of: fn(&Alert) -> &str,
    alerts: &[Alert],
    span: Option<Span>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut by_name: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| !of(alert).is_empty()) {
        by_name.entry(of(alert)).or_default().push(alert);
    }
    let Some(span) = span.filter(|_| !by_name.is_empty()) else {
        return Ok(());
    };
    let mut lanes: Vec<_> = by_name.into_iter().collect();
    let worst = |alerts: &[&Alert]| (alerts.iter().map(|alert| alert.level).max(), alerts.len());
    lanes.sort_by_key(|(_, alerts)| std::cmp::Reverse(worst(alerts)));
    writeln!(out, "<h2>{title}</h2>")?;
    for (name, alerts) in lanes.iter().take(LANES_MAX) {
        writeln!(
            out,
            "<div class=\"lane\"><span><b>{}</b> <span class=\"soft\">{}</span></span><svg viewBox=\"-8 0 1016 20\" \
             preserveAspectRatio=\"none\" role=\"img\"><line class=\"axis\" x1=\"0\" y1=\"10\" x2=\"1000\" y2=\"10\"/>",
            escaped(name),
            alerts.len()
        )?;
        let mut dots: Vec<_> = alerts.clone();
        // The worst ones are drawn last, over the others.
        dots.sort_by_key(|alert| alert.level);
        for alert in dots.iter().rev().take(DOTS_MAX).rev() {
            writeln!(
                out,
                "<rect class=\"{}\" x=\"{:.1}\" y=\"3\" width=\"4\" height=\"14\"><title>{} {}</title></rect>",
                level_name(alert.level),
                span.place(alert.time) - 2.0,
                time(alert.time),
                escaped(&alert.title)
            )?;
        }
        out.write_all(b"</svg></div>\n")?;
    }
    if lanes.len() > LANES_MAX {
        writeln!(out, "<p class=\"soft\">and {} more</p>", lanes.len() - LANES_MAX)?;
    }
    Ok(())
}

fn alerts(about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    let alerts = &about.outcome.alerts;
    if alerts.is_empty() {
        return Ok(());
    }
    out.write_all(b"<h2>Alerts</h2>\n<table><thead><tr><th>Time</th><th>Level</th><th>What</th><th>Machine</th><th>Person</th><th>Record</th></tr></thead><tbody>\n")?;
    // The level that all listed have, so that a long list loses the least severe.
    let mut levels = [
        Level::Critical,
        Level::High,
        Level::Medium,
        Level::Low,
        Level::Informational,
    ]
    .into_iter();
    let at_least = |level: Level| alerts.iter().filter(|alert| alert.level >= level).count();
    let shown_from = levels
        .by_ref()
        .take_while(|level| at_least(*level) <= ALERTS_MAX)
        .last()
        .unwrap_or(Level::Critical);
    let mut listed = 0;
    for alert in alerts.iter().filter(|alert| alert.level >= shown_from).take(ALERTS_MAX) {
        listed += 1;
        row(alert, out)?;
    }
    out.write_all(b"</tbody></table>\n")?;
    let left = u64::try_from(alerts.len() - listed).unwrap_or(0) + about.outcome.not_kept;
    if left > 0 {
        writeln!(
            out,
            "<p class=\"soft\">{left} more aren't listed; `--format json` and `--format csv` list more.</p>"
        )?;
    }
    Ok(())
}

fn row(alert: &Alert, out: &mut dyn Write) -> io::Result<()> {
    let level = level_name(alert.level);
    let record = alert
        .evidence
        .first()
        .map(|origin| format!("{}#{}", origin.source, origin.record))
        .unwrap_or_default();
    let words: String = alert.words.chars().take(WORDS_MAX).collect();
    writeln!(
        out,
        "<tr><td class=\"time\">{}</td><td class=\"{level}\">{level}</td><td><b>{}</b><br>{}</td><td>{}</td><td>{}</td><td class=\"soft\">{}</td></tr>",
        time(alert.time),
        escaped(&alert.title),
        escaped(&words),
        escaped(machine(alert)),
        escaped(person(alert)),
        escaped(&record)
    )
}

/// What was read, and what couldn't be.
fn read(about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = about.outcome;
    out.write_all(b"<h2>What was read</h2>\n<table><thead><tr><th>Log</th><th>Events</th></tr></thead><tbody>\n")?;
    for (log, events) in sources(outcome) {
        writeln!(
            out,
            "<tr><td>{}</td><td class=\"count\">{events}</td></tr>",
            escaped(&log)
        )?;
    }
    out.write_all(b"</tbody></table>\n")?;
    for (reason, tally) in outcome.not_understood.by_count() {
        writeln!(
            out,
            "<p class=\"soft\">{} not understood: {}</p>",
            tally.count,
            escaped(reason)
        )?;
    }
    for problem in outcome.problems.iter().take(100) {
        writeln!(
            out,
            "<p class=\"soft\">{}: {}</p>",
            escaped(&problem.name),
            escaped(&problem.reason)
        )?;
    }
    Ok(())
}

fn time(time: Timestamp) -> String {
    // To the second, as people compare them.
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A text for HTML and for attributes in double quotes. What hides or turns the direction of writing is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

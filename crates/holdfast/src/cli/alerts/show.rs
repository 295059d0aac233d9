//! `holdfast alerts show`

use respond::alert::{Alert, AlertId, Filter, Which};
use respond::{Ledger, Page};

use crate::browse::text::printable;
use crate::cli::noted::{Noted, shown};
use crate::cli::output::{self, print};
use crate::failure::{EXIT_OK, Failure};

/// Alerts added to one that are shown with it.
const PARTS_SHOWN: usize = 50;

pub(super) fn run(noted: &Noted<'_>, number: i64) -> Result<u8, Failure> {
    let found = noted.ask(|ledger| {
        let id = AlertId(number);
        let parts = parts(ledger, id)?;
        Ok(ledger.alert(id)?.map(|alert| (alert, parts)))
    })?;
    let Some((alert, parts)) = found.flatten() else {
        return Err(Failure::not_found(format!("there is no alert `{number}`")).hint(
            "`holdfast alerts list` shows them; old ones are rolled up, and `holdfast ledger list` still has them",
        ));
    };
    if noted.common.json {
        return Ok(output::json(&alert));
    }
    print(text(&alert, &parts).as_bytes());
    Ok(EXIT_OK)
}

/// The newest alerts that were added to one, the oldest first.
pub(in crate::cli) fn parts(ledger: &Ledger, head: AlertId) -> Result<Vec<Alert>, respond::Error> {
    let filter = Filter {
        which: Which::PartsOf(head),
        ..Filter::default()
    };
    let mut parts = ledger.alerts(&filter, Page::newest(PARTS_SHOWN))?;
    parts.reverse();
    Ok(parts)
}

/// A line about each of them, and where there are more.
pub(in crate::cli) fn parts_in_lines(alert: &Alert, parts: &[Alert]) -> Vec<String> {
    let line = |part: &Alert| {
        let noticed = &part.noticed;
        let on = [&noticed.volume, &noticed.host, &noticed.identity];
        let on: Vec<&str> = on.into_iter().flatten().map(String::as_str).collect();
        let on = on.join(", ");
        format!(
            "{}  {:<8} {} ({on}); `holdfast alerts show {}`",
            shown(noticed.time),
            noticed.severity,
            noticed.title,
            part.id
        )
    };
    let mut lines: Vec<String> = parts.iter().map(line).collect();
    if u64::try_from(parts.len()).unwrap_or(u64::MAX) < alert.parts.count {
        lines.push(format!("all of them: `holdfast alerts list --part-of {}`", alert.id));
    }
    lines
}

fn text(alert: &Alert, parts: &[Alert]) -> String {
    let noticed = &alert.noticed;
    let (title, told) = (printable(noticed.title.as_bytes()), printable(noticed.text.as_bytes()));
    let mut text = format!("alert {}: {title} ({})\n{told}\n\n", alert.id, noticed.severity);
    let mut line = |name: &str, value: &str| text += &format!("{name:<10}{}\n", printable(value.as_bytes()));
    line("noticed", &shown(noticed.time));
    if alert.count > 1 {
        line(
            "again",
            &format!("{} times in all, last {}", alert.count, shown(alert.last)),
        );
    }
    line("layer", noticed.layer.name());
    line("kind", &noticed.kind);
    for (name, value) in [
        ("volume", &noticed.volume),
        ("host", &noticed.host),
        ("identity", &noticed.identity),
    ] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    if let Some(incident) = alert.incident {
        line("incident", &format!("{incident}; `holdfast incidents show {incident}`"));
    }
    if let Some(head) = alert.part_of {
        line("part of", &format!("alert {head}; `holdfast alerts show {head}`"));
    }
    for (name, value) in &noticed.facts {
        text += &format!("  {name}: {}\n", printable(value.to_string().as_bytes()));
    }
    if !parts.is_empty() {
        text += &format!("\nadded since ({}):\n", alert.parts.count);
    }
    for line in parts_in_lines(alert, parts) {
        text += &format!("  {}\n", printable(line.as_bytes()));
    }
    text
}

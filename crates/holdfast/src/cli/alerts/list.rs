//! `holdfast alerts list`

use clap::{Args, ValueEnum};
use respond::alert::{Alert, AlertId, Filter, Layer, Severity, Which};
use respond::incident::IncidentId;
use respond::{Page, cef, ecs, ocsf};
use serde_json::json;

use crate::cli::noted::{Noted, layers, origin, severities, shown, time_if};
use crate::cli::output::{self, print};
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};

pub(super) const HELP: &str = "\
Of an attack that logs show, what changes nothing for whoever knows of it is no line of its own but added
to the alert that told of it (PARTS); `--part-of` lists what was added, `--parts` has everything.

With `--format` alerts are told oldest first, each in a line: `ocsf` (Open Cybersecurity Schema Framework
1.8), `ecs` (Elastic Common Schema 8.17) and `cef` (Common Event Format).

Examples:
  holdfast alerts list --severity high --since -1d
  holdfast alerts list --incident 7 --parts
  holdfast alerts list --part-of 12
  holdfast alerts list --format ocsf > alerts.ndjson";

/// `holdfast alerts list`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct List {
    /// Only those of this incident
    #[arg(long, value_name = "N")]
    incident: Option<i64>,
    /// Only those of this layer
    #[arg(long, value_parser = layers())]
    layer: Option<Layer>,
    /// Only those that are at least so bad
    #[arg(long, value_parser = severities())]
    severity: Option<Severity>,
    /// Only those about this volume
    #[arg(long)]
    volume: Option<String>,
    /// Only those about this host
    #[arg(long)]
    host: Option<String>,
    /// Only those about this person or account
    #[arg(long)]
    identity: Option<String>,
    /// Only those noticed at this time or later
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only those noticed at this time or earlier
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Only those whose kind, title or text contain this
    #[arg(long)]
    text: Option<String>,
    /// Also those that were added to others; with --format they always are
    #[arg(long)]
    parts: bool,
    /// Only those that were added to this one
    #[arg(long, value_name = "N", conflicts_with = "parts")]
    part_of: Option<i64>,
    /// Only those before this one, to go on where a list ended
    #[arg(long, value_name = "N")]
    before: Option<i64>,
    /// So many at most [default: 50; with --format all]
    #[arg(long, value_name = "N")]
    most: Option<usize>,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How alerts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Events of the Open Cybersecurity Schema Framework
    Ocsf,
    /// Documents of the Elastic Common Schema
    Ecs,
    /// Lines of the Common Event Format
    Cef,
}

/// Alerts of a list for people.
const MOST: usize = 50;

pub(super) fn run(noted: &Noted<'_>, task: List) -> Result<u8, Failure> {
    let filter = Filter {
        incident: task.incident.map(IncidentId),
        layer: task.layer,
        severity: task.severity,
        since: time_if(task.since.as_ref())?,
        until: time_if(task.until.as_ref())?,
        volume: task.volume,
        host: task.host,
        identity: task.identity,
        text: task.text,
        which: match task.part_of {
            Some(head) => Which::PartsOf(AlertId(head)),
            None if task.parts || task.format != Format::Table => Which::All,
            None => Which::Lines,
        },
    };
    if task.format != Format::Table {
        let tell = |alert: &Alert| print(lines(alert, task.format).as_bytes());
        each(noted, &filter, task.before, task.most, tell)?;
        return Ok(EXIT_OK);
    }
    let page = Page {
        before: task.before,
        most: task.most.unwrap_or(MOST),
    };
    let alerts = noted.ask(|ledger| ledger.alerts(&filter, page))?.unwrap_or_default();
    if noted.common.json {
        return Ok(output::json(&json!({ "alerts": alerts })));
    }
    print(text(&alerts, &filter, page).as_bytes());
    Ok(EXIT_OK)
}

/// Tells every alert that the filter lets through, oldest first. Pages are found from the newest on: where they begin is kept, and no
/// more than one page of alerts.
fn each(
    noted: &Noted<'_>,
    filter: &Filter,
    before: Option<i64>,
    most: Option<usize>,
    mut tell: impl FnMut(&Alert),
) -> Result<(), Failure> {
    let told = noted.ask(|ledger| {
        let mut left = most.unwrap_or(usize::MAX);
        let mut pages = Vec::new();
        let mut page = Page { before, most: left };
        loop {
            let alerts = ledger.alerts(filter, page)?;
            let Some(last) = alerts.last() else { break };
            pages.push(page);
            left = left.saturating_sub(alerts.len());
            page = Page {
                before: Some(last.id.0),
                most: left,
            };
        }
        for page in pages.into_iter().rev() {
            ledger.alerts(filter, page)?.iter().rev().for_each(&mut tell);
        }
        Ok(())
    });
    told.map(drop)
}

fn lines(alert: &Alert, format: Format) -> String {
    let origin = origin();
    match format {
        Format::Table => String::new(),
        Format::Ocsf => {
            let events = ocsf::events_of_alert(alert, &origin);
            events.iter().map(|event| format!("{event}\n")).collect()
        }
        Format::Ecs => format!("{}\n", ecs::of_alert(alert, &origin)),
        Format::Cef => cef::of_alert(alert, &origin) + "\n",
    }
}

fn text(alerts: &[Alert], filter: &Filter, page: Page) -> String {
    let Some(last) = alerts.last() else {
        let every = Filter {
            which: filter.which,
            ..Filter::default()
        };
        return if *filter == every && !matches!(filter.which, Which::PartsOf(_)) && page.before.is_none() {
            "nothing was noticed yet\n".to_owned()
        } else {
            "nothing was noticed that fits; without options all alerts are listed\n".to_owned()
        };
    };
    let mut table = Table::new(&[
        ("ALERT", Align::Right),
        ("LAST", Align::Left),
        ("SEVERITY", Align::Left),
        ("LAYER", Align::Left),
        ("VOLUME", Align::Left),
        ("TIMES", Align::Right),
        ("PARTS", Align::Right),
        ("INCIDENT", Align::Right),
        ("WHAT", Align::Left),
    ]);
    for alert in alerts {
        let noticed = &alert.noticed;
        table.row(vec![
            alert.id.to_string(),
            shown(alert.last_of_all()),
            noticed.severity.to_string(),
            noticed.layer.to_string(),
            noticed.volume.clone().unwrap_or_else(|| "-".to_owned()),
            alert.count.to_string(),
            match alert.parts.count {
                0 => "-".to_owned(),
                parts => parts.to_string(),
            },
            alert
                .incident
                .map_or_else(|| "-".to_owned(), |incident| incident.to_string()),
            noticed.title.clone(),
        ]);
    }
    let mut text = table.render();
    if page.is_filled_by(alerts.len()) {
        text += &format!("older ones: `--before {}`\n", last.id);
    }
    text
}

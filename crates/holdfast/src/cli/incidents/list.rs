//! `holdfast incidents list`

use clap::{Args, ValueEnum};
use respond::incident::{Filter, Incident};
use respond::{Page, ocsf};
use serde_json::json;

use crate::cli::noted::{Noted, origin, shown, time_if};
use crate::cli::output::{self, print};
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};

pub(super) const HELP: &str = "\
Examples:
  holdfast incidents list --open
  holdfast incidents list --volume disk --since -30d
  holdfast incidents list --format ocsf";

/// `holdfast incidents list`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct List {
    /// Only those that aren't done with
    #[arg(long)]
    open: bool,
    /// Only those that concern this volume
    #[arg(long)]
    volume: Option<String>,
    /// Only those that concern this host
    #[arg(long)]
    host: Option<String>,
    /// Only those that concern this person or account
    #[arg(long)]
    identity: Option<String>,
    /// Only those about which something happened at this time or later
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only those that began at this time or earlier
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Only those before this one, to go on where a list ended
    #[arg(long, value_name = "N")]
    before: Option<i64>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    most: usize,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How incidents are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Incident findings of the Open Cybersecurity Schema Framework, a line each
    Ocsf,
}

pub(super) fn run(noted: &Noted<'_>, task: &List) -> Result<u8, Failure> {
    let filter = Filter {
        open_only: task.open,
        volume: task.volume.clone(),
        host: task.host.clone(),
        identity: task.identity.clone(),
        since: time_if(task.since.as_ref())?,
        until: time_if(task.until.as_ref())?,
    };
    let page = Page {
        before: task.before,
        most: task.most,
    };
    let incidents = noted.ask(|ledger| ledger.incidents(&filter, page))?.unwrap_or_default();
    if task.format == Format::Ocsf {
        for incident in incidents.iter().rev() {
            print(format!("{}\n", finding(noted, incident)?).as_bytes());
        }
        return Ok(EXIT_OK);
    }
    if noted.common.json {
        return Ok(output::json(&json!({ "incidents": incidents })));
    }
    print(text(&incidents, page).as_bytes());
    Ok(EXIT_OK)
}

fn finding(noted: &Noted<'_>, incident: &Incident) -> Result<serde_json::Value, Failure> {
    let alerts = noted.ask(|ledger| ledger.newest_alerts_of(incident.id, ocsf::FINDINGS_MAX))?;
    Ok(ocsf::of_incident(incident, &alerts.unwrap_or_default(), &origin()))
}

fn text(incidents: &[Incident], page: Page) -> String {
    let Some(last) = incidents.last() else {
        return "there is no such incident\n".to_owned();
    };
    let mut table = Table::new(&[
        ("INCIDENT", Align::Right),
        ("STATE", Align::Left),
        ("SEVERITY", Align::Left),
        ("SCORE", Align::Right),
        ("BEGAN", Align::Left),
        ("UPDATED", Align::Left),
        ("ALERTS", Align::Right),
        ("ASSIGNED", Align::Left),
        ("WHAT", Align::Left),
    ]);
    for incident in incidents {
        let assigned = incident.assigned.as_ref();
        table.row(vec![
            incident.id.to_string(),
            incident.state.to_string(),
            incident.severity.to_string(),
            incident.score.to_string(),
            shown(incident.began),
            shown(incident.updated),
            incident.alerts.to_string(),
            assigned.map_or_else(|| "-".to_owned(), ToString::to_string),
            incident.title.clone(),
        ]);
    }
    let mut text = table.render();
    if page.is_filled_by(incidents.len()) {
        text += &format!("older ones: `--before {}`\n", last.id);
    }
    text
}

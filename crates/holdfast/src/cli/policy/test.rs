//! `holdfast policy test`

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use respond::alert::{Alert, AlertId, Filter};
use respond::incident::{Incident, IncidentId};
use respond::policy::{Outcome, Policies, Policy, Replayed, replay};
use respond::{Error, Ledger, PAGE_MAX, Page, Time};
use serde_json::json;

use crate::cli::arguments::Common;
use crate::cli::noted::{Noted, shown, time};
use crate::cli::output::{self, print};
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;

pub(super) const HELP: &str = "\
Scores are those that incidents have now. What was noticed several times counts once, at its first time.

Examples:
  holdfast policy test --replay
  holdfast policy test --replay --since -30d night.toml";

/// Alerts that are tried at most, the newest.
const ALERTS_MAX: usize = 200_000;

/// `holdfast policy test`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Test {
    /// On the alerts in the ledger
    #[arg(long, required = true)]
    replay: bool,
    /// From this time on
    #[arg(long, value_name = "TIME", default_value = "-7d", allow_hyphen_values = true)]
    since: String,
    /// Files with policies to be tried instead of those in force
    files: Vec<PathBuf>,
}

pub(super) fn run(place: &Place, common: &Common, task: &Test) -> Result<u8, Failure> {
    let policies = super::policies(place, &task.files)?;
    let since = time(&task.since)?;
    let noted = Noted::new(place, common);
    let replayed = noted.ask(|ledger| tried(ledger, &policies, since))?;
    let (alerts, replayed) = replayed.unwrap_or_default();
    if common.json {
        return Ok(output::json(
            &json!({ "since": since, "alerts": alerts, "actions": replayed }),
        ));
    }
    print(text(alerts, since, &replayed).as_bytes());
    Ok(EXIT_OK)
}

fn tried(ledger: &Ledger, policies: &Policies, since: Time) -> Result<(usize, Vec<Replayed>), Error> {
    let alerts = alerts(ledger, since)?;
    let mut incidents: HashMap<IncidentId, Option<Incident>> = HashMap::new();
    let count = alerts.len();
    let with_incidents = alerts.into_iter().map(|alert| {
        let incident = match alert.incident {
            None => None,
            Some(id) => match incidents.get(&id) {
                Some(known) => known.clone(),
                None => {
                    let found = ledger.incident(id)?;
                    incidents.insert(id, found.clone());
                    found
                }
            },
        };
        Ok((alert, incident))
    });
    Ok((count, replay(policies, with_incidents, &TimeZone::system())?))
}

/// Alerts since a time, the oldest first.
fn alerts(ledger: &Ledger, since: Time) -> Result<Vec<Alert>, Error> {
    let filter = Filter {
        since: Some(since),
        ..Filter::default()
    };
    let mut all: Vec<Alert> = Vec::new();
    let mut page = Page::newest(PAGE_MAX);
    while all.len() < ALERTS_MAX {
        let alerts = ledger.alerts(&filter, page)?;
        let Some(last) = alerts.last() else { break };
        page.before = Some(last.id.0);
        all.extend(alerts);
    }
    all.sort_by_key(|alert| (alert.noticed.time, alert.id));
    Ok(all)
}

fn text(alerts: usize, since: Time, replayed: &[Replayed]) -> String {
    let alerts = if alerts == 1 {
        "one alert".to_owned()
    } else {
        format!("{alerts} alerts")
    };
    let since = shown(since);
    if replayed.is_empty() {
        return format!("{alerts} since {since}: nothing would have been done\n");
    }
    format!("{}\n{alerts} since {since}: nothing was done now\n", table(replayed))
}

/// What would have been done, in a table.
pub(in crate::cli) fn table(replayed: &[Replayed]) -> String {
    let mut table = Table::new(&[
        ("WHEN", Align::Left),
        ("ALERT", Align::Right),
        ("POLICY", Align::Left),
        ("WOULD HAVE", Align::Left),
        ("HOW", Align::Left),
    ]);
    for action in replayed {
        table.row(vec![
            shown(action.time),
            action.alert.to_string(),
            action.policy.clone(),
            action.text.clone(),
            match action.outcome {
                Outcome::AtOnce => "at once",
                Outcome::Approval => "after approval",
                Outcome::Limit => "too much: after approval",
            }
            .to_owned(),
        ]);
    }
    table.render()
}

/// The condition of a policy that an alert doesn't meet, if there is one.
pub(super) fn met(noted: &Noted<'_>, policy: &Policy, id: AlertId) -> Result<Option<String>, Failure> {
    let found = noted.ask_existing(|ledger| {
        let alert = ledger.alert(id)?;
        let incident = alert.as_ref().and_then(|alert| alert.incident);
        let incident = incident.map(|id| ledger.incident(id)).transpose()?.flatten();
        Ok(alert.map(|alert| (alert, incident)))
    })?;
    let (alert, incident) = found.ok_or_else(|| Failure::not_found(format!("there is no alert `{id}`")))?;
    let unmet = policy
        .when
        .unmet(&alert, incident.as_ref(), alert.last, &TimeZone::system());
    Ok(unmet.map(|unmet| unmet.to_string()))
}

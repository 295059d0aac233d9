//! `holdfast threat explain`: one alert of the logs, from the rule that found it to what to do next.

mod rule;
mod words;

use std::path::PathBuf;

use clap::Args;
use logs::report::technique;
use respond::action::{self, Action};
use respond::alert::{Alert, AlertId, Layer};
use respond::{Ledger, PAGE_MAX, Page};
use serde::Serialize;
use serde_json::Value;
use threat::story::{Tactic, advice};

use crate::cli::alerts;
use crate::cli::arguments::Common;
use crate::cli::noted::Noted;
use crate::cli::output::{self, print};
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;
use crate::threat_watch;
use rule::RuleTold;

const HELP: &str = "\
The alert is the ledger's; the rule is looked up among Holdfast's own and those that [threat] of
the configuration names, as they are now. If it was changed or removed since, that is said.

Examples:
  holdfast alerts list --layer threat
  holdfast threat explain 12
  holdfast threat explain 12 --rules sigma/rules --json";

/// `holdfast threat explain`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Explain {
    /// The alert's number
    #[arg(value_name = "ALERT")]
    alert: i64,
    /// More rules among which the alert's is looked up; can be given several times
    #[arg(long, value_name = "FOLDER")]
    rules: Vec<PathBuf>,
}

/// All that there is to say about an alert.
#[derive(Debug, Serialize)]
struct Explained {
    alert: Alert,
    /// What was added to it since: the newest, the oldest of them first.
    parts: Vec<Alert>,
    /// `rule`, `correlation` or `behaviour`.
    found_by: String,
    /// The rule as it is now; none of behaviour, and where it is gone.
    rule: Option<RuleTold>,
    /// Fields and their values.
    matched: serde_json::Map<String, Value>,
    records: Vec<String>,
    tactics: Vec<&'static str>,
    techniques: Vec<String>,
    actions: Vec<Action>,
    next: Vec<String>,
}

pub(super) fn run(common: &Common, place: &Place, task: &Explain) -> Result<u8, Failure> {
    let noted = Noted::new(place, common);
    let found = noted.ask(|ledger| found(ledger, AlertId(task.alert)))?.flatten();
    let found = found.ok_or_else(|| {
        Failure::not_found(format!("there is no alert `{}`", task.alert))
            .hint("`holdfast alerts list --layer threat` shows them")
    })?;
    let alert = &found.alert;
    if alert.noticed.layer != Layer::Threat {
        return Err(Failure::usage(format!(
            "alert `{}` isn't of the logs but of {}",
            alert.id, alert.noticed.layer
        ))
        .hint(format!(
            "`holdfast alerts show {}` tells all that is known of it",
            alert.id
        )));
    }
    let mut settings = place.config()?.threat;
    settings.rules.extend(task.rules.iter().cloned());
    let engine = threat_watch::load_rules(&settings)?;
    let rule = engine.rule(&text_of(alert, "rule")).map(RuleTold::of).transpose()?;
    let explained = explained(found, rule);
    if common.json {
        return Ok(output::json(&explained));
    }
    print(words::text(&explained).as_bytes());
    Ok(EXIT_OK)
}

/// What the ledger has.
struct Found {
    alert: Alert,
    /// What was added to it.
    parts: Vec<Alert>,
    /// What was done because of it.
    actions: Vec<Action>,
}

fn found(ledger: &Ledger, id: AlertId) -> Result<Option<Found>, respond::Error> {
    let Some(alert) = ledger.alert(id)? else {
        return Ok(None);
    };
    let filter = action::Filter {
        alert: Some(id),
        ..action::Filter::default()
    };
    let mut actions = ledger.actions(&filter, Page::newest(PAGE_MAX))?;
    actions.reverse();
    let parts = alerts::parts(ledger, id)?;
    Ok(Some(Found { alert, parts, actions }))
}

fn explained(found: Found, rule: Option<RuleTold>) -> Explained {
    let Found { alert, parts, actions } = found;
    let facts = &alert.noticed.facts;
    let list = |name: &str| -> Vec<String> {
        let values = facts.get(name).and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let tags: Vec<Box<str>> = list("attack").into_iter().map(String::into_boxed_str).collect();
    let tactics = Tactic::of_tags(&tags);
    let mut next = list("next");
    if next.is_empty() {
        let noticed = &alert.noticed;
        next = advice(&tactics, noticed.host.as_deref(), noticed.identity.as_deref());
    }
    Explained {
        found_by: text_of(&alert, "by"),
        rule,
        matched: facts
            .get(threat_watch::MATCHED)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
        records: list("records"),
        techniques: tags.iter().filter_map(|tag| technique(tag)).collect(),
        tactics: tactics.into_iter().map(Tactic::words).collect(),
        actions,
        next,
        parts,
        alert,
    }
}

fn text_of(alert: &Alert, fact: &str) -> String {
    let value = alert.noticed.facts.get(fact).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

//! `holdfast policy`: what is done when something is noticed.

mod test;

use std::path::PathBuf;

use clap::Subcommand;
use respond::alert::AlertId;
use respond::policy::{self, Policies, Policy, Warning};
use serde_json::{Value, json};

use super::arguments::Common;
use super::noted::Noted;
use super::output::{self, print};
use super::table::{Align, Table};
use crate::engine::{VOLUMES_NAME, is_diverted_name, policies};
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::place::Place;

pub(super) use test::table as replayed;

const HELP_CHECK: &str = "\
Exit code 7: a file isn't right. The error names its line and column, what is wrong and what was expected.
Names of volumes, commands, targets and groups that don't exist are warned of.

Examples:
  holdfast policy check
  holdfast policy check night.toml && cp night.toml /etc/holdfast/policies/ && systemctl reload holdfast";

/// `holdfast policy ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum PolicyCommand {
    /// Print the policies
    List,
    /// Check files with policies, or those that would be read now
    #[command(after_help = HELP_CHECK)]
    Check {
        /// The files; those of the folder with policies without any
        files: Vec<PathBuf>,
    },
    /// Try policies out on alerts of the past: what would have been done, and when. Nothing is done
    #[command(after_help = test::HELP)]
    Test(test::Test),
    /// Say in words what a policy does; with an alert, whether it meets the policy's conditions
    Explain {
        /// The policy's name
        policy: String,
        /// An alert's number
        #[arg(long, value_name = "N")]
        alert: Option<i64>,
    },
    /// Print the policies that are built in, to start one's own from
    Defaults,
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: PolicyCommand) -> Result<u8, Failure> {
    match command {
        PolicyCommand::List => list(place, common),
        PolicyCommand::Check { files } => check(place, common, &files),
        PolicyCommand::Test(task) => test::run(place, common, &task),
        PolicyCommand::Explain { policy, alert } => explain(place, common, &policy, alert.map(AlertId)),
        PolicyCommand::Defaults if common.json => Ok(output::json(&json!({ "text": Policies::defaults_text() }))),
        PolicyCommand::Defaults => {
            print(Policies::defaults_text().as_bytes());
            Ok(EXIT_OK)
        }
    }
}

/// The policies that a daemon would read now, or those of certain files over the built-in ones, with what they may name.
pub(super) fn policies(place: &Place, files: &[PathBuf]) -> Result<Policies, Failure> {
    let config = place.config()?;
    let read = if files.is_empty() {
        policies::load(&config)?
    } else {
        let parsed = files
            .iter()
            .map(|file| policies::parse(file))
            .collect::<Result<_, _>>()?;
        Policies::over_defaults(parsed).map_err(|error| Failure::new(FailureCode::Config, error.to_string()))?
    };
    Ok(read.knowing(policies::known(&config, volumes(place))))
}

/// Volumes by the names of their folders: whoever checks policies needn't hold the data folder.
pub(super) fn volumes(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.data.join(VOLUMES_NAME))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| crate::names::is_name(name) && !is_diverted_name(name))
        .collect()
}

fn list(place: &Place, common: &Common) -> Result<u8, Failure> {
    let policies = policies(place, &[])?;
    if common.json {
        let all: Vec<Value> = policies.all().iter().map(as_json).collect();
        return Ok(output::json(
            &json!({ "policies": all, "warnings": policies.warnings() }),
        ));
    }
    let mut table = Table::new(&[
        ("POLICY", Align::Left),
        ("ON", Align::Left),
        ("FROM", Align::Left),
        ("WHAT FOR", Align::Left),
    ]);
    for policy in policies.all() {
        let on = if policy.is_enabled { "yes" } else { "no" };
        let what = policy
            .description
            .split_once(':')
            .map_or(policy.description.as_str(), |(first, _)| first);
        table.row(vec![
            policy.name.clone(),
            on.to_owned(),
            policy.source.clone(),
            what.to_owned(),
        ]);
    }
    print((table.render() + &warned(&policies.warnings())).as_bytes());
    Ok(EXIT_OK)
}

fn as_json(policy: &Policy) -> Value {
    json!({
        "name": policy.name, "description": policy.description, "enabled": policy.is_enabled, "source": policy.source,
        "text": policy::explain(policy),
    })
}

fn warned(warnings: &[Warning]) -> String {
    warnings.iter().map(|warning| format!("warning: {warning}\n")).collect()
}

fn check(place: &Place, common: &Common, files: &[PathBuf]) -> Result<u8, Failure> {
    let policies = policies(place, files)?;
    let warnings = policies.warnings();
    let own = policies
        .all()
        .iter()
        .filter(|policy| policy.source != policy::BUILT_IN)
        .count();
    if common.json {
        return Ok(output::json(
            &json!({ "policies": policies.all().len(), "own": own, "warnings": warnings }),
        ));
    }
    let text = format!(
        "{} policies, {own} of them your own: all can be used\n",
        policies.all().len()
    );
    print((text + &warned(&warnings)).as_bytes());
    Ok(EXIT_OK)
}

fn explain(place: &Place, common: &Common, name: &str, alert: Option<AlertId>) -> Result<u8, Failure> {
    let policies = policies(place, &[])?;
    let policy = policies.of_name(name).ok_or_else(|| {
        Failure::not_found(format!("there is no policy `{name}`")).hint("`holdfast policy list` shows them")
    })?;
    let met = alert
        .map(|id| test::met(&Noted::new(place, common), policy, id))
        .transpose()?;
    if common.json {
        let mut object = as_json(policy);
        if let (Some(fields), Some(met)) = (object.as_object_mut(), met) {
            fields.insert("meets".to_owned(), json!(met.is_none()));
            fields.insert("unmet".to_owned(), json!(met));
        }
        return Ok(output::json(&object));
    }
    let mut text = format!(
        "{} ({})\n{}\n\n{}\n",
        policy.name,
        policy.source,
        policy.description,
        policy::explain(policy)
    );
    if let (Some(id), Some(met)) = (alert, met) {
        text += &match met {
            None => format!("\nalert {id} meets its conditions\n"),
            Some(unmet) => format!("\nalert {id} doesn't meet its conditions: {unmet}\n"),
        };
    }
    print(text.as_bytes());
    Ok(EXIT_OK)
}

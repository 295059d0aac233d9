//! `holdfast threat rules list`

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use logs::report::level_name;
use logs::scan::{Plan, scan};
use serde_json::json;
use threat::alert::Level;
use threat::event::Logsource;
use threat::rules::{Choices, Engine, Inputs, Reason, coverage};

use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::show::count;
use crate::cli::table::{Align, Table};
use crate::cli::threat::level;
use crate::cli::threat::loading::{self, Chosen};
use crate::failure::{EXIT_OK, Failure};

const HELP: &str = "\
Examples:
  holdfast threat rules list --level high
  holdfast threat rules list --rules sigma/rules --on /var/log     which of them can't fire there";

/// `holdfast threat rules list`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    chosen: Chosen,
    /// The least severe rules that are listed
    #[arg(long, value_name = "LEVEL", default_value = "informational", value_parser = level())]
    level: Level,
    /// Only the rules that can't fire on these logs, and why
    #[arg(long, value_name = "PATH")]
    on: Vec<PathBuf>,
}

pub(super) fn run(common: &Common, task: &List) -> Result<u8, Failure> {
    let choices = Choices {
        minimum_level: task.level,
        ..Choices::default()
    };
    let mut engine = task.chosen.engine(choices)?;
    let reasons = (!task.on.is_empty()).then(|| unable(&mut engine, &task.on));
    let rules = engine.rules().iter().filter(|rule| rule.level >= task.level);
    let listed: Vec<_> = rules
        .filter(|rule| reasons.as_ref().is_none_or(|reasons| reasons.contains_key(&rule.id)))
        .collect();
    let reason = |id: &Arc<str>| {
        reasons
            .as_ref()
            .and_then(|reasons| reasons.get(id))
            .map(ToString::to_string)
    };
    if common.json {
        let listed: Vec<_> = listed
            .iter()
            .map(|rule| {
                json!({
                    "id": &*rule.id, "title": &*rule.title, "level": level_name(rule.level), "status": rule.status,
                    "logs": rule.logsource.in_words(), "attack": rule.attack, "author": rule.author, "file": &*rule.file,
                    "line": rule.line, "is_correlation": rule.is_correlation(), "cannot_fire": reason(&rule.id),
                })
            })
            .collect();
        return Ok(output::json(&json!({ "rules": listed, "refused": engine.refused() })));
    }
    let last = if reasons.is_some() { "WHY IT CAN'T FIRE" } else { "LOGS" };
    let mut table = Table::new(&[
        ("LEVEL", Align::Left),
        ("ID", Align::Left),
        ("WHAT", Align::Left),
        (last, Align::Left),
    ]);
    for rule in &listed {
        table.row(vec![
            level_name(rule.level).to_owned(),
            rule.id.to_string(),
            rule.title.to_string(),
            reason(&rule.id).unwrap_or_else(|| rule.logsource.in_words()),
        ]);
    }
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let told = if reasons.is_some() {
        format!(
            "{} of {} can't fire\n",
            listed.len(),
            count(number(engine.rules().len()), "rule")
        )
    } else {
        format!("{}\n", count(number(listed.len()), "rule"))
    };
    print((table.render() + &told + &loading::refused(engine.refused().len())).as_bytes());
    Ok(EXIT_OK)
}

/// The rules that can't fire on some logs, and why: the logs are read for it.
fn unable(engine: &mut Engine, paths: &[PathBuf]) -> HashMap<Arc<str>, Reason> {
    let outcome = scan(&Plan::new(paths.to_vec()), engine, &mut |_| true);
    let possible: Vec<Logsource> = outcome.seen.sources().map(|(source, _)| source).collect();
    let inputs = Inputs {
        possible: &possible,
        seen: Some(&outcome.seen),
    };
    coverage(engine, &inputs)
        .into_iter()
        .map(|rule| (rule.rule, rule.reason))
        .collect()
}

//! `holdfast threat`: logs searched with rules, and what the daemon has learnt from logs. A file for each command; rules are loaded by `loading`.

mod import;
mod loading;
mod rules;
mod scan;
mod stories;
mod summary;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use threat::alert::Level;

use super::arguments::Common;
use crate::failure::Failure;
use crate::place::Place;

/// `holdfast threat ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum ThreatCommand {
    /// Search logs of the past: files, folders, archives; nothing is changed, no daemon is needed
    Scan(scan::Scan),
    /// The rules: list, check, test, explain them
    #[command(subcommand, disable_help_subcommand = true)]
    Rules(rules::RulesCommand),
    /// Incidents that the daemon sees in logs: findings joined through people and machines
    Stories(stories::Stories),
    /// People and machines that the daemon knows, with all their names
    Entities(stories::Entities),
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: ThreatCommand) -> Result<u8, Failure> {
    match command {
        ThreatCommand::Scan(task) => scan::run(common, &task),
        ThreatCommand::Rules(command) => rules::run(common, command),
        ThreatCommand::Stories(task) => stories::stories(common, place, &task),
        ThreatCommand::Entities(task) => match &task.command {
            Some(import::EntitiesCommand::Import(task)) => import::run(common, task),
            None => stories::entities(common, place, &task),
        },
    }
}

/// Levels, the least severe first.
const LEVELS: [Level; 5] = [
    Level::Informational,
    Level::Low,
    Level::Medium,
    Level::High,
    Level::Critical,
];

/// Reads a level by its name.
fn level() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(LEVELS.map(logs::report::level_name)).try_map(|name| {
        let found = LEVELS
            .into_iter()
            .find(|level| logs::report::level_name(*level) == name);
        found.ok_or("no level has this name")
    })
}

//! `holdfast threat`: logs searched with rules. A file for each command; rules are loaded by `loading`.

mod loading;
mod rules;
mod scan;
mod summary;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use threat::alert::Level;

use super::arguments::Common;
use crate::failure::Failure;

/// `holdfast threat ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum ThreatCommand {
    /// Search logs of the past: files, folders, archives; nothing is changed, no daemon is needed
    Scan(scan::Scan),
    /// The rules: list, check, test, explain them
    #[command(subcommand, disable_help_subcommand = true)]
    Rules(rules::RulesCommand),
}

/// Does it, and chooses the exit code.
pub(super) fn run(common: &Common, command: ThreatCommand) -> Result<u8, Failure> {
    match command {
        ThreatCommand::Scan(task) => scan::run(common, &task),
        ThreatCommand::Rules(command) => rules::run(common, command),
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

//! `holdfast threat`: logs searched with rules, and what the daemon has learnt from logs. A file for each command; rules are loaded by `loading`.

mod events;
mod explain;
mod import;
mod loading;
mod marks;
mod replay;
mod rules;
mod scan;
mod status;
mod stories;
mod summary;
mod tokens;
mod watch;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use threat::alert::Level;

use super::arguments::Common;
use crate::failure::Failure;
use crate::place::Place;

pub(super) use marks::text as marks_text;

/// `holdfast threat ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum ThreatCommand {
    /// Search logs of the past: files, folders, archives; nothing is changed, no daemon is needed
    Scan(scan::Scan),
    /// The events that logs are understood as, for other programs: as OCSF, a line each
    Events(events::Events),
    /// One alert from the rule that found it to what to do next
    Explain(explain::Explain),
    /// Play logs of the past through the whole chain, rules, stories, alerts and policies: what would have been done. Nothing is done
    Replay(replay::Replay),
    /// What the daemon tells, as it tells it: alerts, stories, incidents, actions
    Watch(watch::Watch),
    /// The rules: list, check, test, explain, update them
    #[command(subcommand, disable_help_subcommand = true)]
    Rules(rules::RulesCommand),
    /// Incidents that the daemon sees in logs: findings joined through people and machines
    Stories(stories::Stories),
    /// People and machines that the daemon knows, with all their names
    Entities(stories::Entities),
    /// What the daemon reads, and what is lost or not understood of it
    Status(status::ShowStatus),
    /// Who may post logs by HTTP
    #[command(subcommand, disable_help_subcommand = true)]
    Tokens(tokens::TokensCommand),
    /// Say that an alert or story is no sign of an attack: the same on the same people and machines is held back for a while
    Mark(marks::Mark),
    /// What is held back, since when, by whom, why and how often
    Marks,
    /// Take a mark back
    Unmark(marks::Unmark),
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: ThreatCommand) -> Result<u8, Failure> {
    match command {
        ThreatCommand::Scan(task) => scan::run(common, &task),
        ThreatCommand::Events(task) => events::run(common, &task),
        ThreatCommand::Explain(task) => explain::run(common, place, &task),
        ThreatCommand::Replay(task) => replay::run(common, place, &task),
        ThreatCommand::Watch(task) => watch::run(common, place, &task),
        ThreatCommand::Rules(command) => rules::run(common, place, command),
        ThreatCommand::Stories(task) => stories::stories(common, place, &task),
        ThreatCommand::Status(task) => status::run(common, place, &task),
        ThreatCommand::Tokens(command) => tokens::run(common, place, command),
        ThreatCommand::Mark(task) => marks::mark(common, place, task),
        ThreatCommand::Marks => marks::marks(common, place),
        ThreatCommand::Unmark(task) => marks::unmark(common, place, &task),
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

//! `holdfast threat rules`: a file for each command.

mod check;
mod explain;
mod list;
mod test;
mod update;

use clap::Subcommand;

use crate::cli::arguments::Common;
use crate::failure::Failure;
use crate::place::Place;

/// `holdfast threat rules ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum RulesCommand {
    /// The rules that would be used; with --on, those that can't fire on some logs, and why
    List(list::List),
    /// Whether rules are right: line, cause and what to do if not
    Check(check::Check),
    /// Try rules on the examples beside them
    Test(test::Test),
    /// What a rule looks for; with --on, why it fires on a record or doesn't
    Explain(explain::Explain),
    /// Replace a folder of rules by a newer one, from a folder, an archive or an https address; --undo puts it back
    Update(update::Update),
}

pub(super) fn run(common: &Common, place: &Place, command: RulesCommand) -> Result<u8, Failure> {
    match command {
        RulesCommand::List(task) => list::run(common, &task),
        RulesCommand::Check(task) => check::run(common, &task),
        RulesCommand::Test(task) => test::run(common, &task),
        RulesCommand::Explain(task) => explain::run(common, &task),
        RulesCommand::Update(task) => update::run(common, place, &task),
    }
}

//! `holdfast threat rules`: a file for each command.

mod check;
mod explain;
mod list;
mod test;

use clap::Subcommand;

use crate::cli::arguments::Common;
use crate::failure::Failure;

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
}

pub(super) fn run(common: &Common, command: RulesCommand) -> Result<u8, Failure> {
    match command {
        RulesCommand::List(task) => list::run(common, &task),
        RulesCommand::Check(task) => check::run(common, &task),
        RulesCommand::Test(task) => test::run(common, &task),
        RulesCommand::Explain(task) => explain::run(common, &task),
    }
}

//! `holdfast alerts`: what was noticed.

mod list;
mod show;

pub(super) use show::{parts, parts_in_lines};

use clap::Subcommand;

use super::arguments::Common;
use super::noted::Noted;
use crate::failure::Failure;
use crate::place::Place;

/// `holdfast alerts ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum AlertsCommand {
    /// Print alerts, the newest first; or all of them for another program
    #[command(after_help = list::HELP)]
    List(Box<list::List>),
    /// Print one alert with everything that is known
    Show {
        /// The alert's number
        alert: i64,
    },
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: AlertsCommand) -> Result<u8, Failure> {
    let noted = Noted::new(place, common);
    match command {
        AlertsCommand::List(task) => list::run(&noted, *task),
        AlertsCommand::Show { alert } => show::run(&noted, alert),
    }
}

//! `holdfast incidents`: what belongs together, and what people do about it.

mod change;
mod file;
mod list;
mod show;

use clap::Subcommand;

use super::arguments::Common;
use super::noted::Noted;
use crate::failure::Failure;
use crate::place::Place;

/// `holdfast incidents ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum IncidentsCommand {
    /// Print incidents, the newest first
    #[command(after_help = list::HELP)]
    List(list::List),
    /// Print one incident: why its score is what it is, what was noticed, what was done
    Show {
        /// The incident's number
        incident: i64,
    },
    /// Say that you look after it
    Acknowledge {
        /// The incident's number
        incident: i64,
    },
    /// Say who looks after it
    Assign {
        /// The incident's number
        incident: i64,
        /// Who: an account of the console, or any name; nobody without it
        who: Option<String>,
    },
    /// Add a note, which can't be changed later
    Note {
        /// The incident's number
        incident: i64,
        /// What is to be known
        text: String,
    },
    /// Say that what was damaged is back
    Recovered {
        /// The incident's number
        incident: i64,
        /// How
        how: String,
    },
    /// Say that it is done with
    Close {
        /// The incident's number
        incident: i64,
        /// It was no attack
        #[arg(long)]
        false_alarm: bool,
        /// Why, for whoever reads it later
        why: String,
    },
    /// An incident's file: timeline, facts, clocks of regulators, drafts, lists, paper pack
    File(file::FileArguments),
    /// Write the paper pack before anything happens: a PDF for the day when nothing works
    Paper(file::paper::PaperArguments),
    /// Say that it isn't done with after all
    Reopen {
        /// The incident's number
        incident: i64,
        /// Why
        why: String,
    },
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: IncidentsCommand) -> Result<u8, Failure> {
    let noted = Noted::new(place, common);
    match command {
        IncidentsCommand::List(task) => list::run(&noted, &task),
        IncidentsCommand::Show { incident } => show::run(&noted, incident),
        IncidentsCommand::File(arguments) => file::run(&noted, arguments),
        IncidentsCommand::Paper(task) => file::paper::before(&noted, &task),
        change => change::run(&noted, change),
    }
}

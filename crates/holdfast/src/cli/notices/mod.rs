//! `holdfast notices`: who was told of what, what couldn't be sent, trying a way out, acknowledging.
//!
//! The ledger is read and written here, whether a daemon runs or not: it is made for several processes, and the daemon sees what
//! changed within a second.

mod list;
mod settle;
mod show;
mod test;

use std::path::PathBuf;

use clap::Subcommand;
use respond::{Ledger, Time};

use super::arguments::Common;
use crate::clock::wall_clock;
use crate::desk;
use crate::failure::Failure;
use crate::place::Place;

/// `holdfast notices ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum NoticesCommand {
    /// Notices, the newest first: to whom, by which way, and whether they arrived
    List(list::List),
    /// One notice: what it says, and what became of it
    Show {
        /// Its number, as `list` shows it
        #[arg(value_name = "NUMBER")]
        id: i64,
    },
    /// Send a real notice now, and tell what the server said
    #[command(after_help = test::HELP)]
    Test {
        /// A way, a group or a person of `[notices]`
        name: String,
    },
    /// Say that you look after it: nobody else is called because nobody does
    #[command(after_help = settle::ACKNOWLEDGE_HELP)]
    Acknowledge {
        /// What it is about, as the notice says: `incident/7`
        #[arg(value_name = "SUBJECT")]
        subject: String,
    },
    /// Try notices again that couldn't be sent
    Retry {
        /// A notice's number
        #[arg(value_name = "NUMBER", required_unless_present = "all")]
        id: Vec<i64>,
        /// All of them
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

/// What every command works with.
struct Scene<'a> {
    place: &'a Place,
    common: &'a Common,
    /// The ledger's folder.
    folder: PathBuf,
}

impl Scene<'_> {
    /// The ledger, if there is one.
    fn ledger(&self) -> Result<Option<Ledger>, Failure> {
        Ledger::open_existing(&self.folder).map_err(|error| desk::failed(&error))
    }

    /// The ledger, which has to be there.
    fn existing_ledger(&self) -> Result<Ledger, Failure> {
        self.ledger()?.ok_or_else(|| {
            Failure::not_found("there is no ledger yet, so nobody was told of anything")
                .hint("the daemon makes it when it starts: `holdfast up`")
        })
    }
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: NoticesCommand) -> Result<u8, Failure> {
    let scene = Scene {
        place,
        common,
        folder: desk::folder(&place.data),
    };
    match command {
        NoticesCommand::List(task) => list::run(&scene, &task),
        NoticesCommand::Show { id } => show::run(&scene, id),
        NoticesCommand::Test { name } => test::run(&scene, &name),
        NoticesCommand::Acknowledge { subject } => settle::acknowledge(&scene, &subject),
        NoticesCommand::Retry { id, all } => settle::retry(&scene, &id, all),
    }
}

/// The time.
fn now() -> Time {
    desk::time(wall_clock())
}

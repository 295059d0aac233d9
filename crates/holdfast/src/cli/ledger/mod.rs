//! `holdfast ledger`: what was recorded, whether it is as it was written, and copies of it.

mod copies;
mod list;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;

use super::arguments::Common;
use super::noted::Noted;
use crate::failure::Failure;
use crate::place::Place;

/// `holdfast ledger ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum LedgerCommand {
    /// Print records, the oldest first
    #[command(after_help = list::HELP)]
    List(list::List),
    /// Check that nothing was edited, and that its end wasn't cut off
    #[command(after_help = verify::HELP)]
    Verify(verify::Verify),
    /// Write all records as lines of JSON, for other programs and for safekeeping
    #[command(after_help = copies::EXPORT_HELP)]
    Export {
        /// The file to be made; to the screen without it
        file: Option<PathBuf>,
        /// Only records after this one
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: i64,
    },
    /// Copy the whole ledger into a new file, also while a daemon writes it
    Backup {
        /// The file to be made
        file: PathBuf,
    },
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: LedgerCommand) -> Result<u8, Failure> {
    let noted = Noted::new(place, common);
    match command {
        LedgerCommand::List(task) => list::run(&noted, &task),
        LedgerCommand::Verify(task) => verify::run(&noted, &task),
        LedgerCommand::Export { file, after } => copies::export(&noted, file.as_deref(), after),
        LedgerCommand::Backup { file } => copies::backup(&noted, &file),
    }
}

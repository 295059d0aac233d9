//! What can be typed about drills.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use drill::Case;

use super::help;

/// `holdfast drill ...`
#[derive(Debug, Subcommand)]
pub(super) enum DrillCommand {
    /// Try a volume out now: attack a fork of it, restore the fork, compare everything
    #[command(after_help = help::DRILL_RUN)]
    Run {
        /// The volume
        volume: String,
        /// The attack [default: the configuration's, or the one after the last]
        #[arg(long, value_name = "NAME", value_parser = case(), hide_possible_values = true)]
        case: Option<Case>,
        /// Choose files, moments and bytes as the drill with this seed did
        #[arg(long, value_name = "NUMBER")]
        seed: Option<u64>,
        /// Compare every file of the disk, not only those chosen
        #[arg(long)]
        all: bool,
    },
    /// When drills were, how they went, when the next one is
    #[command(after_help = help::DRILL_STATUS)]
    Status {
        /// Only this volume
        volume: Option<String>,
    },
    /// The results of a volume's drills, oldest first
    History {
        /// The volume
        volume: String,
        /// Only the newest so many
        #[arg(long, value_name = "COUNT", default_value_t = 30)]
        last: u64,
    },
    /// What an auditor or insurer asks for: what was tried, when, with which result
    #[command(after_help = help::DRILL_REPORT)]
    Report {
        /// Only this volume
        volume: Option<String>,
        /// Write it as one page of HTML into this file
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
}

/// Reads a case by its name.
fn case() -> impl TypedValueParser<Value = Case> {
    PossibleValuesParser::new(Case::ALL.map(Case::name)).try_map(|name| name.parse::<Case>())
}

//! The commands of the program.

use std::path::PathBuf;

use clap::Parser;

use crate::{
    Failure, cost, history, ledger, personal, private_questions, replayed, scale, session, training, watching,
};

/// Makes, records and measures. Figures are printed as one JSON object on the last line; progress goes to standard error.
#[derive(Debug, Parser)]
#[command(name = "lab")]
pub enum Command {
    /// A data folder for lab/bench: a full disk with days of history behind it.
    History {
        /// Where to make it.
        folder: PathBuf,
        /// Size of the disk in bytes.
        #[arg(default_value_t = 2 << 30)]
        disk_bytes: u64,
        /// Days of history.
        #[arg(default_value_t = 7)]
        days: u64,
    },
    /// A 16 TiB volume with scattered blocks.
    ScaleMake {
        /// Where to make it.
        folder: PathBuf,
        /// Blocks written.
        #[arg(default_value_t = 4_000_000)]
        blocks: u64,
        /// Moments, a second apart.
        #[arg(default_value_t = 100_000)]
        moments: u64,
    },
    /// Opening, views, forks and rollbacks of that volume; memory.
    ScaleMeasure {
        /// Where it was made.
        folder: PathBuf,
    },
    /// Bytes stored per byte overwritten, before and after compaction.
    Cost {
        /// Where to make the volume.
        folder: PathBuf,
        /// Size of the disk in bytes.
        #[arg(default_value_t = 1 << 30)]
        disk_bytes: u64,
    },
    /// A disk served over NBD and recorded, steered by lines on standard input.
    Session(session::Arguments),
    /// What a sentinel makes of traces.
    Replay(replayed::Arguments),
    /// Nanoseconds per 4 KiB read and written in the sentinel.
    CostOfWatching(watching::Arguments),
    /// A trace's records, as lines.
    Show {
        /// The trace.
        trace: PathBuf,
    },
    /// What the finder of personal data finds in a corpus: see lab/personal/run.
    Personal {
        /// Where the corpus is.
        folder: PathBuf,
    },
    /// Private questions to the breach monitor: what its index costs by people, and a question on either side.
    PrivateQuestions {
        /// Where to make the index.
        folder: PathBuf,
        /// People in it.
        #[arg(default_value_t = 1_000_000)]
        people: u64,
    },
    /// A ledger with many alerts, as a large site has it after a month.
    LedgerFill {
        /// The ledger's folder.
        folder: PathBuf,
        /// How many alerts.
        #[arg(default_value_t = 1_000_000)]
        alerts: u64,
        /// About how many volumes.
        #[arg(default_value_t = 1000)]
        volumes: u64,
        /// The time of the last one, in milliseconds since 1970.
        #[arg(long)]
        end: i64,
    },
    /// What becomes of a flood of alerts within a second.
    LedgerFlood {
        /// The ledger's folder.
        folder: PathBuf,
        /// How many alerts.
        #[arg(default_value_t = 10_000)]
        alerts: u64,
        /// About how many volumes.
        #[arg(default_value_t = 1000)]
        volumes: u64,
        /// When it begins, in milliseconds since 1970.
        #[arg(long)]
        start: i64,
    },
    /// From traces to a detector.
    #[command(flatten)]
    Training(training::Command),
}

impl Command {
    /// Runs it. What is returned is to be printed, unless it is empty.
    pub fn run(self) -> Result<String, Failure> {
        match self {
            Self::History {
                folder,
                disk_bytes,
                days,
            } => history::make(&folder, disk_bytes, days),
            Self::ScaleMake {
                folder,
                blocks,
                moments,
            } => scale::make(&folder, blocks, moments),
            Self::ScaleMeasure { folder } => scale::measure(&folder),
            Self::Cost { folder, disk_bytes } => cost::measure(&folder, disk_bytes),
            Self::Session(arguments) => session::run(&arguments).map(|()| String::new()),
            Self::Replay(arguments) => replayed::run(&arguments).map(|()| String::new()),
            Self::CostOfWatching(arguments) => watching::run(&arguments).map(|()| String::new()),
            Self::Personal { folder } => personal::measure(&folder),
            Self::PrivateQuestions { folder, people } => private_questions::measure(&folder, people),
            Self::LedgerFill {
                folder,
                alerts,
                volumes,
                end,
            } => ledger::fill(&folder, alerts, volumes, end),
            Self::LedgerFlood {
                folder,
                alerts,
                volumes,
                start,
            } => ledger::flood(&folder, alerts, volumes, start),
            Self::Training(command) => command.run(),
            Self::Show { trace } => replayed::show(&trace).map(|()| String::new()),
        }
    }
}

//! The commands of the program.

use std::path::PathBuf;

use clap::Parser;

use crate::training::{self, Before, Content};
use crate::{Failure, cost, history, scale};

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
    /// Rows for the trainer: streams composed of traces, and what the model would be shown in them.
    Features {
        /// Folder of traces.
        traces: PathBuf,
        /// Folder for the rows.
        out: PathBuf,
        /// A model, to compare what it makes of the rows with what the trainer thinks it does.
        #[arg(long)]
        model: Option<PathBuf>,
        /// What the composition is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How often each trace is used in each way.
        #[arg(long, default_value_t = 1)]
        rounds: u64,
    },
    /// Months of ordinary work, one for every kind of volume, replayed with a model: bookmarks and fences.
    Month {
        /// Folder of traces.
        traces: PathBuf,
        /// The model.
        #[arg(long)]
        model: PathBuf,
        /// Length.
        #[arg(long, default_value_t = 30)]
        days: u64,
        /// What the schedule is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Other people's block traces, converted by lab/train/external, replayed with a model.
    External {
        /// What blocks are taken to hold.
        content: Content,
        /// What blocks are taken to have held before the trace.
        before: Before,
        /// The model.
        #[arg(long)]
        model: PathBuf,
        /// Files with lines of `micros,R|W,byte offset,bytes[,entropy]`.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
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
            Self::Features {
                traces,
                out,
                model,
                seed,
                rounds,
            } => training::features(&traces, &out, model.as_deref(), seed, rounds),
            Self::Month {
                traces,
                model,
                days,
                seed,
            } => training::month(&traces, &model, days, seed),
            Self::External {
                content,
                before,
                model,
                files,
            } => training::external(content, before, &model, &files),
        }
    }
}

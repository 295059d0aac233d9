//! From traces to a detector: streams composed of traces, rows for the trainer, simulated months, other people's traces.

mod catalogue;
mod compose;
mod external;
mod month;
mod npy;
mod stream;
mod tally;
mod veil;
mod watch;

use std::path::PathBuf;

use clap::Subcommand;

use crate::Failure;
pub use external::{Before, Content};

/// Commands around training.
#[derive(Debug, Subcommand)]
pub enum Command {
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
    /// Runs it. What is returned is to be printed.
    pub(crate) fn run(self) -> Result<String, Failure> {
        match self {
            Self::Features {
                traces,
                out,
                model,
                seed,
                rounds,
            } => compose::features(&traces, &out, model.as_deref(), seed, rounds),
            Self::Month {
                traces,
                model,
                days,
                seed,
            } => month::month(&traces, &model, days, seed),
            Self::External {
                content,
                before,
                model,
                files,
            } => external::external(content, before, &model, &files),
        }
    }
}

//! Makes volumes with much history, and measures what history costs.
//!
//! ```text
//! lab history FOLDER [DISK_BYTES] [DAYS]      a data folder for lab/bench: a full disk with days of history behind it
//! lab scale-make FOLDER [BLOCKS] [MOMENTS]    a 16 TiB volume with scattered blocks
//! lab scale-measure FOLDER                    opening, views, forks and rollbacks of that volume; memory
//! lab cost FOLDER [DISK_BYTES]                bytes stored per byte overwritten, before and after compaction
//! ```
//!
//! Figures are printed as one JSON object on the last line; progress goes to standard error.
#![expect(clippy::print_stdout, reason = "a command whose output is its figures")]

mod chance;
mod cost;
mod figures;
mod history;
mod scale;
mod store;

use std::path::Path;
use std::process::ExitCode;

/// Any error: this program only reports them.
type Failure = Box<dyn std::error::Error>;

const GIB: u64 = 1 << 30;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<String, Failure> {
    let (Some(command), Some(folder)) = (words.first(), words.get(1)) else {
        return Err("usage: lab history|scale-make|scale-measure|cost FOLDER [NUMBER...]".into());
    };
    let folder = Path::new(folder);
    let number = |position: usize, default: u64| words.get(position).map_or(Ok(default), |word| word.parse());
    match command.as_str() {
        "history" => history::make(folder, number(2, 2 * GIB)?, number(3, 7)?),
        "scale-make" => scale::make(folder, number(2, 4_000_000)?, number(3, 100_000)?),
        "scale-measure" => scale::measure(folder),
        "cost" => cost::measure(folder, number(2, GIB)?),
        other => Err(format!("`{other}` is no command").into()),
    }
}

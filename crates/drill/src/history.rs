//! The results of earlier drills: a file for each volume, a line for each drill, oldest first.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::keep::{read_lines, write_lines};
use crate::result::DrillResult;

/// Results kept of one volume: more than a year of nights.
const RESULTS_MAX: usize = 400;

/// The results of one volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Oldest first.
    pub results: Vec<DrillResult>,
    /// Lines that can't be understood. They are kept out of reports, and lost when the next result is written.
    pub unreadable: usize,
}

impl History {
    /// Reads what is kept of a volume; nothing if there never was a drill.
    pub fn read(folder: &Path, volume: &str) -> Result<Self, Error> {
        let (results, unreadable) = read_lines(&file_of(folder, volume))?;
        Ok(Self { results, unreadable })
    }

    /// Adds a result, durably. The oldest ones give way.
    pub fn add(folder: &Path, result: &DrillResult) -> Result<(), Error> {
        let path = file_of(folder, &result.volume);
        let mut results = Self::read(folder, &result.volume)?.results;
        results.push(result.clone());
        let surplus = results.len().saturating_sub(RESULTS_MAX);
        write_lines(&path, results.iter().skip(surplus))
    }

    /// Forgets what is kept of a volume that is gone.
    pub fn forget(folder: &Path, volume: &str) -> Result<(), Error> {
        for path in [file_of(folder, volume), crate::ledger::file_of(folder, volume)] {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::file("remove", &path, source));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn file_of(folder: &Path, volume: &str) -> PathBuf {
    folder.join(format!("{volume}.results"))
}

//! How far an import is: what an import that was interrupted goes on with.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::manifest::{self, Manifest};

const NAME: &str = "journal.json";

/// A journal, which is replaced as a whole after the runs that it names are durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The input, as it was.
    pub(super) identity: Option<String>,
    pub(super) position: Position,
    pub(super) tally: Tally,
    pub(super) runs: Vec<Run>,
    /// The number of the next run.
    pub(super) next_run: u64,
    /// Whether all was read.
    pub(super) is_complete: bool,
    /// The numbers of the files that its runs become in the store, one of each kind; empty until they are written.
    pub(super) becomes: Vec<u64>,
}

/// How far the input was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The file being read, from 0.
    pub(super) file: u64,
    /// Bytes of it that were read; unpacked ones if it is compressed.
    pub(super) offset: u64,
    /// Lines or records of it that were read.
    pub(super) line: u64,
}

/// Sorted records in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    #[serde(with = "manifest::kind_name")]
    pub(super) kind: HashKind,
    pub(super) name: String,
}

impl Journal {
    /// The journal in the folder `work` if it is of this input; else an empty one, in an empty folder. And whether it was there.
    pub(super) fn resume(work: &Path, identity: Option<String>) -> Result<(Self, bool), Error> {
        let is_there = |run: &Run| work.join(&run.name).is_file() && !run.name.contains('/');
        if let Some(journal) = Self::read(work, &identity).filter(|journal| journal.runs.iter().all(is_there)) {
            remove_all_but(work, |name| journal.runs.iter().any(|run| name == run.name.as_str()))?;
            return Ok((journal, true));
        }
        if work.exists() {
            fs::remove_dir_all(work).map_err(Error::io("remove", work))?;
        }
        fs::create_dir_all(work).map_err(Error::io("make", work))?;
        let journal = Self {
            identity,
            position: Position::default(),
            tally: Tally::default(),
            runs: Vec::new(),
            next_run: 0,
            is_complete: false,
            becomes: Vec::new(),
        };
        Ok((journal, false))
    }

    /// The journal of this input if the store has all that it names already, so that only the folder was left to be removed.
    pub(super) fn taken_over(
        work: &Path,
        identity: &Option<String>,
        manifest: &Manifest,
        source: &str,
    ) -> Option<Self> {
        let is_part = |file: &u64| {
            let mut parts = manifest.parts.iter();
            parts.any(|part| part.file == *file && part.source == source)
        };
        let journal = Self::read(work, identity)?;
        (!journal.becomes.is_empty() && journal.becomes.iter().all(is_part)).then_some(journal)
    }

    /// The numbers of the parts that a source's import became, if the import has not said yet that it ended.
    pub(super) fn pending(work: &Path) -> Vec<u64> {
        let journal = fs::read(work.join(NAME)).ok();
        let journal = journal.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        journal.map(|journal| journal.becomes).unwrap_or_default()
    }

    /// Removes what can't be gone on with, so that an import that failed holds no more room than it needs. What fails here is removed by the next.
    pub(super) fn tidy(work: &Path) {
        let Some(journal) = fs::read(work.join(NAME)).ok() else {
            // Nothing was written that the next attempt could use.
            let _ = fs::remove_dir_all(work);
            return;
        };
        if let Ok(journal) = serde_json::from_slice::<Self>(&journal) {
            let _ = remove_all_but(work, |name| journal.runs.iter().any(|run| name == run.name.as_str()));
        }
    }

    /// A journal that can't be read, or is of another input, is as good as none: the import begins anew.
    fn read(work: &Path, identity: &Option<String>) -> Option<Self> {
        let journal: Self = serde_json::from_slice(&fs::read(work.join(NAME)).ok()?).ok()?;
        (identity.is_some() && journal.identity == *identity).then_some(journal)
    }

    /// Removes the folder, the journal last: as long as anything is there, it says what became of it.
    pub(super) fn remove(work: &Path) -> Result<(), Error> {
        remove_all_but(work, |_| false)?;
        fs::remove_dir_all(work).map_err(Error::io("remove", work))
    }

    /// Writes it, durably.
    pub(super) fn write(&self, work: &Path) -> Result<(), Error> {
        let path = work.join(NAME);
        let json = serde_json::to_vec(self).map_err(|error| Error::io("write", &path)(error.into()))?;
        manifest::replace(&path, &json)
    }

    /// A name for a new run.
    pub(super) fn new_run(&mut self) -> String {
        self.next_run += 1;
        format!("{:06}.run", self.next_run)
    }

    /// The files of the runs of a kind.
    pub(super) fn runs_of(&self, kind: HashKind, work: &Path) -> Vec<PathBuf> {
        let runs = self.runs.iter().filter(|run| run.kind == kind);
        runs.map(|run| work.join(&run.name)).collect()
    }
}

/// Removes what isn't the journal or kept: runs that were being written, or are of no use any more.
fn remove_all_but(work: &Path, is_kept: impl Fn(&OsStr) -> bool) -> Result<(), Error> {
    for entry in fs::read_dir(work).map_err(Error::io("read", work))? {
        let path = entry.map_err(Error::io("read", work))?.path();
        let name = path.file_name().unwrap_or_default();
        if name != NAME && !is_kept(name) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

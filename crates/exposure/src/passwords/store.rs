//! The store of passwords: what is asked of it.

use std::path::{Path, PathBuf};

use super::{CorpusStatistics, Encoding, Padding, RangePrefix, RangeTag};
use crate::Error;
use crate::hash::HashKind;

/// Leaked passwords by their hashes. Shared between threads; reads with `pread`, so that a failing disk is an error and not a signal.
#[derive(Debug)]
pub struct Passwords {
    #[expect(dead_code, reason = "the bodies follow")]
    folder: PathBuf,
}

impl Passwords {
    /// Opens the store in `folder`. One that is missing is empty.
    ///
    /// # Errors
    /// When the files can't be read or are damaged.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Notices what other processes imported. Costs a `stat` when nothing changed.
    ///
    /// # Errors
    /// As [`Passwords::open`]; what was open stays in use.
    pub fn refresh(&self) -> Result<(), Error> {
        Ok(())
    }

    /// How often a password was seen; 0 if never. Counts of different sources add up.
    ///
    /// # Errors
    /// When a file can't be read or the page is damaged.
    pub fn count(&self, _kind: HashKind, _hash: &[u8]) -> Result<u64, Error> {
        Ok(0)
    }

    /// Appends the body of a range to `body`: `SUFFIX:COUNT` in order, upper case, CRLF between the lines and none at the end.
    ///
    /// # Errors
    /// When a file can't be read or the block is damaged.
    pub fn range(
        &self,
        _kind: HashKind,
        _prefix: RangePrefix,
        _encoding: Encoding,
        _padding: Option<Padding>,
        _body: &mut Vec<u8>,
    ) -> Result<RangeTag, Error> {
        Ok(RangeTag {
            etag: String::new(),
            last_modified: 0,
        })
    }

    /// What is loaded, by source.
    ///
    /// # Errors
    /// When the manifest can't be read.
    pub fn statistics(&self) -> Result<Vec<CorpusStatistics>, Error> {
        Ok(Vec::new())
    }
}

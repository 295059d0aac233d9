//! The journal (JBD2): what is committed there and not yet at its place.
//!
//! The format is that of <https://docs.kernel.org/filesystems/ext4/journal.html>. Nothing is written: replay yields where in the journal the
//! newest content of each block is. Fast commits, which follow the last full one in an area of their own, are told but not replayed.

mod format;
mod replay;

use std::collections::HashMap;

use super::core::Core;
use super::overlay::Source;
use crate::error::Error;

pub(super) use format::MAGIC;
pub(super) use replay::Replay;

/// What waits in a journal.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) transactions: u64,
    /// The newest content of each block of the file system that has one in the journal.
    pub(super) by_block: HashMap<u64, Source>,
    /// Fast commits wait behind the last transaction.
    pub(super) fast_commits: bool,
}

impl Waiting {
    /// For people.
    pub(super) fn description(&self) -> Option<String> {
        let transactions = match self.transactions {
            0 => None,
            1 => Some("1 transaction".to_owned()),
            many => Some(format!("{many} transactions")),
        };
        match (transactions, self.fast_commits) {
            (transactions, false) => transactions,
            (None, true) => Some("fast commits left out".to_owned()),
            (Some(transactions), true) => Some(format!("{transactions}, fast commits after them left out")),
        }
    }
}

/// Looks through the journal.
pub(super) fn waiting(core: &Core) -> Result<Waiting, Error> {
    if core.superblock.journal_inode == 0 {
        return Err(Error::Unsupported {
            feature: "an ext journal on another disk",
        });
    }
    let inode = core.inode(core.superblock.journal_inode)?;
    Replay::open(core, &inode)?.map_or(Ok(Waiting::default()), Replay::run)
}

//! What committed transactions changed, laid over the disk.
//!
//! Within a transaction, buffers come before inodes, which may lie in them, and buffers that were freed come last (Linux's
//! `xlog_recover_reorder_trans`).

use std::collections::{BTreeMap, BTreeSet};

use super::record::Lsn;
use super::transaction::{Item, Transaction};
use super::{Recovery, buffers, inodes};
use crate::error::Error;
use crate::xfs::fields::Fields;
use crate::xfs::store::{Full, Store};
use crate::xfs::superblock::Superblock;

/// Types of items.
const INODE: u16 = 0x123b;
const BUFFER: u16 = 0x123c;
const INODE_CREATE: u16 = 0x123f;
const MAPPING_INTENT: u16 = 0x1244;
const MAPPING_DONE: u16 = 0x1245;
const EXCHANGE_INTENT: u16 = 0x1248;
const EXCHANGE_DONE: u16 = 0x1249;

/// Number of freed buffers that are remembered.
const CANCELLED_MAX: usize = 1 << 20;
/// Number of intents that are remembered. A transaction leaves few, and ends them soon.
const INTENTS_MAX: usize = 1 << 16;

/// Why an item isn't laid over the disk.
pub(super) enum Refused {
    /// It contradicts the format or what is on the disk.
    Damaged,
    /// The disk can't be read, or there is more than memory is given for.
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Damaged { .. } => Self::Damaged,
            error => Self::Failed(error),
        }
    }
}

impl From<crate::disk::ReadFailed> for Refused {
    fn from(error: crate::disk::ReadFailed) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::Failed(Error::Unsupported {
            feature: "an XFS log with more than 256 MiB of changes",
        })
    }
}

/// A buffer's place: first sector and number of sectors.
pub(super) type Extent = (u64, u16);

/// The state of a replay.
#[derive(Default)]
pub(super) struct Replay {
    /// Buffers that were freed, with how often that is still to come.
    cancelled: BTreeMap<Extent, u32>,
    /// Changes of mappings that were promised and aren't done, by type and number.
    intents: BTreeSet<(u16, u64)>,
    transactions: u64,
    passed_over: u64,
}

/// What an item is laid over.
pub(super) struct Target<'a> {
    pub(super) store: &'a mut Store,
    pub(super) superblock: &'a Superblock,
    pub(super) lsn: Lsn,
}

impl Replay {
    /// The first reading: which buffers are freed.
    pub(super) fn note_cancelled(&mut self, transaction: &Transaction) {
        for item in &transaction.items {
            if let Ok(BUFFER) = kind(item)
                && let Ok(buffer) = buffers::Buffer::parse(item)
                && buffer.is_cancelled
                && self.cancelled.len() < CANCELLED_MAX
            {
                *self.cancelled.entry(buffer.extent).or_default() += 1;
            }
        }
    }

    /// The second reading: lays a transaction over the disk.
    pub(super) fn apply(
        &mut self,
        store: &mut Store,
        superblock: &Superblock,
        transaction: &Transaction,
    ) -> Result<(), Error> {
        let lsn = transaction.lsn;
        let mut target = Target { store, superblock, lsn };
        let mut items: Vec<&Item> = transaction.items.iter().collect();
        // Those of one turn stay in their order.
        items.sort_by_cached_key(|item| turn_of(item));
        for item in items {
            match self.item(&mut target, item) {
                Ok(()) => {}
                Err(Refused::Damaged) => self.passed_over += 1,
                Err(Refused::Failed(error)) => return Err(error),
            }
        }
        self.transactions += 1;
        Ok(())
    }

    fn item(&mut self, target: &mut Target<'_>, item: &Item) -> Result<(), Refused> {
        match kind(item)? {
            BUFFER => {
                let buffer = buffers::Buffer::parse(item)?;
                if buffer.is_cancelled {
                    self.cancel(buffer.extent);
                } else if !self.cancelled.contains_key(&buffer.extent) {
                    buffer.replay(target, item)?;
                }
            }
            INODE => {
                let inode = inodes::LoggedInode::parse(item)?;
                if !self.cancelled.contains_key(&inode.buffer) {
                    inode.replay(target, item)?;
                }
            }
            INODE_CREATE => {
                let chunk = inodes::NewInodes::parse(item, target.superblock)?;
                let first = chunk.first_sector();
                let mut cancelled = self
                    .cancelled
                    .range((first, 0)..(first.saturating_add(chunk.sectors()), 0));
                if cancelled.next().is_none() {
                    chunk.replay(target)?;
                }
            }
            kind @ (MAPPING_INTENT | EXCHANGE_INTENT) => {
                let number = item.description().little_u64(8)?;
                if self.intents.len() < INTENTS_MAX {
                    self.intents.insert((kind, number));
                }
            }
            kind @ (MAPPING_DONE | EXCHANGE_DONE) => {
                let number = item.description().little_u64(8)?;
                self.intents.remove(&(kind - 1, number));
            }
            // Free space, reverse mappings, reference counts and quotas don't matter to who reads files.
            _ => {}
        }
        Ok(())
    }

    /// One of the times that a buffer is freed has come.
    fn cancel(&mut self, extent: Extent) {
        if let Some(count) = self.cancelled.get_mut(&extent) {
            *count -= 1;
            if *count == 0 {
                self.cancelled.remove(&extent);
            }
        }
    }

    pub(super) fn recovery(&self) -> Recovery {
        Recovery {
            transactions: self.transactions,
            passed_over: self.passed_over,
            unfinished: self.intents.len() as u64,
            fault: None,
        }
    }
}

fn kind(item: &Item) -> Result<u16, Error> {
    item.description().little_u16(0)
}

fn turn_of(item: &Item) -> u8 {
    match kind(item) {
        Ok(BUFFER) => match buffers::Buffer::parse(item) {
            Ok(buffer) if buffer.is_cancelled => 2,
            _ => 0,
        },
        Ok(INODE_CREATE) => 0,
        _ => 1,
    }
}

/// A region's fields, for items that have more than their description.
pub(super) fn region(item: &Item, index: usize) -> Result<Fields<'_>, Error> {
    let bytes = item
        .regions
        .get(index)
        .ok_or_else(|| item.description().damaged(0, "a region is missing"))?;
    Ok(Fields::new("log item", 0, bytes))
}

//! The log: what a mounted XFS has promised about its metadata and not yet written to their places.
//!
//! The log is a ring of records (`record`) that hold the operations of transactions, in pieces and mixed (`transaction`). Each transaction
//! is a list of items: parts of blocks, inodes, chunks of new inodes (`item`). The newest record tells from where on (`ring`).
//! What committed transactions say is laid over the disk in memory. Layouts: Linux's `fs/xfs/libxfs/xfs_log_format.h`; the rules of
//! replaying: `fs/xfs/xfs_log_recover.c` and the `*_item_recover.c` beside it.

mod buffers;
mod inodes;
mod item;
mod record;
mod ring;
mod transaction;

use item::Replay;
use record::Record;
use ring::Ring;
use transaction::{Assembly, Transaction};

use super::store::Store;
use super::superblock::Superblock;
use crate::error::Error;

/// What came of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recovery {
    /// Transactions that were laid over the disk.
    transactions: u64,
    /// Items that contradict what is on the disk, and were left out.
    passed_over: u64,
    /// Changes that were begun as several transactions and whose end isn't in the log.
    unfinished: u64,
    /// Why the log, or its rest, wasn't replayed.
    fault: Option<&'static str>,
}

impl Recovery {
    /// For people; `None` if there was nothing to replay.
    pub(super) fn describe(&self) -> Option<String> {
        let mut parts = Vec::new();
        for (count, one, many) in [
            (self.transactions, "transaction", "transactions"),
            (
                self.passed_over,
                "damaged log item passed over",
                "damaged log items passed over",
            ),
            (
                self.unfinished,
                "unfinished change of files' blocks",
                "unfinished changes of files' blocks",
            ),
        ] {
            if count > 0 {
                parts.push(format!("{count} {}", if count == 1 { one } else { many }));
            }
        }
        parts.extend(self.fault.map(|fault| format!("not all of the log replayed: {fault}")));
        if parts.is_empty() { None } else { Some(parts.join(", ")) }
    }
}

/// Replays the log into the store. A log that can't be read is said in the result: the disk below it is worth reading all the same.
pub(super) fn replay(store: &mut Store, superblock: &Superblock) -> Result<Recovery, Error> {
    if superblock.log_start == 0 {
        return Ok(fault("it is on another device"));
    }
    let Some(ring) = Ring::new(superblock) else {
        return Ok(fault("it isn't within the file system"));
    };
    let (newest, missing) = match ring.newest(store) {
        Ok(Some((newest, None))) if newest.is_unmount() => return Ok(Recovery::default()),
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Recovery::default()),
        Err(Error::Damaged { detail, .. }) => return Ok(fault(detail)),
        Err(error) => return Err(error),
    };
    let mut replay = Replay::default();
    // Blocks that were freed may hold a file's content by now: which ones must be known before anything is replayed.
    let mut fault = each_transaction(&ring, store, &newest, &mut |_, transaction| {
        replay.note_cancelled(transaction);
        Ok(())
    })?;
    if fault.is_none() {
        fault = each_transaction(&ring, store, &newest, &mut |store, transaction| {
            replay.apply(store, superblock, transaction)
        })?;
    }
    Ok(Recovery {
        fault: fault.or(missing),
        ..replay.recovery()
    })
}

fn fault(fault: &'static str) -> Recovery {
    Recovery {
        fault: Some(fault),
        ..Recovery::default()
    }
}

/// What is done with each committed transaction, in the order of their commits.
type Visit<'v> = dyn FnMut(&mut Store, &Transaction) -> Result<(), Error> + 'v;

/// Goes through the records from the newest one's tail to itself. Says what ended it early.
fn each_transaction(
    ring: &Ring,
    store: &mut Store,
    newest: &Record,
    visit: &mut Visit<'_>,
) -> Result<Option<&'static str>, Error> {
    let mut assembly = Assembly::default();
    let mut position = newest.tail;
    loop {
        // It was there when the newest one was looked for; that it still is ends the loop.
        let Some(record) = ring.record(store, position)? else {
            return Ok(Some("a record is missing"));
        };
        let outcome = assembly.take(&record, &mut |transaction| visit(store, transaction));
        match outcome {
            Ok(()) => {}
            Err(Error::Damaged { detail, .. }) => return Ok(Some(detail)),
            Err(error) => return Err(error),
        }
        if record.lsn == newest.lsn {
            return Ok(None);
        }
        position = ring.after(&record);
    }
}

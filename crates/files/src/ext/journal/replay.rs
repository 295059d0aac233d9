//! Going through the log from its oldest transaction to its newest complete one.

use std::ops::ControlFlow;

use super::Waiting;
use super::format::{BlockKind, Checksums, JournalSuperblock, Tag, crc32_big_endian, damaged, header};
use crate::error::Error;
use crate::ext::core::Core;
use crate::ext::inode::Inode;
use crate::ext::map::{self, Run};
use crate::ext::overlay::Source;
use crate::fields::{le16, le32};

/// The longest journal that `mke2fs` makes, in blocks.
const BLOCKS_MAX: u64 = 10_240_000;
/// A journal is made in one piece where there is room for one.
const PIECES_MAX: usize = 65_536;
/// Blocks written or revoked that are kept in memory: those of a journal of 16 GiB.
const ENTRIES_MAX: usize = 4 * 1024 * 1024;

/// A journal whose superblock is sound, and in which something waits.
pub(in super::super) struct Replay<'a> {
    core: &'a Core,
    superblock: JournalSuperblock,
    /// Where the journal's blocks are, ascending.
    pieces: Vec<Run>,
    waiting: Waiting,
}

/// A transaction as far as it has been read.
struct Transaction {
    written: Vec<(u64, Source)>,
    revoked: Vec<u64>,
    /// CRC-32 of its descriptors and content.
    sum: u32,
}

impl Transaction {
    const fn new() -> Self {
        Self {
            written: Vec::new(),
            revoked: Vec::new(),
            sum: u32::MAX,
        }
    }
}

/// A place in the log. It moves `blocks_left` times at most, so that a log that leads in circles ends.
struct Position {
    block: u32,
    blocks_left: u32,
}

impl<'a> Replay<'a> {
    /// `None` if nothing waits.
    pub(in super::super) fn open(core: &'a Core, inode: &Inode) -> Result<Option<Self>, Error> {
        let blocks = (inode.size_bytes / core.block_bytes()).min(BLOCKS_MAX);
        let mut pieces = Vec::new();
        map::runs(core, inode, 0..blocks, &mut |run| {
            if pieces.len() == PIECES_MAX {
                return Err(damaged(inode.place, "it is in more pieces than any"));
            }
            pieces.push(run);
            Ok(ControlFlow::Continue(()))
        })?;
        let first = pieces.first().filter(|first| first.logical == 0);
        let first = first.ok_or(damaged(inode.place, "it has no superblock"))?.physical;
        let bytes = core.block(first, "ext journal")?;
        let place = first.saturating_mul(core.block_bytes());
        let superblock = JournalSuperblock::parse(&bytes, core.superblock.block_bytes, blocks)
            .map_err(|detail| damaged(place, detail))?;
        Ok((superblock.start != 0).then(|| Self {
            core,
            superblock,
            pieces,
            waiting: Waiting::default(),
        }))
    }

    /// Goes on until the first block that isn't of the transaction whose turn it is, or whose checksum is wrong: what follows was never
    /// committed, or is left from the log's last round.
    pub(in super::super) fn run(mut self) -> Result<Waiting, Error> {
        let mut position = Position {
            block: self.superblock.start,
            blocks_left: self.superblock.end.saturating_sub(self.superblock.first),
        };
        let mut sequence = self.superblock.sequence;
        let mut transaction = Transaction::new();
        while position.blocks_left > 0 {
            if transaction.revoked.len() + transaction.written.len() + self.waiting.by_block.len() > ENTRIES_MAX {
                return Err(Error::Unsupported {
                    feature: "an ext journal in which millions of blocks wait",
                });
            }
            let bytes = self.block(position.block)?;
            let Some((kind, of)) = header(&bytes) else {
                break;
            };
            if of != sequence {
                break;
            }
            self.advance(&mut position);
            match kind {
                BlockKind::Descriptor if self.superblock.tail_matches(&bytes) => {
                    self.content(&bytes, sequence, &mut position, &mut transaction)?;
                }
                BlockKind::Revoke if self.superblock.tail_matches(&bytes) => {
                    transaction.revoked.extend(self.superblock.revoked(&bytes));
                }
                BlockKind::Commit if self.is_complete(&bytes, &transaction) => {
                    self.commit(std::mem::replace(&mut transaction, Transaction::new()));
                    sequence = sequence.wrapping_add(1);
                }
                _ => break,
            }
        }
        self.waiting.fast_commits = self.has_fast_commits(sequence)?;
        Ok(self.waiting)
    }

    fn is_complete(&self, commit: &[u8], transaction: &Transaction) -> bool {
        self.superblock.commit_matches(commit) && self.superblock.transaction_matches(commit, transaction.sum)
    }

    /// The blocks behind a descriptor.
    fn content(
        &self,
        descriptor: &[u8],
        sequence: u32,
        position: &mut Position,
        transaction: &mut Transaction,
    ) -> Result<(), Error> {
        let checksums = self.superblock.checksums;
        if checksums == Checksums::V1 {
            transaction.sum = crc32_big_endian(transaction.sum, descriptor);
        }
        for tag in self.superblock.tags(descriptor) {
            if position.blocks_left == 0 {
                break;
            }
            let offset = self.offset(position.block)?;
            let right = checksums == Checksums::None || self.check(&tag, sequence, position.block, transaction)?;
            // Content with a wrong checksum isn't put in its place: the block stays as it was.
            if right && tag.block < self.core.superblock.blocks_present {
                let escaped = tag.escaped;
                transaction.written.push((tag.block, Source { offset, escaped }));
            }
            self.advance(position);
        }
        Ok(())
    }

    fn check(&self, tag: &Tag, sequence: u32, block: u32, transaction: &mut Transaction) -> Result<bool, Error> {
        let bytes = self.block(block)?;
        if self.superblock.checksums == Checksums::V1 {
            transaction.sum = crc32_big_endian(transaction.sum, &bytes);
        }
        Ok(self.superblock.content_matches(tag, sequence, &bytes))
    }

    /// A revocation concerns what its own transaction and those before it wrote.
    fn commit(&mut self, transaction: Transaction) {
        self.waiting.by_block.extend(transaction.written);
        for block in transaction.revoked {
            self.waiting.by_block.remove(&block);
        }
        self.waiting.transactions += 1;
    }

    /// The log is a ring.
    fn advance(&self, position: &mut Position) {
        position.block = position.block.saturating_add(1);
        if position.block >= self.superblock.end {
            position.block = self.superblock.first;
        }
        position.blocks_left = position.blocks_left.saturating_sub(1);
    }

    /// Whether fast commits follow the last transaction: the first of their blocks, which is the second one behind the log, starts with a head
    /// (`EXT4_FC_TAG_HEAD`) that names the transaction whose turn it is.
    fn has_fast_commits(&self, sequence: u32) -> Result<bool, Error> {
        const TAG_HEAD: u16 = 9;
        if self.superblock.fast_commit_blocks < 2 {
            return Ok(false);
        }
        let bytes = self.block(self.superblock.end.saturating_add(1))?;
        Ok(le16(&bytes, 0) == TAG_HEAD && le32(&bytes, 8) == sequence)
    }

    fn block(&self, block: u32) -> Result<Vec<u8>, Error> {
        let number = self.physical(block)?;
        self.core.block(number, "ext journal")
    }

    fn offset(&self, block: u32) -> Result<u64, Error> {
        let number = self.physical(block)?;
        let outside = damaged(number, "it lies beyond the end of the disk");
        self.core.superblock.block_offset(number).ok_or(outside)
    }

    /// The block of the file system that a block of the journal is.
    fn physical(&self, block: u32) -> Result<u64, Error> {
        let block = u64::from(block);
        let behind = self.pieces.partition_point(|piece| piece.logical <= block);
        let piece = behind.checked_sub(1).and_then(|index| self.pieces.get(index));
        let within = piece.filter(|piece| block - piece.logical < piece.blocks);
        let piece = within.ok_or(damaged(0, "it has a hole"))?;
        Ok(piece.physical + (block - piece.logical))
    }
}

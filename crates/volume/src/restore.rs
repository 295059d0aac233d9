//! A restore in part: some blocks become what they were at moments of the past, all others stay as they are. No data is
//! copied; only the map changes.
//!
//! Order of effects: a checkpoint, so that few changes are left in memory; then a tree of the present, in which the pieces
//! are as they were at their moments, is appended piece by piece, while clients go on writing; then, with the appender
//! held, what clients wrote meanwhile is put into that tree outside of the pieces; then one checkpoint, which makes the tree
//! the disk's map. Before that checkpoint's batch is whole nothing of all this is in force.

use crate::control::{LogSink, Return};
use crate::error::Error;
use crate::extents::uniform_run;
use crate::folder::require_version;
use crate::format::{BLOCK_BYTES, Cause, Entry, EntryKind, LEAF_BITS, Location, Record, VolumeVersion};
use crate::locks::{lock, read_lock};
use crate::log::{Appender, Purpose};
use crate::maintain::CHANGED_LEAVES_MAX;
use crate::map::{Delta, NodeSink, Snapshot, build_root};
use crate::storage::Wait;
use crate::succession::Succession;
use crate::time::{Sequence, Timestamp};
use crate::volume::{Control, MomentInfo, Volume};

const LEAF_BLOCKS: u64 = 1 << LEAF_BITS;

/// Blocks that are returned to a moment together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First block, of 4096 bytes.
    pub first_block: u64,
    /// Blocks.
    pub blocks: u64,
    /// The last batch of the moment returned to.
    pub moment: Sequence,
}

/// A restore in part that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// The last moment before: where undoing returns to.
    pub from: MomentInfo,
    /// The moment of the restore itself.
    pub restored: MomentInfo,
    /// Blocks that were returned, of 4096 bytes.
    pub blocks: u64,
}

impl Volume {
    /// Returns some blocks of the live disk to moments of the past, each piece to its own, and leaves all others as they are:
    /// as a whole or not at all, durably. What was never written or trimmed at a piece's moment is so again.
    ///
    /// It is a rollback in every other respect: clients that are attached are refused writes from here on, the present is kept
    /// as a moment, and [`Volume::undo_rollback`] returns to it.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToRestore`] without any blocks, [`Error::PiecesOverlap`], [`Error::OutOfRange`] for a piece beyond the
    /// disk's end as it is now or was at the moment, [`Error::MomentTooOld`] (unless a pin is exactly that moment),
    /// [`Error::MomentInFuture`], and what reading the map of a moment that is damaged gives. The disk is unchanged then.
    pub fn restore_blocks(&self, pieces: &[Piece], now: Timestamp) -> Result<RestoreReport, Error> {
        let mut control = lock(&self.control);
        self.check_rollbacks(&control)?;
        let mut pieces = checked(pieces, self.size_bytes())?;
        // Before this writes batches of its own.
        let newest = self.newest().sequence;
        if let Some(piece) = pieces.iter().find(|piece| piece.moment > newest) {
            let asked = piece.moment;
            return Err(Error::MomentInFuture { asked, newest });
        }
        require_version(&**self.segments.directory(), &self.name, VolumeVersion::Three)?;
        self.checkpoint_locked(&mut control, now)?;
        pieces.sort_by_key(|piece| (piece.moment, piece.first_block));
        let root = self.overlaid(&control, &pieces, now)?;
        let blocks = pieces.iter().map(|piece| piece.blocks).sum();
        let mut appender = self.log.appender()?;
        let root = self.with_newest_outside(&mut appender, root, &pieces, now)?;
        let back = Return {
            root,
            size_bytes: self.size_bytes(),
            cause: Cause::RestoredInPart(blocks),
            to: None,
            undo: false,
        };
        let from = self.return_to(&mut control, appender, back, now)?;
        let restored = MomentInfo {
            sequence: control.state.as_of,
            time: control.state.time,
        };
        Ok(RestoreReport { from, restored, blocks })
    }

    /// The root of a tree that is the newest checkpoint's, with the pieces as they were.
    fn overlaid(&self, control: &Control, pieces: &[Piece], now: Timestamp) -> Result<Entry, Error> {
        let mut overlay = Overlay {
            volume: self,
            root: control.state.root,
            delta: Delta::default(),
            bytes_max: self.settings().map_cache_bytes / 8,
            now,
        };
        let mut succession = Succession::new(self, control);
        for piece in pieces {
            let reached = succession.reach(piece.moment)?;
            check_piece(piece, self.size_bytes(), reached.size_bytes)?;
            overlay.put(piece, reached.snapshot)?;
        }
        overlay.flush()?;
        Ok(overlay.root)
    }

    /// Puts into a tree what clients wrote since the newest checkpoint, but for what the pieces replace.
    fn with_newest_outside(
        &self,
        appender: &mut Appender,
        root: Entry,
        pieces: &[Piece],
        now: Timestamp,
    ) -> Result<Entry, Error> {
        let mut newest = read_lock(&self.map).delta.clone();
        if newest.is_empty() {
            return Ok(root);
        }
        for piece in pieces {
            newest.forget(piece.first_block, piece.first_block + piece.blocks);
        }
        let mut sink = HeldSink {
            volume: self,
            appender,
            now,
        };
        build_root(&self.nodes, &root, &newest, &mut sink)
    }
}

/// The pieces that name blocks, ascending. Their ends are within the disk, so that adding can't overflow from here on.
fn checked(pieces: &[Piece], size_bytes: u64) -> Result<Vec<Piece>, Error> {
    let mut pieces: Vec<Piece> = pieces.iter().copied().filter(|piece| piece.blocks > 0).collect();
    pieces.sort_by_key(|piece| piece.first_block);
    if pieces.is_empty() {
        return Err(Error::NothingToRestore);
    }
    let mut end = 0;
    for piece in &pieces {
        check_piece(piece, size_bytes, size_bytes)?;
        if piece.first_block < end {
            return Err(Error::PiecesOverlap {
                block: piece.first_block,
            });
        }
        end = piece.first_block + piece.blocks;
    }
    Ok(pieces)
}

/// Fails unless what the present disk shows of a piece is within a disk of `size_bytes`.
///
/// A block beyond a smaller disk's end may hold what nobody could read then, and must not come to light now.
fn check_piece(piece: &Piece, present_bytes: u64, size_bytes: u64) -> Result<(), Error> {
    const BLOCK: u64 = BLOCK_BYTES as u64;
    let end = piece.first_block.saturating_add(piece.blocks);
    let is_within_present = end <= present_bytes.div_ceil(BLOCK);
    if is_within_present && end.saturating_mul(BLOCK).min(present_bytes) <= size_bytes {
        return Ok(());
    }
    Err(Error::OutOfRange {
        offset: piece.first_block.saturating_mul(BLOCK),
        length: piece.blocks.saturating_mul(BLOCK),
        size: size_bytes,
    })
}

/// Gathers entries and writes them into a tree, a bounded part at a time.
struct Overlay<'v> {
    volume: &'v Volume,
    root: Entry,
    delta: Delta,
    bytes_max: usize,
    now: Timestamp,
}

impl Overlay<'_> {
    /// Puts a piece as `snapshot` has it.
    fn put(&mut self, piece: &Piece, snapshot: &Snapshot) -> Result<(), Error> {
        let end = piece.first_block + piece.blocks;
        let mut block = piece.first_block;
        while block < end {
            let until = end.min((block / LEAF_BLOCKS + 1) * LEAF_BLOCKS);
            let entries = snapshot.entries(&self.volume.nodes, block, until - block, Wait::Allowed)?;
            for (block, entry) in (block..).zip(&entries) {
                check_known(entry)?;
                self.delta.set(block, *entry);
            }
            block = until;
            if entries.windows(2).all(|pair| pair.first() == pair.last()) {
                block = self.put_alike(block, end, snapshot)?;
            }
            if self.delta.leaf_count() > CHANGED_LEAVES_MAX || self.delta.memory_bytes() > self.bytes_max {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Puts what is known to be alike from a block on without looking at each; a hole may be most of a disk. Returns where
    /// that ends.
    fn put_alike(&mut self, block: u64, end: u64, snapshot: &Snapshot) -> Result<u64, Error> {
        if end - block < LEAF_BLOCKS {
            return Ok(block);
        }
        let Some((entry, blocks)) = uniform_run(snapshot, &self.volume.nodes, block)? else {
            return Ok(block);
        };
        check_known(&entry)?;
        let until = end.min(block.saturating_add(blocks));
        self.delta.fill(block, until, entry);
        Ok(until)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let volume = self.volume;
        let mut sink = LogSink { volume, now: self.now };
        self.root = build_root(&volume.nodes, &self.root, &self.delta, &mut sink)?;
        self.delta = Delta::default();
        Ok(())
    }
}

/// Fails for a block that is lost: what the present shows of it is better than nothing.
fn check_known(entry: &Entry) -> Result<(), Error> {
    if entry.kind() != EntryKind::Lost {
        return Ok(());
    }
    let Location { segment, slot } = entry.location();
    Err(Error::CorruptStructure {
        structure: "map node",
        segment: segment.0,
        offset: slot.offset(),
    })
}

/// Appends nodes with the appender held: nobody writes in between.
struct HeldSink<'v, 'a> {
    volume: &'v Volume,
    appender: &'a mut Appender,
    now: Timestamp,
}

impl NodeSink for HeldSink<'_, '_> {
    fn append(&mut self, records: &[Record], payloads: &[u8]) -> Result<Location, Error> {
        let appended = self
            .appender
            .append(Purpose::Control, records, &[payloads], self.now)
            .inspect_err(|error| self.volume.log.note_failure(error))?;
        Ok(appended.payload)
    }

    fn payload_bytes_max(&self) -> usize {
        self.volume.batch_bytes_max.min(1 << 20)
    }
}

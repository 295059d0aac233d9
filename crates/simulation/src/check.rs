//! Comparison of volumes with the model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use volume::{Device, Error, ExtentKind, Moment, Sequence, Timestamp, Volume, Wait};

use crate::model::{BLOCK, LineId};
use crate::options::Class;
use crate::simulation::{Outcome, Simulation};

/// Blocks that are compared at most on a disk too large to be read whole.
const SAMPLE: usize = 400;
/// The largest disk that is read whole.
const WHOLE_MAX: u64 = 4 << 20;
/// Bytes read at once.
const CHUNK: u64 = 1 << 18;

/// Bytes of one copy of what a volume's file says.
const COPY: usize = 4096;

pub(crate) type Reader<'a> = &'a dyn Fn(u64, &mut [u8]) -> Result<(), Error>;

/// What is wrong with the volume that is to blame: a fork can't be opened without its parent.
pub(crate) fn cause(error: &Error) -> &Error {
    match error {
        Error::ParentUnusable { source, .. } => cause(source),
        other => other,
    }
}

impl Simulation {
    /// Compares a volume's present with the model.
    pub(crate) fn compare_present(&mut self, slot: usize) -> Outcome {
        let volume = self.volume(slot);
        let line = self.slots[slot].line;
        let newest = self.model.newest(line);
        let size = self.model.size(line, newest);
        if volume.size_bytes() != size {
            return Err(format!(
                "`{}` has {} bytes, expected {size}",
                volume.name(),
                volume.size_bytes()
            ));
        }
        self.compare(line, newest, &|offset, buffer| {
            volume.read(offset, buffer, Wait::Allowed)
        })
        .map_err(|mismatch| format!("`{}` now: {mismatch}", volume.name()))
    }

    /// Compares a view of a moment with the model.
    pub(crate) fn compare_view(&mut self, view: &dyn Device, line: LineId, sequence: Sequence) -> Outcome {
        self.counts.views += 1;
        let size = self.model.size(line, sequence);
        if view.size_bytes() != size {
            return Err(format!(
                "view of {sequence:?} has {} bytes, expected {size}",
                view.size_bytes()
            ));
        }
        self.compare(line, sequence, &|offset, buffer| {
            view.read(offset, buffer, Wait::Allowed)
        })
        .map_err(|mismatch| format!("view of {sequence:?}: {mismatch}"))
    }

    fn compare(&mut self, line: LineId, sequence: Sequence, read: Reader<'_>) -> Outcome {
        let size = self.model.size(line, sequence);
        for (offset, length) in self.ranges(line, size) {
            self.compare_range(line, sequence, offset, length, read)?;
        }
        Ok(())
    }

    /// What to read of a disk: what was ever touched, and a few blocks that weren't; now and then everything, if the disk
    /// isn't too large for that.
    fn ranges(&mut self, line: LineId, size: u64) -> Vec<(u64, u64)> {
        if size <= WHOLE_MAX && self.random.chance(1, 16) {
            let starts = (0..size).step_by(usize::try_from(CHUNK).unwrap_or(1));
            return starts.map(|at| (at, CHUNK.min(size - at))).collect();
        }
        let mut blocks: Vec<u64> = self.model.touched(line).into_iter().collect();
        while blocks.len() > SAMPLE {
            blocks.swap_remove(self.random.index(blocks.len()));
        }
        blocks.extend((0..4).map(|_| self.random.below(size / BLOCK)));
        blocks.push(size / BLOCK);
        let unique: BTreeSet<u64> = blocks.into_iter().filter(|block| block * BLOCK < size).collect();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for block in unique {
            let (start, length) = (block * BLOCK, BLOCK.min(size - block * BLOCK));
            match ranges.last_mut() {
                // Neighbours are read together, as clients do.
                Some((first, joined)) if *first + *joined == start && *joined < CHUNK => *joined += length,
                _ => ranges.push((start, length)),
            }
        }
        ranges
    }

    /// Compares one range. Where damage is possible a block may fail to be read, but not differ.
    pub(crate) fn compare_range(
        &mut self,
        line: LineId,
        sequence: Sequence,
        offset: u64,
        length: u64,
        read: Reader<'_>,
    ) -> Outcome {
        let mut actual = vec![0xa5; usize::try_from(length).map_err(|error| error.to_string())?];
        match read(offset, &mut actual) {
            Ok(()) => {}
            Err(error) if length > BLOCK && self.may_fail_to_read(&error, offset, length) => {
                return self.compare_by_blocks(line, sequence, offset, length, read);
            }
            Err(error) if self.may_fail_to_read(&error, offset, length) => {
                self.counts.damaged_reads += 1;
                return Ok(());
            }
            Err(error) => return Err(format!("reading {length} bytes at {offset}: {error}")),
        }
        let mut expected = vec![0; actual.len()];
        self.model.read(line, sequence, offset, &mut expected);
        if actual == expected {
            Ok(())
        } else {
            Err(describe(offset, &expected, &actual))
        }
    }

    fn compare_by_blocks(
        &mut self,
        line: LineId,
        sequence: Sequence,
        offset: u64,
        length: u64,
        read: Reader<'_>,
    ) -> Outcome {
        let mut at = offset;
        while at < offset + length {
            let next = ((at / BLOCK + 1) * BLOCK).min(offset + length);
            self.compare_range(line, sequence, at, next - at, read)?;
            at = next;
        }
        Ok(())
    }

    /// Whether the faults let loose explain that this range can't be read.
    pub(crate) fn may_fail_to_read(&self, error: &Error, offset: u64, length: u64) -> bool {
        match cause(error) {
            Error::BadFile { file, .. } if file.ends_with("/volume") => self.may_lose_volume_file(file),
            Error::CorruptBlock { block, .. } => {
                self.options.class.damages() && (offset / BLOCK..(offset + length).div_ceil(BLOCK)).contains(block)
            }
            Error::CorruptStructure { .. } | Error::BadFile { .. } | Error::DamagedLog { .. } => {
                self.options.class.damages()
            }
            // A disk that lies about the sync of a directory can lose a volume.
            Error::NoSuchVolume(_) => self.options.class == Class::Lying,
            Error::Io { .. } => self.options.class.damages() || self.disk.counts().read_errors > 0,
            _ => false,
        }
    }

    /// Whether both copies of a volume's file were damaged since they were written: one is enough.
    fn may_lose_volume_file(&self, path: &str) -> bool {
        let Some((volume, file)) = path.split_once('/') else {
            return false;
        };
        let are_damaged = || (0..2).all(|copy| self.disk.is_damaged(volume, file, copy * COPY, COPY));
        self.options.class == Class::Lying || self.options.class == Class::Rot && are_damaged()
    }

    /// Checks what is said about the extents of a range against the model.
    pub(crate) fn compare_extents(&mut self, slot: usize) -> Outcome {
        let line = self.slots[slot].line;
        let newest = self.model.newest(line);
        let size = self.model.size(line, newest);
        let start = self.random.below(size);
        let length = (size - start).min(1 << 20);
        let limit = 1 + self.random.index(64);
        let attachment = self.slots[slot].attachment.as_ref().expect("an open volume has one");
        self.compare_extents_of(line, newest, start, length, limit, attachment)
    }

    /// Checks what a disk says about the extents of a range against the model.
    pub(crate) fn compare_extents_of(
        &self,
        line: LineId,
        sequence: Sequence,
        start: u64,
        length: u64,
        limit: usize,
        device: &dyn Device,
    ) -> Outcome {
        let extents = match device.extents(start, length, limit) {
            Ok(extents) => extents,
            Err(error) if self.may_fail_to_read(&error, start, length) => return Ok(()),
            Err(error) => return Err(format!("extents of {length} bytes at {start}: {error}")),
        };
        let total: u64 = extents.iter().map(|extent| extent.length).sum();
        if extents.is_empty() || extents.len() > limit || total > length {
            return Err(format!(
                "extents of {length} bytes at {start}, at most {limit}: {extents:?}"
            ));
        }
        let mut at = start;
        for extent in extents {
            self.compare_extent(line, sequence, at, extent)?;
            at += extent.length;
        }
        Ok(())
    }

    fn compare_extent(&self, line: LineId, newest: Sequence, at: u64, extent: volume::Extent) -> Outcome {
        for block in at / BLOCK..(at + extent.length).div_ceil(BLOCK) {
            if (block + 1) * BLOCK > self.model.size(line, newest) {
                // What a smaller size cut off of the last block may be cleared when the disk grows again.
                continue;
            }
            let origin = self.model.origin(line, block, newest);
            let is_zero = origin
                .as_ref()
                .is_none_or(|(_, _, content)| content.as_ref().is_none_or(|b| is_zeros(b)));
            let written = origin
                .and_then(|(line, sequence, _)| self.model.time(line, sequence))
                .map(whole_seconds);
            match extent.kind {
                ExtentKind::Data if extent.written.is_none() && self.options.class.damages() => {}
                ExtentKind::Data if !is_zero && extent.written != written => {
                    return Err(format!(
                        "block {block} was written at {written:?}, but {extent:?} says otherwise"
                    ));
                }
                ExtentKind::Zero | ExtentKind::Hole if !is_zero => {
                    return Err(format!("block {block} holds data, but {extent:?} says otherwise"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks the pins of a volume.
    pub(crate) fn compare_pins(&self, slot: usize) -> Outcome {
        let volume = self.volume(slot);
        let pins: BTreeMap<String, Sequence> = volume
            .pins()
            .into_iter()
            .filter(|pin| pin.fork.is_none())
            .map(|pin| (pin.name, pin.sequence))
            .collect();
        let expected = self.model_pins(slot);
        if pins == expected {
            return Ok(());
        }
        Err(format!("`{}` has pins {pins:?}, expected {expected:?}", volume.name()))
    }

    /// Checks that a volume knows every rollback.
    pub(crate) fn compare_epoch(&self, slot: usize) -> Outcome {
        let line = self.slots[slot].line;
        let (epoch, expected) = (
            self.volume(slot).epoch(),
            self.model.rollbacks(line, self.model.newest(line)),
        );
        if epoch == expected as u64 {
            Ok(())
        } else {
            Err(format!("{epoch} rollbacks are known, expected {expected}"))
        }
    }

    /// Checks pins, rollbacks and the oldest moment of a volume.
    pub(crate) fn compare_facts(&mut self, slot: usize) -> Outcome {
        self.compare_pins(slot)?;
        self.compare_epoch(slot)?;
        let volume = self.volume(slot);
        let line = self.slots[slot].line;
        let oldest = volume.oldest().sequence;
        let must_keep = self.oldest_promised(line);
        if oldest > must_keep {
            return Err(format!(
                "the oldest moment of `{}` is {oldest:?}, but {must_keep:?} is promised",
                volume.name()
            ));
        }
        Ok(())
    }

    /// The oldest moment that retention promises to keep.
    fn oldest_promised(&self, line: LineId) -> Sequence {
        let kept: Duration = if self.space_was_short || self.options.class == Class::Full {
            self.least_floor
        } else {
            self.least_retention
        };
        self.model
            .at(line, self.latest.saturating_sub(kept))
            .unwrap_or_else(|| self.model.start(line))
    }

    /// Compares one moment of the past, found by its number, its time or a name.
    pub(crate) fn compare_moment(&mut self, slot: usize, moment: &Moment) -> Outcome {
        let volume = self.volume(slot);
        let line = self.slots[slot].line;
        let view = match volume.view(moment) {
            Ok(view) => view,
            Err(error) if self.may_be_refused(slot, moment, &volume, &error) => return Ok(()),
            Err(error) => return Err(format!("view of {moment:?} of `{}`: {error}", volume.name())),
        };
        let sequence = view.sequence();
        let expected = self.model_sequence(slot, moment);
        if expected != Some(sequence) {
            return Err(format!(
                "{moment:?} of `{}` is {sequence:?}, expected {expected:?}",
                volume.name()
            ));
        }
        self.compare_view(&view, line, sequence)
    }

    /// What a moment is in the model.
    pub(crate) fn model_sequence(&self, slot: usize, moment: &Moment) -> Option<Sequence> {
        let line = self.slots[slot].line;
        match moment {
            Moment::After(sequence) => self.model.time(line, *sequence).map(|_| *sequence),
            Moment::At(time) => self.model.at(line, *time),
            Moment::Pin(name) => self.model_pins(slot).get(name).copied(),
        }
    }

    /// Whether it is right that a moment can't be seen.
    pub(crate) fn may_be_refused(&self, slot: usize, moment: &Moment, volume: &Volume, error: &Error) -> bool {
        let line = self.slots[slot].line;
        let oldest = volume.oldest();
        match (error, moment) {
            (Error::MomentTooOld { .. }, Moment::After(sequence)) => *sequence < oldest.sequence,
            (Error::MomentTooOld { .. }, Moment::At(time)) => self
                .model
                .at(line, *time)
                .is_none_or(|sequence| sequence < oldest.sequence),
            (Error::MomentInFuture { .. }, Moment::After(sequence)) => *sequence > self.model.newest(line),
            (Error::NoSuchPin(_), Moment::Pin(name)) => !self.model_pins(slot).contains_key(name),
            _ => self.may_fail_to_read(error, 0, u64::MAX - BLOCK),
        }
    }

    /// Whether a change of the log can't have begun because its moment can't be seen.
    pub(crate) fn is_without_moment(&self, slot: usize, moment: &Moment, volume: &Volume, error: &Error) -> bool {
        !matches!(error, Error::Io { .. }) && self.may_be_refused(slot, moment, volume, error)
    }

    pub(crate) fn model_pins(&self, slot: usize) -> BTreeMap<String, Sequence> {
        let line = self.slots[slot].line;
        self.model.pins(line, self.model.newest(line))
    }
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(time.as_unix_nanos() / 1_000_000_000)
}

fn is_zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn describe(offset: u64, expected: &[u8], actual: &[u8]) -> String {
    let first = expected.iter().zip(actual).position(|(a, b)| a != b).unwrap_or(0);
    let last = expected.iter().zip(actual).rposition(|(a, b)| a != b).unwrap_or(0);
    let at = offset + first as u64;
    let show = |bytes: &[u8]| {
        bytes[first..]
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    format!(
        "block {} differs from byte {at} to {}: expected {}.., found {}..",
        at / BLOCK,
        offset + last as u64,
        show(expected),
        show(actual)
    )
}

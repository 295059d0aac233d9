//! Reading blocks whose entries are known: neighbours in the log with one call, every block checked.

use crate::error::Error;
use crate::format::{BLOCK_BYTES, Entry, EntryKind, SLOT_BYTES, payload_crc};
use crate::segment::Segments;
use crate::storage::Wait;
use crate::time::Timestamp;

const SLOTS_PER_BLOCK: u32 = (BLOCK_BYTES as u64 / SLOT_BYTES) as u32;

/// Bytes `offset..offset + buffer.len()` of a disk, and the blocks they touch.
pub(crate) struct BlockRange {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

impl BlockRange {
    /// The blocks that a range of at least one byte touches.
    pub(crate) fn touching(offset: u64, length: u64) -> Self {
        let first = offset / BLOCK_BYTES as u64;
        let end = (offset + length).div_ceil(BLOCK_BYTES as u64);
        Self {
            first,
            count: end - first,
        }
    }
}

/// Fails unless `offset..offset + length` lies within `size` bytes.
pub(crate) fn check_range(offset: u64, length: u64, size: u64) -> Result<(), Error> {
    match offset.checked_add(length) {
        Some(end) if end <= size => Ok(()),
        _ => Err(Error::OutOfRange { offset, length, size }),
    }
}

/// Fills `buffer`, which starts at byte `offset` of the disk, from blocks whose entries are `entries`.
pub(crate) fn read_blocks(
    segments: &Segments,
    entries: &[Entry],
    offset: u64,
    buffer: &mut [u8],
    wait: Wait,
) -> Result<(), Error> {
    if wait == Wait::Allowed && run_length(entries, entries.len()) < entries.len() {
        prefetch_runs(segments, entries)?;
    }
    let mut block = offset / BLOCK_BYTES as u64;
    let mut within = (offset % BLOCK_BYTES as u64) as usize;
    let mut entries = entries;
    let mut rest = buffer;
    while let Some((entry, _)) = entries.split_first() {
        if rest.is_empty() {
            break;
        }
        let run = if within == 0 {
            run_length(entries, rest.len() / BLOCK_BYTES)
        } else {
            0
        };
        let count = if run > 0 {
            run * BLOCK_BYTES
        } else {
            (BLOCK_BYTES - within).min(rest.len())
        };
        let (part, tail) = std::mem::take(&mut rest)
            .split_at_mut_checked(count)
            .unwrap_or_default();
        if run > 0 {
            read_run(segments, entries.get(..run).unwrap_or_default(), block, part, wait)?;
        } else {
            let mut whole = [0; BLOCK_BYTES];
            read_run(segments, std::slice::from_ref(entry), block, &mut whole, wait)?;
            part.copy_from_slice(whole.get(within..within + count).unwrap_or_default());
        }
        let blocks = run.max(1);
        entries = entries.get(blocks..).unwrap_or_default();
        block += blocks as u64;
        (rest, within) = (tail, 0);
    }
    Ok(())
}

/// Has the disk fetch all runs at once: what was written at random lies at random, and reading one run after the other
/// would wait for each.
pub(crate) fn prefetch_runs(segments: &Segments, entries: &[Entry]) -> Result<(), Error> {
    let mut rest = entries;
    while let Some(first) = rest.first() {
        let run = run_length(rest, rest.len());
        if first.kind() == EntryKind::Data {
            let location = first.location();
            let length = (run * BLOCK_BYTES) as u64;
            segments.open(location.segment)?.prefetch(location.slot, length);
        }
        rest = rest.get(run..).unwrap_or_default();
    }
    Ok(())
}

/// How many of the first `limit` entries are stored one after the other, or are all not stored.
pub(crate) fn run_length(entries: &[Entry], limit: usize) -> usize {
    let Some(first) = entries.first() else { return 0 };
    let follows = |(index, entry): &(usize, &Entry)| match (first.kind(), entry.kind()) {
        (EntryKind::Data, EntryKind::Data) => {
            let (start, here) = (first.location(), entry.location());
            here.segment == start.segment && here.slot.0 == start.slot.0 + *index as u32 * SLOTS_PER_BLOCK
        }
        (EntryKind::Data, _) | (_, EntryKind::Data) => false,
        (start, here) => start != EntryKind::Lost && here != EntryKind::Lost,
    };
    let run = entries.iter().take(limit).enumerate().take_while(follows).count();
    run.min(limit).max(usize::from(limit > 0))
}

/// Reads a run of whole blocks.
fn read_run(segments: &Segments, entries: &[Entry], block: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
    let Some(first) = entries.first() else { return Ok(()) };
    let location = first.location();
    match first.kind() {
        EntryKind::Never | EntryKind::Zero | EntryKind::Hole => {
            buffer.fill(0);
            return Ok(());
        }
        EntryKind::Lost | EntryKind::Node => {
            let (segment, offset) = (location.segment.0, location.slot.offset());
            return Err(Error::CorruptStructure {
                structure: "map node",
                segment,
                offset,
            });
        }
        EntryKind::Data => {}
    }
    segments
        .open_or(location.segment, wait)?
        .read(location.slot, BLOCK_BYTES, buffer, wait)?;
    for (index, (entry, bytes)) in entries.iter().zip(buffer.chunks(BLOCK_BYTES)).enumerate() {
        if payload_crc(bytes) != entry.crc {
            return Err(corrupt(entry, block + index as u64));
        }
    }
    Ok(())
}

pub(crate) fn corrupt(entry: &Entry, block: u64) -> Error {
    let location = entry.location();
    Error::CorruptBlock {
        block,
        segment: location.segment.0,
        offset: location.slot.offset(),
        written: entry.written().unwrap_or(Timestamp::ZERO),
    }
}

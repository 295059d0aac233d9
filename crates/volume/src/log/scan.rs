//! Reading a segment's batches where they stand, one after the other, until the first that isn't whole.

use crate::error::Error;
use crate::format::{
    BATCH_HEADER_BYTES, Batch, BatchHeader, Record, SEGMENT_HEADER_BYTES, SLOT_BYTES, Slot, find_magic, head_bytes,
    payload_crc,
};
use crate::segment::OpenSegment;
use crate::storage::Wait;
use crate::time::Sequence;

/// After a sync the log goes on at a multiple of this.
const SYNC_ALIGNMENT: u64 = 4096;
/// Bytes looked at together when searching for intact batches behind a damage.
const SEARCH_BYTES: usize = 1 << 20;

/// The batches of a raw segment that follow each other without a gap.
pub(crate) struct Scan {
    pub(crate) batches: Vec<Batch>,
    /// Where the last of them ends.
    pub(crate) end: u64,
}

/// Reads batch headers from the start of the segment on. Payloads aren't looked at.
pub(crate) fn scan(segment: &OpenSegment) -> Result<Scan, Error> {
    scan_from(segment, SEGMENT_HEADER_BYTES, segment.header.first_sequence, usize::MAX)
}

/// Reads at most `limit` batch headers from a place in the segment on, where batch `expected` must be.
pub(crate) fn scan_from(
    segment: &OpenSegment,
    offset: u64,
    mut expected: Sequence,
    limit: usize,
) -> Result<Scan, Error> {
    let mut scan = Scan {
        batches: Vec::new(),
        end: offset,
    };
    while scan.batches.len() < limit {
        let aligned = scan.end.next_multiple_of(SYNC_ALIGNMENT);
        let found = match batch_at(segment, scan.end, expected)? {
            None if aligned != scan.end => batch_at(segment, aligned, expected)?,
            found => found,
        };
        let Some(batch) = found else { break };
        scan.end = batch.header.slot.offset() + batch.header.total_bytes();
        expected = expected.next();
        scan.batches.push(batch);
    }
    Ok(scan)
}

fn batch_at(segment: &OpenSegment, offset: u64, expected: Sequence) -> Result<Option<Batch>, Error> {
    Ok(any_batch_at(segment, offset)?.filter(|batch| batch.header.sequence == expected))
}

/// The intact batch that starts at `offset`, if one does.
fn any_batch_at(segment: &OpenSegment, offset: u64) -> Result<Option<Batch>, Error> {
    let mut fixed = [0; BATCH_HEADER_BYTES];
    if !read_within(segment, offset, &mut fixed)? {
        return Ok(None);
    }
    let Some((header, _)) = BatchHeader::peek(&fixed).filter(|(header, _)| Some(header.slot) == Slot::at(offset))
    else {
        return Ok(None);
    };
    let mut head = vec![0; usize::try_from(head_bytes(header.record_count as usize)).unwrap_or(0)];
    if !read_within(segment, offset, &mut head)? {
        return Ok(None);
    }
    Ok(Batch::parse(&head, segment.header.nonce))
}

/// Whether a batch, known from the index, also stands where it was first written.
pub(crate) fn is_in_place(segment: &OpenSegment, batch: &Batch) -> Result<bool, Error> {
    Ok(any_batch_at(segment, batch.header.slot.offset())?.as_ref() == Some(batch))
}

/// Whether the range lies within the file.
fn read_within(segment: &OpenSegment, offset: u64, buffer: &mut [u8]) -> Result<bool, Error> {
    match segment.file.read_at(offset, buffer, Wait::Allowed) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(source) => Err(crate::segment::read_error(segment.id, source)),
    }
}

/// The first intact batch behind `offset`, wherever it starts: evidence that what was before it is damaged, not torn.
pub(crate) fn find_batch_behind(segment: &OpenSegment, offset: u64) -> Result<Option<Batch>, Error> {
    let length = segment
        .file
        .length()
        .map_err(|source| crate::segment::read_error(segment.id, source))?;
    let mut start = offset.next_multiple_of(SLOT_BYTES);
    while start < length {
        let size = usize::try_from(length - start).unwrap_or(usize::MAX).min(SEARCH_BYTES);
        let mut window = vec![0; size];
        if !read_within(segment, start, &mut window)? {
            return Ok(None);
        }
        let mut from = 0;
        while let Some(found) = find_magic(&window, from) {
            if let Some(batch) = any_batch_at(segment, start + found as u64)? {
                return Ok(Some(batch));
            }
            from = found + 1;
        }
        start += size as u64;
    }
    Ok(None)
}

/// Whether a payload as first written matches its checksum.
pub(crate) fn payload_intact(segment: &OpenSegment, slot: Slot, record: &Record) -> Result<bool, Error> {
    let mut payload = vec![0; record.payload_length as usize];
    Ok(read_within(segment, slot.offset(), &mut payload)? && payload_crc(&payload) == record.crc)
}

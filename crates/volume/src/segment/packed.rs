//! Finding and reading payloads in a packed segment, without holding its index in memory: a volume has as many cold
//! segments as its disk is large, and random reads touch them all.

use std::io;
use std::sync::{Arc, Mutex};

use crate::error::Error;
use crate::format::{Frame, IndexLayout, Place, Slot};
use crate::locks::lock;
use crate::segment::open::{OpenSegment, bad, read_error};
use crate::storage::Wait;

/// Records that are read together at the end of a search.
const SEARCH_RECORDS: u32 = 64;
/// What the frame that was read last may occupy, in bytes.
const LAST_FRAME_BYTES: usize = 64 << 10;

/// A packed segment, opened for reading.
#[derive(Debug)]
pub(crate) struct Packed {
    layout: IndexLayout,
    /// The frame read last, with its number: neighbouring blocks are mostly read one after the other.
    last_frame: Mutex<Option<(u32, Arc<Vec<u8>>)>>,
}

impl Packed {
    pub(crate) const fn memory_bytes(&self) -> usize {
        LAST_FRAME_BYTES
    }

    fn last_frame(&self, number: u32) -> Option<Arc<Vec<u8>>> {
        let last = lock(&self.last_frame);
        last.as_ref()
            .filter(|(last, _)| *last == number)
            .map(|(_, payloads)| Arc::clone(payloads))
    }
}

impl OpenSegment {
    pub(crate) fn open_packed(&self) -> Result<Packed, Error> {
        let trailer = self.trailer()?.ok_or_else(|| bad(self.id, "its trailer is damaged"))?;
        let mut head = [0; IndexLayout::HEAD_BYTES];
        self.read_exact(trailer.index_offset, &mut head)?;
        let layout = IndexLayout::parse(&head, trailer.index_offset, trailer.index_bytes);
        let layout = layout.ok_or_else(|| bad(self.id, "the start of its index is damaged"))?;
        Ok(Packed {
            layout,
            last_frame: Mutex::new(None),
        })
    }

    /// Fills `buffer` with the payload known by `slot`.
    pub(crate) fn read_packed(&self, packed: &Packed, slot: Slot, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        let missing = || self.damaged("payload location", slot.offset());
        let place = self.find_place(packed, slot, wait)?.ok_or_else(missing)?;
        let start = place.offset as usize;
        let end = start.checked_add(buffer.len()).ok_or_else(missing)?;
        if let Some(payloads) = packed.last_frame(place.frame) {
            buffer.copy_from_slice(payloads.get(start..end).ok_or_else(missing)?);
            return Ok(());
        }
        let frame = self.frame_entry(packed, place.frame, wait)?;
        if end > frame.payload_bytes as usize {
            return Err(missing());
        }
        if !frame.compressed {
            // The payload's own checksum is enough, and whoever asked checks it.
            return self.read_or(frame.offset + u64::from(place.offset), buffer, wait);
        }
        let payloads = Arc::new(self.decompress(&frame, wait)?);
        buffer.copy_from_slice(payloads.get(start..end).ok_or_else(missing)?);
        *lock(&packed.last_frame) = Some((place.frame, payloads));
        Ok(())
    }

    /// Binary search in the index on disk, whose records ascend by slot. Records without a payload share the slot of
    /// the next that has one.
    fn find_place(&self, packed: &Packed, slot: Slot, wait: Wait) -> Result<Option<Place>, Error> {
        let (mut low, mut high) = (0, packed.layout.record_count);
        while high - low > SEARCH_RECORDS {
            let middle = low.midpoint(high);
            let mut record = [0; IndexLayout::RECORD_BYTES];
            self.read_or(packed.layout.record_offset(middle), &mut record, wait)?;
            if Place::parse(&record).is_some_and(|place| place.slot < slot) {
                low = middle;
            } else {
                high = middle;
            }
        }
        loop {
            let end = high.saturating_add(1).min(packed.layout.record_count);
            let mut records = vec![0; (end - low) as usize * IndexLayout::RECORD_BYTES];
            self.read_or(packed.layout.record_offset(low), &mut records, wait)?;
            let mut places = records.chunks(IndexLayout::RECORD_BYTES).filter_map(Place::parse);
            let found = places.clone().find(|place| place.slot == slot && place.length > 0);
            let more = places.next_back().is_some_and(|place| place.slot <= slot) && end < packed.layout.record_count;
            if found.is_some() || !more {
                return Ok(found);
            }
            (low, high) = (end, end + SEARCH_RECORDS.min(packed.layout.record_count - end));
        }
    }

    fn frame_entry(&self, packed: &Packed, number: u32, wait: Wait) -> Result<Frame, Error> {
        let missing = || self.damaged("frame number", 0);
        let mut entry = [0; IndexLayout::FRAME_BYTES];
        self.read_or(
            packed.layout.frame_offset(number).ok_or_else(missing)?,
            &mut entry,
            wait,
        )?;
        Frame::parse(&entry).ok_or_else(missing)
    }

    /// Reads, checks and decompresses one frame.
    fn decompress(&self, frame: &Frame, wait: Wait) -> Result<Vec<u8>, Error> {
        let mut stored = vec![0; frame.stored_bytes as usize];
        self.read_or(frame.offset, &mut stored, wait)?;
        let damaged = || self.damaged("frame", frame.offset);
        if crc32c::crc32c(&stored) != frame.crc {
            return Err(damaged());
        }
        let payloads = zstd::bulk::decompress(&stored, frame.payload_bytes as usize).map_err(|_| damaged())?;
        if payloads.len() == frame.payload_bytes as usize {
            Ok(payloads)
        } else {
            Err(damaged())
        }
    }

    fn read_or(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        self.file
            .read_at(offset, buffer, wait)
            .map_err(|source| match source.kind() {
                io::ErrorKind::WouldBlock => Error::WouldBlock,
                io::ErrorKind::UnexpectedEof => self.damaged("packed segment", offset),
                _ => read_error(self.id, source),
            })
    }
}

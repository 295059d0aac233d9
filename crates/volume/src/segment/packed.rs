//! Finding and reading payloads in a packed segment. The index of one that is read seldom stays on disk: a volume has as
//! many cold segments as its disk is large, and going back in time meets them all.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::error::Error;
use crate::format::{Frame, IndexLayout, PackedIndex, Place, Slot, Trailer, payload_crc};
use crate::locks::lock;
use crate::segment::open::{OpenSegment, bad, read_error};
use crate::segment::places::Places;
use crate::storage::Wait;

/// Records that are read together at the end of a search.
const SEARCH_RECORDS: u32 = 64;
/// What the frame that was read last may occupy, in bytes.
const LAST_FRAME_BYTES: usize = 64 << 10;
/// After so many reads the places of all payloads are loaded.
const READS_BEFORE_LOADING: u32 = 32;

/// A packed segment, opened for reading.
#[derive(Debug)]
pub(crate) struct Packed {
    trailer: Trailer,
    layout: IndexLayout,
    /// The frame read last, with its number: neighbouring blocks are mostly read one after the other.
    last_frame: Mutex<Option<(u32, Arc<Vec<u8>>)>>,
    reads: AtomicU32,
    /// None in it if they can't be held in memory.
    places: OnceLock<Option<Arc<Places>>>,
}

impl Packed {
    /// What it may occupy, in bytes.
    pub(crate) const fn memory_bytes(&self) -> usize {
        LAST_FRAME_BYTES + Places::bytes_of(&self.layout)
    }

    /// Where in the file a payload is, if that is known without looking for it and it isn't compressed.
    pub(crate) fn plain_offset(&self, slot: Slot) -> Option<u64> {
        self.places.get()?.as_ref()?.plain_offset(slot, 0)
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
            trailer,
            layout,
            last_frame: Mutex::new(None),
            reads: AtomicU32::new(0),
            places: OnceLock::new(),
        })
    }

    /// Fills `buffer` with payloads of `piece` bytes each (the last may be shorter) that followed each other from `slot`
    /// on as first written. Those that still do are read together.
    pub(crate) fn read_packed(
        &self,
        packed: &Packed,
        slot: Slot,
        piece: usize,
        buffer: &mut [u8],
        wait: Wait,
    ) -> Result<(), Error> {
        let places = self.places(packed, wait);
        let places = places.as_deref();
        let mut offset = slot.offset();
        let mut rest = buffer;
        while !rest.is_empty() {
            let slot = Slot::at(offset).ok_or_else(|| self.damaged("payload location", offset))?;
            let mut length = piece.min(rest.len());
            let start = places.and_then(|places| places.plain_offset(slot, length));
            if let (Some(start), Some(places)) = (start, places) {
                while length < rest.len() {
                    let next = piece.min(rest.len() - length);
                    let place = Slot::at(offset + length as u64).and_then(|slot| places.plain_offset(slot, next));
                    if place != Some(start + length as u64) {
                        break;
                    }
                    length += next;
                }
            }
            let (part, tail) = std::mem::take(&mut rest)
                .split_at_mut_checked(length)
                .unwrap_or_default();
            match start {
                Some(start) => self.read_or(start, part, wait)?,
                None => self.read_payload(packed, places, slot, part, wait)?,
            }
            offset += length as u64;
            rest = tail;
        }
        Ok(())
    }

    /// The places of all payloads in memory, if the segment is read so often that it is worth the memory.
    fn places(&self, packed: &Packed, wait: Wait) -> Option<Arc<Places>> {
        if let Some(places) = packed.places.get() {
            return places.clone();
        }
        if packed.reads.fetch_add(1, Ordering::Relaxed) < READS_BEFORE_LOADING {
            return None;
        }
        // Whatever is wrong with the index as a whole: single payloads may still be found in it.
        let places = match self.index_bytes(&packed.trailer, wait) {
            Ok(bytes) => PackedIndex::parse(&bytes).and_then(|index| Places::new(&index)),
            Err(Error::CorruptStructure { .. }) => None,
            Err(_) => return None,
        };
        packed.places.get_or_init(|| places.map(Arc::new)).clone()
    }

    /// Fills `buffer` with the payload known by `slot`.
    fn read_payload(
        &self,
        packed: &Packed,
        places: Option<&Places>,
        slot: Slot,
        buffer: &mut [u8],
        wait: Wait,
    ) -> Result<(), Error> {
        let missing = || self.damaged("payload location", slot.offset());
        let place = match places {
            Some(places) => places.find(slot),
            None => self.find_place(packed, slot, wait)?,
        };
        let place = place.ok_or_else(missing)?;
        let start = place.offset as usize;
        let end = start.checked_add(buffer.len()).ok_or_else(missing)?;
        if let Some(payloads) = packed.last_frame(place.frame) {
            buffer.copy_from_slice(payloads.get(start..end).ok_or_else(missing)?);
            return Ok(());
        }
        let frame = match places {
            Some(places) => places.frame(place.frame).ok_or_else(missing)?,
            None => self.frame_entry(packed, place.frame, wait)?,
        };
        if end > frame.payload_bytes as usize {
            return Err(missing());
        }
        if !frame.compressed {
            // The payload's own checksum is enough, and whoever asked checks it.
            let offset = frame.offset.checked_add(u64::from(place.offset)).ok_or_else(missing)?;
            return self.read_or(offset, buffer, wait);
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
        if payload_crc(&stored) != frame.crc {
            return Err(damaged());
        }
        let payloads = zstd::bulk::decompress(&stored, frame.payload_bytes as usize).map_err(|_| damaged())?;
        if payloads.len() == frame.payload_bytes as usize {
            Ok(payloads)
        } else {
            Err(damaged())
        }
    }

    pub(crate) fn read_or(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        self.file
            .read_at(offset, buffer, wait)
            .map_err(|source| match source.kind() {
                io::ErrorKind::WouldBlock => Error::WouldBlock,
                io::ErrorKind::UnexpectedEof => self.damaged("packed segment", offset),
                _ => read_error(self.id, source),
            })
    }
}

//! One segment, opened for reading.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::format::{
    Batch, Frame, Location, PackedIndex, PackedRecord, Record, SEGMENT_HEADER_BYTES, Segment, SegmentHeader,
    SegmentLayout, Slot, TRAILER_BYTES, Trailer,
};
use crate::segment::packed::Packed;
use crate::segment::seal::Seal;
use crate::segment::set::file_name;
use crate::storage::{File, Wait};
use crate::time::{Sequence, Timestamp};

/// A record of the log with what its batch says of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoggedRecord {
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) location: Location,
    pub(crate) record: Record,
}

/// A sealed segment's records, in log order, and its trailer.
pub(crate) struct SealedLog {
    pub(crate) trailer: Trailer,
    pub(crate) records: Vec<LoggedRecord>,
    /// The newest sequence that any batch says was durable. Unset for packed segments, which were durable long ago.
    pub(crate) durable: Sequence,
}

#[derive(Debug)]
pub(crate) struct OpenSegment {
    pub(crate) id: Segment,
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<dyn File>,
    packed: Option<Packed>,
    /// The seal of a raw segment that has none on disk, for want of space.
    held_seal: Option<Arc<Seal>>,
}

impl OpenSegment {
    /// Reads and checks the header, and where a packed segment's index is.
    pub(crate) fn open(id: Segment, volume: &[u8; 16], file: Arc<dyn File>) -> Result<Self, Error> {
        let header = read_header(id, &*file)?;
        if header.segment != id || header.volume != *volume {
            return Err(bad(id, "its header is that of another segment"));
        }
        let mut segment = Self {
            id,
            header,
            file,
            packed: None,
            held_seal: None,
        };
        if header.layout == SegmentLayout::Packed {
            segment.packed = Some(segment.open_packed()?);
        }
        Ok(segment)
    }

    /// A raw segment that its writer holds open.
    pub(crate) fn adopt(id: Segment, header: SegmentHeader, file: Arc<dyn File>) -> Self {
        Self {
            id,
            header,
            file,
            packed: None,
            held_seal: None,
        }
    }

    /// The segment as if it had been sealed like this. Nothing for one that was rewritten since.
    pub(crate) fn with_held_seal(mut self, seal: Option<Arc<Seal>>) -> Self {
        self.held_seal = seal.filter(|_| !self.is_packed());
        self
    }

    pub(crate) fn is_packed(&self) -> bool {
        self.header.layout == SegmentLayout::Packed
    }

    /// Memory that the opened segment occupies, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        256 + self.packed.as_ref().map_or(0, Packed::memory_bytes)
    }

    /// Fills `buffer` with the payloads that start at `slot` and follow each other without a gap as first written.
    pub(crate) fn read(&self, slot: Slot, piece: usize, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        let Some(packed) = &self.packed else {
            return self
                .file
                .read_at(slot.offset(), buffer, wait)
                .map_err(|source| self.payload_error(slot, source));
        };
        self.read_packed(packed, slot, piece, buffer, wait)
    }

    /// Asks the system to read ahead `length` bytes of payloads from `slot` on. Only a hint.
    pub(crate) fn prefetch(&self, slot: Slot, length: u64) {
        let offset = match &self.packed {
            None => Some(slot.offset()),
            Some(packed) => packed.plain_offset(slot),
        };
        if let Some(offset) = offset {
            self.file.prefetch(offset, length);
        }
    }

    /// The trailer, if the segment is sealed.
    pub(crate) fn trailer(&self) -> Result<Option<Trailer>, Error> {
        if let Some(seal) = &self.held_seal {
            return Ok(Some(seal.trailer));
        }
        let length = self.file.length().map_err(|source| read_error(self.id, source))?;
        let Some(offset) = length
            .checked_sub(TRAILER_BYTES as u64)
            .filter(|offset| *offset >= SEGMENT_HEADER_BYTES)
        else {
            return Ok(None);
        };
        let mut bytes = [0; TRAILER_BYTES];
        self.read_exact(offset, &mut bytes)?;
        let trailer = Trailer::parse(&bytes, self.header.nonce);
        let fits = |trailer: &Trailer| trailer.index_offset.checked_add(trailer.index_bytes) == Some(offset);
        Ok(trailer.filter(fits))
    }

    /// All records of a sealed segment; `None` if it isn't sealed.
    pub(crate) fn sealed_log(&self) -> Result<Option<SealedLog>, Error> {
        if self.header.layout == SegmentLayout::Packed {
            let (trailer, index) = self.packed_index()?;
            let records = index.records.iter().map(|packed| self.logged(packed)).collect();
            return Ok(Some(SealedLog {
                trailer,
                records,
                durable: Sequence(0),
            }));
        }
        let Some(trailer) = self.trailer()? else {
            return Ok(None);
        };
        let mut log = SealedLog {
            trailer,
            records: Vec::new(),
            durable: trailer.durable,
        };
        for batch in self.raw_index(&trailer)? {
            log.durable = log.durable.max(batch.header.durable);
            self.push_records(&batch, &mut log.records);
        }
        Ok(Some(log))
    }

    /// For each of the records of a sealed segment: whether compressing it wasn't tried yet.
    pub(crate) fn untried_records(&self) -> Result<Box<dyn Iterator<Item = bool>>, Error> {
        if !self.is_packed() {
            return Ok(Box::new(std::iter::repeat(true)));
        }
        let (_, index) = self.packed_index()?;
        let PackedIndex { frames, records } = index;
        let is_tried = move |number: u32| frames.get(number as usize).is_some_and(Frame::is_tried);
        Ok(Box::new(records.into_iter().map(move |packed| !is_tried(packed.frame))))
    }

    /// The length of a sealed segment's index in bytes.
    pub(crate) fn index_length(&self) -> Result<u64, Error> {
        Ok(self.trailer()?.map_or(0, |trailer| trailer.index_bytes))
    }

    /// The batch headers in a sealed raw segment's index.
    pub(crate) fn raw_index(&self, trailer: &Trailer) -> Result<Vec<Batch>, Error> {
        let bytes = self.index_bytes(trailer, Wait::Allowed)?;
        let mut batches = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let batch = Batch::parse(rest, self.header.nonce)
                .ok_or_else(|| self.damaged("segment index", trailer.index_offset))?;
            rest = rest.get(batch.header.payload_start() as usize..).unwrap_or_default();
            batches.push(batch);
        }
        Ok(batches)
    }

    pub(crate) fn push_records(&self, batch: &Batch, records: &mut Vec<LoggedRecord>) {
        records.extend(batch.records_with_slots().map(|(slot, record)| LoggedRecord {
            sequence: batch.header.sequence,
            time: batch.header.time,
            location: Location { segment: self.id, slot },
            record: *record,
        }));
    }

    /// The trailer and index of a packed segment.
    pub(crate) fn packed_index(&self) -> Result<(Trailer, PackedIndex), Error> {
        let trailer = self.trailer()?.ok_or_else(|| bad(self.id, "its trailer is damaged"))?;
        let bytes = self.index_bytes(&trailer, Wait::Allowed)?;
        let index = PackedIndex::parse(&bytes).ok_or_else(|| self.damaged("segment index", trailer.index_offset))?;
        Ok((trailer, index))
    }

    /// The bytes of the index that the trailer tells of, checked.
    pub(crate) fn index_bytes(&self, trailer: &Trailer, wait: Wait) -> Result<Vec<u8>, Error> {
        if let Some(seal) = &self.held_seal {
            return Ok(seal.index.clone());
        }
        // Bounded by the file's length, which `trailer` was checked against.
        let mut bytes = vec![0; usize::try_from(trailer.index_bytes).unwrap_or(0)];
        self.read_or(trailer.index_offset, &mut bytes, wait)?;
        if crc32c::crc32c(&bytes) != trailer.index_crc {
            return Err(self.damaged("segment index", trailer.index_offset));
        }
        Ok(bytes)
    }

    fn logged(&self, packed: &PackedRecord) -> LoggedRecord {
        LoggedRecord {
            sequence: packed.sequence,
            time: packed.time,
            location: Location {
                segment: self.id,
                slot: packed.slot,
            },
            record: packed.record,
        }
    }

    pub(crate) fn read_exact(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.file
            .read_at(offset, buffer, Wait::Allowed)
            .map_err(|source| read_error(self.id, source))
    }

    fn payload_error(&self, slot: Slot, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::WouldBlock => Error::WouldBlock,
            io::ErrorKind::UnexpectedEof => self.damaged("payload", slot.offset()),
            _ => read_error(self.id, source),
        }
    }

    pub(crate) fn damaged(&self, structure: &'static str, offset: u64) -> Error {
        Error::CorruptStructure {
            structure,
            segment: self.id.0,
            offset,
        }
    }
}

/// Whichever copy is whole. Each is read on its own: an unreadable sector must not hide the other.
fn read_header(id: Segment, file: &dyn File) -> Result<SegmentHeader, Error> {
    if file.length().map_err(|source| read_error(id, source))? < SEGMENT_HEADER_BYTES {
        return Err(bad(id, "it is shorter than a segment header"));
    }
    let mut failure = None;
    for offset in [0, SEGMENT_HEADER_BYTES / 2] {
        let mut copy = vec![0; SEGMENT_HEADER_BYTES as usize / 2];
        match file.read_at(offset, &mut copy, Wait::Allowed) {
            Ok(()) => {
                if let Some(header) = SegmentHeader::parse(&copy) {
                    return Ok(header);
                }
            }
            Err(source) => failure = Some(source),
        }
    }
    Err(failure.map_or_else(
        || bad(id, "both copies of its header are damaged"),
        |source| read_error(id, source),
    ))
}

pub(crate) fn read_error(id: Segment, source: io::Error) -> Error {
    Error::Io {
        operation: "read",
        file: file_name(id),
        source,
    }
}

pub(crate) fn bad(id: Segment, reason: &'static str) -> Error {
    Error::BadFile {
        file: file_name(id),
        reason,
    }
}

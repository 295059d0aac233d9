//! Writing a packed segment.
//!
//! What the present disk shows is stored as it is, in the order in which it was written: it is what clients read, and
//! is read as from a segment that was never rewritten. What only the past shows is compressed. Map nodes and
//! checkpoints aren't: they are looked for one by one, all over the log, and going back in time depends on them.

use std::io::IoSlice;

use crate::error::Error;
use crate::format::{
    FRAME_BYTES, Frame, PackedIndex, PackedRecord, SEGMENT_HEADER_BYTES, SLOT_BYTES, SegmentHeader, SegmentLayout,
    Trailer, payload_crc,
};
use crate::log::write_seal;
use crate::segment::{LoggedRecord, OpenSegment, file_error};
use crate::storage::{File, Wait};

/// How a payload is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storing {
    /// As it is.
    Plain,
    /// Compressed, with others, if that makes them smaller.
    Compressed,
}

/// Gathers payloads into frames of two kinds and writes them.
pub(crate) struct Packer<'f> {
    file: &'f dyn File,
    name: &'f str,
    level: i32,
    offset: u64,
    plain: Gathering,
    compressed: Gathering,
    index: PackedIndex,
}

/// A frame that is being filled; none if it has no payloads.
#[derive(Default)]
struct Gathering {
    frame: u32,
    payloads: Vec<u8>,
}

impl<'f> Packer<'f> {
    /// Writes the header. `file`, called `name` in errors, is empty; `level` is that of zstd.
    pub(crate) fn begin(file: &'f dyn File, name: &'f str, segment: &OpenSegment, level: i32) -> Result<Self, Error> {
        let header = SegmentHeader {
            layout: SegmentLayout::Packed,
            ..segment.header
        };
        let packer = Self {
            file,
            name,
            level,
            offset: SEGMENT_HEADER_BYTES,
            plain: Gathering::default(),
            compressed: Gathering::default(),
            index: PackedIndex::default(),
        };
        packer.write(0, &header.encode())?;
        Ok(packer)
    }

    /// Adds a record of `segment`, in log order.
    pub(crate) fn put(&mut self, segment: &OpenSegment, logged: &LoggedRecord, storing: Storing) -> Result<(), Error> {
        let (frame, offset) = match logged.record.payload_length {
            0 => (0, 0),
            length => self.gather(segment, logged, length as usize, storing)?,
        };
        self.index.records.push(PackedRecord {
            record: logged.record,
            sequence: logged.sequence,
            time: logged.time,
            slot: logged.location.slot,
            frame,
            offset,
        });
        Ok(())
    }

    /// Takes a payload into a frame: which, and where in it.
    fn gather(
        &mut self,
        segment: &OpenSegment,
        logged: &LoggedRecord,
        length: usize,
        storing: Storing,
    ) -> Result<(u32, u32), Error> {
        let start = self
            .gathering(storing)
            .payloads
            .len()
            .next_multiple_of(SLOT_BYTES as usize);
        if start + length > FRAME_BYTES {
            self.finish_frame(storing)?;
        }
        if self.gathering(storing).payloads.is_empty() {
            self.gathering(storing).frame = self.index.frames.len() as u32;
            self.index.frames.push(Frame::default());
        }
        let gathering = self.gathering(storing);
        let start = gathering.payloads.len().next_multiple_of(SLOT_BYTES as usize);
        gathering.payloads.resize(start + length, 0);
        let payload = gathering.payloads.get_mut(start..).unwrap_or_default();
        segment.read(logged.location.slot, length, payload, Wait::Allowed)?;
        if payload_crc(payload) != logged.record.crc {
            return Err(segment.damaged("payload", logged.location.slot.offset()));
        }
        Ok((gathering.frame, start as u32))
    }

    fn gathering(&mut self, storing: Storing) -> &mut Gathering {
        match storing {
            Storing::Plain => &mut self.plain,
            Storing::Compressed => &mut self.compressed,
        }
    }

    fn finish_frame(&mut self, storing: Storing) -> Result<(), Error> {
        let gathering = std::mem::take(self.gathering(storing));
        if gathering.payloads.is_empty() {
            return Ok(());
        }
        let smaller = match storing {
            Storing::Plain => None,
            Storing::Compressed => zstd::bulk::compress(&gathering.payloads, self.level)
                .ok()
                .filter(|compressed| compressed.len() < gathering.payloads.len()),
        };
        let stored = smaller.as_deref().unwrap_or(&gathering.payloads);
        self.write(self.offset, stored)?;
        if let Some(frame) = self.index.frames.get_mut(gathering.frame as usize) {
            *frame = Frame {
                offset: self.offset,
                stored_bytes: stored.len() as u32,
                payload_bytes: gathering.payloads.len() as u32,
                crc: payload_crc(stored),
                compressed: smaller.is_some(),
                incompressible: storing == Storing::Compressed && smaller.is_none(),
            };
        }
        self.offset += stored.len() as u64;
        Ok(())
    }

    /// Writes index and trailer and syncs the file. Returns its length in bytes.
    pub(crate) fn finish(mut self, segment: &OpenSegment) -> Result<u64, Error> {
        self.finish_frame(Storing::Plain)?;
        self.finish_frame(Storing::Compressed)?;
        let index = self.index.encode();
        let old = segment
            .trailer()?
            .ok_or_else(|| segment.damaged("segment trailer", 0))?;
        let trailer = Trailer {
            index_offset: self.offset.next_multiple_of(SLOT_BYTES),
            index_bytes: index.len() as u64,
            index_crc: payload_crc(&index),
            ..old
        };
        let bytes = write_seal(self.file, segment.id, segment.header.nonce, &trailer, &index)?;
        self.file
            .sync()
            .map_err(|source| file_error("write", self.name, source))?;
        Ok(bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let written = self.file.write_at(offset, &mut [IoSlice::new(bytes)]);
        written.map_err(|source| file_error("write", self.name, source))
    }
}

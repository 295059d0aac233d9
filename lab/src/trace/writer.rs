//! Writes traces.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use sentinel::{Micros, Written};
use zstd::stream::write::Encoder;

use super::error::TraceError;
use super::header::Header;
use super::number::{difference, put};
use super::record::{Event, MARK_BYTES_MAX, Record, WRITE_BLOCKS_MAX, kind};

/// Compression that keeps up with the disk.
const LEVEL: i32 = 3;
/// Records are handed to the compressor in pieces of about this many bytes.
const PIECE_BYTES: usize = 1 << 16;

/// Writes one trace. Nothing is whole before [`TraceWriter::finish`].
pub struct TraceWriter<W: Write> {
    out: Encoder<'static, W>,
    buffer: Vec<u8>,
    time: Micros,
    next_block: u64,
}

impl TraceWriter<BufWriter<File>> {
    /// Begins a trace in a new file (an old one is overwritten).
    pub fn create(path: &Path, header: &Header) -> Result<Self, TraceError> {
        Self::new(BufWriter::new(File::create(path)?), header)
    }
}

impl<W: Write> TraceWriter<W> {
    /// Begins a trace.
    pub fn new(mut out: W, header: &Header) -> Result<Self, TraceError> {
        header.write(&mut out)?;
        Ok(Self {
            out: Encoder::new(out, LEVEL)?,
            buffer: Vec::with_capacity(2 * PIECE_BYTES),
            time: header.start,
            next_block: 0,
        })
    }

    /// Appends a record. A time before the last one's is taken for the last one's: requests are recorded by many threads.
    pub fn write(&mut self, record: &Record) -> Result<(), TraceError> {
        let Record { time, event } = record;
        match event {
            Event::Read { first, count } => self.range(kind::READ, *time, *first, u64::from(*count)),
            Event::Write { first, blocks } => return self.write_blocks(*time, *first, blocks),
            Event::Zero { first, count, stored } => {
                self.range(kind::ZERO, *time, *first, *count);
                put(&mut self.buffer, *stored);
            }
            Event::Trim { first, count, stored } => {
                self.range(kind::TRIM, *time, *first, *count);
                put(&mut self.buffer, *stored);
            }
            Event::Flush => self.begin(kind::FLUSH, *time),
            Event::Mark(text) if text.len() > MARK_BYTES_MAX => {
                return Err(TraceError::TooLong("a mark is at most 4096 bytes"));
            }
            Event::Mark(text) => {
                self.begin(kind::MARK, *time);
                put(&mut self.buffer, text.len() as u64);
                self.buffer.extend_from_slice(text.as_bytes());
            }
        }
        self.pass_on(PIECE_BYTES)
    }

    /// Appends a write; one of more than [`WRITE_BLOCKS_MAX`] blocks as several records.
    pub fn write_blocks(&mut self, time: Micros, first: u64, blocks: &[Written]) -> Result<(), TraceError> {
        let mut first = first;
        for part in blocks.chunks(WRITE_BLOCKS_MAX) {
            self.range(kind::WRITE, time, first, part.len() as u64);
            for Written { look, former } in part {
                let classes = (look.class as u8) << 4 | former.class as u8;
                self.buffer.extend_from_slice(&[classes, look.distinct]);
                let age = former.age_seconds.map_or(0, |age| u64::from(age) + 1);
                put(
                    &mut self.buffer,
                    age << 2 | u64::from(former.is_same) << 1 | u64::from(former.is_stored),
                );
            }
            first = first.wrapping_add(part.len() as u64);
            self.pass_on(PIECE_BYTES)?;
        }
        Ok(())
    }

    /// Ends the trace and hands back what it was written to, flushed.
    pub fn finish(mut self) -> Result<W, TraceError> {
        self.pass_on(0)?;
        let mut out = self.out.finish()?;
        out.flush()?;
        Ok(out)
    }

    fn begin(&mut self, kind: u8, time: Micros) {
        self.buffer.push(kind);
        put(&mut self.buffer, time.saturating_sub(self.time));
        self.time = self.time.max(time);
    }

    fn range(&mut self, kind: u8, time: Micros, first: u64, count: u64) {
        self.begin(kind, time);
        put(&mut self.buffer, difference(self.next_block, first));
        put(&mut self.buffer, count);
        self.next_block = first.wrapping_add(count);
    }

    /// Hands the buffer to the compressor once it holds more than `least` bytes.
    fn pass_on(&mut self, least: usize) -> Result<(), TraceError> {
        if self.buffer.len() > least {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

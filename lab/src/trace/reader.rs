//! Reads traces, which may be cut off, damaged, or anything else: a few hundred kilobytes of memory, no panic, and what was
//! whole before the damage.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use sentinel::{Class, Former, Look, Micros, Written};
use zstd::stream::read::Decoder;

use super::error::TraceError;
use super::header::Header;
use super::number::{apply, take, take_byte};
use super::record::{Event, MARK_BYTES_MAX, Record, WRITE_BLOCKS_MAX, kind};

/// The largest window of the compressor that is accepted, as a logarithm: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;
/// Blocks that memory is set aside for before they were read.
const AHEAD: usize = 4096;

/// Reads one trace: an iterator over its records. Ends after the first error.
pub struct TraceReader<R: Read> {
    header: Header,
    source: BufReader<Decoder<'static, BufReader<R>>>,
    time: Micros,
    next_block: u64,
    records: u64,
    has_ended: bool,
}

/// Why a record can't be had.
enum Broken {
    Io(io::Error),
    Because(&'static str),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl TraceReader<File> {
    /// Opens a trace.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        Self::new(File::open(path)?)
    }
}

impl<R: Read> TraceReader<R> {
    /// Reads the header.
    pub fn new(source: R) -> Result<Self, TraceError> {
        let mut source = BufReader::new(source);
        let header = Header::read(&mut source)?;
        let mut decoder = Decoder::with_buffer(source)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(Self {
            time: header.start,
            header,
            source: BufReader::with_capacity(1 << 16, decoder),
            next_block: 0,
            records: 0,
            has_ended: false,
        })
    }

    /// What was recorded.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn record(&mut self) -> Result<Option<Record>, Broken> {
        let mut kind = [0];
        let got = loop {
            match self.source.read(&mut kind) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if got == 0 {
            return Ok(None);
        }
        let [kind] = kind;
        let later = self.number()?;
        let time = self
            .time
            .checked_add(later)
            .ok_or(Broken::Because("a time is too late"))?;
        let event = match kind {
            kind::READ => {
                let (first, count) = self.range()?;
                let count = u32::try_from(count).map_err(|_| Broken::Because("a read is too long"))?;
                Event::Read { first, count }
            }
            kind::WRITE => self.write()?,
            kind::ZERO | kind::TRIM => {
                let (first, count) = self.range()?;
                let stored = self.number()?;
                match kind {
                    kind::ZERO => Event::Zero { first, count, stored },
                    _ => Event::Trim { first, count, stored },
                }
            }
            kind::FLUSH => Event::Flush,
            kind::MARK => Event::Mark(self.text()?),
            _ => return Err(Broken::Because("there is no such kind of record")),
        };
        self.time = time;
        self.records += 1;
        Ok(Some(Record { time, event }))
    }

    fn number(&mut self) -> Result<u64, Broken> {
        take(&mut self.source)?.ok_or(Broken::Because("a number is too long"))
    }

    fn range(&mut self) -> Result<(u64, u64), Broken> {
        let first = apply(self.next_block, self.number()?);
        let count = self.number()?;
        let end = first.checked_add(count);
        self.next_block = end.ok_or(Broken::Because("a range ends behind every disk"))?;
        Ok((first, count))
    }

    fn write(&mut self) -> Result<Event, Broken> {
        let (first, count) = self.range()?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > WRITE_BLOCKS_MAX {
            return Err(Broken::Because("a write is too long"));
        }
        let mut blocks = Vec::with_capacity(count.min(AHEAD));
        for _ in 0..count {
            let classes = take_byte(&mut self.source)?;
            let distinct = take_byte(&mut self.source)?;
            let former = self.number()?;
            let age = (former >> 2).checked_sub(1).map(u32::try_from).transpose();
            blocks.push(Written {
                look: Look {
                    class: Class::from_number(classes >> 4),
                    distinct,
                },
                former: Former {
                    class: Class::from_number(classes & 15),
                    is_stored: former & 1 == 1,
                    is_same: former & 2 == 2,
                    age_seconds: age.map_err(|_| Broken::Because("an age is too long"))?,
                },
            });
        }
        Ok(Event::Write { first, blocks })
    }

    fn text(&mut self) -> Result<String, Broken> {
        let length = self.number()? as usize;
        if length > MARK_BYTES_MAX {
            return Err(Broken::Because("a mark is too long"));
        }
        let mut text = vec![0; length];
        self.source.read_exact(&mut text)?;
        String::from_utf8(text).map_err(|_| Broken::Because("a mark is not text"))
    }

    fn error(&self, broken: Broken) -> TraceError {
        let records = self.records;
        match broken {
            Broken::Because(what) => TraceError::Damaged { records, what },
            Broken::Io(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => TraceError::CutOff { records },
                // What the decompressor says of bytes that it can't decompress.
                io::ErrorKind::Other | io::ErrorKind::InvalidData => TraceError::Damaged {
                    records,
                    what: "it can't be decompressed",
                },
                _ => TraceError::Io(error),
            },
        }
    }
}

impl<R: Read> Iterator for TraceReader<R> {
    type Item = Result<Record, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let record = self.record().map_err(|broken| self.error(broken)).transpose();
        self.has_ended = !matches!(record, Some(Ok(_)));
        record
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::TraceWriter;
    use super::*;
    use serde_json::json;

    fn header() -> Header {
        Header {
            volume_bytes: 1 << 30,
            start: 1_000_000,
            description: json!({"case": "test", "seed": 7}),
        }
    }

    fn written(number: u64) -> Written {
        Written {
            look: Look {
                class: Class::from_number((number % 9) as u8),
                distinct: (number % 256) as u8,
            },
            former: Former {
                class: Class::from_number((number / 3 % 9) as u8),
                is_stored: number.is_multiple_of(2),
                is_same: number.is_multiple_of(7),
                age_seconds: [None, Some(0), Some(1), Some(90_000), Some(u32::MAX)][number as usize % 5],
            },
        }
    }

    fn records() -> Vec<Record> {
        let mut records = Vec::new();
        for number in 0..200_u64 {
            let first = number * 7919 % 250_000;
            let event = match number % 6 {
                0 => Event::Read { first, count: 32 },
                1 => Event::Write {
                    first,
                    blocks: (0..number * 15).map(written).collect(),
                },
                2 => Event::Zero {
                    first,
                    count: 1 << 40,
                    stored: number,
                },
                3 => Event::Trim {
                    first: u64::MAX - 9,
                    count: 9,
                    stored: 0,
                },
                4 => Event::Flush,
                _ => Event::Mark(format!("work begin \u{dc}bung {number}")),
            };
            let time = 1_000_000 + number * number * 1000;
            records.push(Record { time, event });
        }
        records
    }

    fn trace() -> Vec<u8> {
        let mut writer = TraceWriter::new(Vec::new(), &header()).unwrap();
        for record in records() {
            writer.write(&record).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = trace();
        let reader = TraceReader::new(bytes.as_slice()).unwrap();
        assert_eq!(reader.header(), &header());
        let read: Vec<Record> = reader.map(Result::unwrap).collect();
        assert_eq!(read, records());
    }

    #[test]
    fn a_time_that_goes_back_is_the_last_one() {
        let mut writer = TraceWriter::new(Vec::new(), &header()).unwrap();
        for time in [5_000_000, 4_000_000, 0] {
            let event = Event::Flush;
            writer.write(&Record { time, event }).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let times = TraceReader::new(bytes.as_slice())
            .unwrap()
            .map(|record| record.unwrap().time);
        assert_eq!(times.collect::<Vec<_>>(), [5_000_000; 3]);
    }

    #[test]
    fn long_writes_become_several_records() {
        let blocks: Vec<Written> = (0..WRITE_BLOCKS_MAX as u64 + 10).map(written).collect();
        let mut writer = TraceWriter::new(Vec::new(), &header()).unwrap();
        writer.write_blocks(2_000_000, 100, &blocks).unwrap();
        let bytes = writer.finish().unwrap();
        let read: Vec<_> = TraceReader::new(bytes.as_slice())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let event = Event::Write {
            first: 100 + WRITE_BLOCKS_MAX as u64,
            blocks: blocks[WRITE_BLOCKS_MAX..].to_vec(),
        };
        assert_eq!((read.len(), &read[1].event), (2, &event));
    }

    #[test]
    fn a_trace_that_is_cut_off_gives_what_is_whole_and_an_error() {
        let bytes = trace();
        let mut most = 0;
        for length in (0..bytes.len()).step_by(41) {
            let Ok(reader) = TraceReader::new(&bytes[..length]) else {
                continue;
            };
            let mut read: Vec<_> = reader.collect();
            let error = read.pop().unwrap().unwrap_err();
            assert!(
                matches!(error, TraceError::CutOff { records } if records == read.len() as u64),
                "{length}: {error}"
            );
            let whole: Vec<Record> = read.into_iter().map(Result::unwrap).collect();
            assert_eq!(whole, records()[..whole.len()]);
            most = most.max(whole.len());
        }
        assert!(most > 100, "{most}");
    }

    #[test]
    fn damaged_traces_are_survived() {
        let bytes = trace();
        let within_headers = 0..200;
        for position in within_headers.chain((200..bytes.len()).step_by(97)) {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x55;
            if let Ok(reader) = TraceReader::new(damaged.as_slice()) {
                assert!(reader.count() <= records().len() + 100_000);
            }
        }
    }

    #[test]
    fn other_files_are_told_from_traces() {
        for other in [b"".as_slice(), b"HF", b"PK\x03\x04 and more"] {
            assert!(matches!(TraceReader::new(other), Err(TraceError::NotATrace)));
        }
        let mut newer = trace();
        newer[4] = 3;
        assert!(matches!(
            TraceReader::new(newer.as_slice()),
            Err(TraceError::OtherVersion(3))
        ));
    }

    #[test]
    fn records_that_no_writer_writes_are_damage() {
        for (records, what) in [
            (b"\x09\x00".as_slice(), "there is no such kind of record"),
            (b"\x01\x00\x00\xff\xff\xff\x7f", "a write is too long"),
            (b"\x00\x00\x00\xff\xff\xff\xff\xff\x7f", "a read is too long"),
            (b"\x05\x00\x81\x20", "a mark is too long"),
            (b"\x05\x00\x01\xff", "a mark is not text"),
            (b"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a time is too late"),
            (b"\x03\x00\x01\x02\x00", "a range ends behind every disk"),
        ] {
            let mut bytes = Vec::new();
            header().write(&mut bytes).unwrap();
            bytes.extend(zstd::stream::encode_all(records, 3).unwrap());
            let read: Vec<_> = TraceReader::new(bytes.as_slice()).unwrap().collect();
            let Some(Err(TraceError::Damaged { what: found, .. })) = read.last() else {
                panic!("{what}: {read:?}");
            };
            assert_eq!((*found, read.len()), (what, 1));
        }
    }
}

//! A piece of what was read, as it is on disk: a header, then records. `docs/format.md` has the tables.
//!
//! Records are appended without a sync for each. Whatever a power cut leaves, the piece ends with the last record that is whole;
//! what came after that piece says how long it was when it ended, so that a loss is noticed.

use volume::Timestamp;

use crate::reads::gather::{Gathered, RANGES_MAX, Range};

/// Bytes of a piece's header, and of a record's head.
pub(crate) const HEADER_BYTES: usize = 32;
const HEAD_BYTES: usize = 32;
const MAGIC: [u8; 8] = *b"holdrds1";
/// The most bytes of a record's ranges: two numbers of up to five bytes each.
const BODY_BYTES_MAX: usize = RANGES_MAX * 2 * 5;
/// The most bytes of a record.
pub(crate) const RECORD_BYTES_MAX: usize = HEAD_BYTES + BODY_BYTES_MAX;
/// One past the largest block number of a disk: 64 TiB.
pub(super) const BLOCKS_MAX: u64 = 1 << 34;
/// The coarsest grain is that of the largest disk.
const GRAIN_SHIFT_MAX: u8 = 34;
const FLAG_DIVERTED: u8 = 1;

/// What a piece begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceHeader {
    /// The piece's number.
    pub number: u32,
    /// When it was begun.
    pub begun: Timestamp,
    /// If everything read between the last record of the piece before and `begun` is written down: the length of that piece in
    /// bytes. 0 if it isn't known what was read before.
    pub follows: u32,
}

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// What was read.
    Read,
    /// The program ended in good order: nothing was read until the next piece begins.
    Closed,
    /// Reads aren't recorded from the record's start on.
    Off,
}

/// Blocks that clients read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The span of time, usually of a second, in which they were read: its start.
    pub time: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// First block, of 4096 bytes.
    pub first_block: u64,
    /// Blocks. When more was read at random than is kept exactly, ranges are rounded outwards to multiples of `grain_blocks`.
    pub blocks: u64,
    /// 1 if exact.
    pub grain_blocks: u64,
    /// Whether they were read from the fork that clients were diverted to: its blocks are the volume's, but for those written since.
    pub is_diverted: bool,
}

/// A record of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'b> {
    /// What it tells.
    pub kind: RecordKind,
    /// The span of time that it is about: its start.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    is_diverted: bool,
    grain_shift: u8,
    /// Ranges, checked when the record was parsed.
    body: &'b [u8],
}

impl PieceHeader {
    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4];
        bytes.extend(MAGIC);
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.begun.as_unix_nanos().to_le_bytes());
        bytes.extend(self.follows.to_le_bytes());
        bytes.resize(HEADER_BYTES, 0);
        seal(&mut bytes, 0, 0);
        bytes
    }

    /// Parses the header of the piece of that number.
    #[must_use]
    pub fn parse(bytes: &[u8], number: u32) -> Option<Self> {
        let mut rest = checked(bytes.get(..HEADER_BYTES)?, 0)?;
        if take(&mut rest)? != MAGIC || u32::from_le_bytes(take(&mut rest)?) != number {
            return None;
        }
        Some(Self {
            number,
            begun: Timestamp::from_unix_nanos(u64::from_le_bytes(take(&mut rest)?)),
            follows: u32::from_le_bytes(take(&mut rest)?),
        })
    }
}

impl Gathered {
    /// A piece of that number, which holds only this, joined before: for whoever tests that it can be read again.
    #[must_use]
    pub fn encode_alone(&self, number: u32) -> Vec<u8> {
        let begun = Timestamp::ZERO;
        let header = PieceHeader {
            number,
            begun,
            follows: 0,
        };
        let mut bytes = header.encode();
        put_reads(self, (begun, begun), false, number, &mut bytes);
        bytes
    }
}

/// Appends a record of what was gathered between two times to `out`. The ranges must have been joined.
pub(crate) fn put_reads(
    gathered: &Gathered,
    span: (Timestamp, Timestamp),
    is_diverted: bool,
    number: u32,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let flags = if is_diverted { FLAG_DIVERTED } else { 0 };
    put_head(out, [1, flags, gathered.grain_shift(), 0], span);
    let mut end = 0;
    for range in gathered.ranges() {
        put_number(out, range.first.saturating_sub(end));
        put_number(out, (range.end - range.first).saturating_sub(1));
        end = range.end;
    }
    seal_record(out, start, number);
}

/// Appends a record without ranges.
pub(crate) fn put_mark(kind: RecordKind, span: (Timestamp, Timestamp), number: u32, out: &mut Vec<u8>) {
    let start = out.len();
    let kind = match kind {
        RecordKind::Read => 1,
        RecordKind::Closed => 2,
        RecordKind::Off => 3,
    };
    put_head(out, [kind, 0, 0, 0], span);
    seal_record(out, start, number);
}

fn put_head(out: &mut Vec<u8>, what: [u8; 4], (from, until): (Timestamp, Timestamp)) {
    out.extend([0; 8]);
    out.extend(what);
    out.extend([0; 4]);
    out.extend(from.as_unix_nanos().to_le_bytes());
    out.extend(until.as_unix_nanos().to_le_bytes());
}

fn seal_record(out: &mut [u8], start: usize, number: u32) {
    let body_bytes = (out.len() - start - HEAD_BYTES) as u32;
    if let Some(length) = out.get_mut(start + 4..start + 8) {
        length.copy_from_slice(&body_bytes.to_le_bytes());
    }
    seal(out, start, number);
}

/// Puts a checksum before what follows `start`, which has space for it. A record's is made with the number of its piece, so that
/// what another file left on the disk isn't taken for one.
fn seal(out: &mut [u8], start: usize, number: u32) {
    let crc = out.get(start + 4..).map(|rest| checksum(rest, number));
    if let (Some(space), Some(crc)) = (out.get_mut(start..start + 4), crc) {
        space.copy_from_slice(&crc.to_le_bytes());
    }
}

fn checksum(bytes: &[u8], number: u32) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), bytes)
}

/// What follows a checksum that fits.
fn checked(bytes: &[u8], number: u32) -> Option<&[u8]> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    (checksum(rest, number) == u32::from_le_bytes(*crc)).then_some(rest)
}

/// A whole piece: bytes that may be anything, record by record.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'b> {
    header: PieceHeader,
    bytes: &'b [u8],
    position: usize,
}

impl<'b> Piece<'b> {
    /// Begins to read the piece of a number; `None` if its header isn't whole, or that of another.
    #[must_use]
    pub fn parse(bytes: &'b [u8], number: u32) -> Option<Self> {
        Some(Self {
            header: PieceHeader::parse(bytes, number)?,
            bytes,
            position: HEADER_BYTES,
        })
    }

    /// Its header.
    #[must_use]
    pub const fn header(&self) -> PieceHeader {
        self.header
    }

    /// Up to where it was read and found whole, in bytes.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl<'b> Iterator for Piece<'b> {
    type Item = Record<'b>;

    /// The next record; `None` at the first that isn't whole, and from then on.
    fn next(&mut self) -> Option<Record<'b>> {
        let rest = self.bytes.get(self.position..)?;
        let length = rest.get(4..8).and_then(|length| length.first_chunk::<4>())?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if length > BODY_BYTES_MAX {
            return None;
        }
        let bytes = rest.get(..HEAD_BYTES + length)?;
        let record = Record::parse(checked(bytes, self.header.number)?)?;
        self.position += bytes.len();
        Some(record)
    }
}

impl<'b> Record<'b> {
    /// Parses what follows the checksum.
    fn parse(mut rest: &'b [u8]) -> Option<Self> {
        let _length: [u8; 4] = take(&mut rest)?;
        let [kind, flags, grain_shift, _] = take(&mut rest)?;
        let _reserved: [u8; 4] = take(&mut rest)?;
        let record = Self {
            kind: match kind {
                1 => RecordKind::Read,
                2 => RecordKind::Closed,
                3 => RecordKind::Off,
                _ => return None,
            },
            from: Timestamp::from_unix_nanos(u64::from_le_bytes(take(&mut rest)?)),
            until: Timestamp::from_unix_nanos(u64::from_le_bytes(take(&mut rest)?)),
            is_diverted: flags & FLAG_DIVERTED != 0,
            grain_shift,
            body: rest,
        };
        let is_whole = grain_shift <= GRAIN_SHIFT_MAX && record.is_body_whole();
        is_whole.then_some(record)
    }

    /// Whether the ranges are whole numbers of grains, ascending, apart, and within the largest disk.
    fn is_body_whole(&self) -> bool {
        let mut ranges = Ranges::of(self);
        let count = ranges.by_ref().take(RANGES_MAX).count();
        ranges.rest.is_empty() && (self.kind == RecordKind::Read || count == 0)
    }

    /// What was read.
    pub fn readings(&self) -> impl Iterator<Item = Reading> + use<'b> {
        let record = *self;
        Ranges::of(self).map(move |range| Reading {
            time: record.from,
            until: record.until,
            first_block: range.first << record.grain_shift,
            blocks: (range.end - range.first) << record.grain_shift,
            grain_blocks: 1 << record.grain_shift,
            is_diverted: record.is_diverted,
        })
    }
}

/// The ranges of a record; ends before the first that isn't one.
struct Ranges<'b> {
    rest: &'b [u8],
    end: u64,
    is_first: bool,
    /// One past the largest grain.
    most: u64,
}

impl<'b> Ranges<'b> {
    fn of(record: &Record<'b>) -> Self {
        Self {
            rest: record.body,
            end: 0,
            is_first: true,
            most: BLOCKS_MAX >> record.grain_shift.min(GRAIN_SHIFT_MAX),
        }
    }
}

impl Iterator for Ranges<'_> {
    type Item = Range;

    fn next(&mut self) -> Option<Range> {
        let mut rest = self.rest;
        let (gap, more) = (take_number(&mut rest)?, take_number(&mut rest)?);
        let first = self.end.checked_add(gap)?;
        let end = first.checked_add(more)?.checked_add(1)?;
        if end > self.most || (gap == 0 && !self.is_first) {
            return None;
        }
        (self.rest, self.end, self.is_first) = (rest, end, false);
        Some(Range { first, end })
    }
}

fn take<const LENGTH: usize>(rest: &mut &[u8]) -> Option<[u8; LENGTH]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

/// Seven bits a byte, the lowest first; all bytes but the last have their highest bit set.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A number of up to five bytes, in no more of them than it needs.
fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for index in 0..5 {
        let [byte] = take(rest)?;
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (byte != 0 || index == 0).then_some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + second)
    }

    fn header() -> PieceHeader {
        PieceHeader {
            number: 7,
            begun: at(1),
            follows: 1234,
        }
    }

    fn piece() -> Vec<u8> {
        let mut bytes = header().encode();
        let mut gathered = Gathered::default();
        for (first, blocks) in [(5, 1), (0, 2), (1 << 33, 9), (BLOCKS_MAX - 1, 1)] {
            gathered.note(first, blocks);
        }
        gathered.join();
        put_reads(&gathered, (at(2), at(3)), false, 7, &mut bytes);
        put_reads(&Gathered::default(), (at(3), at(4)), true, 7, &mut bytes);
        put_mark(RecordKind::Closed, (at(4), at(5)), 7, &mut bytes);
        bytes
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = piece();
        let mut piece = Piece::parse(&bytes, 7).unwrap();
        assert_eq!(piece.header(), header());
        let records: Vec<_> = piece.by_ref().collect();
        let spans: Vec<_> = records
            .iter()
            .map(|record| (record.kind, record.from, record.until))
            .collect();
        let expected = [
            (RecordKind::Read, at(2), at(3)),
            (RecordKind::Read, at(3), at(4)),
            (RecordKind::Closed, at(4), at(5)),
        ];
        assert_eq!((spans.as_slice(), piece.position()), (&expected[..], bytes.len()));
        let reading = |first_block, blocks| Reading {
            time: at(2),
            until: at(3),
            first_block,
            blocks,
            grain_blocks: 1,
            is_diverted: false,
        };
        let readings: Vec<_> = records[0].readings().collect();
        let expected = [
            reading(0, 2),
            reading(5, 1),
            reading(1 << 33, 9),
            reading(BLOCKS_MAX - 1, 1),
        ];
        assert_eq!(readings, expected);
        assert!(Piece::parse(&bytes, 8).is_none(), "another's number");
    }

    #[test]
    fn coarse_ranges_are_read_as_blocks() {
        let mut gathered = Gathered::default();
        for index in 0..10_000_u64 {
            gathered.note(index * 1_000_003 % BLOCKS_MAX, 1);
        }
        gathered.join();
        let mut bytes = header().encode();
        put_reads(&gathered, (at(2), at(3)), true, 7, &mut bytes);
        assert!(bytes.len() <= HEADER_BYTES + RECORD_BYTES_MAX);
        let readings: Vec<_> = Piece::parse(&bytes, 7)
            .unwrap()
            .flat_map(|record| record.readings())
            .collect();
        assert_eq!(readings.len(), gathered.ranges().len());
        for index in 0..10_000_u64 {
            let block = index * 1_000_003 % BLOCKS_MAX;
            let holds =
                |reading: &Reading| (reading.first_block..reading.first_block + reading.blocks).contains(&block);
            assert!(readings.iter().any(holds), "block {block}");
        }
        assert!(
            readings
                .iter()
                .all(|reading| reading.is_diverted && reading.grain_blocks > 1)
        );
    }

    #[test]
    fn every_changed_byte_and_every_cut_ends_the_piece_before_it() {
        let bytes = piece();
        let whole: Vec<_> = Piece::parse(&bytes, 7).unwrap().collect();
        let is_start = |found: &[Record<'_>]| found.len() < whole.len() && whole.starts_with(found);
        for index in 0..bytes.len() {
            let cut: Vec<_> = Piece::parse(&bytes[..index], 7).into_iter().flatten().collect();
            assert!(is_start(&cut), "cut at {index}");
            let mut changed = bytes.clone();
            changed[index] ^= 0x10;
            let found: Vec<_> = Piece::parse(&changed, 7).into_iter().flatten().collect();
            assert!(is_start(&found), "byte {index}");
        }
    }

    /// The first cells of a table of `docs/format.md` and the words that its rows begin with.
    fn table(structure: &str) -> Vec<(String, String)> {
        let header = format!("| bytes | {structure} |");
        let lines = include_str!("../../../../docs/format.md").lines();
        let mut lines = lines.skip_while(|line| *line != header);
        assert!(lines.next().is_some(), "no table of {structure}");
        let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        rows.map(|line| (cells(line)[1].clone(), cells(line)[2].clone()))
            .collect()
    }

    /// Compares bytes with a table, whose rows begin with these words.
    fn check(structure: &str, bytes: &[u8], fields: &[(&str, Vec<u8>)]) {
        let rows = table(structure);
        assert_eq!(rows.len(), fields.len(), "rows of {structure}");
        let mut at = 0;
        for ((place, text), (word, value)) in rows.iter().zip(fields) {
            let end = at + value.len();
            let places = [format!("{at}..{end}"), format!("{at}.."), at.to_string()];
            assert!(places.contains(place), "{place} of `{word}` in {structure}");
            assert!(text.starts_with(word), "{structure} has `{text}` where `{word}` is");
            assert_eq!(&bytes[at..end], value, "`{word}` of {structure}");
            at = end;
        }
        assert_eq!(at, bytes.len(), "bytes of {structure}");
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let nanos = |time: Timestamp| time.as_unix_nanos().to_le_bytes().to_vec();
        let crc = |number: u32, rest: &[u8]| {
            let covered = [&number.to_le_bytes(), rest].concat();
            crc32c::crc32c(&covered).to_le_bytes().to_vec()
        };
        let bytes = header().encode();
        check(
            "header of a piece of reads",
            &bytes,
            &[
                ("CRC of four zeros", crc(0, &bytes[4..])),
                ("magic: `holdrds1`", b"holdrds1".to_vec()),
                ("number", 7_u32.to_le_bytes().to_vec()),
                ("begun", nanos(at(1))),
                ("follows", 1234_u32.to_le_bytes().to_vec()),
                ("zeros", vec![0; 4]),
            ],
        );
        let mut gathered = Gathered::default();
        (0..10_000).for_each(|index| gathered.note(index * 4, 1));
        gathered.clear();
        gathered.note(300, 2);
        gathered.note(400, 1);
        let mut record = Vec::new();
        put_reads(&gathered, (at(2), at(3)), true, 7, &mut record);
        check(
            "record of reads",
            &record,
            &[
                ("CRC of the number of the piece", crc(7, &record[4..])),
                ("bytes of the ranges", 5_u32.to_le_bytes().to_vec()),
                ("kind: 1 read, 2 closed in good order, 3 off", vec![1]),
                ("diverted", vec![1]),
                ("grain", vec![0]),
                ("zeros", vec![0; 5]),
                ("from", nanos(at(2))),
                ("until", nanos(at(3))),
                ("ranges", vec![0xac, 2, 1, 98, 0]),
            ],
        );
        assert_eq!(RANGES_MAX, 4096);
    }

    #[test]
    fn ranges_that_no_disk_has_are_refused() {
        let record = |grain_shift: u8, numbers: &[u64]| {
            let mut bytes = header().encode();
            let start = bytes.len();
            put_head(&mut bytes, [1, 0, grain_shift, 0], (at(1), at(2)));
            numbers.iter().for_each(|number| put_number(&mut bytes, *number));
            seal_record(&mut bytes, start, 7);
            Piece::parse(&bytes, 7).unwrap().next().is_some()
        };
        assert!(record(0, &[5, 0, 1, 3]));
        assert!(record(0, &[BLOCKS_MAX - 1, 0]));
        assert!(!record(0, &[BLOCKS_MAX, 0]), "beyond the largest disk");
        assert!(!record(1, &[BLOCKS_MAX / 2, 0]));
        assert!(record(34, &[0, 0]));
        assert!(!record(35, &[0, 0]), "no such grain");
        assert!(!record(0, &[5, 0, 0, 3]), "ranges that touch");
        assert!(!record(0, &[5]), "half a range");
        assert!(!record(0, &[u64::MAX, 0]));
    }
}

//! Records of the log: a header of 512 bytes, more headers for records of more than 32 KiB, and operations.
//!
//! So that a torn write is noticed, the first four bytes of every 512 are replaced by the number of the log's round ("cycle"); what stood
//! there is kept in the headers.

use crate::error::Error;
use crate::xfs::fields::{Fields, crc_without};
use crate::xfs::store::SECTOR_BYTES;

pub(super) const MAGIC: u32 = 0xfeed_babe;
/// The largest record, without its headers.
pub(super) const RECORD_BYTES_MAX: usize = 256 * 1024;
/// Operations for whose sectors one header has room.
const HEADER_COVERS_BYTES: usize = 32 * 1024;
const HEADERS_MAX: usize = RECORD_BYTES_MAX / HEADER_COVERS_BYTES;

const CRC_OFFSET: usize = 32;
const CYCLE_DATA_OFFSET: usize = 44;
/// What of the header has a checksum: up to the size, or four bytes more, by the alignment that the machine's compiler gave it.
const HEADER_SUMMED_BYTES: [usize; 2] = [328, 324];
const EXTENDED_HEADER_SUMMED_BYTES: usize = 260;
const FORMAT_LITTLE_ENDIAN: u32 = 1;
const FLAG_UNMOUNT: u8 = 0x20;
const OPERATION_HEADER_BYTES: usize = 12;

/// Log sequence number: the log's round in the upper half, the record's sector in the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::xfs) struct Lsn(pub(in crate::xfs) u64);

impl Lsn {
    pub(super) const fn new(cycle: u32, sector: u32) -> Self {
        Self((cycle as u64) << 32 | sector as u64)
    }

    pub(super) const fn cycle(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(super) const fn sector(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }
}

/// What the first header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) lsn: Lsn,
    pub(super) tail: Lsn,
    /// Sectors of all headers.
    pub(super) header_sectors: usize,
    /// Bytes of the operations, as they are padded in the log.
    pub(super) length: usize,
    operations: u32,
    is_little_endian: bool,
}

impl Header {
    /// Parses the sector of a header, if it is one.
    pub(super) fn parse(sector: &[u8]) -> Option<Self> {
        let fields = Fields::new("log record", 0, sector);
        let version = fields.u32(8).ok()?;
        let length = fields.u32(12).ok()? as usize;
        let size = fields.u32(320).ok()? as usize;
        if fields.u32(0).ok()? != MAGIC || !matches!(version, 1 | 2) || length == 0 || length > RECORD_BYTES_MAX {
            return None;
        }
        let headers = if version == 2 {
            size.div_ceil(HEADER_COVERS_BYTES).max(1)
        } else {
            1
        };
        if headers > HEADERS_MAX {
            return None;
        }
        Some(Self {
            lsn: Lsn(fields.u64(16).ok()?),
            tail: Lsn(fields.u64(24).ok()?),
            header_sectors: headers,
            length,
            operations: fields.u32(40).ok()?,
            is_little_endian: fields.u32(300).ok()? == FORMAT_LITTLE_ENDIAN,
        })
    }

    /// Sectors of the record, headers included.
    pub(super) const fn sectors(&self) -> usize {
        self.header_sectors + self.length.div_ceil(SECTOR_BYTES)
    }
}

/// A record that is whole.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) lsn: Lsn,
    /// The oldest record that isn't written to its places, as this record's writer knew.
    pub(super) tail: Lsn,
    pub(super) sectors: usize,
    /// The operations' bytes, put right.
    pub(super) operations: Vec<u8>,
    pub(super) operation_count: u32,
    pub(super) is_little_endian: bool,
}

impl Record {
    /// Parses a record from its sectors, headers first, of which so many lie before the ring's end. `None` if they aren't all of one
    /// write.
    pub(super) fn parse(header: Header, sectors: &[u8], until_end: usize) -> Result<Option<Self>, Error> {
        let fields = Fields::new("log record", 0, sectors);
        let headers = fields.bytes(0, header.header_sectors * SECTOR_BYTES)?;
        let body = fields.bytes(headers.len(), header.length.next_multiple_of(SECTOR_BYTES))?;
        let data = body.get(..header.length).unwrap_or(body);
        let expected = fields.little_u32(CRC_OFFSET)?;
        // Version 4 has none.
        if expected != 0 && !is_summed(headers, data, expected) {
            return Ok(None);
        }
        let cycle = header.lsn.cycle();
        let mut operations = body.to_vec();
        for (index, sector) in operations.chunks_exact_mut(SECTOR_BYTES).enumerate() {
            let Some(stamp) = sector.first_chunk_mut::<4>() else {
                continue;
            };
            // What lies behind the ring's end belongs to the next round.
            let is_next = header.header_sectors + index >= until_end;
            if u32::from_be_bytes(*stamp) != if is_next { next_cycle(cycle) } else { cycle } {
                return Ok(None);
            }
            *stamp = kept(&fields, index)?;
        }
        operations.truncate(header.length);
        Ok(Some(Self {
            lsn: header.lsn,
            tail: header.tail,
            sectors: header.sectors(),
            operations,
            operation_count: header.operations,
            is_little_endian: header.is_little_endian,
        }))
    }

    /// Whether it says that the file system was unmounted, and nothing waits.
    pub(super) fn is_unmount(&self) -> bool {
        self.operation_count == 1 && self.operations.get(9).is_some_and(|flags| flags & FLAG_UNMOUNT != 0)
    }

    /// The operations: a header of 12 bytes (transaction, length, client, flags) and data each.
    pub(super) fn operations(&self) -> impl Iterator<Item = Result<Operation<'_>, Error>> {
        let fields = Fields::new("log record", 0, &self.operations);
        let mut at = 0;
        (0..self.operation_count).map(move |_| {
            let length = fields.u32(at + 4)? as usize;
            let operation = Operation {
                transaction: fields.u32(at)?,
                flags: fields.u8(at + 9)?,
                data: fields.bytes(at + OPERATION_HEADER_BYTES, length)?,
            };
            at += OPERATION_HEADER_BYTES + length;
            Ok(operation)
        })
    }
}

/// A piece of a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation<'a> {
    pub(super) transaction: u32,
    pub(super) flags: u8,
    pub(super) data: &'a [u8],
}

/// The magic number is no round's number.
pub(super) const fn next_cycle(cycle: u32) -> u32 {
    let next = cycle.wrapping_add(1);
    if next == MAGIC { next.wrapping_add(1) } else { next }
}

/// What stood where the number of the round is: in the first header for the first 64 sectors, then in the next ones.
fn kept(headers: &Fields<'_>, sector: usize) -> Result<[u8; 4], Error> {
    let per_header = HEADER_COVERS_BYTES / SECTOR_BYTES;
    let within = sector % per_header * 4;
    match sector / per_header {
        0 => headers.array(CYCLE_DATA_OFFSET + within),
        header => headers.array(header * SECTOR_BYTES + 4 + within),
    }
}

/// Whether the checksum is right: of the first header, of the others as far as the operations need them, and of the operations as they lie
/// in the log.
fn is_summed(headers: &[u8], data: &[u8], expected: u32) -> bool {
    let others = data.len().div_ceil(HEADER_COVERS_BYTES).saturating_sub(1);
    HEADER_SUMMED_BYTES.iter().any(|&length| {
        let mut crc = crc_without(headers.get(..length).unwrap_or(headers), CRC_OFFSET);
        for header in headers.chunks_exact(SECTOR_BYTES).skip(1).take(others) {
            let summed = header.get(..EXTENDED_HEADER_SUMMED_BYTES).unwrap_or(header);
            crc = crc32c::crc32c_append(crc, summed);
        }
        crc32c::crc32c_append(crc, data) == expected
    })
}

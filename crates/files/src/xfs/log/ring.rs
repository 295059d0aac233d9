//! The log as a ring of sectors: where it is, its newest record, and the records from one to another.

use super::record::{Header, Lsn, RECORD_BYTES_MAX, Record, next_cycle};
use crate::error::Error;
use crate::xfs::fields::Fields;
use crate::xfs::store::{SECTOR_BYTES, Store};
use crate::xfs::superblock::Superblock;

/// The largest log.
const LOG_BYTES_MAX: u64 = 2 << 30;
/// How far behind the newest sector a whole record may begin: eight records of the largest size are written at the same time, and any
/// of them may be missing.
const IN_FLIGHT_SECTORS: u32 = 8 * ((RECORD_BYTES_MAX / SECTOR_BYTES) as u32 + 8);
/// More records than were written at the same time can't be torn.
const TORN_MAX: u32 = 8;
const PIECE_SECTORS: u32 = 512;
/// How often the log may be read to find its newest record: once does, unless its end is torn.
const READINGS_MAX: u64 = 12;

/// Where the log lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    offset: u64,
    sectors: u32,
}

impl Ring {
    pub(super) fn new(superblock: &Superblock) -> Option<Self> {
        let blocks = u64::from(superblock.log_blocks);
        let bytes = blocks << superblock.block_log;
        if blocks == 0 || bytes > LOG_BYTES_MAX {
            return None;
        }
        Some(Self {
            offset: superblock.run_offset(superblock.log_start, blocks)?,
            sectors: u32::try_from(bytes / SECTOR_BYTES as u64).ok()?,
        })
    }

    /// The newest whole record from whose tail all records up to itself are whole, and what is wrong if that can't be the log's end.
    /// `None` if the log was never written.
    pub(super) fn newest(&self, store: &Store) -> Result<Option<(Record, Option<&'static str>)>, Error> {
        let Some(head) = self.head(store)? else {
            return Ok(None);
        };
        let mut budget = READINGS_MAX * u64::from(self.sectors);
        let mut earlier = None;
        let mut torn = 0;
        let mut back = 0;
        let limit = IN_FLIGHT_SECTORS.min(self.sectors);
        while back < limit && torn <= TORN_MAX {
            let count = PIECE_SECTORS.min(limit - back);
            let start = self.minus(head, back + count);
            let sectors = self.read(store, start, count as usize)?;
            for (index, sector) in (0..count).zip(sectors.chunks_exact(SECTOR_BYTES)).rev() {
                let place = self.plus(start, index);
                let Some(header) = Header::parse(sector).filter(|header| header.lsn.sector() == place) else {
                    continue;
                };
                if let Some(record) = self.record(store, header.lsn)?
                    && let Some(newest) = self.settle(store, record, &mut budget)?
                {
                    if newest.lsn >= header.lsn {
                        return Ok(Some((newest, None)));
                    }
                    earlier = Some(newest);
                }
                torn += 1;
            }
            back += count;
        }
        match earlier {
            Some(record) => Ok(Some((
                record,
                Some("more of its newest records are damaged than can be torn"),
            ))),
            None => Err(damaged("none of its newest records is whole")),
        }
    }

    /// Follows the records from the tail of a candidate. If they end before it, or go on behind it, the last one is the candidate.
    fn settle(&self, store: &Store, candidate: Record, budget: &mut u64) -> Result<Option<Record>, Error> {
        let mut candidate = candidate;
        loop {
            let mut next = self.record(store, candidate.tail)?;
            let mut last = None;
            while let Some(record) = next {
                *budget = budget
                    .checked_sub(record.sectors as u64)
                    .ok_or_else(|| damaged("its records contradict each other"))?;
                next = self.record(store, self.after(&record))?;
                last = Some(record);
            }
            match last {
                Some(last) if last.lsn == candidate.lsn => return Ok(Some(last)),
                Some(last) => candidate = last,
                None => return Ok(None),
            }
        }
    }

    /// The sector behind the newest one: where the number of the round falls. Records that were being written at the same time may make
    /// it a little wrong.
    fn head(&self, store: &Store) -> Result<Option<u32>, Error> {
        let first = self.cycle(store, 0)?;
        let last = self.cycle(store, self.sectors - 1)?;
        if first == 0 {
            return Ok(None);
        }
        if first == last {
            return Ok(Some(0));
        }
        let (mut low, mut high) = (0, self.sectors - 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.cycle(store, middle)? == first {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(Some(high))
    }

    /// The number of the round that a sector was written in; after the magic number in a header.
    fn cycle(&self, store: &Store, sector: u32) -> Result<u32, Error> {
        let bytes = self.read(store, sector, 1)?;
        let fields = Fields::new("log", self.offset, &bytes);
        match fields.u32(0)? {
            super::record::MAGIC => fields.u32(4),
            cycle => Ok(cycle),
        }
    }

    /// The record with a sequence number, if it is there and whole.
    pub(super) fn record(&self, store: &Store, lsn: Lsn) -> Result<Option<Record>, Error> {
        if lsn.sector() >= self.sectors {
            return Ok(None);
        }
        let first = self.read(store, lsn.sector(), 1)?;
        let Some(header) = Header::parse(&first).filter(|header| header.lsn == lsn) else {
            return Ok(None);
        };
        if header.sectors() > self.sectors as usize {
            return Ok(None);
        }
        let sectors = self.read(store, lsn.sector(), header.sectors())?;
        Record::parse(header, &sectors, (self.sectors - lsn.sector()) as usize)
    }

    /// The sequence number that the record behind this one has.
    pub(super) fn after(&self, record: &Record) -> Lsn {
        let (cycle, sector) = (record.lsn.cycle(), u64::from(record.lsn.sector()));
        let end = sector + record.sectors as u64;
        match u32::try_from(end) {
            Ok(end) if end < self.sectors => Lsn::new(cycle, end),
            _ => Lsn::new(
                next_cycle(cycle),
                u32::try_from(end - u64::from(self.sectors)).unwrap_or(u32::MAX),
            ),
        }
    }

    fn plus(&self, sector: u32, count: u32) -> u32 {
        let sum = u64::from(sector) + u64::from(count);
        u32::try_from(sum % u64::from(self.sectors)).unwrap_or_default()
    }

    fn minus(&self, sector: u32, count: u32) -> u32 {
        self.plus(sector, self.sectors - count % self.sectors)
    }

    /// Reads sectors, at the ring's end from its start on.
    fn read(&self, store: &Store, sector: u32, count: usize) -> Result<Vec<u8>, Error> {
        let until_end = (self.sectors - sector.min(self.sectors)) as usize;
        let first = count.min(until_end);
        let offset = self.offset + u64::from(sector) * SECTOR_BYTES as u64;
        let mut bytes = store.read_log(offset, first * SECTOR_BYTES)?;
        if first < count {
            bytes.extend(store.read_log(self.offset, (count - first).min(self.sectors as usize) * SECTOR_BYTES)?);
        }
        Ok(bytes)
    }
}

const fn damaged(detail: &'static str) -> Error {
    Error::Damaged {
        structure: "log",
        offset: 0,
        detail,
    }
}

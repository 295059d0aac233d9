//! Reading the log back as records, whatever state its segments are in.

use crate::error::Error;
use crate::format::{Batch, Segment};
use crate::log::append::Appender;
use crate::log::scan::scan;
use crate::log::sync::Log;
use crate::segment::{LoggedRecord, OpenSegment, Segments};

impl Log {
    /// All records of a segment, in log order: of the active one as far as it is written.
    pub(crate) fn records(&self, segments: &Segments, id: Segment) -> Result<Vec<LoggedRecord>, Error> {
        let active = active_index(&self.peek(), id);
        match active {
            Some((index, nonce)) => Ok(parse_active(segments, id, &index, nonce)?),
            None => sealed_records(segments, id),
        }
    }
}

fn active_index(appender: &Appender, id: Segment) -> Option<(Vec<u8>, u64)> {
    appender.active_index().filter(|_| appender.active_segment() == id)
}

fn parse_active(segments: &Segments, id: Segment, index: &[u8], nonce: u64) -> Result<Vec<LoggedRecord>, Error> {
    let segment = segments.open(id)?;
    let mut records = Vec::new();
    let mut rest = index;
    while let Some(batch) = Batch::parse(rest, nonce) {
        rest = rest.get(batch.header.payload_start() as usize..).unwrap_or_default();
        segment.push_records(&batch, &mut records);
    }
    Ok(records)
}

/// All records of a sealed segment. If its index is damaged, its batches are read where they stand.
pub(crate) fn sealed_records(segments: &Segments, id: Segment) -> Result<Vec<LoggedRecord>, Error> {
    let segment = segments.open(id)?;
    match segment.sealed_log() {
        Ok(Some(log)) => Ok(log.records),
        Ok(None) | Err(Error::CorruptStructure { .. }) if !segment.is_packed() => scanned_records(segments, &segment),
        Ok(None) => Err(segment.damaged("segment trailer", 0)),
        Err(error) => Err(error),
    }
}

/// Fails unless the batches reach up to where the next segment begins.
fn scanned_records(segments: &Segments, segment: &OpenSegment) -> Result<Vec<LoggedRecord>, Error> {
    let found = scan(segment)?;
    let next = segments
        .next_after(segment.id)
        .ok_or_else(|| segment.damaged("segment trailer", found.end))?;
    let expected = segments.open(next)?.header.first_sequence;
    let last = found
        .batches
        .last()
        .map_or(segment.header.first_sequence, |batch| batch.header.sequence.next());
    if last != expected {
        return Err(segment.damaged("batch header", found.end));
    }
    let mut records = Vec::new();
    found
        .batches
        .iter()
        .for_each(|batch| segment.push_records(batch, &mut records));
    Ok(records)
}

//! The master file table: a file of records, whose first record tells where the table itself lies.

use super::boot::Geometry;
use super::node::parse_list;
use super::record::{Attribute, Record, Value, kind};
use super::runs::{self, Run};
use crate::cache::CachedDisk;
use crate::disk::Disk;
use crate::error::Error;

/// Runs of the table that are kept; a table in more pieces than this is refused.
const RUNS_MAX: usize = 1 << 20;
/// Longest list of attributes, where Windows stops as well.
pub(super) const LIST_BYTES_MAX: u64 = 256 << 10;

/// The table, and the disk under it.
///
/// Invariant: `runs` map the table from its start without gaps or holes.
pub(super) struct Mft {
    pub(super) disk: CachedDisk,
    pub(super) geometry: Geometry,
    runs: Vec<Run>,
    records: u64,
}

impl Mft {
    /// Finds the table by its own record, or by the copy of that if it is damaged.
    pub(super) fn open(disk: CachedDisk, geometry: Geometry) -> Result<Self, Error> {
        let mut mft = Self {
            disk,
            geometry,
            runs: Vec::new(),
            records: 0,
        };
        let Err(error) = mft.find(geometry.mft_cluster) else {
            return Ok(mft);
        };
        // The error about the table itself says more than that about its copy.
        mft.find(geometry.mirror_cluster).map_err(|_| error)?;
        Ok(mft)
    }

    /// Reads record 0 at a cluster, and maps the table by it.
    fn find(&mut self, cluster: u64) -> Result<(), Error> {
        self.runs.clear();
        let place = self.geometry.place_of(cluster).ok_or(Error::Damaged {
            structure: "boot sector",
            offset: 0,
            detail: "the MFT lies behind the disk",
        })?;
        let mut bytes = vec![0; self.geometry.record_bytes];
        self.disk.read_at(place, &mut bytes)?;
        let first = Record::parse(bytes, 0, place)?;
        let mut list = Vec::new();
        for attribute in first.attributes() {
            let attribute = attribute?;
            match attribute.kind {
                kind::DATA if attribute.name.is_empty() => self.map(&first, &attribute)?,
                kind::ATTRIBUTE_LIST => list = self.value(&first, &attribute, LIST_BYTES_MAX)?,
                _ => {}
            }
        }
        if self.runs.is_empty() {
            return Err(first.damaged("the MFT has no content"));
        }
        // The pieces behind the first lie in records that those before them map.
        for listed in parse_list(&list) {
            let listed = listed.ok_or_else(|| first.damaged("the list of its attributes contradicts itself"))?;
            if listed.kind == kind::DATA && listed.name.is_empty() && listed.first > 0 {
                let record = self.record(listed.reference.record())?;
                let attribute = record.attribute(listed.kind, listed.id)?;
                self.map(&record, &attribute)?;
            }
        }
        Ok(())
    }

    /// Takes the next piece of the table's map.
    fn map(&mut self, record: &Record, attribute: &Attribute<'_>) -> Result<(), Error> {
        let Value::NonResident(piece) = &attribute.value else {
            return Err(record.damaged("the MFT lies in its own record"));
        };
        if piece.first != self.runs.last().map_or(0, Run::end) {
            return Err(record.damaged("a piece of the MFT is missing"));
        }
        for run in runs::unpack(piece.first, piece.end, piece.packed_runs) {
            let run = run.map_err(|wrong| record.damaged(wrong))?;
            if run.place.is_none() {
                return Err(record.damaged("the MFT has a hole"));
            }
            if self.runs.len() >= RUNS_MAX {
                return Err(Error::Unsupported {
                    feature: "an MFT in more than a million pieces",
                });
            }
            self.runs.push(run);
        }
        if piece.first == 0 {
            self.records = piece.written_bytes / self.geometry.record_bytes as u64;
        }
        Ok(())
    }

    /// The places on the disk of a part of the table.
    pub(super) fn places(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
        let cluster_bytes = self.geometry.cluster_bytes;
        let mut places = Vec::with_capacity(1);
        let (mut offset, mut rest) = (offset, length);
        while rest > 0 {
            let cluster = offset / cluster_bytes;
            let index = self.runs.partition_point(|run| run.end() <= cluster);
            let Some(run) = self.runs.get(index) else { break };
            let place = run
                .place
                .and_then(|place| {
                    self.geometry
                        .place_of(place.checked_add(cluster.checked_sub(run.first)?)?)
                })
                .and_then(|place| place.checked_add(offset % cluster_bytes));
            let Some(place) = place else { break };
            let in_run = run.end().saturating_mul(cluster_bytes).saturating_sub(offset);
            let part = rest.min(in_run);
            places.push((place, part));
            offset = offset.saturating_add(part);
            rest -= part;
        }
        places
    }

    /// Reads a record, whether or not a file has it.
    pub(super) fn record(&self, number: u64) -> Result<Record, Error> {
        let record_bytes = self.geometry.record_bytes as u64;
        let behind = Error::Damaged {
            structure: "MFT",
            offset: number.saturating_mul(record_bytes),
            detail: "a record behind its end is referred to",
        };
        if number >= self.records {
            return Err(behind);
        }
        let mut bytes = vec![0; self.geometry.record_bytes];
        let mut rest = bytes.as_mut_slice();
        let mut start = None;
        for (place, length) in self.places(number.saturating_mul(record_bytes), record_bytes) {
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            self.disk.read_at(place, part)?;
            start.get_or_insert(place);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(behind);
        }
        Record::parse(bytes, number, start.unwrap_or_default())
    }

    /// The whole value of an attribute that isn't spread over records.
    pub(super) fn value(&self, record: &Record, attribute: &Attribute<'_>, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let piece = match &attribute.value {
            Value::Resident { bytes, .. } => return Ok(bytes.to_vec()),
            Value::NonResident(piece) => piece,
        };
        if piece.first != 0 || piece.size_bytes > bytes_max {
            return Err(record.damaged("an attribute is longer than it can be"));
        }
        let written = usize::try_from(piece.written_bytes).map_err(|_| record.damaged("an attribute is too long"))?;
        let mut value = vec![0; usize::try_from(piece.size_bytes).unwrap_or(written)];
        let mut rest = value.get_mut(..written).unwrap_or_default();
        for run in runs::unpack(piece.first, piece.end, piece.packed_runs) {
            let run = run.map_err(|wrong| record.damaged(wrong))?;
            let length = run.clusters.saturating_mul(self.geometry.cluster_bytes);
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            if let Some(place) = run.place {
                let place = self.geometry.place_of(place);
                let place = place.ok_or_else(|| record.damaged("a run lies behind the disk"))?;
                self.disk.read_at(place, part)?;
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(record.damaged("the runs of an attribute end before it does"));
        }
        Ok(value)
    }
}

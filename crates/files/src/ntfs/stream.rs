//! The value of an attribute, wherever it lies: a file's content, a named stream, a folder's index.

use super::compression;
use super::merge::Merging;
use super::mft::Mft;
use super::node::Node;
use super::record::{Attribute, COMPRESSED, Record, Reference, Value, kind};
use super::runs::{self, Run};
use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::{Extent, ExtentKind, Flow};

/// Most clusters that are compressed together, as a binary logarithm: every version of Windows has 16.
const UNIT_BITS_MAX: u8 = 4;

/// A value that can be read.
pub(super) struct Stream {
    /// Its length.
    pub(super) size_bytes: u64,
    /// How much of it was ever written; what follows reads as zeros.
    written_bytes: u64,
    /// [`COMPRESSED`], [`ENCRYPTED`](super::record::ENCRYPTED).
    pub(super) flags: u16,
    unit_bits: u8,
    storage: Storage,
}

enum Storage {
    /// In a record, at a byte offset of the MFT.
    Resident { bytes: Vec<u8>, offset: u64 },
    /// In clusters; pieces ascend.
    Clusters(Vec<Piece>),
}

/// A piece of the map. Only the base record's own is kept: a file may have thousands.
enum Piece {
    /// The first, which starts where the value does.
    Kept { end: u64, packed_runs: Vec<u8> },
    Listed {
        first: u64,
        kind: u32,
        reference: Reference,
        id: u16,
    },
}

impl Piece {
    const fn first(&self) -> u64 {
        match self {
            Self::Kept { .. } => 0,
            Self::Listed { first, .. } => *first,
        }
    }
}

/// Where runs are shown.
type VisitRun<'visit> = &'visit mut dyn FnMut(Run) -> Result<Flow, Error>;

impl Stream {
    /// Finds an attribute by type and name (in UTF-16).
    pub(super) fn find(mft: &Mft, node: &Node, kind: u32, name: &[u8]) -> Result<Option<Self>, Error> {
        let Some(list) = &node.list else {
            for attribute in node.record.attributes() {
                let attribute = attribute?;
                if attribute.kind == kind && attribute.name == name {
                    return Self::start(mft, &node.record, &attribute).map(Some);
                }
            }
            return Ok(None);
        };
        let mut stream: Option<Self> = None;
        for listed in list.iter().filter(|listed| listed.kind == kind && listed.name == name) {
            match &mut stream {
                None => {
                    let record = node.other_record(mft, listed.reference)?;
                    let attribute = record.attribute(kind, listed.id)?;
                    stream = Some(Self::start(mft, &record, &attribute)?);
                }
                Some(stream) => {
                    let Storage::Clusters(pieces) = &mut stream.storage else {
                        return Err(node.record.damaged("an attribute is listed twice"));
                    };
                    if pieces.last().is_none_or(|before| before.first() >= listed.first) {
                        return Err(node.record.damaged("the pieces of an attribute don't ascend"));
                    }
                    pieces.push(Piece::Listed {
                        first: listed.first,
                        kind,
                        reference: listed.reference,
                        id: listed.id,
                    });
                }
            }
        }
        Ok(stream)
    }

    /// A stream whose first piece is this attribute.
    fn start(mft: &Mft, record: &Record, attribute: &Attribute<'_>) -> Result<Self, Error> {
        Ok(match &attribute.value {
            Value::Resident { bytes, offset } => Self {
                size_bytes: bytes.len() as u64,
                written_bytes: bytes.len() as u64,
                flags: attribute.flags,
                unit_bits: 0,
                storage: Storage::Resident {
                    bytes: bytes.to_vec(),
                    offset: record
                        .number
                        .saturating_mul(mft.geometry.record_bytes as u64)
                        .saturating_add(*offset as u64),
                },
            },
            Value::NonResident(piece) => {
                if piece.first != 0 {
                    return Err(record.damaged("the first piece of an attribute is missing"));
                }
                if attribute.flags & COMPRESSED != 0 && piece.unit_bits > UNIT_BITS_MAX {
                    return Err(record.damaged("more than 16 clusters are compressed together"));
                }
                Self {
                    size_bytes: piece.size_bytes,
                    written_bytes: piece.written_bytes,
                    flags: attribute.flags,
                    unit_bits: piece.unit_bits,
                    storage: Storage::Clusters(vec![Piece::Kept {
                        end: piece.end,
                        packed_runs: piece.packed_runs.to_vec(),
                    }]),
                }
            }
        })
    }

    /// Clusters that are compressed together, if any are.
    fn unit_clusters(&self) -> Option<u64> {
        (self.flags & COMPRESSED != 0 && self.unit_bits > 0).then(|| 1 << self.unit_bits.min(UNIT_BITS_MAX))
    }

    /// Shows the runs from the one on that holds a cluster, without gaps between them.
    fn visit_runs(&self, mft: &Mft, node: &Node, from: u64, visit: VisitRun<'_>) -> Result<(), Error> {
        let Storage::Clusters(pieces) = &self.storage else {
            return Ok(());
        };
        let index = pieces.partition_point(|piece| piece.first() <= from).saturating_sub(1);
        let mut next = pieces.get(index).map(Piece::first);
        let show = &mut |record: &Record, (first, end): (u64, u64), packed_runs: &[u8]| {
            if next.replace(end) != Some(first) {
                return Err(record.damaged("a piece of an attribute is missing"));
            }
            for run in runs::unpack(first, end, packed_runs) {
                let run = run.map_err(|wrong| record.damaged(wrong))?;
                if run.end() > from && visit(run)?.is_break() {
                    return Ok(Flow::Break(()));
                }
            }
            Ok(Flow::Continue(()))
        };
        for piece in pieces.get(index..).unwrap_or_default() {
            let flow = match piece {
                Piece::Kept { end, packed_runs } => show(&node.record, (0, *end), packed_runs)?,
                Piece::Listed {
                    kind, reference, id, ..
                } => {
                    let record = node.other_record(mft, *reference)?;
                    match record.attribute(*kind, *id)?.value {
                        Value::NonResident(piece) => show(&record, (piece.first, piece.end), piece.packed_runs)?,
                        Value::Resident { .. } => return Err(record.damaged("a piece of an attribute isn't one")),
                    }
                }
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Reads from a byte offset; the bytes read, fewer than asked for only at its end. `disk` is that under the MFT, with its cache or
    /// without.
    pub(super) fn read(
        &self,
        mft: &Mft,
        disk: &dyn Disk,
        node: &Node,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Error> {
        let length = self.size_bytes.saturating_sub(offset).min(buffer.len() as u64);
        let length = usize::try_from(length).unwrap_or(buffer.len());
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        buffer.fill(0);
        if let Storage::Resident { bytes, .. } = &self.storage {
            let from = usize::try_from(offset)
                .ok()
                .and_then(|offset| bytes.get(offset..)?.get(..length));
            buffer.copy_from_slice(from.unwrap_or_default());
            return Ok(length);
        }
        let written = self.written_bytes.saturating_sub(offset).min(length as u64);
        let written = usize::try_from(written).unwrap_or(length);
        let part = buffer.get_mut(..written).unwrap_or_default();
        if !part.is_empty() {
            match self.unit_clusters() {
                None => self.read_plain(mft, disk, node, offset, part)?,
                Some(unit) => self.read_compressed(mft, disk, node, (offset, unit), part)?,
            }
        }
        Ok(length)
    }

    /// The runs that hold clusters `first` to `end`, cut to them.
    fn runs_within(&self, mft: &Mft, node: &Node, first: u64, end: u64) -> Result<Vec<Run>, Error> {
        let mut found = Vec::new();
        self.visit_runs(mft, node, first, &mut |run| {
            found.extend(run.clip(first, end));
            Ok(if run.end() >= end {
                Flow::Break(())
            } else {
                Flow::Continue(())
            })
        })?;
        Ok(found)
    }

    fn read_plain(&self, mft: &Mft, disk: &dyn Disk, node: &Node, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let cluster_bytes = mft.geometry.cluster_bytes;
        let end = offset.saturating_add(buffer.len() as u64);
        let mut rest = buffer;
        for run in self.runs_within(mft, node, offset / cluster_bytes, end.div_ceil(cluster_bytes))? {
            // The first run may start before the offset, the last end behind the buffer.
            let skipped = offset.saturating_sub(run.first.saturating_mul(cluster_bytes));
            let length = run.clusters.saturating_mul(cluster_bytes).saturating_sub(skipped);
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            if let Some(place) = run.place {
                let place = mft
                    .geometry
                    .place_of(place)
                    .and_then(|place| place.checked_add(skipped));
                disk.read_at(
                    place.ok_or_else(|| node.record.damaged("a run lies behind the disk"))?,
                    part,
                )?;
            }
            rest = after;
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(node.record.damaged("the runs of an attribute end before it does"))
        }
    }

    fn read_compressed(
        &self,
        mft: &Mft,
        disk: &dyn Disk,
        node: &Node,
        (offset, unit): (u64, u64),
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        let unit_bytes = unit.saturating_mul(mft.geometry.cluster_bytes);
        let first = offset / unit_bytes;
        let end = offset.saturating_add(buffer.len() as u64).div_ceil(unit_bytes);
        let runs = self.runs_within(mft, node, first.saturating_mul(unit), end.saturating_mul(unit))?;
        let mut expanded = vec![0; usize::try_from(unit_bytes).unwrap_or_default()];
        let mut rest = buffer;
        for number in first..end {
            let start = number.saturating_mul(unit);
            let index = runs.partition_point(|run| run.end() <= start);
            let parts = runs.get(index..).unwrap_or_default().iter();
            let parts: Vec<Run> = parts
                .map_while(|run| run.clip(start, start.saturating_add(unit)))
                .collect();
            read_unit(mft, disk, node, &parts, &mut expanded)?;
            let skipped = offset.saturating_sub(number.saturating_mul(unit_bytes));
            let from = usize::try_from(skipped)
                .ok()
                .and_then(|skipped| expanded.get(skipped..));
            let from = from.unwrap_or_default();
            let (part, after) = rest.split_at_mut(from.len().min(rest.len()));
            part.copy_from_slice(from.get(..part.len()).unwrap_or_default());
            rest = after;
        }
        Ok(())
    }

    /// Shows where it lies.
    pub(super) fn extents(&self, mft: &Mft, node: &Node, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        if let Storage::Resident { bytes, offset } = &self.storage {
            let mut logical = 0;
            for (physical, length) in mft.places(*offset, bytes.len() as u64) {
                let kind = ExtentKind::Inline;
                if visit(Extent {
                    logical,
                    physical,
                    length,
                    kind,
                })
                .is_break()
                {
                    break;
                }
                logical += length;
            }
            return Ok(());
        }
        let mut merging = Merging::new(visit);
        let mut units = Units::new(self.unit_clusters());
        let clusters_max = mft.disk.size_bytes() / mft.geometry.cluster_bytes;
        let result = self.visit_runs(mft, node, 0, &mut |run| {
            if run
                .place
                .is_some_and(|place| place.saturating_add(run.clusters) > clusters_max)
            {
                return Err(node.record.damaged("a run lies behind the disk"));
            }
            Ok(units.push(run, &mut |run, kind| self.show(mft, &run, kind, &mut merging)))
        });
        let _ = units.finish(&mut |run, kind| self.show(mft, &run, kind, &mut merging));
        merging.finish();
        result
    }

    /// Shows a run; what was never written of it apart.
    fn show(&self, mft: &Mft, run: &Run, kind: ExtentKind, merging: &mut Merging<'_>) -> Flow {
        let cluster_bytes = mft.geometry.cluster_bytes;
        let Some(physical) = run.place.and_then(|place| mft.geometry.place_of(place)) else {
            return Flow::Continue(());
        };
        let logical = run.first.saturating_mul(cluster_bytes);
        let length = run.clusters.saturating_mul(cluster_bytes);
        // A cluster at the end belongs to the file as a whole.
        let written = if self.written_bytes == self.size_bytes {
            self.written_bytes.div_ceil(cluster_bytes).saturating_mul(cluster_bytes)
        } else {
            self.written_bytes
        };
        let data = if kind == ExtentKind::Data {
            written.saturating_sub(logical).min(length)
        } else {
            length
        };
        if data > 0 {
            merging.push(Extent {
                logical,
                physical,
                length: data,
                kind,
            })?;
        }
        if data < length {
            merging.push(Extent {
                logical: logical.saturating_add(data),
                physical: physical.saturating_add(data),
                length: length - data,
                kind: ExtentKind::Unwritten,
            })?;
        }
        Flow::Continue(())
    }
}

/// Reads what is compressed together: as it is if no cluster is missing, expanded if some are, zeros if all are.
fn read_unit(mft: &Mft, disk: &dyn Disk, node: &Node, parts: &[Run], expanded: &mut [u8]) -> Result<(), Error> {
    let has_hole = parts.iter().any(|part| part.place.is_none());
    let mut packed = Vec::new();
    for part in parts {
        let Some(place) = part.place else { continue };
        let place = mft
            .geometry
            .place_of(place)
            .ok_or_else(|| node.record.damaged("a run lies behind the disk"))?;
        let length = part.clusters.saturating_mul(mft.geometry.cluster_bytes);
        let start = packed.len();
        packed.resize(start.saturating_add(usize::try_from(length).unwrap_or_default()), 0);
        let part = packed.get_mut(start..).unwrap_or_default();
        disk.read_at(place, part)?;
    }
    if has_hole {
        return compression::expand(&packed, expanded).map_err(|detail| node.record.damaged(detail));
    }
    expanded.fill(0);
    let length = packed.len().min(expanded.len());
    if let (Some(to), Some(from)) = (expanded.get_mut(..length), packed.get(..length)) {
        to.copy_from_slice(from);
    }
    Ok(())
}

/// Sorts the runs of a compressed value into units that are compressed, and data that are stored as they are.
struct Units {
    unit: Option<u64>,
    /// The parts of the unit that isn't complete.
    parts: Vec<Run>,
    has_hole: bool,
}

/// Where they are shown.
type VisitPart<'visit> = &'visit mut dyn FnMut(Run, ExtentKind) -> Flow;

impl Units {
    const fn new(unit: Option<u64>) -> Self {
        Self {
            unit,
            parts: Vec::new(),
            has_hole: false,
        }
    }

    fn push(&mut self, run: Run, visit: VisitPart<'_>) -> Flow {
        let Some(unit) = self.unit else {
            return visit(run, ExtentKind::Data);
        };
        let unit_end = (run.first / unit).saturating_add(1).saturating_mul(unit);
        let head_end = if run.first.is_multiple_of(unit) {
            run.first
        } else {
            unit_end
        };
        // The end of a unit begun before, whole units, and the beginning of one.
        let whole_end = (run.end() / unit).saturating_mul(unit).max(head_end);
        if let Some(head) = run.clip(run.first, head_end) {
            self.add(head);
            if head.end() == head_end {
                self.finish(visit)?;
            }
        }
        if let Some(whole) = run.clip(head_end, whole_end) {
            visit(whole, ExtentKind::Data)?;
        }
        if let Some(tail) = run.clip(whole_end, u64::MAX) {
            self.add(tail);
        }
        Flow::Continue(())
    }

    fn add(&mut self, part: Run) {
        self.has_hole |= part.place.is_none();
        self.parts.push(part);
    }

    /// Shows the parts of the unit that isn't complete.
    fn finish(&mut self, visit: VisitPart<'_>) -> Flow {
        let has_hole = std::mem::take(&mut self.has_hole);
        let kind = if has_hole {
            ExtentKind::Compressed
        } else {
            ExtentKind::Data
        };
        for part in std::mem::take(&mut self.parts) {
            visit(part, kind)?;
        }
        Flow::Continue(())
    }
}

/// The content of a file.
pub(super) fn content(mft: &Mft, node: &Node) -> Result<Option<Stream>, Error> {
    Stream::find(mft, node, kind::DATA, &[])
}

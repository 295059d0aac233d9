//! Logical volumes, put together from their segments.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::label::{self, Label};
use super::text::{self, Section, Value};
use crate::disk::Disk;
use crate::partitions::area::{Area, Piece};

const SECTOR_BYTES: u64 = 512;

/// Why a volume can't be opened: a feature, for [`Area::unsupported`].
type Reason = &'static str;
const ELSEWHERE: Reason = "an LVM volume that is partly on another disk";
const DAMAGED: Reason = "an LVM volume whose description contradicts itself";

/// An area with a physical volume.
struct Physical<'a> {
    area: &'a Area,
    /// Without the dashes that it has in the text.
    uuid: Vec<u8>,
}

/// Texts that are read at most, in bytes: each of a group's physical volumes has the same one.
const TEXTS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The logical volumes of all groups that have physical volumes on this disk. A group whose text is damaged has none.
pub(in crate::partitions) fn volumes(disk: &Arc<dyn Disk>, areas: &[&Area]) -> Vec<Area> {
    let mut physical: Vec<Physical> = Vec::new();
    // The newest text of a group counts.
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut bytes_left = TEXTS_BYTES_MAX;
    for area in areas {
        let Some(Label { uuid, text }) = area.disk(disk).ok().and_then(|part| label::read(&*part)) else {
            continue;
        };
        if physical.iter().any(|known| known.uuid == uuid) {
            continue;
        }
        physical.push(Physical { area, uuid });
        let text = text.unwrap_or_default();
        let Some(left) = bytes_left.checked_sub(text.len()) else {
            continue;
        };
        bytes_left = left;
        let Some(group) = text::parse(&text).and_then(|text| Group::new(&text)) else {
            continue;
        };
        if groups
            .get(&group.name)
            .is_none_or(|known| known.sequence < group.sequence)
        {
            groups.insert(group.name.clone(), group);
        }
    }
    groups.values().flat_map(|group| group.volumes(&physical)).collect()
}

/// Where each physical volume's extents start, by its name in the text.
type Places<'a> = HashMap<&'a str, Result<(&'a Area, u64), Reason>>;

struct Group {
    name: String,
    /// Counts the text's changes.
    sequence: u64,
    extent_bytes: u64,
    section: Section,
}

impl Group {
    /// The group is the only section of a text, beside values about the text itself.
    fn new(text: &Section) -> Option<Self> {
        let (name, section) = text.sections().next()?;
        let extent_bytes = section.number("extent_size")?.checked_mul(SECTOR_BYTES)?;
        (extent_bytes > 0).then_some(())?;
        Some(Self {
            name: name.to_owned(),
            sequence: section.number("seqno").unwrap_or_default(),
            extent_bytes,
            section: section.clone(),
        })
    }

    /// Those that users see: others are parts of them.
    fn volumes(&self, physical: &[Physical]) -> Vec<Area> {
        let Some(logical) = self.section.section("logical_volumes") else {
            return Vec::new();
        };
        let visible = |volume: &Section| {
            let status = volume.list("status").unwrap_or_default();
            status
                .iter()
                .any(|flag| matches!(flag, Value::Text(flag) if flag == "VISIBLE"))
        };
        let places = self.places(physical);
        let visible = logical.sections().filter(|(_, volume)| visible(volume));
        visible
            .map(|(name, volume)| self.volume(name, volume, &places))
            .collect()
    }

    fn places<'a>(&'a self, physical: &[Physical<'a>]) -> Places<'a> {
        let known = self.section.section("physical_volumes");
        let place = |volume: &Section| {
            let uuid: Vec<u8> = volume
                .text("id")
                .unwrap_or_default()
                .bytes()
                .filter(|byte| *byte != b'-')
                .collect();
            let here = physical
                .iter()
                .find(|physical| physical.uuid == uuid)
                .ok_or(ELSEWHERE)?;
            let start = volume
                .number("pe_start")
                .and_then(|sectors| sectors.checked_mul(SECTOR_BYTES));
            Ok((here.area, start.ok_or(DAMAGED)?))
        };
        known
            .into_iter()
            .flat_map(Section::sections)
            .map(|(name, volume)| (name, place(volume)))
            .collect()
    }

    fn volume(&self, name: &str, volume: &Section, places: &Places) -> Area {
        let mut area = Area {
            name: format!("{}/{name}", self.name),
            description: "logical volume".to_owned(),
            pieces: Vec::new(),
            content: None,
            unsupported: None,
        };
        match self.pieces(volume, places) {
            Ok(pieces) => area.pieces = pieces,
            Err(reason) => area.unsupported = Some(reason),
        }
        area
    }

    fn pieces(&self, volume: &Section, places: &Places) -> Result<Vec<Piece>, Reason> {
        let mut segments: Vec<&Section> = volume.sections().map(|(_, segment)| segment).collect();
        segments.sort_by_key(|segment| segment.number("start_extent"));
        let mut pieces: Vec<Piece> = Vec::new();
        for segment in segments {
            let start = pieces.last().map_or(0, |last| last.logical + last.length);
            pieces.push(self.piece(segment, start, places)?);
        }
        if pieces.is_empty() { Err(DAMAGED) } else { Ok(pieces) }
    }

    /// Where a segment is, which has to start where the one before it ended.
    fn piece(&self, segment: &Section, start: u64, places: &Places) -> Result<Piece, Reason> {
        let kind = segment.text("type").unwrap_or_default();
        if kind != "striped" {
            return Err(unsupported(kind));
        }
        if segment.number("stripe_count") != Some(1) {
            return Err("an LVM volume in stripes");
        }
        let bytes = |extents: u64| extents.checked_mul(self.extent_bytes);
        let length = segment
            .number("extent_count")
            .and_then(bytes)
            .filter(|length| *length > 0);
        let length = length.ok_or(DAMAGED)?;
        let contiguous = segment.number("start_extent").and_then(bytes) == Some(start);
        if !contiguous || start.checked_add(length).is_none() {
            return Err(DAMAGED);
        }
        let Some([Value::Text(name), Value::Number(first)]) = segment.list("stripes") else {
            return Err(DAMAGED);
        };
        let (area, data_start) = (*places.get(name.as_str()).ok_or(DAMAGED)?)?;
        let offset = bytes(*first)
            .and_then(|offset| offset.checked_add(data_start))
            .ok_or(DAMAGED)?;
        let end = offset.checked_add(length).filter(|end| *end <= area.size_bytes());
        // A partition is in one piece: what is consecutive in it is so on the disk.
        let physical = end.and_then(|_| area.to_disk(offset)).ok_or(DAMAGED)?;
        Ok(Piece {
            logical: start,
            physical,
            length,
        })
    }
}

fn unsupported(kind: &str) -> Reason {
    match kind {
        "thin" | "thin-pool" => "an LVM thin volume",
        "snapshot" => "an LVM snapshot",
        "mirror" => "an LVM mirror",
        "cache" | "cache-pool" | "writecache" => "an LVM volume with a cache",
        "vdo" | "vdo-pool" => "an LVM volume with deduplication",
        raid if raid.starts_with("raid") => "an LVM RAID volume",
        _ => "an LVM volume of an unknown kind",
    }
}

//! Which pieces of a file to look at: those whose blocks were changed.

use std::sync::Arc;

use files::{Disk, ExtentKind};

use super::finding::Ground;
use crate::content::{Sample, SampleOf};
use crate::disk::{BLOCK, Changed, Node, Place, Side};

/// Pieces of a file that are looked at.
const PIECES_MAX: usize = 24;

/// The changed ranges of a file's bytes, ascending.
fn changed_ranges(places: &[Place], changed: &Changed) -> Vec<(u64, u64)> {
    let mut ranges = Vec::new();
    for place in places {
        let (start, end) = place.blocks();
        for (from, to, _) in changed.within(start, end) {
            // The bytes of what the file system compresses aren't where its blocks are.
            let range = if place.kind == ExtentKind::Compressed {
                (place.logical, place.logical.saturating_add(place.length))
            } else {
                place.part(from, to)
            };
            ranges.push(range);
        }
    }
    ranges
}

/// Pieces evenly out of ranges.
fn pieces_of(mut ranges: Vec<(u64, u64)>, size_bytes: u64) -> SampleOf {
    ranges.sort_unstable();
    let count = |range: &(u64, u64)| {
        (range.1.min(size_bytes))
            .div_ceil(BLOCK)
            .saturating_sub(range.0 / BLOCK)
    };
    let total: u64 = ranges.iter().map(count).sum();
    let step = total.div_ceil(PIECES_MAX as u64).max(1);
    let mut pieces = Vec::new();
    let mut next = 0;
    let mut passed = 0;
    for range in &ranges {
        let here = count(range);
        while next < passed + here {
            pieces.push((range.0 / BLOCK + (next - passed)) * BLOCK);
            next += step;
        }
        passed += here;
    }
    let last = ranges
        .last()
        .map(|range| range.1.min(size_bytes).saturating_sub(1) / BLOCK * BLOCK);
    pieces.extend(last);
    pieces.sort_unstable();
    SampleOf::of_pieces(pieces, PIECES_MAX + 1)
}

/// A file before and after, where it was changed, and whether it lies where it lay.
pub(crate) struct Both {
    pub(crate) old: Sample,
    pub(crate) new: Sample,
    pub(crate) changed_blocks: u64,
    pub(crate) is_same_layout: bool,
}

/// Samples of the same file before and after.
pub(crate) fn both(ground: &Ground<'_>, after: &Side, old: &Node, new: &Node) -> Both {
    let (places, new_places) = (ground.before.places(old.id), after.places(new.id));
    let mut ranges = changed_ranges(&places, ground.changed);
    ranges.extend(changed_ranges(&new_places, ground.changed));
    let wanted = pieces_of(ranges, old.size_bytes.min(new.size_bytes));
    let is_plain = places
        .iter()
        .all(|place| place.kind == ExtentKind::Data && place.disk.is_multiple_of(BLOCK));
    Both {
        old: Sample::read(&*ground.before.file_system, old.id, old.size_bytes, &wanted),
        new: Sample::read(&*after.file_system, new.id, new.size_bytes, &wanted),
        changed_blocks: u64::from(old.changed_blocks.max(new.changed_blocks)),
        is_same_layout: is_plain && places == new_places && old.size_bytes == new.size_bytes,
    }
}

/// A few pieces from all over a file.
pub(crate) fn overview(side: &Side, node: &Node) -> Sample {
    let wanted = SampleOf::even(node.size_bytes, 6);
    Sample::read(&*side.file_system, node.id, node.size_bytes, &wanted)
}

/// What the disk holds now where a file was, whatever the file system says; and the file as it was.
pub(crate) fn beneath(ground: &Ground<'_>, old: &Node) -> Both {
    let places = ground.before.places(old.id);
    let wanted = pieces_of(changed_ranges(&places, ground.changed), old.size_bytes);
    let new = raw_sample(ground.after_disk, &places, old.size_bytes, &wanted);
    Both {
        old: Sample::read(&*ground.before.file_system, old.id, old.size_bytes, &wanted),
        new,
        changed_blocks: u64::from(old.changed_blocks),
        is_same_layout: false,
    }
}

/// A file's bytes by where they lie on a disk.
pub(crate) fn raw_sample(disk: &Arc<dyn Disk>, places: &[Place], size_bytes: u64, wanted: &SampleOf) -> Sample {
    let read = |offset: u64, length: u64| -> Option<Vec<u8>> {
        let place = places
            .iter()
            .find(|place| place.logical <= offset && offset < place.logical.saturating_add(place.length))?;
        let within = offset - place.logical;
        let length = length.min(place.length - within).min(size_bytes.saturating_sub(offset));
        let mut buffer = vec![0; usize::try_from(length).ok()?];
        disk.read_at(place.disk.checked_add(within)?, &mut buffer).ok()?;
        Some(buffer)
    };
    let mut sample = Sample {
        size_bytes,
        head: read(0, 2 * BLOCK).unwrap_or_default(),
        ..Sample::default()
    };
    for offset in wanted.offsets.iter().copied() {
        match read(offset, BLOCK) {
            Some(piece) => sample.pieces.push((offset, piece)),
            None => sample.failed += 1,
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_taken_evenly_with_the_first_and_the_last() {
        let wanted = pieces_of(vec![(0, 16), (1 << 20, 3 << 20)], 4 << 20);
        assert_eq!(wanted.offsets.first(), Some(&0));
        assert_eq!(wanted.offsets.last(), Some(&((3 << 20) - BLOCK)));
        assert!(wanted.offsets.len() <= PIECES_MAX + 2, "{}", wanted.offsets.len());
        assert_eq!(pieces_of(vec![(100, 200)], 150).offsets, [0]);
    }
}

//! What an attack is let loose on: the files of a survey, or blocks at random where no file system can be read.

use volume::{Device, ExtentKind, View};

use crate::attack::{Range, Targets};
use crate::error::Error;
use crate::noise::Noise;
use crate::survey::{AreaSeen, Survey};

/// Extents that are asked for at a time, and how often at most.
const EXTENTS: usize = 512;
const ROUNDS_MAX: usize = 1024;
/// A stretch of a disk that stands for a file where there are none.
const STRETCH_BYTES: u64 = 512 << 10;
/// Most stretches that are chosen from.
const STRETCHES_MAX: usize = 1 << 16;

/// The targets on a fork.
pub(crate) fn targets(view: &View, survey: &Survey, bytes_max: u64, seed: u64) -> Result<Targets, Error> {
    let mut files: Vec<Vec<Range>> = survey
        .files
        .iter()
        .map(ranges_of)
        .filter(|file| !file.is_empty())
        .collect();
    let is_read = survey.areas.iter().any(|area| area.is_read);
    if files.is_empty() && !is_read {
        files = stretches(view, bytes_max, seed)?;
    }
    // In another order than that in which they were chosen, which is by type.
    Noise::new(seed).shuffle(&mut files);
    Ok(Targets {
        files,
        free: free(view, &survey.areas, bytes_max)?,
        structures: survey
            .areas
            .iter()
            .filter_map(|area| Some(area.pieces.first()?.physical))
            .collect(),
        disk_bytes: view.size_bytes(),
    })
}

fn ranges_of(file: &crate::survey::FileSeen) -> Vec<Range> {
    let pieces = file.pieces.iter();
    pieces
        .map(|piece| Range {
            offset: piece.physical,
            length: piece.length,
        })
        .collect()
}

/// Stretches of stored blocks, chosen at random.
fn stretches(view: &View, bytes_max: u64, seed: u64) -> Result<Vec<Vec<Range>>, Error> {
    let mut found = Vec::new();
    scan(view, 0, view.size_bytes(), &mut |kind, range| {
        let mut left = range;
        while kind == ExtentKind::Data && left.length > 0 && found.len() < STRETCHES_MAX {
            let length = left.length.min(STRETCH_BYTES);
            found.push(vec![Range { length, ..left }]);
            left.offset += length;
            left.length -= length;
        }
        found.len() < STRETCHES_MAX
    })?;
    Noise::new(!seed).shuffle(&mut found);
    let mut bytes = 0;
    found.retain(|file| {
        bytes += file.iter().map(|range| range.length).sum::<u64>();
        bytes <= bytes_max
    });
    Ok(found)
}

/// Space of file systems that holds nothing.
fn free(view: &View, areas: &[AreaSeen], bytes_max: u64) -> Result<Vec<Range>, Error> {
    let mut free = Vec::new();
    let mut bytes = 0;
    for piece in areas.iter().filter(|area| area.is_read).flat_map(|area| &area.pieces) {
        let end = piece.physical.saturating_add(piece.length).min(view.size_bytes());
        scan(view, piece.physical, end, &mut |kind, range| {
            if kind == ExtentKind::Hole {
                bytes += range.length;
                free.push(range);
            }
            bytes < bytes_max
        })?;
    }
    Ok(free)
}

/// Shows the runs of a span until the visitor has enough, or for a bounded number of rounds.
fn scan(view: &View, start: u64, end: u64, visit: &mut dyn FnMut(ExtentKind, Range) -> bool) -> Result<(), Error> {
    let mut offset = start;
    for _ in 0..ROUNDS_MAX {
        if offset >= end {
            break;
        }
        for extent in view.extents(offset, end - offset, EXTENTS)? {
            let length = extent.length;
            if !visit(extent.kind, Range { offset, length }) {
                return Ok(());
            }
            offset = offset.saturating_add(length.max(1));
        }
    }
    Ok(())
}

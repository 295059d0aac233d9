//! Which blocks of a disk changed between two moments, as far as the log tells.

use std::ops::ControlFlow;

use answers::Past;
use files::{Area, Extent};
use volume::Sequence;

use super::search::BLOCK_BYTES;
use crate::control::{HistoryReport, Progress, Request, Response};
use crate::failure::{Failure, FailureCode};
use crate::past::{VolumePast, failure_of};
use crate::when::When;

/// Ranges that are kept apart. With more, neighbours are joined across ever wider gaps: a block too many is looked at, never one too few.
const RANGES_MAX: usize = 1 << 20;

/// Blocks that changed.
///
/// Invariant: once sealed, `ranges` (first block, and the block behind the last) ascend and don't touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    ranges: Vec<(u64, u64)>,
    /// Gaps of up to so many blocks are joined.
    gap: u64,
}

impl Changed {
    /// Collects what changed after `from`, up to and including `to`.
    pub fn collect(past: &dyn Past, from: Sequence, to: Sequence) -> Result<Self, Failure> {
        let mut changed = Self::default();
        past.changes(from, to, &mut |change| {
            changed.add(change.first_block, change.blocks);
            ControlFlow::Continue(())
        })
        .map_err(failure_of)?;
        changed.join();
        Ok(changed)
    }

    fn add(&mut self, first: u64, blocks: u64) {
        self.ranges.push((first, first.saturating_add(blocks)));
        if self.ranges.len() < 2 * RANGES_MAX {
            return;
        }
        self.join();
        while self.ranges.len() > RANGES_MAX {
            self.gap = (self.gap * 2).max(1);
            self.join();
        }
    }

    fn join(&mut self) {
        self.ranges.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (first, end) in self.ranges.drain(..) {
            match joined.last_mut() {
                Some((_, until)) if first <= until.saturating_add(self.gap) => *until = end.max(*until),
                _ => joined.push((first, end)),
            }
        }
        self.ranges = joined;
    }

    /// Whether a part of `start..start + length`, in bytes of the disk, changed.
    #[must_use]
    pub fn touches(&self, start: u64, length: u64) -> bool {
        let first = start / BLOCK_BYTES;
        let end = start.saturating_add(length).div_ceil(BLOCK_BYTES);
        let behind = self.ranges.partition_point(|(from, _)| *from < end);
        behind
            .checked_sub(1)
            .and_then(|last| self.ranges.get(last))
            .is_some_and(|(_, until)| *until > first)
    }
}

/// Shows where on the disk a piece of a file is: it may lie in several pieces of its area.
pub fn on_disk(area: &Area, extent: &Extent, visit: &mut dyn FnMut(u64, u64)) {
    let end = extent.physical.saturating_add(extent.length);
    for piece in &area.pieces {
        let from = extent.physical.max(piece.logical);
        let until = end.min(piece.logical.saturating_add(piece.length));
        if from < until {
            visit((from - piece.logical).saturating_add(piece.physical), until - from);
        }
    }
}

/// What was done with the volume since a moment: restores change blocks of which the log says nothing.
pub fn events(past: &VolumePast, since: Option<&When>) -> Result<HistoryReport, Failure> {
    let request = Request::History {
        name: past.name().to_owned(),
        since: since.cloned(),
        until: None,
        bucket_seconds: None,
    };
    match past.ask(request, &mut Silent)? {
        Response::History(report) => Ok(report),
        _ => Err(Failure::new(FailureCode::Failure, "the history wasn't answered")),
    }
}

/// Batches at which the disk was returned to another moment, as a whole or in part.
#[must_use]
pub fn restores(history: &HistoryReport) -> Vec<u64> {
    let restored = history.events.iter().filter(|event| event.is_restore());
    restored.map(|event| event.moment.sequence).collect()
}

/// Short requests tell no progress.
struct Silent;

impl Progress for Silent {
    fn update(&mut self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use files::{ExtentKind, Piece};

    fn changed(ranges: &[(u64, u64)]) -> Changed {
        let mut changed = Changed::default();
        for (first, blocks) in ranges {
            changed.add(*first, *blocks);
        }
        changed.join();
        changed
    }

    #[test]
    fn ranges_are_joined_and_found() {
        let changed = changed(&[(10, 5), (100, 1), (12, 10), (22, 1)]);
        assert_eq!(changed.ranges, [(10, 23), (100, 101)]);
        for (start, length, touched) in [
            (0, 10 * 4096, false),
            (0, 10 * 4096 + 1, true),
            (22 * 4096 + 4095, 1, true),
            (23 * 4096, 77 * 4096, false),
            (100 * 4096, 1, true),
            (101 * 4096, 1 << 40, false),
            (0, u64::MAX, true),
        ] {
            assert_eq!(changed.touches(start, length), touched, "{start} {length}");
        }
    }

    #[test]
    fn too_many_ranges_become_coarser_and_lose_none() {
        let mut changed = Changed::default();
        for number in 0..3 * RANGES_MAX as u64 {
            changed.add(number * 2, 1);
        }
        changed.join();
        assert!(changed.ranges.len() <= 2 * RANGES_MAX);
        assert!((0..3 * RANGES_MAX as u64).all(|number| changed.touches(number * 2 * 4096, 4096)));
    }

    #[test]
    fn a_piece_of_a_file_is_found_in_all_pieces_of_its_area() {
        let area = Area {
            name: String::new(),
            description: String::new(),
            pieces: vec![
                Piece {
                    logical: 0,
                    physical: 1 << 20,
                    length: 1 << 16,
                },
                Piece {
                    logical: 1 << 16,
                    physical: 1 << 30,
                    length: 1 << 16,
                },
            ],
            content: None,
            unsupported: None,
        };
        let kind = ExtentKind::Data;
        let extent = Extent {
            logical: 0,
            physical: (1 << 16) - 4096,
            length: 8192,
            kind,
        };
        let mut found = Vec::new();
        on_disk(&area, &extent, &mut |start, length| found.push((start, length)));
        assert_eq!(found, [((1 << 20) + (1 << 16) - 4096, 4096), (1 << 30, 4096)]);
    }
}

//! Which blocks clients read, and where reads began and ended: what lets a read of a file be told apart from blocks that were read
//! along with those of its neighbour.

use files::ExtentKind;
use rustc_hash::FxHashSet;

use super::changed::{Changed, Stamp};
use super::side::Place;

/// What clients read.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub(crate) blocks: Changed,
    /// The blocks with which reads began anew, and those behind the last ones of all; of reads that are known to the block. One
    /// that goes on where another ended may go on by itself, ahead of what is asked for.
    starts: FxHashSet<u64>,
    ends: FxHashSet<u64>,
}

impl Reads {
    /// Notes blocks that were read together. Reads come in the order of time.
    pub(crate) fn note(&mut self, stamp: Stamp, first_block: u64, blocks: u64, grain_blocks: u64) {
        self.blocks.note(stamp, first_block, blocks);
        if blocks > 0 && grain_blocks <= 1 {
            if !self.ends.contains(&first_block) {
                self.starts.insert(first_block);
            }
            self.ends.insert(first_block.saturating_add(blocks));
        }
    }
}

/// How a file was read, as its blocks tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadOf {
    /// Blocks that were read.
    pub(crate) blocks: u32,
    /// The most of them that lie beside each other.
    pub(crate) longest: u32,
    /// Its first block was read.
    pub(crate) is_begun: bool,
    /// A read began with its first block.
    pub(crate) is_asked_for: bool,
    /// A read ended with its last block.
    pub(crate) is_ended: bool,
    /// All of it lies within the file system's own structures.
    pub(crate) is_inline: bool,
}

impl ReadOf {
    /// By where the file lies, ascending in the file.
    pub(crate) fn of(reads: &Reads, places: &[Place]) -> Self {
        let mut of = Self {
            is_inline: !places.is_empty() && places.iter().all(|place| place.kind == ExtentKind::Inline),
            ..Self::default()
        };
        let (mut total, mut longest) = (0_u64, 0_u64);
        for place in places {
            let (start, end) = place.blocks();
            let (mut length, mut behind) = (0, start);
            for (from, to, _) in reads.blocks.within(start, end) {
                length = if from == behind { length } else { 0 } + (to - from);
                behind = to;
                total += to - from;
                longest = longest.max(length);
            }
        }
        of.blocks = u32::try_from(total).unwrap_or(u32::MAX);
        of.longest = u32::try_from(longest).unwrap_or(u32::MAX);
        if let (Some(first), Some(last)) = (places.first(), places.last()) {
            let ((start, _), (_, end)) = (first.blocks(), last.blocks());
            of.is_begun = reads.blocks.within(start, start + 1).next().is_some();
            of.is_asked_for = reads.starts.contains(&start);
            of.is_ended = of.blocks > 0 && reads.ends.contains(&end);
        }
        of
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::BLOCK;

    fn place(block: u64, blocks: u64) -> Place {
        Place {
            logical: 0,
            disk: block * BLOCK,
            length: blocks * BLOCK,
            kind: ExtentKind::Data,
        }
    }

    #[test]
    fn a_file_knows_whether_a_read_began_and_ended_with_it() {
        let mut reads = Reads::default();
        reads.note(Stamp::default(), 10, 12, 1);
        let of = |block, blocks| ReadOf::of(&reads, &[place(block, blocks)]);
        let expected = ReadOf {
            blocks: 4,
            longest: 4,
            is_begun: true,
            is_asked_for: true,
            is_ended: false,
            is_inline: false,
        };
        assert_eq!(of(10, 4), expected);
        let within = ReadOf {
            is_asked_for: false,
            ..expected
        };
        assert_eq!(of(14, 4), within);
        let last = ReadOf {
            is_ended: true,
            ..within
        };
        assert_eq!(of(18, 4), last);
        assert_eq!(of(30, 4), ReadOf::default());
    }

    #[test]
    fn a_read_that_goes_on_where_another_ended_does_not_begin_there() {
        let mut reads = Reads::default();
        reads.note(Stamp::default(), 10, 4, 1);
        reads.note(Stamp::default(), 14, 4, 1);
        reads.note(Stamp::default(), 20, 4, 1);
        let is_asked_for = |block| ReadOf::of(&reads, &[place(block, 4)]).is_asked_for;
        assert_eq!([10, 14, 20].map(is_asked_for), [true, false, true]);
    }

    #[test]
    fn pieces_are_long_as_far_as_they_lie_beside_each_other() {
        let mut reads = Reads::default();
        let later = Stamp {
            time: volume::Timestamp::from_unix_seconds(60),
            ..Stamp::default()
        };
        reads.note(Stamp::default(), 10, 4, 1);
        reads.note(later, 14, 3, 1);
        reads.note(later, 20, 2, 1);
        let of = ReadOf::of(&reads, &[place(10, 20), place(40, 2)]);
        assert_eq!((of.blocks, of.longest, of.is_ended), (9, 7, false));
    }

    #[test]
    fn rounded_reads_say_nothing_of_where_they_began() {
        let mut reads = Reads::default();
        reads.note(Stamp::default(), 8, 8, 8);
        let of = ReadOf::of(&reads, &[place(8, 8)]);
        assert_eq!((of.blocks, of.is_asked_for, of.is_ended), (8, false, false));
    }
}

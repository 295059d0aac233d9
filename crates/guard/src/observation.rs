//! What one write showed: a look at each block, and what was there before. Buffers are reused from write to write.

use sentinel::{Class, Look, Written};
use volume::{BLOCK_BYTES, Former, Observer, Timestamp};

const BLOCK: u64 = BLOCK_BYTES as u64;

/// Blocks for which a buffer is kept from write to write.
const KEPT_BLOCKS: usize = 1 << 16;
/// A time of writing that lies further in the future than this says that the clock jumped: the age is unknown.
const AHEAD_SECONDS: u64 = 60;

/// The blocks of a write.
#[derive(Debug, Default)]
pub struct Observation {
    blocks: Vec<Written>,
    /// Runs of consecutive blocks: the first block's number, and how many.
    runs: Vec<(u64, usize)>,
    /// Blocks that are in a run.
    told: usize,
}

impl Observation {
    /// Begins anew, for another write.
    pub(crate) fn begin(&mut self) {
        self.blocks.clear();
        self.blocks.shrink_to(KEPT_BLOCKS);
        self.runs.clear();
        self.told = 0;
    }

    /// The runs that were written: first block, and the blocks.
    pub fn runs(&self) -> impl Iterator<Item = (u64, &[Written])> {
        let mut start = 0;
        self.runs.iter().map(move |(first, count)| {
            let run = self.blocks.get(start..start + count).unwrap_or_default();
            start += count;
            (*first, run)
        })
    }
}

impl Observer for Observation {
    fn classify(&mut self, block: &[u8]) -> u8 {
        let look = Look::at(block);
        self.blocks.push(Written {
            look,
            ..Written::default()
        });
        look.class as u8
    }

    fn written(&mut self, first: u64, former: &[Former], now: Timestamp) {
        let run = self.blocks.iter_mut().skip(self.told);
        for (block, former) in run.zip(former) {
            block.former = sentinel::Former {
                class: Class::from_number(former.class),
                is_stored: former.is_stored,
                age_seconds: former.written.and_then(|written| age_seconds(written, now)),
            };
        }
        self.told += former.len();
        self.runs.push((first, former.len()));
    }
}

/// Classes blocks and tells nobody: for what fills a disk without being watched, such as an import. What is encrypted later is known by
/// the class it had.
#[derive(Clone, Copy, Debug)]
pub struct Classes;

impl Observer for Classes {
    fn classify(&mut self, block: &[u8]) -> u8 {
        Look::at(block).class as u8
    }

    fn written(&mut self, _first: u64, _former: &[Former], _now: Timestamp) {}
}

/// The blocks that a read of `length` bytes from `offset` on touches: the first one, and how many.
#[must_use]
pub fn blocks_read(offset: u64, length: u64) -> (u64, u32) {
    let first = offset / BLOCK;
    let count = (offset + length).div_ceil(BLOCK).saturating_sub(first);
    (first, u32::try_from(count).unwrap_or(u32::MAX))
}

/// The blocks that clearing `length` bytes from `offset` on clears as a whole: the first one, and how many. The rest of
/// the others stays.
#[must_use]
pub fn blocks_cleared(offset: u64, length: u64) -> (u64, u64) {
    let first = offset.div_ceil(BLOCK);
    (first, (offset.saturating_add(length) / BLOCK).saturating_sub(first))
}

/// A block's age; `None` if it was written in what is the future now.
fn age_seconds(written: Timestamp, now: Timestamp) -> Option<u32> {
    if written.since(now).as_secs() > AHEAD_SECONDS {
        return None;
    }
    Some(u32::try_from(now.since(written).as_secs()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + second)
    }

    #[test]
    fn looks_and_former_versions_are_joined_in_their_order() {
        let mut observation = Observation::default();
        for _ in 0..2 {
            observation.begin();
            for byte in [1, 2, 3, 4] {
                observation.classify(&[byte; 4096]);
            }
            let former = |second| Former {
                class: 8,
                is_stored: true,
                written: Some(at(second)),
            };
            observation.written(7, &[former(40), former(90)], at(100));
            observation.written(90, &[former(0)], at(100));
            let runs: Vec<_> = observation.runs().map(|(first, run)| (first, run.to_vec())).collect();
            assert_eq!(
                runs.iter().map(|(first, run)| (*first, run.len())).collect::<Vec<_>>(),
                [(7, 2), (90, 1)]
            );
            let ages = runs
                .iter()
                .flat_map(|(_, run)| run)
                .map(|block| block.former.age_seconds);
            assert_eq!(ages.collect::<Vec<_>>(), [Some(60), Some(10), Some(100)]);
            assert!(
                runs.iter()
                    .flat_map(|(_, run)| run)
                    .all(|block| block.former.class == Class::Random)
            );
        }
    }

    #[test]
    fn reads_touch_blocks_and_clearing_spares_the_ones_at_the_ends() {
        assert_eq!(blocks_read(4095, 2), (0, 2));
        assert_eq!(blocks_read(4096, 4096), (1, 1));
        assert_eq!(blocks_cleared(4095, 4098), (1, 1));
        assert_eq!(blocks_cleared(100, 200), (1, 0));
    }

    #[test]
    fn a_time_of_writing_in_the_future_tells_no_age() {
        assert_eq!(age_seconds(at(100), at(70)), Some(0));
        assert_eq!(age_seconds(at(100_000), at(70)), None);
        assert_eq!(age_seconds(Timestamp::ZERO, at(70)), Some(1_800_000_070));
    }
}

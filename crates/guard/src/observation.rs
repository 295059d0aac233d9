//! What one write showed: a look at each block, and what was there before, which is asked for afterwards. Buffers are reused from write to
//! write.

use sentinel::{Class, Look, Written};
use volume::{BLOCK_BYTES, Before, Observer, Timestamp};

const BLOCK: u64 = BLOCK_BYTES as u64;

/// Blocks for which a buffer is kept from write to write.
const KEPT_BLOCKS: usize = 1 << 16;
/// A time of writing that lies further in the future than this says that the clock jumped: the age is unknown.
const AHEAD_SECONDS: u64 = 60;

/// The blocks of a write.
#[derive(Debug, Default)]
pub struct Observation {
    blocks: Vec<Written>,
    /// What was there before, by batches, until it is looked up.
    before: Vec<(Before, Timestamp)>,
    /// Runs of consecutive blocks that were looked up: the first block's number, and how many.
    runs: Vec<(u64, usize)>,
}

impl Observation {
    /// Begins anew, for another write.
    pub(crate) fn begin(&mut self) {
        self.blocks.clear();
        self.blocks.shrink_to(KEPT_BLOCKS);
        self.before.clear();
        self.runs.clear();
    }

    /// Whether no block was written.
    pub(crate) const fn is_empty(&self) -> bool {
        self.before.is_empty() && self.runs.is_empty()
    }

    /// Looks up what was there before. Whoever asks for the runs does this first. `is_same` is asked for each batch of which some blocks
    /// seem to be written as they were whether they count as the same: that they have the checksum can be arranged.
    pub fn look_up(&mut self, is_same: &mut dyn FnMut(&Before, &[Written]) -> bool) {
        let mut told: usize = self.runs.iter().map(|(_, count)| count).sum();
        for (before, now) in self.before.drain(..) {
            let start = told;
            let mut run: Option<(u64, usize)> = None;
            let mut any_seems_same = false;
            before.look_up(&mut |block, former| {
                if let Some(seen) = self.blocks.get_mut(told) {
                    let class = Class::from_number(former.class);
                    // File systems that end a block of their own with its CRC-32C give all its versions the same one (ext4's superblock and
                    // folders). Those don't look random; under encryption they do, and have it no more.
                    let is_same = former.seems_same && class == seen.look.class && class >= Class::Mixed;
                    any_seems_same |= is_same;
                    seen.former = sentinel::Former {
                        class,
                        is_stored: former.is_stored,
                        is_same,
                        age_seconds: former.written.and_then(|written| age_seconds(written, now)),
                    };
                    told += 1;
                }
                run = match run.take() {
                    Some((first, count)) if block == first + count as u64 => Some((first, count + 1)),
                    ended => {
                        self.runs.extend(ended);
                        Some((block, 1))
                    }
                };
            });
            self.runs.extend(run);
            let blocks = self.blocks.get_mut(start..told).unwrap_or_default();
            if any_seems_same && !is_same(&before, blocks) {
                blocks.iter_mut().for_each(|seen| seen.former.is_same = false);
            }
        }
    }

    /// The runs that were written and looked up: first block, and the blocks.
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

    fn written(&mut self, before: Before, now: Timestamp) {
        self.before.push((before, now));
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

    fn written(&mut self, _before: Before, _now: Timestamp) {}
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
    use std::sync::Arc;

    use volume::{Clock, OsDirectory, Store, WriteRequest, os_random};

    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + second)
    }

    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    #[test]
    fn looks_and_former_versions_are_joined_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(OsDirectory::open(folder.path()).unwrap());
        let settings = |_: &str| volume::Settings::default();
        let store = Store::open(directory, Box::new(settings), Box::new(os_random));
        let volume = store.create("disk", 1 << 20, at(0)).unwrap();
        let write = |second, blocks: &[u64], byte: u8, observer: &mut dyn Observer| {
            let data = [byte; 4096];
            let request = |block: &u64| WriteRequest {
                offset: block * BLOCK,
                data: &data,
            };
            let requests: Vec<_> = blocks.iter().map(request).collect();
            let disk = volume.attach(Arc::new(At(at(second))));
            disk.write_observed(&requests, observer).unwrap();
        };
        let mut observation = Observation::default();
        for (start, last) in [(0, None), (1000, Some(1000))] {
            for (second, block) in [(0, 90), (40, 7), (90, 8)] {
                write(start + second, &[block], 1, &mut Classes);
            }
            observation.begin();
            assert!(observation.is_empty());
            write(start + 100, &[7, 8, 90], 2, &mut observation);
            // A batch of its own isn't joined to one before.
            write(start + 100, &[91], 3, &mut observation);
            assert!(!observation.is_empty());
            observation.look_up(&mut |_, _| true);
            observation.look_up(&mut |_, _| true);
            let runs: Vec<_> = observation.runs().map(|(first, run)| (first, run.to_vec())).collect();
            assert_eq!(
                runs.iter().map(|(first, run)| (*first, run.len())).collect::<Vec<_>>(),
                [(7, 2), (90, 1), (91, 1)]
            );
            let blocks = || runs.iter().flat_map(|(_, run)| run);
            let looks: Vec<_> = blocks().map(|block| block.look).collect();
            assert_eq!(looks, [2, 2, 2, 3].map(|byte| Look::at(&[byte; 4096])));
            let ages: Vec<_> = blocks().map(|block| block.former.age_seconds).collect();
            assert_eq!(ages, [Some(60), Some(10), Some(100), last]);
            let class = Look::at(&[1; 4096]).class;
            assert!(
                blocks()
                    .take(3)
                    .all(|block| block.former.class == class && block.former.is_stored)
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

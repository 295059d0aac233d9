//! Random numbers: reproducible ones for made-up documents and choices, bytes that nobody can foretell for the attack.

use volume::os_random;

/// A generator for choices. The same seed gives the same numbers.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    state: u64,
}

impl Choices {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number: SplitMix64 of Steele, Lea and Flood.
    pub(super) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `limit`; 0 if that is 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let limit = limit as u64;
        self.next().checked_rem(limit).unwrap_or(0) as usize
    }

    /// One of the items.
    pub(super) fn of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.below(items.len());
        items.get(index)
    }
}

/// Endless bytes that can't be told from noise. What they are made from is known to nobody, and gone with this value.
pub(super) struct Noise {
    stream: blake3::OutputReader,
}

impl Noise {
    pub(super) fn new() -> Self {
        Self {
            stream: blake3::Hasher::new().update(&os_random()).finalize_xof(),
        }
    }

    /// Fills a buffer.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) {
        self.stream.fill(buffer);
    }
}

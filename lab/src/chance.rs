//! Numbers that look random and are the same in every run.

/// `SplitMix64`: one addition and a mix a number.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Fills a buffer so that half of it compresses away, as files on a disk do: every other 64 bytes are zeros.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        for (number, line) in buffer.chunks_mut(64).enumerate() {
            if number % 2 == 0 {
                for word in line.chunks_mut(8) {
                    let bytes = self.next().to_le_bytes();
                    word.copy_from_slice(bytes.get(..word.len()).unwrap_or_default());
                }
            } else {
                line.fill(0);
            }
        }
    }
}

//! Writes bits, the least significant first, as gzip and brotli have them.

/// Bits to be written: the least significant `length` of `bits`; those above are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) bits: u32,
    pub(super) length: u32,
}

impl Bits {
    /// The least significant `length` (at most 32) bits of a number.
    pub(super) const fn of(number: usize, length: u32) -> Self {
        let mask = (1_u64 << length) - 1;
        Self {
            bits: (number as u64 & mask) as u32,
            length,
        }
    }

    /// These, then those of `other`. Together at most 32.
    pub(super) const fn then(self, other: Self) -> Self {
        Self {
            bits: self.bits | other.bits << self.length,
            length: self.length + other.length,
        }
    }
}

/// A writer into a buffer that was made large enough; bits behind its end are lost.
#[derive(Debug)]
pub(super) struct BitWriter<'a> {
    out: &'a mut [u8],
    written: usize,
    waiting: u64,
    filled: u32,
}

impl<'a> BitWriter<'a> {
    /// Starts at the front of `out`, which needs eight bytes more than what is written.
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            written: 0,
            waiting: 0,
            filled: 0,
        }
    }

    /// Adds bits. Between two calls of [`BitWriter::flush`] up to 56.
    #[inline]
    pub(super) fn put(&mut self, bits: Bits) {
        self.waiting |= u64::from(bits.bits) << self.filled;
        self.filled += bits.length;
    }

    /// Adds the least significant `length` (at most 32) bits of a number.
    pub(super) fn number(&mut self, number: usize, length: u32) {
        self.all(&[Bits::of(number, length)]);
    }

    /// Adds any number of bits.
    pub(super) fn all(&mut self, all: &[Bits]) {
        for bits in all {
            self.put(*bits);
            self.flush();
        }
    }

    /// Writes whole bytes.
    #[inline]
    pub(super) fn flush(&mut self) {
        let place = self.out.get_mut(self.written..);
        if let Some(place) = place.and_then(|rest| rest.first_chunk_mut::<8>()) {
            *place = self.waiting.to_le_bytes();
        }
        let bytes = self.filled / 8;
        self.written += bytes as usize;
        self.waiting >>= 8 * bytes;
        self.filled %= 8;
    }

    /// Writes the last bits, filled up to a whole byte; returns how many bytes were written in all.
    pub(super) fn finish(mut self) -> usize {
        self.filled = self.filled.next_multiple_of(8);
        self.flush();
        self.written
    }
}

//! Reading big-endian numbers off the front of a slice.

/// Takes typed values off the front of a slice; every method returns `None` where too few bytes are left, and then
/// leaves the reader as it was.
#[derive(Clone, Copy, Debug)]
pub struct ByteReader<'a> {
    rest: &'a [u8],
}

impl<'a> ByteReader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What hasn't been taken yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes `length` bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    /// Takes a 16-bit number.
    pub fn take_u16(&mut self) -> Option<u16> {
        self.take_array().map(u16::from_be_bytes)
    }

    /// Takes a 32-bit number.
    pub fn take_u32(&mut self) -> Option<u32> {
        self.take_array().map(u32::from_be_bytes)
    }

    /// Takes a 64-bit number.
    pub fn take_u64(&mut self) -> Option<u64> {
        self.take_array().map(u64::from_be_bytes)
    }

    fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_big_endian_and_short_input_leaves_the_reader_as_it_was() {
        let mut reader = ByteReader::new(&[0, 1, 0, 0, 0, 2, 9]);
        assert_eq!(reader.take_u16(), Some(1));
        assert_eq!(reader.take_u32(), Some(2));
        assert_eq!(reader.take_u64(), None);
        assert_eq!(reader.take(2), None);
        assert_eq!(reader.rest(), &[9]);
    }
}

//! A block: some neighbouring rows of a table, each key without what it shares with the one before.
//!
//! A row is three numbers (bytes of the key shared with the row before, bytes of the rest of the key, bytes of the value), the rest of
//! the key, and the value. The first row shares nothing. The last four bytes of a block are the CRC-32C of all before, little-endian.

use super::varint;

/// A block is closed before it gets longer than this: one page of the page cache.
pub(crate) const BLOCK_BYTES: usize = 4096;
/// The longest key: an address (64 + 1 + 255) and a website (255) with room to spare.
pub(crate) const KEY_BYTES_MAX: usize = 1024;
/// The longest value.
pub(crate) const VALUE_BYTES_MAX: usize = 1 << 16;
/// The longest block: one row of the longest kind.
pub(crate) const BLOCK_BYTES_MAX: usize = KEY_BYTES_MAX + VALUE_BYTES_MAX + 64;
/// Bytes of the checksum.
const CHECKSUM_BYTES: usize = 4;

/// A block that is being filled.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    bytes: Vec<u8>,
    first_key: Vec<u8>,
    last_key: Vec<u8>,
    rows: u64,
}

impl BlockBuilder {
    /// Whether a row is to go into the next block.
    pub(super) fn is_full_for(&self, key: &[u8], value: &[u8]) -> bool {
        let numbers_max = 8;
        let length = self.bytes.len() + key.len() + value.len() + numbers_max + CHECKSUM_BYTES;
        self.rows > 0 && length > BLOCK_BYTES
    }

    /// Adds a row whose key is greater than that of the row before.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        let shared = if self.rows == 0 {
            self.first_key.clear();
            self.first_key.extend_from_slice(key);
            0
        } else {
            self.last_key
                .iter()
                .zip(key)
                .take_while(|(left, right)| left == right)
                .count()
        };
        let rest = key.get(shared..).unwrap_or_default();
        for number in [shared, rest.len(), value.len()] {
            varint::put(&mut self.bytes, number as u64);
        }
        self.bytes.extend_from_slice(rest);
        self.bytes.extend_from_slice(value);
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(rest);
        self.rows += 1;
    }

    /// The key of the row before.
    pub(super) fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Closes the block: its first key and its bytes. Then [`BlockBuilder::clear`] begins the next.
    pub(super) fn close(&mut self) -> (&[u8], &[u8]) {
        let checksum = crc32c::crc32c(&self.bytes);
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        (&self.first_key, &self.bytes)
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.rows = 0;
    }
}

/// A block that was read, and a row in it.
#[derive(Debug, Default)]
pub(super) struct BlockRows {
    bytes: Vec<u8>,
    position: usize,
    key: Vec<u8>,
    value: std::ops::Range<usize>,
}

impl BlockRows {
    /// The buffer for a block of `length` bytes with its checksum; then [`BlockRows::begin`].
    pub(super) fn buffer(&mut self, length: usize) -> &mut [u8] {
        self.bytes.clear();
        self.bytes.resize(length, 0);
        &mut self.bytes
    }

    /// Checks the block in the buffer; what is wrong otherwise.
    pub(super) fn begin(&mut self) -> Result<(), &'static str> {
        let length = self
            .bytes
            .len()
            .checked_sub(CHECKSUM_BYTES)
            .ok_or("a block is too short")?;
        let (rows, checksum) = self.bytes.split_at(length);
        if crc32c::crc32c(rows).to_le_bytes() != checksum {
            return Err("the checksum of a block is wrong");
        }
        self.bytes.truncate(length);
        self.position = 0;
        self.key.clear();
        self.value = 0..0;
        Ok(())
    }

    /// Goes to the next row; false behind the last.
    pub(super) fn advance(&mut self) -> Result<bool, &'static str> {
        const BAD: &str = "a row is malformed";
        let mut rest = self.bytes.get(self.position..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(false);
        }
        let shared = varint::take_length(&mut rest, self.key.len()).ok_or(BAD)?;
        let added = varint::take_length(&mut rest, KEY_BYTES_MAX - shared).ok_or(BAD)?;
        let value = varint::take_length(&mut rest, VALUE_BYTES_MAX).ok_or(BAD)?;
        let (added, rest) = rest.split_at_checked(added).ok_or(BAD)?;
        self.key.truncate(shared);
        self.key.extend_from_slice(added);
        let start = self.bytes.len() - rest.len();
        self.position = start
            .checked_add(value)
            .filter(|end| *end <= self.bytes.len())
            .ok_or(BAD)?;
        self.value = start..self.position;
        Ok(true)
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(super) fn value(&self) -> &[u8] {
        self.bytes.get(self.value.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(Vec<u8>, Vec<u8>)>;

    fn rows(bytes: &[u8]) -> Result<Rows, &'static str> {
        let mut block = BlockRows::default();
        block.buffer(bytes.len()).copy_from_slice(bytes);
        block.begin()?;
        let mut rows = Vec::new();
        while block.advance()? {
            rows.push((block.key().to_vec(), block.value().to_vec()));
        }
        Ok(rows)
    }

    fn built(given: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = BlockBuilder::default();
        for (key, value) in given {
            builder.push(key.as_bytes(), value.as_bytes());
        }
        builder.close().1.to_vec()
    }

    #[test]
    fn rows_come_back_and_shared_beginnings_are_written_once() {
        let given = [
            ("example.com\0ann", "1"),
            ("example.com\0anna", ""),
            ("example.org\0ben", "22"),
        ];
        let bytes = built(&given);
        assert_eq!(bytes.windows(8).filter(|window| window == b"example.").count(), 1);
        let expected: Vec<_> = given
            .iter()
            .map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect();
        assert_eq!(rows(&bytes).unwrap(), expected);
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let bytes = built(&[("ann", "1"), ("ben", "2")]);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(rows(&damaged).is_err(), "bit {bit}");
        }
    }

    /// With a true checksum, so that the parser itself is met.
    #[test]
    fn malformed_rows_are_refused() {
        for bad in [
            &[1, 1, 0, b'a'][..],
            &[0, 5, 0, b'a'],
            &[0, 1, 9, b'a'],
            &[0],
            &[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0],
        ] {
            let mut bytes = bad.to_vec();
            bytes.extend_from_slice(&crc32c::crc32c(bad).to_le_bytes());
            assert!(rows(&bytes).is_err(), "{bad:?}");
        }
        assert!(rows(b"abc").is_err());
    }
}

//! Numbers and names as Microsoft's formats store them: little-endian, and UTF-16.
//!
//! Reading past the end gives `None`: how long a structure is, the disk says, and the disk isn't trusted.

/// The bytes at an offset.
pub(crate) fn array_at<const LENGTH: usize>(bytes: &[u8], offset: usize) -> Option<[u8; LENGTH]> {
    bytes.get(offset..offset.checked_add(LENGTH)?)?.try_into().ok()
}

pub(crate) fn u8_at(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(offset).copied()
}

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array_at(bytes, offset).map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array_at(bytes, offset).map(u64::from_le_bytes)
}

/// The code units of a name; a last odd byte is ignored.
pub(crate) fn utf16_units(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).filter_map(|pair| u16_at(pair, 0)).collect()
}

/// UTF-8 made from UTF-16. Windows allows half a surrogate pair in a name: it becomes the three bytes that UTF-8 would have for that
/// number (WTF-8), so that different names stay different.
pub(crate) fn utf8_from_utf16(units: &[u16]) -> Vec<u8> {
    let mut name = Vec::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(character) => name.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) => {
                let [low, high] = error.unpaired_surrogate().to_le_bytes();
                name.extend_from_slice(&[
                    0xe0 | high >> 4,
                    0x80 | (high & 0x0f) << 2 | low >> 6,
                    0x80 | low & 0x3f,
                ]);
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_utf_8_and_half_pairs_stay_apart() {
        let units: Vec<u16> = "a\u{e4}\u{20ac}\u{1f600}".encode_utf16().collect();
        assert_eq!(utf8_from_utf16(&units), "a\u{e4}\u{20ac}\u{1f600}".as_bytes());
        assert_eq!(utf8_from_utf16(&[0x61, 0xd83d]), b"a\xed\xa0\xbd");
        assert_eq!(utf8_from_utf16(&[0xde00]), b"\xed\xb8\x80");
    }

    #[test]
    fn numbers_past_the_end_are_none() {
        assert_eq!(u16_at(&[1, 2, 3], 1), Some(0x302));
        assert_eq!(u16_at(&[1, 2, 3], 2), None);
        assert_eq!(u64_at(&[0; 8], usize::MAX), None);
    }
}

//! Fields of structures on a disk.
//!
//! A field beyond the end of its structure reads as zero: structures grow at their end from one revision to the next, and what an older
//! one doesn't have is zero in all formats that are read here. Where a length matters, the caller checks it before.

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let field = at.checked_add(N).and_then(|end| bytes.get(at..end));
    field.and_then(|field| field.try_into().ok()).unwrap_or([0; N])
}

pub(crate) fn u8_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

pub(crate) fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(crate) fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(crate) fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

pub(crate) fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array(bytes, at))
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

/// A number whose halves lie apart.
pub(crate) fn joined(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The bytes from `at` on, or none beyond the end.
pub(crate) fn from(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

/// A part of a structure, or `None` if it isn't wholly there.
pub(crate) fn part(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// A text in a field of fixed length: up to its first zero.
pub(crate) fn text(field: &[u8]) -> String {
    let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_structure_does_not_have_is_zero() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!(le32(&bytes, 1), 0x0504_0302);
        assert_eq!(be32(&bytes, 0), 0x0102_0304);
        assert_eq!((le16(&bytes, 3), be16(&bytes, 3)), (0x0504, 0x0405));
        assert_eq!((le16(&bytes, 4), le32(&bytes, usize::MAX), u8_at(&bytes, 5)), (0, 0, 0));
        assert_eq!(part(&bytes, 3, 2), Some(&bytes[3..]));
        assert_eq!((part(&bytes, 3, 3), part(&bytes, 3, usize::MAX)), (None, None));
    }
}

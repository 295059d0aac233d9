//! Bytes as hexadecimal digits, and back.

/// Two lower-case digits for each byte.
pub(crate) fn lower(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Two upper-case digits for each byte.
pub(crate) fn upper(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Exactly `N` bytes from their digits, of either case; `None` for anything else.
pub(crate) fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    vector(digits.as_bytes())?.try_into().ok()
}

/// Any number of bytes from their digits.
pub(crate) fn vector(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    rest.is_empty().then(|| bytes.collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_back_as_bytes_and_nothing_else_does() {
        assert_eq!(
            (lower(&[0, 0xab]), upper(&[0, 0xab])),
            ("00ab".to_owned(), "00AB".to_owned())
        );
        assert_eq!(bytes("00aB"), Some([0, 0xab]));
        for wrong in ["", "00", "00ab0", "00abcd", "00ag", "+0ab", "00\u{e9}"] {
            assert_eq!(bytes::<2>(wrong), None, "{wrong}");
        }
        assert_eq!(vector(b""), Some(Vec::new()));
        assert_eq!(vector(b"abc"), None);
    }
}

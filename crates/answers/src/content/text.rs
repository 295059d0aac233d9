//! Whether bytes are plain text, and whether that text is a person's or random bytes dressed as text.

/// What UTF-16 begins with.
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
/// Text of which more than this share of bytes is outside ASCII isn't taken for Latin-1.
const LATIN_PERCENT_MAX: usize = 20;
/// Shorter text is too short to tell what it is.
const OPAQUE_BYTES_MIN: usize = 48;

/// Whether a piece of a file from its start is plain text: UTF-8, UTF-16 with a mark, or one of the Latin code pages.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    is_utf16(bytes) || !bytes.is_empty() && !has_controls(bytes) && (is_utf8(bytes) || is_latin(bytes))
}

/// Whether a piece from anywhere in a file is UTF-8: characters cut off at either end don't count.
pub(crate) fn is_utf8(bytes: &[u8]) -> bool {
    let cut = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    match std::str::from_utf8(bytes.get(cut..).unwrap_or_default()) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Whether a piece of text from anywhere in a file still is one.
pub(crate) fn is_piece_of_text(bytes: &[u8]) -> bool {
    !has_controls(bytes) && is_utf8(bytes)
}

fn has_controls(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .any(|byte| matches!(byte, 0..=7 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
}

fn is_latin(bytes: &[u8]) -> bool {
    let high = bytes.iter().filter(|byte| **byte >= 0x80).count();
    high * 100 <= bytes.len() * LATIN_PERCENT_MAX && bytes.len() >= 16
}

/// UTF-16 with a mark, mostly of characters below U+0800, as European languages are.
pub(crate) fn is_utf16(bytes: &[u8]) -> bool {
    if !UTF16_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return false;
    }
    let is_little = bytes.starts_with(b"\xff\xfe");
    let (mut low, mut count) = (0, 0);
    for pair in bytes.chunks_exact(2) {
        let high = if is_little { pair.last() } else { pair.first() };
        low += usize::from(high.is_some_and(|byte| *byte < 8));
        count += 1;
    }
    low * 10 >= count * 8
}

/// Whether text is random bytes dressed as text: Base64, hexadecimal, digits, on lines longer than people's, and without words.
pub(crate) fn is_opaque(bytes: &[u8]) -> bool {
    if bytes.len() < OPAQUE_BYTES_MIN {
        return false;
    }
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    let digits = bytes.iter().filter(|byte| is_digit(byte)).count();
    let spaces = bytes.iter().filter(|byte| **byte == b' ' || **byte == b'\t').count();
    // Armour is broken into lines of 64 or 76, or not at all: less than one line end in 50 bytes.
    let ends = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    spaces * 200 <= bytes.len()
        && (digits + ends) * 100 >= bytes.len() * 99
        && ends * 50 <= bytes.len()
        && !is_one_word(bytes)
}

/// How much a byte tells of the next one, in bits: the mutual information of neighbours, with the correction of Miller and Madow for
/// short samples. About 1 to 2 in what people and programs write; of bytes drawn at random, however they are distributed, about 0.1.
pub(crate) fn coherence(bytes: &[u8]) -> f64 {
    let mut single = [0_u32; 256];
    let mut pairs = vec![0_u32; 1 << 16];
    for byte in bytes {
        bump(&mut single, usize::from(*byte));
    }
    for pair in bytes.windows(2) {
        if let [one, two] = pair {
            bump(&mut pairs, usize::from(*one) << 8 | usize::from(*two));
        }
    }
    2.0 * entropy(&single) - entropy(&pairs)
}

fn bump(counts: &mut [u32], place: usize) {
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}

fn entropy(counts: &[u32]) -> f64 {
    let total = f64::from(counts.iter().sum::<u32>().max(1));
    let used = counts.iter().filter(|count| **count > 0);
    let (mut bits, mut kinds) = (0.0, 0.0);
    for count in used {
        let share = f64::from(*count) / total;
        bits -= share * share.log2();
        kinds += 1.0;
    }
    bits + (kinds - 1.0) / (2.0 * total * std::f64::consts::LN_2)
}

/// One letter again and again is no armour.
fn is_one_word(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(slot) = seen.get_mut(usize::from(*byte)) {
            *slot = true;
        }
    }
    seen.iter().filter(|slot| **slot).count() < 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_bytes() {
        assert!(is_text("Gr\u{fc}\u{df}e aus K\u{f6}ln,\n".as_bytes()));
        assert!(is_text(b"day,customer\n2026-01-02,17\n"));
        assert!(is_text(b"\xff\xfeH\0e\0l\0l\0o\0"));
        assert!(!is_text(b"\x00\x01\x02\x03"));
        assert!(!is_text(b"abc\x90\x91\x92\x93\x94\x95"));
        assert!(is_piece_of_text(b"\xa4ber die Br\xc3\xbccke \xc3"));
    }

    #[test]
    fn armour_is_told_from_text() {
        let digits = "4711".repeat(3) + &"829104756".repeat(100);
        assert!(is_opaque(digits.as_bytes()));
        let base64: String = (0..800_u32)
            .map(|index| char::from(b"ABCDEFGHIJKLMNOPabcdefghijklmnop0123456789+/"[(index * index % 44) as usize]))
            .collect();
        assert!(is_opaque(base64.as_bytes()));
        assert!(!is_opaque(
            "The quick brown fox jumps over the lazy dog. ".repeat(20).as_bytes()
        ));
        assert!(!is_opaque("12345,4711,A12,5\n".repeat(50).as_bytes()), "a table");
        assert!(!is_opaque("a".repeat(500).as_bytes()));
    }
}

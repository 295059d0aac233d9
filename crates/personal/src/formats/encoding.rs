//! Bytes to characters: UTF-8, UTF-16 with and without a mark, and Windows-1252 for what is neither.

use std::borrow::Cow;

/// How characters are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Or Windows-1252, or a mixture: decided byte by byte.
    Utf8,
    Utf16Little,
    Utf16Big,
}

/// Bytes looked at.
const SAMPLE_BYTES: usize = 16 << 10;

impl Encoding {
    /// The encoding of a text, and the length of its mark. None if it isn't text.
    pub(crate) fn of(bytes: &[u8]) -> Option<(Self, usize)> {
        match bytes {
            [0xef, 0xbb, 0xbf, ..] => return Some((Self::Utf8, 3)),
            [0xff, 0xfe, ..] => return Some((Self::Utf16Little, 2)),
            [0xfe, 0xff, ..] => return Some((Self::Utf16Big, 2)),
            _ => {}
        }
        let sample = bytes.get(..SAMPLE_BYTES).unwrap_or(bytes);
        let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd, half) = (zeros(0), zeros(1), sample.len() / 2);
        // Of western text nearly every second byte is zero, and none of the others.
        if half >= 8 && odd * 10 >= half * 7 && even * 50 <= half {
            return Some((Self::Utf16Little, 0));
        }
        if half >= 8 && even * 10 >= half * 7 && odd * 50 <= half {
            return Some((Self::Utf16Big, 0));
        }
        let is_control = |byte: &&u8| {
            **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b | 0x08) || **byte == 0x7f
        };
        let controls = sample.iter().filter(is_control).count();
        let is_text = controls * 200 <= sample.len() && is_plausible(sample);
        is_text.then_some((Self::Utf8, 0))
    }

    /// The characters. What can't be decoded becomes a replacement.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => decode_utf8(bytes),
            Self::Utf16Little => Cow::Owned(decode_utf16(bytes, u16::from_le_bytes)),
            Self::Utf16Big => Cow::Owned(decode_utf16(bytes, u16::from_be_bytes)),
        }
    }

    /// How many of the bytes can be decoded without those that come next: no character is cut.
    pub(crate) fn whole_characters(self, bytes: &[u8]) -> usize {
        match self {
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Err(error) if error.error_len().is_none() => error.valid_up_to().max(bytes.len().saturating_sub(3)),
                _ => bytes.len(),
            },
            Self::Utf16Little | Self::Utf16Big => bytes.len() & !3,
        }
    }
}

/// Text in one of the encodings with one byte a character has many more letters of ASCII than others; compressed data doesn't.
fn is_plausible(sample: &[u8]) -> bool {
    if std::str::from_utf8(sample).is_ok_and(|_| true) {
        return true;
    }
    let high = sample.iter().filter(|byte| **byte >= 0x80).count();
    let valid = sample.utf8_chunks().map(|chunk| chunk.valid().len()).sum::<usize>();
    high * 10 <= sample.len() * 3 || valid * 10 >= sample.len() * 9
}

/// Windows-1252 from 0x80 to 0x9F; the rest of it is Latin-1.
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];

/// The character of a byte in Windows-1252.
pub(crate) fn windows_1252(byte: u8) -> char {
    byte.checked_sub(0x80)
        .and_then(|index| WINDOWS_1252.get(usize::from(index)))
        .copied()
        .unwrap_or(char::from(byte))
}

fn decode_utf8(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| windows_1252(*byte)));
    }
    Cow::Owned(text)
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Encoding;

    #[test]
    fn encodings_are_told_apart_with_and_without_marks() {
        let text = "name;geb\u{fc}rtig\r\nAnn;D\u{fc}sseldorf\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let latin: Vec<u8> = text.chars().map(|character| character as u8).collect();
        for (bytes, encoding) in [
            (text.as_bytes(), Encoding::Utf8),
            (&little, Encoding::Utf16Little),
            (&big, Encoding::Utf16Big),
            (&latin, Encoding::Utf8),
        ] {
            let (found, mark) = Encoding::of(bytes).unwrap();
            assert_eq!((found, mark), (encoding, 0));
            assert_eq!(found.decode(bytes), text);
        }
        let marked = [&[0xff, 0xfe], little.as_slice()].concat();
        assert_eq!(Encoding::of(&marked), Some((Encoding::Utf16Little, 2)));
    }

    #[test]
    fn compressed_and_encrypted_bytes_are_no_text() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(4096)
        .collect();
        assert_eq!(Encoding::of(&noise), None);
        assert_eq!(Encoding::of(&[0; 4096]), None);
    }
}

//! UTF-16 becomes UTF-8. Everything else is read as it is: what is not UTF-8 in it is Latin-1 where it matters.

use std::io::{self, Read};

use super::read_up_to;

/// Bytes that are decoded at a time.
const CHUNK_BYTES: usize = 1 << 15;

/// How a text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, Latin-1, or both mixed; so many bytes of a mark before.
    Bytes {
        mark: usize,
    },
    Utf16 {
        big_endian: bool,
        mark: usize,
    },
}

impl Encoding {
    /// How a text that begins like this is encoded: by its mark, or because every other byte is zero.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0xEF, 0xBB, 0xBF, ..] => Self::Bytes { mark: 3 },
            [0xFF, 0xFE, ..] => Self::Utf16 {
                big_endian: false,
                mark: 2,
            },
            [0xFE, 0xFF, ..] => Self::Utf16 {
                big_endian: true,
                mark: 2,
            },
            _ => {
                let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
                let (even, odd, pairs) = (zeros(0), zeros(1), head.len() / 2);
                if pairs >= 4 && odd * 10 > pairs * 7 && even * 10 < pairs {
                    Self::Utf16 {
                        big_endian: false,
                        mark: 0,
                    }
                } else if pairs >= 4 && even * 10 > pairs * 7 && odd * 10 < pairs {
                    Self::Utf16 {
                        big_endian: true,
                        mark: 0,
                    }
                } else {
                    Self::Bytes { mark: 0 }
                }
            }
        }
    }
}

/// Reads UTF-16 as UTF-8; what is not UTF-16 becomes U+FFFD.
pub(super) struct Utf16<'a> {
    inner: &'a mut dyn Read,
    big_endian: bool,
    /// The first half of a character of two units, while its second is not read.
    half: Option<u16>,
    text: Vec<u8>,
    given: usize,
}

impl<'a> Utf16<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, big_endian: bool) -> Self {
        Self {
            inner,
            big_endian,
            half: None,
            text: Vec::new(),
            given: 0,
        }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        let mut bytes = [0; CHUNK_BYTES];
        let length = read_up_to(self.inner, &mut bytes)?;
        let is_last = length < CHUNK_BYTES;
        let pairs = bytes.get(..length).unwrap_or_default().as_chunks::<2>().0.iter();
        let unit = |pair: &[u8; 2]| {
            if self.big_endian {
                u16::from_be_bytes(*pair)
            } else {
                u16::from_le_bytes(*pair)
            }
        };
        let mut units: Vec<u16> = self.half.take().into_iter().chain(pairs.map(unit)).collect();
        if !is_last && units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
            self.half = units.pop();
        }
        let decoded = char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER));
        self.text = decoded.collect::<String>().into_bytes();
        self.given = 0;
        Ok(())
    }
}

impl Read for Utf16<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() {
            self.decode_more()?;
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        for (byte, from) in buffer.iter_mut().zip(rest) {
            *byte = *from;
        }
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_comes_out_as_utf_8_in_both_orders_and_across_chunks() {
        let text = "ann@example.com \u{1F600}\r\n".repeat(4000);
        for big_endian in [false, true] {
            let units = text.encode_utf16();
            let bytes: Vec<u8> = units
                .flat_map(|unit| {
                    if big_endian {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                })
                .collect();
            assert_eq!(Encoding::of(&bytes), Encoding::Utf16 { big_endian, mark: 0 });
            let mut decoded = String::new();
            Utf16::new(&mut bytes.as_slice(), big_endian)
                .read_to_string(&mut decoded)
                .unwrap();
            assert_eq!(decoded, text);
            let mut cut = String::new();
            Utf16::new(&mut &bytes[..bytes.len() - 3], big_endian)
                .read_to_string(&mut cut)
                .unwrap();
            assert!(text.starts_with(&cut));
        }
    }

    #[test]
    fn marks_are_recognised_and_ordinary_text_is_left_alone() {
        assert_eq!(Encoding::of(b"\xEF\xBB\xBFa"), Encoding::Bytes { mark: 3 });
        assert_eq!(
            Encoding::of(b"\xFF\xFEa\0"),
            Encoding::Utf16 {
                big_endian: false,
                mark: 2
            }
        );
        assert_eq!(
            Encoding::of(b"\xFE\xFF\0a"),
            Encoding::Utf16 {
                big_endian: true,
                mark: 2
            }
        );
        assert_eq!(Encoding::of(b"ann@example.com"), Encoding::Bytes { mark: 0 });
        assert_eq!(Encoding::of(b""), Encoding::Bytes { mark: 0 });
    }
}

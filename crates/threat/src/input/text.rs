//! Logs as UTF-8, whichever encoding of Unicode they are in: Windows programs like to write UTF-16.

use std::io::{self, BufRead, Chain, Cursor, Read};

/// A log as UTF-8 without a byte order mark. UTF-16 is recoded; other bytes are passed on as they are, valid or not.
#[derive(Debug)]
pub(super) struct Utf8<R> {
    log: Chain<Cursor<Vec<u8>>, R>,
    encoding: Encoding,
    /// Recoded and not yet read: what follows `read_bytes`.
    recoded: Vec<u8>,
    read_bytes: usize,
    recoder: Recoder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 { big_endian: bool },
}

impl<R: BufRead> Utf8<R> {
    /// Looks at the first bytes of a log.
    ///
    /// # Errors
    ///
    /// If the log can't be read.
    pub(super) fn new(mut log: R) -> io::Result<Self> {
        let mut head = Vec::with_capacity(4);
        log.by_ref().take(4).read_to_end(&mut head)?;
        let (encoding, mark_bytes) = encoding(&head);
        head.drain(..mark_bytes.min(head.len()));
        Ok(Self {
            log: Cursor::new(head).chain(log),
            encoding,
            recoded: Vec::new(),
            read_bytes: 0,
            recoder: Recoder::default(),
        })
    }

    /// Recodes what is at hand; nothing is left behind `read_bytes` only at the end of the log.
    fn recode(&mut self, big_endian: bool) -> io::Result<()> {
        self.recoded.clear();
        self.read_bytes = 0;
        while self.recoded.is_empty() {
            let bytes = self.log.fill_buf()?;
            let count = bytes.len();
            if count == 0 {
                self.recoder.end(&mut self.recoded);
                return Ok(());
            }
            self.recoder.recode(bytes, big_endian, &mut self.recoded);
            self.log.consume(count);
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Utf8<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.encoding == Encoding::Utf8 {
            return self.log.read(into);
        }
        let mut available = self.fill_buf()?;
        let count = available.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Utf8<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.encoding {
            Encoding::Utf8 => self.log.fill_buf(),
            Encoding::Utf16 { big_endian } => {
                if self.read_bytes >= self.recoded.len() {
                    self.recode(big_endian)?;
                }
                Ok(self.recoded.get(self.read_bytes..).unwrap_or_default())
            }
        }
    }

    fn consume(&mut self, count: usize) {
        match self.encoding {
            Encoding::Utf8 => self.log.consume(count),
            Encoding::Utf16 { .. } => self.read_bytes += count,
        }
    }
}

/// The encoding of a log that begins with these bytes, and how many of them are its mark.
fn encoding(head: &[u8]) -> (Encoding, usize) {
    match *head {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => (Encoding::Utf16 { big_endian: false }, 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16 { big_endian: true }, 2),
        // Logs begin with characters of ASCII: one byte of two is zero.
        [1..=255, 0, 1..=255, 0] => (Encoding::Utf16 { big_endian: false }, 0),
        [0, 1..=255, 0, 1..=255] => (Encoding::Utf16 { big_endian: true }, 0),
        _ => (Encoding::Utf8, 0),
    }
}

/// The beginning of a log as text.
pub(super) fn decoded(head: &[u8]) -> String {
    let mut text = Vec::new();
    // Memory can't fail to be read.
    if let Ok(mut log) = Utf8::new(head) {
        let _ = log.read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// UTF-16 that comes in pieces, into UTF-8. Halves of pairs that stand alone become U+FFFD.
#[derive(Debug, Default)]
struct Recoder {
    /// The first byte of a unit whose second hasn't come.
    byte: Option<u8>,
    /// The first unit of a pair whose second hasn't come.
    unit: Option<u16>,
}

impl Recoder {
    fn recode(&mut self, bytes: &[u8], big_endian: bool, into: &mut Vec<u8>) {
        for &byte in bytes {
            let Some(first) = self.byte.take() else {
                self.byte = Some(byte);
                continue;
            };
            let unit = if big_endian {
                u16::from_be_bytes([first, byte])
            } else {
                u16::from_le_bytes([first, byte])
            };
            self.unit(unit, into);
        }
    }

    fn unit(&mut self, unit: u16, into: &mut Vec<u8>) {
        let waiting = self.unit.take();
        match (waiting, unit) {
            (Some(high), 0xdc00..0xe000) => {
                let pair = char::decode_utf16([high, unit]).next();
                push(pair.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER), into);
                return;
            }
            (Some(_), _) => push(char::REPLACEMENT_CHARACTER, into),
            (None, _) => {}
        }
        if (0xd800..0xdc00).contains(&unit) {
            self.unit = Some(unit);
        } else {
            push(
                char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER),
                into,
            );
        }
    }

    fn end(&mut self, into: &mut Vec<u8>) {
        if self.byte.take().is_some() | self.unit.take().is_some() {
            push(char::REPLACEMENT_CHARACTER, into);
        }
    }
}

fn push(character: char, into: &mut Vec<u8>) {
    into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn read(bytes: &[u8], at_a_time: usize) -> String {
        let mut text = String::new();
        let log = BufReader::with_capacity(at_a_time, bytes);
        Utf8::new(log).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn utf16_is_recoded_however_it_is_cut() {
        let text = "{\"name\": \"J\u{fc}rgen \u{1f512}\"}\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked: Vec<u8> = [&[0xff, 0xfe], &little[..]].concat();
        for at_a_time in [1, 2, 3, 5, 64] {
            for bytes in [&little, &big, &marked] {
                assert_eq!(read(bytes, at_a_time), text);
            }
        }
    }

    #[test]
    fn halves_of_pairs_become_the_replacement_character() {
        let units = [0x41, 0xd83d, 0x42, 0xd83d, 0xd83d, 0xdd12, 0xdc00, 0xd83d];
        let bytes: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(units.into_iter().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(read(&bytes, 3), "A\u{fffd}B\u{fffd}\u{1f512}\u{fffd}\u{fffd}");
    }

    #[test]
    fn utf8_is_passed_on_without_its_mark() {
        assert_eq!(read(b"\xef\xbb\xbf{}\n", 1), "{}\n");
        assert_eq!(read(b"ab", 16), "ab");
        assert_eq!(read(b"", 16), "");
    }
}

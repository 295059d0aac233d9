//! The members of a tar archive, streamed: POSIX.1-1988 `ustar`. Names longer than its 100 bytes are cut, because they are only shown.

use std::io::{self, Read};

use super::read_up_to;

/// Headers and contents come in blocks of this many bytes.
const BLOCK_BYTES: usize = 512;

/// Whether a file begins like a tar archive.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar") || head.first_chunk().is_some_and(|block| parse(block).is_some())
}

/// A header of a member.
struct Header {
    name: String,
    size: u64,
    is_file: bool,
}

/// Goes through an archive.
pub(super) struct Tar<'a> {
    reader: &'a mut dyn Read,
}

impl<'a> Tar<'a> {
    pub(super) const fn new(reader: &'a mut dyn Read) -> Self {
        Self { reader }
    }

    /// Gives every file in it to `visit`, which needn't read all of it. False from `visit` ends it.
    pub(super) fn visit(self, visit: &mut dyn FnMut(&str, &mut dyn Read) -> bool) -> io::Result<()> {
        let mut block = [0; BLOCK_BYTES];
        loop {
            let read = read_up_to(self.reader, &mut block)?;
            if read == 0 || block.iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            let header = parse(&block).filter(|_| read == BLOCK_BYTES);
            let header = header
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a header in the tar archive is damaged"))?;
            let padding = header.size.next_multiple_of(BLOCK_BYTES as u64) - header.size;
            let mut content = (&mut *self.reader).take(header.size);
            if header.is_file && !visit(&header.name, &mut content) {
                return Ok(());
            }
            io::copy(&mut content, &mut io::sink())?;
            let is_cut = content.limit() > 0;
            let skipped = io::copy(&mut (&mut *self.reader).take(padding), &mut io::sink())?;
            if is_cut || skipped < padding {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the tar archive ends in the middle",
                ));
            }
        }
    }
}

/// Parses a header; nothing if its checksum is wrong.
fn parse(block: &[u8; BLOCK_BYTES]) -> Option<Header> {
    let field = |start: usize, length: usize| block.get(start..start + length).unwrap_or_default();
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        .sum();
    if number(field(148, 8))? != sum {
        return None;
    }
    let name = field(0, 100).split(|byte| *byte == 0).next().unwrap_or_default();
    // Larger sizes could not be rounded up to a block; nobody has such files.
    let size = number(field(124, 12)).filter(|size| *size < 1 << 60)?;
    Some(Header {
        name: String::from_utf8_lossy(name).into_owned(),
        size,
        is_file: matches!(field(156, 1), [b'0' | b'7' | 0]),
    })
}

/// A number in octal digits, or with the highest bit set in binary.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((first, rest)) = field.split_first().filter(|(first, _)| **first & 0x80 != 0) {
        let begin = u64::from(first & 0x7F);
        return rest
            .iter()
            .try_fold(begin, |number, byte| Some(number.checked_mul(256)? | u64::from(*byte)));
    }
    let text = std::str::from_utf8(field)
        .ok()?
        .trim_matches(|character| character == ' ' || character == '\0');
    if text.is_empty() {
        None
    } else {
        u64::from_str_radix(text, 8).ok()
    }
}

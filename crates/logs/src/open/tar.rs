//! The members of a tar archive, streamed: what support bundles of ESXi and Linux come in. Headers of POSIX.1-2017 (pax) and of GNU tar
//! are understood as far as names and sizes go.

use std::io::{self, Read};

const BLOCK: usize = 512;
const BLOCK_BYTES: u64 = 512;
/// The longest name or pax header that is looked at. Longer ones are passed over.
const NAME_BYTES_MAX: u64 = 64 << 10;

/// Whether it begins like a tar archive.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(257..).is_some_and(|rest| rest.starts_with(b"ustar"))
}

/// Gives every file in the archive to `visit`, which needn't read all of it. False from `visit` ends it.
pub(super) fn visit(
    mut reader: &mut dyn Read,
    members_max: usize,
    visit: &mut dyn FnMut(&str, &mut dyn Read) -> bool,
) -> io::Result<()> {
    let mut long_name: Option<String> = None;
    let mut large_size: Option<u64> = None;
    // Every member has at most a header for its name and one for its size before it.
    for _ in 0..members_max.saturating_mul(3) {
        let mut block = [0; BLOCK];
        match reader.read_exact(&mut block) {
            Ok(()) if block.iter().all(|byte| *byte == 0) => return Ok(()),
            Ok(()) => {}
            // Archives that were cut at a block's end are read as if they ended there.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        let header = Header::of(&block)?;
        let size = large_size.filter(|_| !header.is_about_next()).unwrap_or(header.size);
        let mut content = Read::take(&mut reader, size);
        match header.kind {
            b'L' => long_name = short_text(&mut content)?.map(|text| text.trim_end_matches('\0').to_owned()),
            b'x' => {
                let text = short_text(&mut content)?.unwrap_or_default();
                long_name = pax(&text, "path").map(str::to_owned).or(long_name);
                large_size = pax(&text, "size").and_then(|size| size.parse().ok());
            }
            b'0' | 0 | b'7' => {
                let name = long_name.take().unwrap_or(header.name);
                large_size = None;
                if !visit(&name, &mut content) {
                    return Ok(());
                }
            }
            _ => {
                (long_name, large_size) = (None, None);
            }
        }
        let rest = content.limit();
        skip(&mut reader, rest)?;
        skip(&mut reader, size.next_multiple_of(BLOCK_BYTES) - size)?;
    }
    Err(damaged("the tar archive has too many members; unpack it first"))
}

struct Header {
    name: String,
    size: u64,
    kind: u8,
}

impl Header {
    fn of(block: &[u8; BLOCK]) -> io::Result<Self> {
        let field = |at: usize, length: usize| block.get(at..at + length).unwrap_or_default();
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        if octal(field(148, 8)) != Some(sum) {
            return Err(damaged("a header in the tar archive is damaged"));
        }
        let size_field = field(124, 12);
        let size = match size_field.split_first() {
            // GNU tar writes large sizes in binary.
            Some((0x80, rest)) => rest
                .iter()
                .try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte))),
            _ => octal(size_field),
        };
        let size = size.filter(|size| *size < 1 << 60);
        let prefix = if field(257, 6) == b"ustar\0" {
            text(field(345, 155))
        } else {
            String::new()
        };
        let name = text(field(0, 100));
        Ok(Self {
            name: if prefix.is_empty() {
                name
            } else {
                format!("{prefix}/{name}")
            },
            size: size.ok_or_else(|| damaged("a size in the tar archive is damaged"))?,
            kind: block.get(156).copied().unwrap_or(0),
        })
    }

    /// Whether it tells something of the member after it.
    fn is_about_next(&self) -> bool {
        matches!(self.kind, b'L' | b'K' | b'x' | b'g')
    }
}

/// The value of a key in a pax header, whose lines are `LENGTH KEY=VALUE`.
fn pax<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (_, rest) = line.split_once(' ')?;
        let (found, value) = rest.split_once('=')?;
        (found == key).then_some(value)
    })
}

fn short_text(content: &mut io::Take<impl Read>) -> io::Result<Option<String>> {
    if content.limit() > NAME_BYTES_MAX {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = text(field);
    let digits = digits.trim();
    if digits.is_empty() {
        return Some(0);
    }
    u64::from_str_radix(digits, 8).ok()
}

/// A field's text, up to the first zero.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

fn skip(reader: &mut dyn Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut reader.take(bytes), &mut io::sink()).map(|_| ())
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

//! The members of a zip archive, streamed by their local headers (APPNOTE.TXT 6.3.10, 4.3.7), so that an archive in an archive is read
//! like any other.

use std::io::{self, BufRead, BufReader, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::read_up_to;

/// What a local header begins with.
pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// What the directory behind all members begins with, and the end of an archive without members.
const DIRECTORY: [[u8; 4]; 3] = [*b"PK\x01\x02", *b"PK\x05\x06", *b"PK\x06\x06"];
/// What a descriptor behind a member may begin with.
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// The bit of encrypted members, and of those whose sizes follow behind them.
const ENCRYPTED: u16 = 1;
const SIZES_FOLLOW: u16 = 8;

/// What is given to whoever visits a member: its content, or why it can't be read.
pub(super) type Content<'a> = Result<&'a mut dyn Read, &'static str>;

struct Header {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed_bytes: u64,
}

/// Gives every member to `visit`, which needn't read all of it. False from `visit` ends it.
pub(super) fn visit(reader: &mut dyn Read, visit: &mut dyn FnMut(&str, Content<'_>) -> bool) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    loop {
        let mut signature = [0; 4];
        let read = read_up_to(&mut reader, &mut signature)?;
        if DIRECTORY.contains(&signature) {
            return Ok(());
        }
        if read < signature.len() {
            return Err(ended());
        }
        if signature != LOCAL {
            return Err(damaged("something stands between the members of the zip archive"));
        }
        let header = header(&mut reader)?;
        let goes_on = if header.name.ends_with('/') && header.packed_bytes == 0 {
            true
        } else if header.flags & ENCRYPTED != 0 {
            visit(&header.name, Err("it is encrypted; unpack it first"))
        } else {
            match header.method {
                0 if header.flags & SIZES_FOLLOW == 0 => stored(&mut reader, &header, visit)?,
                8 => {
                    let goes_on = deflated(&mut reader, &header, visit)?;
                    if !goes_on {
                        return Ok(());
                    }
                    continue;
                }
                _ => visit(
                    &header.name,
                    Err("it is packed in a way that isn't read here; unpack it first"),
                ),
            }
        };
        if !goes_on {
            return Ok(());
        }
        if header.flags & SIZES_FOLLOW != 0 {
            return Err(damaged(
                "the zip archive can't be read on, because the size of a member is not known before it",
            ));
        }
        if header.method != 0 || header.flags & ENCRYPTED != 0 {
            skip(&mut reader, header.packed_bytes)?;
        }
    }
}

fn stored(
    reader: &mut dyn BufRead,
    header: &Header,
    visit: &mut dyn FnMut(&str, Content<'_>) -> bool,
) -> io::Result<bool> {
    let mut content = Checked::new(reader.take(header.packed_bytes));
    let goes_on = visit(&header.name, Ok(&mut content));
    if goes_on {
        io::copy(&mut content, &mut io::sink())?;
        if content.inner.limit() > 0 {
            return Err(ended());
        }
        if content.crc.sum() != header.crc {
            return Err(damaged("the checksum of a member of the zip archive is wrong"));
        }
    }
    Ok(goes_on)
}

fn deflated(
    mut reader: &mut dyn BufRead,
    header: &Header,
    visit: &mut dyn FnMut(&str, Content<'_>) -> bool,
) -> io::Result<bool> {
    let mut content = Checked::new(DeflateDecoder::new(&mut reader));
    let goes_on = visit(&header.name, Ok(&mut content));
    if !goes_on {
        return Ok(false);
    }
    io::copy(&mut content, &mut io::sink())?;
    let (crc, unpacked) = (content.crc.sum(), content.inner.total_out());
    let expected = if header.flags & SIZES_FOLLOW == 0 {
        header.crc
    } else {
        descriptor(reader, unpacked)?
    };
    if crc != expected {
        return Err(damaged("the checksum of a member of the zip archive is wrong"));
    }
    Ok(true)
}

/// Reads the checksum that follows a member, and its sizes, which have 4 bytes each, or 8 behind a large one.
fn descriptor(reader: &mut dyn BufRead, unpacked: u64) -> io::Result<u32> {
    let mut first = exactly::<4>(reader)?;
    if first == DESCRIPTOR {
        first = exactly(reader)?;
    }
    let _packed_low = exactly::<4>(reader)?;
    let second = u32::from_le_bytes(exactly(reader)?);
    // With sizes of 4 bytes this was the unpacked size. With sizes of 8 it was the upper half of the packed one.
    let low = u32::try_from(unpacked & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    let next_begins = reader.fill_buf()?.starts_with(b"PK");
    if second != low || (unpacked > u64::from(u32::MAX) && !next_begins) {
        exactly::<8>(reader)?;
    }
    Ok(u32::from_le_bytes(first))
}

/// Reads what stands behind the signature of a local header.
fn header(reader: &mut dyn BufRead) -> io::Result<Header> {
    let fields = exactly::<26>(reader)?;
    let number = |at: usize| {
        fields
            .get(at..at + 2)
            .and_then(|pair| pair.try_into().ok())
            .map_or(0, u16::from_le_bytes)
    };
    let long = |at: usize| u64::from(number(at)) | u64::from(number(at + 2)) << 16;
    let (name_bytes, extra_bytes) = (usize::from(number(22)), usize::from(number(24)));
    let mut name = vec![0; name_bytes];
    reader.read_exact(&mut name)?;
    let mut extra = vec![0; extra_bytes];
    reader.read_exact(&mut extra)?;
    let packed_bytes = Some(long(14))
        .filter(|size| *size != u64::from(u32::MAX))
        .or_else(|| large_packed_bytes(&extra));
    Ok(Header {
        name: String::from_utf8_lossy(&name).into_owned(),
        flags: number(2),
        method: number(4),
        crc: u32::try_from(long(10)).unwrap_or(0),
        packed_bytes: packed_bytes.ok_or_else(|| damaged("a header in the zip archive is damaged"))?,
    })
}

/// The packed size of a large member: the second number of extra field 1 (4.5.3).
fn large_packed_bytes(mut extra: &[u8]) -> Option<u64> {
    loop {
        let (head, rest) = extra.split_first_chunk::<4>()?;
        let [kind_low, kind_high, length_low, length_high] = *head;
        let (field, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([length_low, length_high])))?;
        if u16::from_le_bytes([kind_low, kind_high]) == 1 {
            return field.get(8..16)?.try_into().ok().map(u64::from_le_bytes);
        }
        extra = rest;
    }
}

fn exactly<const N: usize>(reader: &mut dyn BufRead) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            ended()
        } else {
            error
        }
    })?;
    Ok(bytes)
}

fn skip(reader: &mut dyn BufRead, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    if skipped < bytes { Err(ended()) } else { Ok(()) }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the zip archive ends in the middle")
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Computes the checksum of what is read.
struct Checked<R> {
    inner: R,
    crc: Crc,
}

impl<R> Checked<R> {
    fn new(inner: R) -> Self {
        Self { inner, crc: Crc::new() }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

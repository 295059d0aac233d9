//! The members of a zip archive by its directory (APPNOTE.TXT 6.3.10, 4.3), each read as a stream.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// The largest end of a directory: the record, and a comment.
const END_BYTES_MAX: u64 = 22 + 65_535;
/// The bit of encrypted members.
const ENCRYPTED: u16 = 1;

/// A member, as the directory has it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed_bytes: u64,
    header_at: u64,
}

/// The files in the archive, in the order of the directory.
pub(super) fn members<F: Read + Seek>(file: &mut F, members_max: usize) -> io::Result<Vec<Member>> {
    let length = file.seek(SeekFrom::End(0))?;
    let (count, directory_at) = directory(file, length)?;
    if count > u64::try_from(members_max).unwrap_or(u64::MAX) {
        return Err(damaged("the zip archive has too many members; unpack it first"));
    }
    file.seek(SeekFrom::Start(directory_at))?;
    let mut reader = BufReader::new(file);
    let mut members = Vec::new();
    let mut packed: u64 = 0;
    for _ in 0..count {
        let member = entry(&mut reader)?;
        packed = packed.saturating_add(member.packed_bytes);
        if !member.name.ends_with('/') {
            members.push(member);
        }
    }
    // Members that lie over each other are how a small archive unpacks to a large one.
    if packed > directory_at {
        return Err(damaged("the members of the zip archive overlap"));
    }
    Ok(members)
}

/// How many members there are, and where the directory begins.
fn directory<F: Read + Seek>(file: &mut F, length: u64) -> io::Result<(u64, u64)> {
    let tail_bytes = length.min(END_BYTES_MAX);
    file.seek(SeekFrom::Start(length - tail_bytes))?;
    let mut tail = Vec::new();
    file.take(tail_bytes).read_to_end(&mut tail)?;
    let at =
        memchr::memmem::rfind(&tail, b"PK\x05\x06").ok_or_else(|| damaged("the end of the zip archive is missing"))?;
    let end = tail.get(at..).unwrap_or_default();
    let (count, directory_at) = (u64::from(short(end, 10)?), u64::from(long(end, 16)?));
    if count != u64::from(u16::MAX) && directory_at != u64::from(u32::MAX) {
        return Ok((count, directory_at));
    }
    // A large archive: a locator stands before, which tells where the large record is.
    let locator = at.checked_sub(20).and_then(|at| tail.get(at..)).unwrap_or_default();
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok((count, directory_at));
    }
    file.seek(SeekFrom::Start(huge(locator, 8)?))?;
    let mut record = [0; 56];
    file.read_exact(&mut record)?;
    if !record.starts_with(b"PK\x06\x06") {
        return Err(damaged("the directory of the zip archive is damaged"));
    }
    Ok((huge(&record, 32)?, huge(&record, 48)?))
}

fn entry(reader: &mut impl Read) -> io::Result<Member> {
    let mut head = [0; 46];
    reader.read_exact(&mut head)?;
    if !head.starts_with(b"PK\x01\x02") {
        return Err(damaged("the directory of the zip archive is damaged"));
    }
    let mut bytes = |count: u16| {
        let mut bytes = vec![0; usize::from(count)];
        reader.read_exact(&mut bytes).map(|()| bytes)
    };
    let name = bytes(short(&head, 28)?)?;
    let extra = bytes(short(&head, 30)?)?;
    let _comment = bytes(short(&head, 32)?)?;
    let mut large = large_numbers(&extra).unwrap_or_default();
    // In the field for large members stand only those numbers that didn't fit, in this order.
    let mut number = |at: usize| match long(&head, at)? {
        u32::MAX => {
            let (first, rest) = large
                .split_first_chunk::<8>()
                .ok_or_else(|| damaged("a number in the zip archive is missing"))?;
            large = rest;
            Ok(u64::from_le_bytes(*first))
        }
        small => Ok::<u64, io::Error>(u64::from(small)),
    };
    let _unpacked_bytes = number(24)?;
    let packed_bytes = number(20)?;
    let header_at = number(42)?;
    Ok(Member {
        name: String::from_utf8_lossy(&name).into_owned(),
        flags: short(&head, 8)?,
        method: short(&head, 10)?,
        crc: long(&head, 16)?,
        packed_bytes,
        header_at,
    })
}

/// Extra field 1 (4.5.3).
fn large_numbers(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let ([kind_low, kind_high, length_low, length_high], rest) = extra.split_first_chunk::<4>()?;
        let (field, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([*length_low, *length_high])))?;
        if u16::from_le_bytes([*kind_low, *kind_high]) == 1 {
            return Some(field);
        }
        extra = rest;
    }
}

impl Member {
    /// Opens the member's content. Its checksum is looked at where it ends.
    pub(super) fn open<'a, F: Read + Seek + 'a>(&self, file: &'a mut F) -> io::Result<Box<dyn Read + 'a>> {
        if self.flags & ENCRYPTED != 0 {
            return Err(damaged("it is encrypted; unpack it first"));
        }
        file.seek(SeekFrom::Start(self.header_at))?;
        let mut head = [0; 30];
        file.read_exact(&mut head)?;
        if !head.starts_with(b"PK\x03\x04") {
            return Err(damaged("its place in the zip archive is damaged"));
        }
        let skipped = i64::from(short(&head, 26)?) + i64::from(short(&head, 28)?);
        file.seek(SeekFrom::Current(skipped))?;
        let packed = BufReader::with_capacity(1 << 16, file.take(self.packed_bytes));
        match self.method {
            0 => Ok(Box::new(Checked::new(packed, self.crc))),
            8 => Ok(Box::new(Checked::new(DeflateDecoder::new(packed), self.crc))),
            _ => Err(damaged("it is packed in a way that isn't read here; unpack it first")),
        }
    }
}

/// A member whose checksum is looked at where it ends.
struct Checked<R> {
    inner: R,
    crc: Crc,
    expected: u32,
}

impl<R: Read> Checked<R> {
    fn new(inner: R, expected: u32) -> Self {
        Self {
            inner,
            crc: Crc::new(),
            expected,
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        self.crc.update(into.get(..length).unwrap_or_default());
        if length == 0 && !into.is_empty() && self.crc.sum() != self.expected {
            return Err(damaged("its checksum in the zip archive is wrong"));
        }
        Ok(length)
    }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().ok_or_else(|| damaged("the zip archive ends too early"))
}

fn short(bytes: &[u8], at: usize) -> io::Result<u16> {
    number(bytes, at).map(u16::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> io::Result<u32> {
    number(bytes, at).map(u32::from_le_bytes)
}

fn huge(bytes: &[u8], at: usize) -> io::Result<u64> {
    number(bytes, at).map(u64::from_le_bytes)
}

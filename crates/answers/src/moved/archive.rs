//! What an archive in a file holds: the members of a zip, the one file of a gzip.

use std::io::{self, BufReader, Read};

use files::Disk;
use flate2::bufread::{DeflateDecoder, GzDecoder};

/// A directory of a zip that is longer isn't read: some hundred thousand members.
const DIRECTORY_BYTES_MAX: u64 = 16 << 20;
/// The record that ends a zip, and the comment that may follow it (APPNOTE.TXT 4.3.16).
const END_BYTES: u64 = 22;
const COMMENT_BYTES_MAX: u64 = 0xffff;
/// The locator that stands before that record if numbers are large, and the record to which it leads (4.3.15, 4.3.14).
const LOCATOR_BYTES: u64 = 20;
const LARGE_END_BYTES: usize = 56;
/// An entry of the directory, and the header before a member's bytes, without their names and extra fields (4.3.12, 4.3.7).
const ENTRY_BYTES: usize = 46;
const HEADER_BYTES: usize = 30;
/// The extra field with sizes and places that don't fit in 32 bits (4.5.3).
const LARGE_FIELD: u16 = 1;
/// Flags of members that are encrypted, as a whole or with their directory (4.4.4).
const ENCRYPTED_FLAGS: u16 = 1 | 1 << 6 | 1 << 13;
/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// A file that an archive holds and that can be unpacked without a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The name of the folder that it is in, if the archive says; bytes as they stand there.
    pub folder: Option<Vec<u8>>,
    /// Its name.
    pub name: Vec<u8>,
    /// Its length, as the archive says.
    pub size_bytes: u64,
    place: Place,
}

impl Member {
    /// What it took to read of it in a directory.
    pub(crate) fn directory_bytes(&self) -> u64 {
        (ENTRY_BYTES + self.name.len()) as u64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// The whole archive.
    Gzip,
    /// Behind the header at an offset.
    Zip {
        header: u64,
        packed_bytes: u64,
        is_deflated: bool,
    },
}

/// The members of the archive that a file of this name is: of a zip those that are stored or deflated and not encrypted. None if it has no directory
/// yet, or a damaged one; `None` if it is no such archive.
#[must_use]
pub fn members(file: &dyn Disk, name: &[u8]) -> Option<Vec<Member>> {
    let start: [u8; 4] = read(file, 0).ok()?;
    if start == *b"PK\x03\x04" {
        return Some(zip_members(file).unwrap_or_default());
    }
    start
        .starts_with(b"\x1f\x8b\x08")
        .then(|| gzip_member(file, name).into_iter().collect())
}

/// Whether so many packed bytes may hold so many: deflate makes nothing longer than its blocks' headers. More would be unpacked for nothing.
const fn is_plausible(packed_bytes: u64, size_bytes: u64) -> bool {
    packed_bytes <= size_bytes.saturating_add(size_bytes / 64 + (4 << 10))
}

/// Unpacks a member from its start.
///
/// # Errors
///
/// What reading reports, and a header that isn't where the directory says.
pub fn unpack<'a>(file: &'a dyn Disk, member: &Member) -> io::Result<Box<dyn Read + 'a>> {
    let buffered = |section| BufReader::with_capacity(BUFFER_BYTES, section);
    let Place::Zip {
        header,
        packed_bytes,
        is_deflated,
    } = member.place
    else {
        return Ok(Box::new(GzDecoder::new(buffered(Section::of(file)))));
    };
    let fields: [u8; HEADER_BYTES] = read(file, header)?;
    let lengths = u16_at(&fields, 26).zip(u16_at(&fields, 28));
    let lengths = lengths.filter(|_| fields.starts_with(b"PK\x03\x04"));
    let (name_bytes, extra_bytes) = lengths.ok_or(io::ErrorKind::InvalidData)?;
    let start = header
        .saturating_add(HEADER_BYTES as u64)
        .saturating_add(u64::from(name_bytes) + u64::from(extra_bytes));
    let end = start.saturating_add(packed_bytes).min(file.size_bytes());
    let section = buffered(Section { file, at: start, end });
    Ok(match is_deflated {
        true => Box::new(DeflateDecoder::new(section)),
        false => Box::new(section),
    })
}

/// The length of a gzip's content is at its end, modulo 2^32 (RFC 1952, 2.3.1); its name is that of the archive.
fn gzip_member(file: &dyn Disk, name: &[u8]) -> Option<Member> {
    let size: [u8; 4] = read(file, file.size_bytes().checked_sub(4)?).ok()?;
    let size_bytes = u64::from(u32::from_le_bytes(size));
    is_plausible(file.size_bytes(), size_bytes).then_some(Member {
        folder: None,
        name: name.strip_suffix(b".gz")?.to_vec(),
        size_bytes,
        place: Place::Gzip,
    })
}

fn zip_members(file: &dyn Disk) -> Option<Vec<Member>> {
    let size_bytes = file.size_bytes();
    // As a rule there is no comment.
    let tails = [END_BYTES, END_BYTES + COMMENT_BYTES_MAX].map(|length| size_bytes.saturating_sub(length));
    let (end, record) = tails.into_iter().find_map(|start| end_record(file, start))?;
    let (mut length, mut offset) = (u64::from(u32_at(&record, 12)?), u64::from(u32_at(&record, 16)?));
    if let Some(large) = large_end(file, end) {
        (length, offset) = (u64_at(&large, 40)?, u64_at(&large, 48)?);
    }
    if length > DIRECTORY_BYTES_MAX {
        return None;
    }
    let directory = read_vec(file, offset, length)?;
    let mut members = Vec::new();
    let mut rest = directory.as_slice();
    while !rest.is_empty() {
        let (member, length) = entry(rest)?;
        members.extend(member);
        rest = rest.get(length..)?;
    }
    Some(members)
}

/// The last record that ends a zip behind an offset, and where it begins.
fn end_record(file: &dyn Disk, start: u64) -> Option<(u64, Vec<u8>)> {
    let mut tail = read_vec(file, start, file.size_bytes() - start)?;
    let end = tail.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    Some((start + end as u64, tail.split_off(end)))
}

/// The record with large numbers, if there is one.
fn large_end(file: &dyn Disk, end: u64) -> Option<[u8; LARGE_END_BYTES]> {
    let locator: [u8; LOCATOR_BYTES as usize] = read(file, end.checked_sub(LOCATOR_BYTES)?).ok()?;
    let record = locator.starts_with(b"PK\x06\x07").then(|| u64_at(&locator, 8))??;
    let record = read(file, record).ok()?;
    record.starts_with(b"PK\x06\x06").then_some(record)
}

/// The entry at the start of a part of the directory, and its length. A folder, and what can't be unpacked here, is no member.
fn entry(bytes: &[u8]) -> Option<(Option<Member>, usize)> {
    if !bytes.starts_with(b"PK\x01\x02") {
        return None;
    }
    let length = |at| u16_at(bytes, at).map(usize::from);
    let (name_bytes, extra_bytes, comment_bytes) = (length(28)?, length(30)?, length(32)?);
    let (flags, method) = (u16_at(bytes, 8)?, u16_at(bytes, 10)?);
    let name = bytes.get(ENTRY_BYTES..ENTRY_BYTES + name_bytes)?;
    let extra = bytes.get(ENTRY_BYTES + name_bytes..ENTRY_BYTES + name_bytes + extra_bytes)?;
    let mut large = large_numbers(extra);
    let mut number = |at| match u32_at(bytes, at)? {
        u32::MAX => {
            let number = u64_at(large, 0)?;
            large = large.get(8..)?;
            Some(number)
        }
        number => Some(u64::from(number)),
    };
    // In the order in which the extra field has those that are large.
    let (size_bytes, packed_bytes, header) = (number(24)?, number(20)?, number(42)?);
    // Some programs of Windows write its own separator.
    let mut parts = name.rsplit(|byte| matches!(byte, b'/' | b'\\'));
    let (own_name, folder) = (parts.next().unwrap_or_default(), parts.next());
    let is_plausible = match method {
        0 => packed_bytes == size_bytes,
        8 => is_plausible(packed_bytes, size_bytes),
        _ => false,
    };
    let can_unpack = flags & ENCRYPTED_FLAGS == 0 && is_plausible;
    let member = (can_unpack && !own_name.is_empty()).then(|| Member {
        folder: folder.map(<[u8]>::to_vec),
        name: own_name.to_vec(),
        size_bytes,
        place: Place::Zip {
            header,
            packed_bytes,
            is_deflated: method == 8,
        },
    });
    Some((member, ENTRY_BYTES + name_bytes + extra_bytes + comment_bytes))
}

fn large_numbers(mut extra: &[u8]) -> &[u8] {
    while let Some((id, length)) = u16_at(extra, 0).zip(u16_at(extra, 2)) {
        let end = 4 + usize::from(length);
        if id == LARGE_FIELD {
            return extra.get(4..end).unwrap_or_default();
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    &[]
}

/// A part of a file, to be read from its start.
pub(crate) struct Section<'a> {
    file: &'a dyn Disk,
    at: u64,
    end: u64,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(crate) fn of(file: &'a dyn Disk) -> Self {
        let end = file.size_bytes();
        Self { file, at: 0, end }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let length = rest.min(buffer.len());
        let buffer = buffer.get_mut(..length).unwrap_or_default();
        self.file.read_at(self.at, buffer).map_err(io::Error::other)?;
        self.at += length as u64;
        Ok(length)
    }
}

fn read<const N: usize>(file: &dyn Disk, offset: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_at(offset, &mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Bytes of a range that lies within the file, which is checked before any memory is taken for them.
fn read_vec(file: &dyn Disk, offset: u64, length: u64) -> Option<Vec<u8>> {
    if offset.checked_add(length)? > file.size_bytes() {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.read_at(offset, &mut bytes).ok()?;
    Some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
#[path = "archive_tests.rs"]
pub(crate) mod tests;

//! Archives and compressed files: ZIP, gzip, tar.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::collector::Collector;
use crate::formats;
use crate::report::{Format, Reason};

/// Little-endian numbers in untrusted bytes.
pub(crate) fn u16_at(bytes: &[u8], position: usize) -> Option<u16> {
    bytes
        .get(position..position.checked_add(2)?)?
        .try_into()
        .ok()
        .map(u16::from_le_bytes)
}

/// The same, of four bytes.
pub(crate) fn u32_at(bytes: &[u8], position: usize) -> Option<u32> {
    bytes
        .get(position..position.checked_add(4)?)?
        .try_into()
        .ok()
        .map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], position: usize) -> Option<u64> {
    bytes
        .get(position..position.checked_add(8)?)?
        .try_into()
        .ok()
        .map(u64::from_le_bytes)
}

/// What was unpacked, and what was wrong with the rest.
pub(crate) struct Unpacked {
    pub(crate) bytes: Vec<u8>,
    /// Packed bytes that were used.
    pub(crate) used: usize,
    pub(crate) failure: Option<Reason>,
}

/// Unpacks a DEFLATE stream (RFC 1951), with the header of zlib (RFC 1950) before it if the flag says so, as far as it is allowed.
pub(crate) fn inflate(collector: &mut Collector<'_>, packed: &[u8], has_zlib_header: bool) -> Unpacked {
    let limit = collector.unpacked_limit(packed.len());
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | if has_zlib_header {
            TINFL_FLAG_PARSE_ZLIB_HEADER
        } else {
            0
        };
    let mut state = Box::<DecompressorOxide>::default();
    let mut bytes = vec![0; packed.len().saturating_mul(3).clamp(512, 1 << 20).min(limit)];
    let (mut used, mut written) = (0, 0);
    let failure = loop {
        let (status, in_bytes, out_bytes) = decompress(
            &mut state,
            packed.get(used..).unwrap_or_default(),
            &mut bytes,
            written,
            flags,
        );
        used += in_bytes;
        written += out_bytes;
        match status {
            TINFLStatus::Done => break None,
            TINFLStatus::HasMoreOutput if bytes.len() < limit => {
                bytes.resize(bytes.len().saturating_mul(2).min(limit), 0)
            }
            TINFLStatus::HasMoreOutput => break Some(Reason::Bomb),
            _ => break Some(Reason::Damaged),
        }
    };
    bytes.truncate(written);
    collector.unpacked(written);
    Unpacked { bytes, used, failure }
}

/// A member of a ZIP archive, as its directory describes it.
pub(crate) struct Member {
    pub(crate) name: String,
    method: u16,
    is_encrypted: bool,
    packed_bytes: u64,
    header_offset: u64,
}

/// A ZIP archive (PKWARE's APPNOTE.TXT).
pub(crate) struct Zip<'a> {
    bytes: &'a [u8],
    pub(crate) members: Vec<Member>,
    /// The directory ended before it should.
    is_damaged: bool,
}

const END_BYTES: usize = 22;
const DIRECTORY_ENTRY_BYTES: usize = 46;

impl<'a> Zip<'a> {
    /// Reads the directory at the end. None if there is none.
    pub(crate) fn open(bytes: &'a [u8], members_max: u64) -> Option<Self> {
        // The end record may be followed by a comment of 65,535 bytes.
        let tail_start = bytes.len().saturating_sub(END_BYTES + 0xffff);
        let tail = bytes.get(tail_start..)?;
        let end = tail_start + tail.windows(4).rposition(|window| window == b"PK\x05\x06")?;
        let mut entries = u64::from(u16_at(bytes, end + 10)?);
        let mut offset = u64::from(u32_at(bytes, end + 16)?);
        // ZIP64: a locator of 20 bytes stands before the end record, and leads to a larger one.
        let locator = end
            .checked_sub(20)
            .filter(|locator| bytes.get(*locator..*locator + 4) == Some(b"PK\x06\x07"));
        if let Some(record) = locator
            .and_then(|locator| u64_at(bytes, locator + 8))
            .and_then(|record| usize::try_from(record).ok())
        {
            entries = u64_at(bytes, record.checked_add(32)?)?;
            offset = u64_at(bytes, record.checked_add(48)?)?;
        }
        let mut zip = Self {
            bytes,
            members: Vec::new(),
            is_damaged: false,
        };
        let mut position = usize::try_from(offset).ok()?;
        for _ in 0..entries.min(members_max) {
            let Some((member, next)) = zip.member(position) else {
                zip.is_damaged = true;
                break;
            };
            zip.members.push(member);
            position = next;
        }
        Some(zip)
    }

    fn member(&self, position: usize) -> Option<(Member, usize)> {
        let entry = self.bytes.get(position..)?;
        let length = |at| u16_at(entry, at).map(usize::from);
        let (name_length, extra_length, comment_length) = (length(28)?, length(30)?, length(32)?);
        let name = entry.get(DIRECTORY_ENTRY_BYTES..DIRECTORY_ENTRY_BYTES + name_length)?;
        let extra =
            entry.get(DIRECTORY_ENTRY_BYTES + name_length..DIRECTORY_ENTRY_BYTES + name_length + extra_length)?;
        let mut packed_bytes = u64::from(u32_at(entry, 20)?);
        let mut header_offset = u64::from(u32_at(entry, 42)?);
        // Large numbers are in the extra field 1: unpacked size, packed size, offset, each only if it is needed.
        let large = extra_field(extra, 1).unwrap_or_default();
        let mut used = if u32_at(entry, 24)? == u32::MAX { 8 } else { 0 };
        if packed_bytes == u64::from(u32::MAX) {
            packed_bytes = u64_at(large, used)?;
            used += 8;
        }
        if header_offset == u64::from(u32::MAX) {
            header_offset = u64_at(large, used)?;
        }
        let is_entry = entry.starts_with(b"PK\x01\x02");
        let member = Member {
            name: String::from_utf8_lossy(name).into_owned(),
            method: u16_at(entry, 10)?,
            is_encrypted: u16_at(entry, 8)? & 1 != 0,
            packed_bytes,
            header_offset,
        };
        is_entry.then_some((
            member,
            position + DIRECTORY_ENTRY_BYTES + name_length + extra_length + comment_length,
        ))
    }

    /// Unpacks a member.
    pub(crate) fn read(&self, collector: &mut Collector<'_>, member: &Member) -> Result<Vec<u8>, (Reason, Vec<u8>)> {
        if member.is_encrypted {
            return Err((Reason::Encrypted, Vec::new()));
        }
        let packed = self.packed(member).ok_or((Reason::Damaged, Vec::new()))?;
        match member.method {
            0 => {
                // Stored members may overlap, and so repeat the same bytes without end.
                if packed.len() > collector.unpacked_limit(usize::MAX) {
                    return Err((Reason::Bomb, Vec::new()));
                }
                collector.unpacked(packed.len());
                Ok(packed.to_vec())
            }
            8 => {
                let unpacked = inflate(collector, packed, false);
                match unpacked.failure {
                    None => Ok(unpacked.bytes),
                    Some(reason) => Err((reason, unpacked.bytes)),
                }
            }
            _ => Err((Reason::UnknownFormat, Vec::new())),
        }
    }

    fn packed(&self, member: &Member) -> Option<&'a [u8]> {
        let header = usize::try_from(member.header_offset).ok()?;
        self.bytes.get(header..)?.starts_with(b"PK\x03\x04").then_some(())?;
        let start =
            header + 30 + usize::from(u16_at(self.bytes, header + 26)?) + usize::from(u16_at(self.bytes, header + 28)?);
        self.bytes
            .get(start..start.checked_add(usize::try_from(member.packed_bytes).ok()?)?)
    }

    /// Unpacks a member by its name.
    pub(crate) fn read_by_name(&self, collector: &mut Collector<'_>, name: &str) -> Option<Vec<u8>> {
        let member = self.members.iter().find(|member| member.name == name)?;
        match self.read(collector, member) {
            Ok(bytes) => Some(bytes),
            Err((reason, bytes)) => {
                collector.unread_part(name, reason);
                Some(bytes)
            }
        }
    }
}

fn extra_field(extra: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut position = 0;
    while let (Some(id), Some(length)) = (u16_at(extra, position), u16_at(extra, position + 2)) {
        let end = position + 4 + usize::from(length);
        if id == wanted {
            return extra.get(position + 4..end);
        }
        position = end;
    }
    None
}

/// Reads a ZIP archive: an office document, or files.
pub(crate) fn read_zip(collector: &mut Collector<'_>, bytes: &[u8]) -> Format {
    let Some(zip) = Zip::open(bytes, collector.limits.members) else {
        collector.unread(Reason::Damaged);
        return Format::Zip;
    };
    if zip.is_damaged {
        collector.unread(Reason::Damaged);
    }
    if let Some(format) = formats::office::read(collector, &zip) {
        return format;
    }
    for member in zip.members.iter().filter(|member| !member.name.ends_with('/')) {
        if !collector.take_member() {
            break;
        }
        read_member(collector, &zip, member);
    }
    Format::Zip
}

/// Reads a member as a document of its own.
pub(crate) fn read_member(collector: &mut Collector<'_>, zip: &Zip<'_>, member: &Member) {
    collector.within(&member.name, |collector| {
        let unpacked = zip.read(collector, member).unwrap_or_else(|(reason, unpacked)| {
            collector.unread(reason);
            unpacked
        });
        if !unpacked.is_empty() {
            formats::document(collector, &member.name, &unpacked);
        }
    });
}

/// Reads a gzip file (RFC 1952): all its streams, one after the other.
pub(crate) fn read_gzip(collector: &mut Collector<'_>, name: &str, bytes: &[u8]) {
    let inner = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".tgz"))
        .unwrap_or(name);
    let mut unpacked = Vec::new();
    let mut rest = bytes;
    // Streams may follow each other; what they unpack to is one file.
    while rest.starts_with(b"\x1f\x8b") && collector.take_member() {
        let stream = gzip_header_bytes(rest).and_then(|start| Some((start, rest.get(start..)?)));
        let Some((start, packed)) = stream else {
            collector.unread(Reason::Damaged);
            break;
        };
        let mut stream = inflate(collector, packed, false);
        unpacked.append(&mut stream.bytes);
        if let Some(reason) = stream.failure {
            collector.unread(reason);
            break;
        }
        // A checksum and a length of four bytes each close a stream.
        rest = rest.get(start + stream.used + 8..).unwrap_or_default();
    }
    if is_tar(&unpacked) {
        read_tar(collector, &unpacked);
    } else {
        collector.within(inner, |collector| {
            formats::document(collector, inner, &unpacked);
        });
    }
}

/// Where the packed bytes begin.
fn gzip_header_bytes(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut position = 10;
    if flags & 4 != 0 {
        position += 2 + usize::from(u16_at(bytes, position)?);
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            position += bytes.get(position..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        position += 2;
    }
    (bytes.get(2) == Some(&8) && position < bytes.len()).then_some(position)
}

const BLOCK_BYTES: usize = 512;

/// Whether it is a tar archive (POSIX.1-2001, and its forerunners), by the checksum of its first header.
pub(crate) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(..BLOCK_BYTES).is_some_and(|header| {
        header.get(257..262) == Some(b"ustar") || (header.first() != Some(&0) && has_checksum(header))
    })
}

fn has_checksum(header: &[u8]) -> bool {
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            if (148..156).contains(&place) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    octal(header.get(148..156).unwrap_or_default()) == Some(sum)
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

/// The size of a member: octal, or base 256 with the first bit set.
fn size(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 == 0 {
        return octal(field);
    }
    rest.iter().try_fold(u64::from(first & 0x7f), |sum, byte| {
        sum.checked_mul(256)?.checked_add(u64::from(*byte))
    })
}

/// Reads a tar archive.
pub(crate) fn read_tar(collector: &mut Collector<'_>, bytes: &[u8]) {
    let mut position = 0;
    let mut long_name = None;
    while let Some(header) = bytes.get(position..position + BLOCK_BYTES) {
        if header.iter().all(|byte| *byte == 0) {
            return;
        }
        let Some(size) = size(header.get(124..136).unwrap_or_default())
            .filter(|_| has_checksum(header))
            .and_then(|size| usize::try_from(size).ok())
        else {
            collector.unread(Reason::Damaged);
            return;
        };
        let start = position + BLOCK_BYTES;
        let content = bytes
            .get(start..start.saturating_add(size).min(bytes.len()))
            .unwrap_or_default();
        let kind = header.get(156).copied().unwrap_or(0);
        match kind {
            b'L' => long_name = Some(String::from_utf8_lossy(content).trim_end_matches('\0').to_owned()),
            b'0' | 0 | b'7' => {
                if !collector.take_member() {
                    return;
                }
                let name = long_name.take().unwrap_or_else(|| {
                    String::from_utf8_lossy(header.get(..100).unwrap_or_default())
                        .trim_end_matches('\0')
                        .to_owned()
                });
                collector.within(&name, |collector| {
                    if content.len() < size {
                        collector.unread(Reason::Damaged);
                    }
                    formats::document(collector, &name, content);
                });
            }
            _ => {}
        }
        let Some(next) = size
            .checked_next_multiple_of(BLOCK_BYTES)
            .and_then(|padded| start.checked_add(padded))
        else {
            return;
        };
        position = next;
    }
}

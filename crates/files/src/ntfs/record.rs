//! A record of the master file table, cut into attributes.

use super::fixup;
use crate::error::Error;
use crate::little_endian::{u8_at, u16_at, u32_at, u64_at};

/// Types of attributes, by their numbers on the disk.
pub(super) mod kind {
    pub(in crate::ntfs) const STANDARD_INFORMATION: u32 = 0x10;
    pub(in crate::ntfs) const ATTRIBUTE_LIST: u32 = 0x20;
    pub(in crate::ntfs) const FILE_NAME: u32 = 0x30;
    pub(in crate::ntfs) const VOLUME_NAME: u32 = 0x60;
    pub(in crate::ntfs) const VOLUME_INFORMATION: u32 = 0x70;
    pub(in crate::ntfs) const DATA: u32 = 0x80;
    pub(in crate::ntfs) const INDEX_ROOT: u32 = 0x90;
    pub(in crate::ntfs) const INDEX_ALLOCATION: u32 = 0xa0;
    pub(in crate::ntfs) const BITMAP: u32 = 0xb0;
    pub(in crate::ntfs) const REPARSE_POINT: u32 = 0xc0;
    pub(in crate::ntfs) const EXTENDED_ATTRIBUTES: u32 = 0xe0;
    /// No type: stands behind the last attribute.
    pub(super) const END: u32 = 0xffff_ffff;
}

/// Flag of an attribute: in units of clusters, compressed.
pub(super) const COMPRESSED: u16 = 0x00ff;
/// Flag of an attribute: encrypted by the Encrypting File System.
pub(super) const ENCRYPTED: u16 = 0x4000;

/// Number of a record and how many files have had it: names a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference(pub(super) u64);

impl Reference {
    /// Number of the record in the MFT.
    pub(super) const fn record(self) -> u64 {
        self.0 & 0x0000_ffff_ffff_ffff
    }

    /// How many files have had that record; 0 isn't checked.
    pub(super) const fn sequence(self) -> u16 {
        (self.0 >> 48) as u16
    }
}

/// A record whose fixups were applied.
///
/// Layout: 16 sequence number (u16), 18 links (u16), 20 offset of the first attribute (u16), 22 flags (u16), 24 bytes in use (u32),
/// 32 reference of the file's base record, 0 in a base record itself (u64).
#[derive(Clone, Debug)]
pub(super) struct Record {
    bytes: Vec<u8>,
    /// Its number in the MFT.
    pub(super) number: u64,
    /// How many files have had it.
    pub(super) sequence: u16,
    /// Names, those for DOS included.
    pub(super) links: u16,
    /// The file whose attributes don't fit in one record; 0 in the file's own record.
    pub(super) base: Reference,
    /// Whether a file has it now.
    pub(super) is_in_use: bool,
    /// Whether it is a folder.
    pub(super) is_folder: bool,
    /// Byte offset on the disk, for errors.
    pub(super) place: u64,
}

impl Record {
    /// Checks a record that was read from `place` on the disk.
    pub(super) fn parse(mut bytes: Vec<u8>, number: u64, place: u64) -> Result<Self, Error> {
        let damaged = |detail| Error::Damaged {
            structure: "MFT record",
            offset: place,
            detail,
        };
        fixup::apply(&mut bytes, *b"FILE").map_err(damaged)?;
        let header = || {
            let flags = u16_at(&bytes, 22)?;
            let used = usize::try_from(u32_at(&bytes, 24)?).ok()?;
            Some((flags, used, usize::from(u16_at(&bytes, 20)?)))
        };
        let (flags, used, first) = header().ok_or_else(|| damaged("it is too short"))?;
        if used > bytes.len() || first > used || !first.is_multiple_of(8) {
            return Err(damaged("its attributes lie outside of it"));
        }
        let number_at = |offset| u16_at(&bytes, offset).unwrap_or_default();
        Ok(Self {
            number,
            sequence: number_at(16),
            links: number_at(18),
            base: Reference(u64_at(&bytes, 32).unwrap_or_default()),
            is_in_use: flags & 1 != 0,
            is_folder: flags & 2 != 0,
            place,
            bytes,
        })
    }

    /// The file that it belongs to, with this record's sequence number.
    pub(super) fn reference(&self) -> Reference {
        Reference(self.number | u64::from(self.sequence) << 48)
    }

    /// An error about this record.
    pub(super) fn damaged(&self, detail: &'static str) -> Error {
        Error::Damaged {
            structure: "MFT record",
            offset: self.place,
            detail,
        }
    }

    /// Its attributes. The first damaged one is the last.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Result<Attribute<'_>, Error>> {
        let mut next = u16_at(&self.bytes, 20).map(usize::from);
        std::iter::from_fn(move || {
            let start = next.take()?;
            let end = usize::try_from(u32_at(&self.bytes, 24)?).ok()?;
            if u32_at(self.bytes.get(..end)?, start)? == kind::END {
                return None;
            }
            let bytes = u32_at(&self.bytes, start + 4)
                .and_then(|length| start.checked_add(usize::try_from(length).ok()?))
                .and_then(|attribute_end| self.bytes.get(..end)?.get(start..attribute_end));
            let attribute = bytes.and_then(|bytes| Attribute::parse(bytes, start));
            match attribute {
                Some(attribute) => {
                    next = Some(start + attribute.bytes.len());
                    Some(Ok(attribute))
                }
                None => Some(Err(self.damaged("an attribute contradicts itself"))),
            }
        })
    }

    /// The attribute with a number, as attribute lists name it.
    pub(super) fn attribute(&self, kind: u32, id: u16) -> Result<Attribute<'_>, Error> {
        for attribute in self.attributes() {
            let attribute = attribute?;
            if attribute.kind == kind && attribute.id == id {
                return Ok(attribute);
            }
        }
        Err(self.damaged("an attribute of the file's list isn't there"))
    }
}

/// An attribute as it stands in a record.
///
/// Layout: 0 type (u32), 4 length (u32), 8 whether its value lies elsewhere (u8), 9 code units of its name (u8), 10 offset of its name
/// (u16), 12 flags (u16), 14 number in the file (u16).
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'record> {
    bytes: &'record [u8],
    /// Type, one of [`kind`].
    pub(super) kind: u32,
    /// Its name in UTF-16; mostly empty.
    pub(super) name: &'record [u8],
    /// [`COMPRESSED`], [`ENCRYPTED`].
    pub(super) flags: u16,
    /// Its number within the file.
    pub(super) id: u16,
    /// Where its value is.
    pub(super) value: Value<'record>,
}

/// Where the value of an attribute is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'record> {
    /// In the record, at a byte offset.
    Resident { bytes: &'record [u8], offset: usize },
    /// In clusters.
    NonResident(Clusters<'record>),
}

/// A piece of an attribute that lies in clusters. The sizes are in the piece that starts at cluster 0 alone.
///
/// Layout: 16 first cluster (u64), 24 last cluster (u64), 32 offset of the runs (u16), 34 compression unit (u8), 40 bytes allocated
/// (u64), 48 size in bytes (u64), 56 bytes ever written (u64).
#[derive(Clone, Copy, Debug)]
pub(super) struct Clusters<'record> {
    /// First cluster of the value that this piece maps.
    pub(super) first: u64,
    /// The cluster behind the last that this piece maps.
    pub(super) end: u64,
    /// The runs, packed.
    pub(super) packed_runs: &'record [u8],
    /// Binary logarithm of the clusters that are compressed together; 0 if none are.
    pub(super) unit_bits: u8,
    /// Length of the value in bytes.
    pub(super) size_bytes: u64,
    /// Bytes that were ever written; what follows reads as zeros.
    pub(super) written_bytes: u64,
}

impl<'record> Attribute<'record> {
    fn parse(bytes: &'record [u8], start: usize) -> Option<Self> {
        if bytes.len() < 24 || !bytes.len().is_multiple_of(8) {
            return None;
        }
        let name_start = usize::from(u16_at(bytes, 10)?);
        let name_end = name_start + 2 * usize::from(u8_at(bytes, 9)?);
        let name = if name_end == name_start {
            &[]
        } else {
            bytes.get(name_start..name_end)?
        };
        let value = if u8_at(bytes, 8)? == 0 {
            let value_start = usize::from(u16_at(bytes, 20)?);
            let value_end = value_start.checked_add(usize::try_from(u32_at(bytes, 16)?).ok()?)?;
            Value::Resident {
                bytes: bytes.get(value_start..value_end)?,
                offset: start + value_start,
            }
        } else {
            Value::NonResident(Clusters::parse(bytes)?)
        };
        Some(Self {
            bytes,
            kind: u32_at(bytes, 0)?,
            name,
            flags: u16_at(bytes, 12)?,
            id: u16_at(bytes, 14)?,
            value,
        })
    }

    /// Its value, if that is in the record.
    pub(super) fn resident(&self) -> Option<&'record [u8]> {
        match self.value {
            Value::Resident { bytes, .. } => Some(bytes),
            Value::NonResident(_) => None,
        }
    }

    /// The first cluster of its value that it maps, if that lies in clusters.
    pub(super) fn first_cluster(&self) -> Option<u64> {
        match self.value {
            Value::Resident { .. } => None,
            Value::NonResident(piece) => Some(piece.first),
        }
    }
}

impl<'record> Clusters<'record> {
    fn parse(bytes: &'record [u8]) -> Option<Self> {
        let first = u64_at(bytes, 16)?;
        // The last cluster of an empty value is -1.
        let end = u64_at(bytes, 24)?.wrapping_add(1);
        if end < first {
            return None;
        }
        let size_bytes = u64_at(bytes, 48)?;
        let written_bytes = u64_at(bytes, 56)?;
        // Sizes are signed; only the first piece's count.
        if first == 0 && (size_bytes > i64::MAX.unsigned_abs() || written_bytes > size_bytes) {
            return None;
        }
        Some(Self {
            first,
            end,
            packed_runs: bytes.get(usize::from(u16_at(bytes, 32)?)..)?,
            unit_bits: u8_at(bytes, 34)?,
            size_bytes,
            written_bytes,
        })
    }
}

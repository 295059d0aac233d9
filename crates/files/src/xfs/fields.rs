//! Numbers within bytes that came from the disk. XFS stores them big-endian, except for checksums and the log's items.

use crate::error::Error;

/// A structure's bytes. Asking for a field past their end is damage of that structure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    structure: &'static str,
    at: u64,
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The bytes of a structure, named in the format's own words, that lies at a byte of the file system.
    pub(super) const fn new(structure: &'static str, at: u64, bytes: &'a [u8]) -> Self {
        Self { structure, at, bytes }
    }

    /// What is wrong with the field at an offset.
    pub(super) const fn damaged(&self, offset: usize, detail: &'static str) -> Error {
        Error::Damaged {
            structure: self.structure,
            offset: self.position(offset),
            detail,
        }
    }

    /// Where the field at an offset lies, within the file system.
    pub(super) const fn position(&self, offset: usize) -> u64 {
        self.at.saturating_add(offset as u64)
    }

    pub(super) const fn all(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn bytes(&self, offset: usize, length: usize) -> Result<&'a [u8], Error> {
        offset
            .checked_add(length)
            .and_then(|end| self.bytes.get(offset..end))
            .ok_or_else(|| self.damaged(offset, "it ends too early"))
    }

    pub(super) fn array<const N: usize>(&self, offset: usize) -> Result<[u8; N], Error> {
        self.bytes
            .get(offset..)
            .and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .ok_or_else(|| self.damaged(offset, "it ends too early"))
    }

    pub(super) fn u8(&self, offset: usize) -> Result<u8, Error> {
        self.array::<1>(offset).map(|[byte]| byte)
    }

    pub(super) fn u16(&self, offset: usize) -> Result<u16, Error> {
        self.array(offset).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&self, offset: usize) -> Result<u32, Error> {
        self.array(offset).map(u32::from_be_bytes)
    }

    pub(super) fn u64(&self, offset: usize) -> Result<u64, Error> {
        self.array(offset).map(u64::from_be_bytes)
    }

    pub(super) fn little_u16(&self, offset: usize) -> Result<u16, Error> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(super) fn little_u32(&self, offset: usize) -> Result<u32, Error> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(super) fn little_u64(&self, offset: usize) -> Result<u64, Error> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// Compares the CRC-32C at an offset with that of the structure, whose own four bytes count as zeros.
    pub(super) fn check_crc(&self, offset: usize) -> Result<(), Error> {
        if self.little_u32(offset)? == crc_without(self.bytes, offset) {
            Ok(())
        } else {
            Err(self.damaged(offset, "its checksum is wrong"))
        }
    }
}

/// The CRC-32C of a structure, with the four bytes at an offset, where it is kept, counted as zeros.
pub(super) fn crc_without(bytes: &[u8], offset: usize) -> u32 {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let after = bytes.get(offset.saturating_add(4)..).unwrap_or_default();
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(before), &[0; 4]), after)
}

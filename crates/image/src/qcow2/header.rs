//! The header of a qcow2 image, parsed into what reading needs.

use super::MAGIC;
use crate::{ImageError, ReadAt};

/// Largest disk that is read: the largest volume.
const SIZE_BYTES_MAX: u64 = 64 << 40;
/// Most entries of the L1 table (32 MiB), QEMU's limit too.
const L1_ENTRIES_MAX: u64 = 4 << 20;
/// Length of the parts of a header that matter here.
const HEADER_BYTES: usize = 112;

/// How clusters are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Raw deflate.
    Deflate,
    /// Zstandard.
    Zstd,
}

/// What a header says, checked.
///
/// Invariants: `cluster_bits` is within 9 to 21; `l1_entries` L1 entries cover `size_bytes`, number at most
/// `L1_ENTRIES_MAX`, and their table starts at a multiple of the cluster's size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// Binary logarithm of the cluster's size.
    pub cluster_bits: u32,
    /// The disk's size.
    pub size_bytes: u64,
    /// Entries of the L1 table that are needed.
    pub l1_entries: u64,
    /// Where the L1 table starts.
    pub l1_offset: u64,
    /// How compressed clusters are compressed.
    pub compression: Compression,
}

impl Header {
    /// Reads and checks the header.
    pub fn read(file: &impl ReadAt) -> Result<Self, ImageError> {
        let mut bytes = [0; HEADER_BYTES];
        file.read_padded(0, &mut bytes).map_err(ImageError::reading)?;
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, ImageError> {
        if !bytes.starts_with(MAGIC) {
            return Err(ImageError::NotThisFormat("qcow2"));
        }
        let version = u32_at(bytes, 4);
        if !(2..=3).contains(&version) {
            return Err(ImageError::Unsupported("has a version other than 2 and 3"));
        }
        if u64_at(bytes, 8) != 0 {
            return Err(ImageError::Unsupported(
                "has a backing file (flatten it with `qemu-img convert`)",
            ));
        }
        if u32_at(bytes, 32) != 0 {
            return Err(ImageError::Unsupported("is encrypted"));
        }
        let compression = if version == 3 {
            parse_features(bytes)?
        } else {
            Compression::Deflate
        };
        let cluster_bits = u32_at(bytes, 20);
        if !(9..=21).contains(&cluster_bits) {
            return Err(ImageError::Damaged {
                what: "cluster size",
                value: cluster_bits.into(),
            });
        }
        let size_bytes = u64_at(bytes, 24);
        if size_bytes > SIZE_BYTES_MAX {
            return Err(ImageError::Unsupported("is larger than 64 TiB"));
        }
        let l1_offset = u64_at(bytes, 40);
        if !l1_offset.is_multiple_of(1 << cluster_bits) {
            return Err(ImageError::Damaged {
                what: "offset of the L1 table",
                value: l1_offset,
            });
        }
        // One L2 table is a cluster of 8-byte entries, each of which stands for a cluster.
        let l1_entries = size_bytes.div_ceil(1 << (2 * cluster_bits - 3));
        let l1_entries_stored = u64::from(u32_at(bytes, 36));
        if l1_entries > l1_entries_stored || l1_entries_stored > L1_ENTRIES_MAX {
            return Err(ImageError::Damaged {
                what: "size of the L1 table",
                value: l1_entries_stored,
            });
        }
        Ok(Self {
            version,
            cluster_bits,
            size_bytes,
            l1_entries,
            l1_offset,
            compression,
        })
    }

    /// Bytes in a cluster.
    #[must_use]
    pub const fn cluster_bytes(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Entries of an L2 table.
    #[must_use]
    pub const fn l2_entries(&self) -> u64 {
        1 << (self.cluster_bits - 3)
    }
}

/// The incompatible features of version 3, and the compression that they allow for.
fn parse_features(bytes: &[u8; HEADER_BYTES]) -> Result<Compression, ImageError> {
    const DIRTY: u64 = 1;
    const CORRUPT: u64 = 1 << 1;
    const EXTERNAL_DATA: u64 = 1 << 2;
    const COMPRESSION_TYPE: u64 = 1 << 3;
    const EXTENDED_L2: u64 = 1 << 4;
    let features = u64_at(bytes, 72);
    if features & CORRUPT != 0 {
        return Err(ImageError::Unsupported(
            "is marked as corrupt (repair it with `qemu-img check -r all`)",
        ));
    }
    if features & EXTERNAL_DATA != 0 {
        return Err(ImageError::Unsupported("keeps its data in another file"));
    }
    if features & EXTENDED_L2 != 0 {
        return Err(ImageError::Unsupported(
            "uses extended L2 entries (convert it with `qemu-img convert`)",
        ));
    }
    // Dirty concerns reference counts only, which reading doesn't use.
    if features & !(DIRTY | COMPRESSION_TYPE) != 0 {
        return Err(ImageError::Unsupported("uses a feature that this program doesn't know"));
    }
    if features & COMPRESSION_TYPE == 0 {
        return Ok(Compression::Deflate);
    }
    match bytes.get(104) {
        Some(0) => Ok(Compression::Deflate),
        Some(1) => Ok(Compression::Zstd),
        _ => Err(ImageError::Unsupported(
            "is compressed in a way that this program doesn't know",
        )),
    }
}

fn u32_at(bytes: &[u8; HEADER_BYTES], offset: usize) -> u32 {
    bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |chunk| u32::from_be_bytes(*chunk))
}

fn u64_at(bytes: &[u8; HEADER_BYTES], offset: usize) -> u64 {
    bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |chunk| u64::from_be_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 3: 1 GiB, 64 KiB clusters.
    fn sample() -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        for (offset, field) in [
            (0, MAGIC),
            (4, 3u32.to_be_bytes().as_slice()),
            (20, 16u32.to_be_bytes().as_slice()),
            (24, (1u64 << 30).to_be_bytes().as_slice()),
            (36, 2u32.to_be_bytes().as_slice()),
            (40, 0x3_0000u64.to_be_bytes().as_slice()),
            (100, 112u32.to_be_bytes().as_slice()),
        ] {
            bytes[offset..offset + field.len()].copy_from_slice(field);
        }
        bytes
    }

    fn with(offset: usize, field: &[u8]) -> Result<Header, String> {
        let mut bytes = sample();
        bytes[offset..offset + field.len()].copy_from_slice(field);
        Header::parse(&bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_plain_header_is_understood() {
        let header = Header::parse(&sample()).unwrap();
        assert_eq!(header.cluster_bytes(), 65_536);
        assert_eq!(header.l1_entries, 2);
        assert_eq!(header.l1_offset, 0x3_0000);
        assert_eq!(header.compression, Compression::Deflate);
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (offset, field, expected) in [
            (0, b"QFI\0".as_slice(), "the file is not a qcow2 image"),
            (
                7,
                &[1],
                "the image has a version other than 2 and 3, which isn't supported",
            ),
            (
                15,
                &[1],
                "the image has a backing file (flatten it with `qemu-img convert`), which isn't supported",
            ),
            (35, &[1], "the image is encrypted, which isn't supported"),
            (
                79,
                &[4],
                "the image keeps its data in another file, which isn't supported",
            ),
            (
                79,
                &[16],
                "the image uses extended L2 entries (convert it with `qemu-img convert`), which isn't supported",
            ),
            (
                72,
                &[1],
                "the image uses a feature that this program doesn't know, which isn't supported",
            ),
            (24, &[1], "the image is larger than 64 TiB, which isn't supported"),
        ] {
            assert_eq!(with(offset, field), Err(expected.to_owned()));
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        assert!(with(23, &[8]).is_err());
        assert!(with(23, &[22]).is_err());
        assert!(with(20, &[0xff; 4]).is_err());
        assert!(with(39, &[1]).is_err());
        assert!(with(36, &[0xff; 4]).is_err());
        assert!(with(47, &[1]).is_err());
    }
}

//! Inodes: what ext knows of a file beside its name and content.

use super::superblock::{Superblock, checksum, incompat};
use crate::error::Error;
use crate::fields::{from, joined, le16, le32};
use crate::filesystem::{Metadata, NodeId, NodeKind, Time};

const FLAG_ENCRYPTED: u32 = 0x800;
const FLAG_INDEXED: u32 = 0x1000;
const FLAG_EXTENTS: u32 = 0x8_0000;
const FLAG_VALUE_OF_ATTRIBUTE: u32 = 0x20_0000;
const FLAG_INLINE_DATA: u32 = 0x1000_0000;

/// Where the block map, or what is stored instead of it, is within an inode.
const BLOCK_MAP_OFFSET: usize = 0x28;
const BLOCK_MAP_BYTES: usize = 60;
/// The part of an inode that every revision has.
const CLASSIC_BYTES: usize = 128;

/// An inode that is in use.
#[derive(Debug)]
pub(super) struct Inode {
    /// Where it is, in bytes.
    pub(super) place: u64,
    pub(super) kind: NodeKind,
    pub(super) size_bytes: u64,
    /// What the checksums of its folder and extent blocks start from.
    pub(super) checksum_seed: Option<u32>,
    /// As long as the superblock says, at least `CLASSIC_BYTES`.
    bytes: Vec<u8>,
}

impl Inode {
    pub(super) fn parse(number: u32, place: u64, bytes: Vec<u8>, superblock: &Superblock) -> Result<Self, Error> {
        let damaged = |detail| Error::Damaged {
            structure: "inode",
            offset: place,
            detail,
        };
        let mode = le16(&bytes, 0);
        if mode == 0 {
            return Err(Error::NotInUse(NodeId(number.into())));
        }
        let checksum_seed = superblock.checksum_seed.map(|seed| {
            let seed = checksum(seed, &number.to_le_bytes());
            checksum(seed, from(&bytes, 0x64).get(..4).unwrap_or_default())
        });
        if checksum_seed.is_some_and(|seed| !checksum_matches(seed, &bytes)) {
            return Err(damaged("its checksum is wrong"));
        }
        let kind = NodeKind::from_mode(mode).ok_or(damaged("its type is none that exists"))?;
        // In old folders, the upper half was the place of an access list.
        let long = kind == NodeKind::File || superblock.has(incompat::LARGE_DIR);
        let high = if long { le32(&bytes, 0x6c) } else { 0 };
        let size_bytes = joined(le32(&bytes, 4), high);
        if i64::try_from(size_bytes).is_err() {
            return Err(damaged("its size is more than any file's"));
        }
        Ok(Self {
            place,
            kind,
            size_bytes,
            checksum_seed,
            bytes,
        })
    }

    fn flag(&self, flag: u32) -> bool {
        le32(&self.bytes, 0x20) & flag != 0
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flag(FLAG_ENCRYPTED)
    }

    /// A folder whose first block is the root of an index.
    pub(super) fn is_indexed(&self) -> bool {
        self.flag(FLAG_INDEXED)
    }

    pub(super) fn has_extents(&self) -> bool {
        self.flag(FLAG_EXTENTS)
    }

    pub(super) fn has_inline_data(&self) -> bool {
        self.flag(FLAG_INLINE_DATA)
    }

    pub(super) fn is_value_of_attribute(&self) -> bool {
        self.flag(FLAG_VALUE_OF_ATTRIBUTE)
    }

    /// A link whose target is in place of the block map: one that fits there.
    pub(super) fn is_fast_link(&self) -> bool {
        self.kind == NodeKind::Symlink && !self.has_inline_data() && self.size_bytes < BLOCK_MAP_BYTES as u64
    }

    /// The block map, or what is stored instead of it.
    pub(super) fn block_map(&self) -> &[u8] {
        self.bytes
            .get(BLOCK_MAP_OFFSET..BLOCK_MAP_OFFSET + BLOCK_MAP_BYTES)
            .unwrap_or_default()
    }

    /// Where that is, in bytes.
    pub(super) const fn block_map_place(&self) -> u64 {
        self.place.saturating_add(BLOCK_MAP_OFFSET as u64)
    }

    /// The block with extended attributes that had no room in the inode.
    pub(super) fn attribute_block(&self) -> Option<u64> {
        let block = joined(le32(&self.bytes, 0x68), u32::from(le16(&self.bytes, 0x76)));
        (block != 0).then_some(block)
    }

    /// The room for extended attributes behind the inode's fields, and where that starts within the inode.
    pub(super) fn attribute_room(&self) -> (usize, &[u8]) {
        let start = CLASSIC_BYTES + self.extra_bytes();
        (start, from(&self.bytes, start))
    }

    /// Bytes of fields beyond the classic ones.
    fn extra_bytes(&self) -> usize {
        extra_bytes(&self.bytes)
    }

    pub(super) fn metadata(&self) -> Metadata {
        let bytes = &self.bytes;
        let wide = |low, high| u32::from(le16(bytes, high)) << 16 | u32::from(le16(bytes, low));
        Metadata {
            kind: self.kind,
            size_bytes: self.size_bytes,
            mode: Some(le16(bytes, 0) & 0o7777),
            owner: Some(wide(0x2, 0x78)),
            group: Some(wide(0x18, 0x7a)),
            links: u32::from(le16(bytes, 0x1a)),
            generation: u64::from(le32(bytes, 0x64)),
            modified: Some(self.time(0x10, 0x88)),
            changed: Some(self.time(0xc, 0x84)),
            accessed: Some(self.time(0x8, 0x8c)),
            created: (self.extra_bytes() >= 0x94 - CLASSIC_BYTES).then(|| self.time(0x90, 0x94)),
            device: self.device(),
        }
    }

    /// Seconds as a signed number of 32 bits, then two more bits of them and 30 bits of nanoseconds where the inode has room.
    fn time(&self, seconds_at: usize, extra_at: usize) -> Time {
        let seconds = i64::from(le32(&self.bytes, seconds_at).cast_signed());
        let has_extra = self.extra_bytes() + CLASSIC_BYTES >= extra_at + 4;
        let extra = if has_extra { le32(&self.bytes, extra_at) } else { 0 };
        let seconds = seconds + (i64::from(extra & 3) << 32);
        Time(i128::from(seconds) * 1_000_000_000 + i128::from(extra >> 2))
    }

    fn device(&self) -> Option<(u32, u32)> {
        if !matches!(self.kind, NodeKind::CharacterDevice | NodeKind::BlockDevice) {
            return None;
        }
        let map = self.block_map();
        Some(match (le32(map, 0), le32(map, 4)) {
            (0, new) => ((new & 0xf_ff00) >> 8, new & 0xff | (new >> 12) & 0xf_ff00),
            (old, _) => ((old >> 8) & 0xff, old & 0xff),
        })
    }
}

/// Bytes of fields beyond the classic ones, none if they claim more than there is.
fn extra_bytes(bytes: &[u8]) -> usize {
    let extra = usize::from(le16(bytes, CLASSIC_BYTES));
    if CLASSIC_BYTES + extra <= bytes.len() { extra } else { 0 }
}

/// The checksum covers the whole inode with the checksum's own two halves as zeros; the upper half is there if the inode has its field.
fn checksum_matches(seed: u32, bytes: &[u8]) -> bool {
    let whole = extra_bytes(bytes) >= 4;
    let mut sum = checksum(seed, bytes.get(..0x7c).unwrap_or_default());
    sum = checksum(sum, &[0; 2]);
    sum = checksum(sum, bytes.get(0x7e..CLASSIC_BYTES).unwrap_or_default());
    if whole {
        sum = checksum(sum, bytes.get(0x80..0x82).unwrap_or_default());
        sum = checksum(sum, &[0; 2]);
        sum = checksum(sum, from(bytes, 0x84));
    } else {
        sum = checksum(sum, from(bytes, CLASSIC_BYTES));
    }
    let low_matches = sum & 0xffff == u32::from(le16(bytes, 0x7c));
    low_matches && (!whole || sum >> 16 == u32::from(le16(bytes, 0x82)))
}

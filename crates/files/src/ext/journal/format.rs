//! Structures of the journal. All numbers are big-endian.

use crate::error::Error;
use crate::ext::superblock::{checksum, checksum_with_hole};
use crate::fields::{be16, be32, joined, part, u8_at};

pub(in crate::ext) const MAGIC: u32 = 0xc03b_3998;
pub(super) const HEADER_BYTES: usize = 12;
/// The checksum at the end of descriptor and revoke blocks.
const TAIL_BYTES: usize = 4;
const COMMIT_CHECKSUM_OFFSET: usize = 16;
const SUPERBLOCK_BYTES: usize = 1024;
const SUPERBLOCK_CHECKSUM_OFFSET: usize = 0xfc;

const COMPAT_CHECKSUM: u32 = 0x1;
const INCOMPAT_64_BIT: u32 = 0x2;
const INCOMPAT_CHECKSUM_V2: u32 = 0x8;
const INCOMPAT_CHECKSUM_V3: u32 = 0x10;
const INCOMPAT_FAST_COMMIT: u32 = 0x20;
/// Revocations, 64 bits, asynchronous commit, checksums of both versions, fast commits.
const INCOMPAT_READ: u32 = 0x3f;

const TAG_ESCAPED: u32 = 1;
const TAG_SAME_UUID: u32 = 2;
const TAG_LAST: u32 = 8;
const UUID_BYTES: usize = 16;

/// Blocks for fast commits if the superblock doesn't say how many.
const FAST_COMMIT_BLOCKS: u32 = 256;

/// What a block of the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Descriptor,
    Commit,
    Revoke,
    Superblock,
}

/// The kind and transaction of a block of the journal's own.
pub(super) fn header(bytes: &[u8]) -> Option<(BlockKind, u32)> {
    if be32(bytes, 0) != MAGIC {
        return None;
    }
    let kind = match be32(bytes, 4) {
        1 => BlockKind::Descriptor,
        2 => BlockKind::Commit,
        3 | 4 => BlockKind::Superblock,
        5 => BlockKind::Revoke,
        _ => return None,
    };
    Some((kind, be32(bytes, 8)))
}

/// How the content of transactions is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksums {
    None,
    /// One in the commit block, over the whole transaction (CRC-32).
    V1,
    /// In every block, and 16 bits for each block of content.
    V2,
    /// In every block, and 32 bits for each block of content.
    V3,
}

/// What the journal's superblock says.
#[derive(Clone, Debug)]
pub(super) struct JournalSuperblock {
    /// The block after the last of the log, counted from the journal's start.
    pub(super) end: u32,
    /// The log's first block.
    pub(super) first: u32,
    /// The block where the oldest transaction starts; 0 if none waits.
    pub(super) start: u32,
    /// The number of that transaction.
    pub(super) sequence: u32,
    pub(super) checksums: Checksums,
    pub(super) seed: u32,
    /// Blocks behind the log that fast commits have.
    pub(super) fast_commit_blocks: u32,
    wide: bool,
}

/// A block of content in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Its place on the file system.
    pub(super) block: u64,
    pub(super) escaped: bool,
    /// As it stands: 16 bits before version 3.
    pub(super) checksum: u32,
}

impl JournalSuperblock {
    /// Checks that the log lies within the journal, whose file has so many blocks of so many bytes.
    pub(super) fn parse(bytes: &[u8], block_bytes: u32, blocks: u64) -> Result<Self, &'static str> {
        let Some((BlockKind::Superblock, _)) = header(bytes) else {
            return Err("it doesn't start as one");
        };
        let second = be32(bytes, 4) == 4;
        let feature = |at| if second { be32(bytes, at) } else { 0 };
        let (compat, incompat) = (feature(0x24), feature(0x28));
        if incompat & !INCOMPAT_READ != 0 {
            return Err("it has features that came after Holdfast");
        }
        let checksums = match incompat & (INCOMPAT_CHECKSUM_V2 | INCOMPAT_CHECKSUM_V3) {
            0 if compat & COMPAT_CHECKSUM != 0 => Checksums::V1,
            0 => Checksums::None,
            INCOMPAT_CHECKSUM_V2 => Checksums::V2,
            INCOMPAT_CHECKSUM_V3 => Checksums::V3,
            _ => return Err("it has checksums of two versions"),
        };
        if matches!(checksums, Checksums::V2 | Checksums::V3) && !superblock_matches(bytes) {
            return Err("its checksum is wrong");
        }
        let fast_commit_blocks = match (incompat & INCOMPAT_FAST_COMMIT, be32(bytes, 0x54)) {
            (0, _) => 0,
            (_, 0) => FAST_COMMIT_BLOCKS,
            (_, blocks) => blocks,
        };
        let length = be32(bytes, 0x10);
        let superblock = Self {
            end: length.saturating_sub(fast_commit_blocks),
            first: be32(bytes, 0x14),
            start: be32(bytes, 0x1c),
            sequence: be32(bytes, 0x18),
            checksums,
            seed: checksum(u32::MAX, part(bytes, 0x30, UUID_BYTES).unwrap_or_default()),
            fast_commit_blocks,
            wide: incompat & INCOMPAT_64_BIT != 0,
        };
        let log = superblock.first..superblock.end;
        let inside = log.contains(&superblock.start) || superblock.start == 0 && !log.is_empty();
        if be32(bytes, 0xc) != block_bytes || u64::from(length) > blocks || superblock.first == 0 || !inside {
            return Err("its log doesn't lie within it");
        }
        Ok(superblock)
    }

    const fn has_block_checksums(&self) -> bool {
        matches!(self.checksums, Checksums::V2 | Checksums::V3)
    }

    /// Whether the checksum at the end of a descriptor or revoke block is right.
    pub(super) fn tail_matches(&self, bytes: &[u8]) -> bool {
        if !self.has_block_checksums() {
            return true;
        }
        let end = bytes.len().saturating_sub(TAIL_BYTES);
        let covered = bytes.get(..end).unwrap_or_default();
        checksum(checksum(self.seed, covered), &[0; TAIL_BYTES]) == be32(bytes, end)
    }

    /// Whether a commit block's checksum of itself is right.
    pub(super) fn commit_matches(&self, bytes: &[u8]) -> bool {
        !self.has_block_checksums()
            || checksum_with_hole(self.seed, bytes, COMMIT_CHECKSUM_OFFSET) == be32(bytes, COMMIT_CHECKSUM_OFFSET)
    }

    /// Whether a commit block's checksum of its transaction is the one given, or isn't there.
    pub(super) fn transaction_matches(&self, bytes: &[u8], sum: u32) -> bool {
        const KIND_CRC_32: u8 = 1;
        if self.checksums != Checksums::V1 {
            return true;
        }
        let stored = be32(bytes, COMMIT_CHECKSUM_OFFSET);
        match (u8_at(bytes, 12), u8_at(bytes, 13)) {
            (KIND_CRC_32, 4) => stored == sum,
            (0, 0) => stored == 0,
            _ => false,
        }
    }

    /// Whether a block of content is what its tag was made for.
    pub(super) fn content_matches(&self, tag: &Tag, sequence: u32, bytes: &[u8]) -> bool {
        let sum = || checksum(checksum(self.seed, &sequence.to_be_bytes()), bytes);
        match self.checksums {
            Checksums::None | Checksums::V1 => true,
            Checksums::V2 => sum() & 0xffff == tag.checksum,
            Checksums::V3 => sum() == tag.checksum,
        }
    }

    /// The blocks that a descriptor announces, in the order in which they follow it.
    pub(super) fn tags(&self, bytes: &[u8]) -> Vec<Tag> {
        let end = if self.has_block_checksums() {
            bytes.len().saturating_sub(TAIL_BYTES)
        } else {
            bytes.len()
        };
        let bytes = bytes.get(..end).unwrap_or_default();
        let tag_bytes = self.tag_bytes();
        let mut tags = Vec::new();
        let mut at = HEADER_BYTES;
        while let Some(tag) = part(bytes, at, tag_bytes) {
            let high = if self.wide { be32(tag, 8) } else { 0 };
            let (flags, checksum) = match self.checksums {
                Checksums::V3 => (be32(tag, 4), be32(tag, 12)),
                _ => (u32::from(be16(tag, 6)), u32::from(be16(tag, 4))),
            };
            tags.push(Tag {
                block: joined(be32(tag, 0), high),
                escaped: flags & TAG_ESCAPED != 0,
                checksum,
            });
            at += tag_bytes;
            if flags & TAG_SAME_UUID == 0 {
                at += UUID_BYTES;
            }
            if flags & TAG_LAST != 0 {
                break;
            }
        }
        tags
    }

    /// Version 2 adds two bytes that it never uses, as its writers did by mistake; version 3 has a layout of its own.
    const fn tag_bytes(&self) -> usize {
        match (self.checksums, self.wide) {
            (Checksums::V3, _) => 16,
            (Checksums::V2, true) => 14,
            (Checksums::V2, false) => 10,
            (_, true) => 12,
            (_, false) => 8,
        }
    }

    /// The blocks whose content in this transaction and those before it is obsolete.
    pub(super) fn revoked(&self, bytes: &[u8]) -> Vec<u64> {
        let number_bytes = if self.wide { 8 } else { 4 };
        let used = usize::try_from(be32(bytes, HEADER_BYTES))
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let numbers = bytes.get(HEADER_BYTES + 4..used).unwrap_or_default();
        let number = |bytes: &[u8]| {
            if self.wide {
                joined(be32(bytes, 4), be32(bytes, 0))
            } else {
                u64::from(be32(bytes, 0))
            }
        };
        numbers.chunks_exact(number_bytes).map(number).collect()
    }
}

/// The superblock's checksum has no seed: it covers the identifier that is the seed of the others.
fn superblock_matches(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..SUPERBLOCK_BYTES).unwrap_or_default();
    checksum_with_hole(u32::MAX, bytes, SUPERBLOCK_CHECKSUM_OFFSET) == be32(bytes, SUPERBLOCK_CHECKSUM_OFFSET)
}

/// The CRC-32 of Ethernet, most significant bit first, as the kernel's `crc32_be`: what commit blocks of version 1 have over their transaction.
pub(super) fn crc32_big_endian(seed: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = crc32_table();
    bytes.iter().fold(seed, |sum, byte| {
        let index = usize::from((sum >> 24).to_le_bytes()[0] ^ byte);
        sum << 8 ^ TABLE.get(index).copied().unwrap_or_default()
    })
}

const fn crc32_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0_u32;
    while index < 256 {
        let mut sum = index << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000_0000 != 0 {
                sum << 1 ^ 0x04c1_1db7
            } else {
                sum << 1
            };
            bit += 1;
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "a constant: an index out of range doesn't compile"
        )]
        {
            table[index as usize] = sum;
        }
        index += 1;
    }
    table
}

pub(super) fn damaged(offset: u64, detail: &'static str) -> Error {
    Error::Damaged {
        structure: "ext journal",
        offset,
        detail,
    }
}

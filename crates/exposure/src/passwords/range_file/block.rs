//! A block: the rows of one prefix.
//!
//! ```text
//! 4        CRC-32C of the prefix (4 bytes, little-endian) and of all that follows
//! 16 x n   rows of each group, LEB128: a group is the rows that share the hash's first 24 bits
//! rows x s the rest of each hash: 17 bytes (SHA-1) or 13 (NTLM)
//! rows x n counts, LEB128
//! ```
//!
//! Groups save the 4 bits of each row that would be left over beside whole bytes.

use crate::hash::HashKind;
use crate::passwords::record::Record;

/// Groups of a block.
pub(super) const GROUPS: usize = 16;
/// Bytes of a hash that the prefix and the group give.
pub(in crate::passwords) const HEAD_BYTES: usize = 3;

/// Most bytes of a block beside its rows.
pub(super) const BLOCK_FRAME_BYTES_MAX: usize = 4 + 5 * GROUPS;

/// The bytes of a hash behind prefix and group.
pub(super) const fn tail_bytes(kind: HashKind) -> usize {
    kind.bytes() - HEAD_BYTES
}

/// A block whose checksum was right.
#[derive(Clone, Copy, Debug)]
pub(in crate::passwords) struct Block<'a> {
    /// The first 20 bits of its hashes.
    pub(in crate::passwords) prefix: u32,
    /// Rows of each group.
    pub(in crate::passwords) groups: [u32; GROUPS],
    /// Ends of the hashes, without gaps.
    pub(in crate::passwords) tails: &'a [u8],
    /// LEB128, one a row.
    counts: &'a [u8],
    /// All of its bytes.
    pub(in crate::passwords) bytes: &'a [u8],
    kind: HashKind,
}

impl<'a> Block<'a> {
    /// Checks and parses a block's bytes.
    pub(super) fn parse(kind: HashKind, prefix: u32, bytes: &'a [u8]) -> Result<Self, &'static str> {
        let (sum, content) = bytes.split_first_chunk::<4>().ok_or("the block is cut off")?;
        if u32::from_le_bytes(*sum) != checksum(prefix, content) {
            return Err("the block's checksum is wrong");
        }
        let mut rest = content;
        let mut groups = [0; GROUPS];
        let mut rows = 0_usize;
        for group in &mut groups {
            *group = take_number(&mut rest).ok_or("the number of rows is no number")?;
            rows = rows.saturating_add(*group as usize);
        }
        let tails = rows.checked_mul(tail_bytes(kind));
        let (tails, counts) = tails
            .and_then(|length| rest.split_at_checked(length))
            .ok_or("there are fewer rows than announced")?;
        if counts.len() < rows {
            return Err("there are fewer counts than rows");
        }
        Ok(Self {
            prefix,
            groups,
            tails,
            counts,
            bytes,
            kind,
        })
    }

    /// Which hash it holds.
    pub(in crate::passwords) const fn kind(&self) -> HashKind {
        self.kind
    }

    /// How many rows there are.
    pub(in crate::passwords) fn rows(&self) -> usize {
        self.tails.len() / tail_bytes(self.kind)
    }

    /// The counts, in the order of the rows. A count that is no number is given as 0: it can't happen behind a checksum.
    pub(in crate::passwords) fn counts(&self) -> Counts<'a> {
        Counts(self.counts)
    }

    /// Appends the rows.
    pub(in crate::passwords) fn records(&self, records: &mut Vec<Record>) {
        let mut tails = self.tails.chunks_exact(tail_bytes(self.kind));
        let mut counts = self.counts();
        records.reserve(self.rows());
        for (group, rows) in (0_u64..).zip(self.groups) {
            let head = (u64::from(self.prefix) << 44) | (group << 40);
            let in_group = tails.by_ref().take(rows as usize).zip(counts.by_ref());
            records.extend(in_group.filter_map(|(tail, count)| record(head, tail, count)));
        }
    }
}

/// A row from the first 24 bits of its hash, the rest of it, and its count.
fn record(head: u64, tail: &[u8], count: u32) -> Option<Record> {
    // The first eight bytes of the tail hold five that belong to `high`.
    let (first, _) = tail.split_first_chunk::<8>()?;
    let (_, middle) = tail.split_at_checked(5)?;
    let (middle, low) = middle.split_first_chunk::<8>()?;
    Some(Record {
        high: head | (u64::from_be_bytes(*first) >> 24),
        middle: u64::from_be_bytes(*middle),
        low: low.try_into().map_or(0, u32::from_be_bytes),
        count,
    })
}

/// Counts of rows.
#[derive(Clone, Debug)]
pub(in crate::passwords) struct Counts<'a>(&'a [u8]);

impl Iterator for Counts<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0.is_empty() {
            return None;
        }
        Some(take_number(&mut self.0).unwrap_or(0))
    }
}

/// A LEB128 number of up to 32 bits from the front of `bytes`.
#[inline]
fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    let (first, mut rest) = bytes.split_first()?;
    let mut number = u64::from(first & 0x7f);
    let mut last = *first;
    let mut shift = 7;
    while last & 0x80 != 0 && shift <= 28 {
        let (byte, after) = rest.split_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        (last, rest, shift) = (*byte, after, shift + 7);
    }
    *bytes = rest;
    if last & 0x80 != 0 {
        return None;
    }
    u32::try_from(number).ok()
}

/// Appends a LEB128 number.
#[inline]
fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn checksum(prefix: u32, content: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&prefix.to_le_bytes()), content)
}

/// Calls `f` with a block of records of one prefix, in order, that is nowhere but in memory: of merged or padded rows, which may have
/// count 0.
pub(in crate::passwords) fn with_block<T>(
    kind: HashKind,
    prefix: u32,
    records: &[Record],
    f: impl FnOnce(&Block<'_>) -> T,
) -> T {
    let mut builder = BlockBuilder::default();
    for record in records {
        builder.push(kind, record);
    }
    f(&Block {
        prefix,
        groups: builder.groups,
        tails: &builder.tails,
        counts: &builder.counts,
        bytes: &[],
        kind,
    })
}

/// Collects the rows of one prefix, in order, and makes a block of them.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    groups: [u32; GROUPS],
    tails: Vec<u8>,
    counts: Vec<u8>,
}

impl BlockBuilder {
    /// Adds a row.
    pub(super) fn push(&mut self, kind: HashKind, record: &Record) {
        let group = (record.high >> 40) as usize % GROUPS;
        if let Some(rows) = self.groups.get_mut(group) {
            *rows += 1;
        }
        let hash = record.hash();
        self.tails
            .extend_from_slice(hash.get(HEAD_BYTES..kind.bytes()).unwrap_or_default());
        push_number(&mut self.counts, record.count);
    }

    /// Whether there are no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Appends the block to `bytes` and is empty again.
    pub(super) fn finish(&mut self, prefix: u32, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        for group in self.groups {
            push_number(bytes, group);
        }
        bytes.extend_from_slice(&self.tails);
        bytes.extend_from_slice(&self.counts);
        if let Some((sum, content)) = bytes
            .get_mut(start..)
            .and_then(|block| block.split_first_chunk_mut::<4>())
        {
            *sum = checksum(prefix, content).to_le_bytes();
        }
        self.groups = [0; GROUPS];
        self.tails.clear();
        self.counts.clear();
    }

    /// Bytes of its rows.
    pub(super) fn size_bytes(&self) -> usize {
        self.tails.len() + self.counts.len()
    }
}

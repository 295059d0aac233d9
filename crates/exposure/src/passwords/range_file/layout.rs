//! What frames the blocks of a range file: header, directory and trailer, each with its checksum.

use crate::hash::HashKind;

/// Prefixes in a directory page.
pub(super) const PREFIXES_PER_PAGE: usize = 512;
/// Bytes of a directory page: CRC, page number, offset of the first block, lengths.
pub(super) const DIRECTORY_PAGE_BYTES: usize = 16 + 4 * PREFIXES_PER_PAGE;
/// Bytes of the header.
pub(super) const HEADER_BYTES: u64 = 16;
/// Bytes of the trailer.
pub(super) const TRAILER_BYTES: usize = 320;
/// Most bytes of a block: 3 million rows. A prefix of an honest corpus has some thousands.
pub(super) const BLOCK_BYTES_MAX: usize = 64 << 20;
/// Bit lengths of a count.
pub(super) const COUNT_BITS: usize = 33;

const MAGIC: [u8; 8] = *b"holdrng1";

/// What a range file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::passwords) struct Totals {
    /// Rows.
    pub(in crate::passwords) hashes: u64,
    /// The sum of their counts.
    pub(in crate::passwords) occurrences: u64,
    /// How many counts have so many bits; what a counts file is laid out by.
    pub(in crate::passwords) counts_by_bits: [u64; COUNT_BITS],
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            hashes: 0,
            occurrences: 0,
            counts_by_bits: [0; COUNT_BITS],
        }
    }
}

impl Totals {
    /// Counts one more row.
    pub(in crate::passwords) fn add(&mut self, count: u32) {
        self.hashes += 1;
        self.occurrences = self.occurrences.saturating_add(u64::from(count));
        let bits = (u32::BITS - count.leading_zeros()) as usize;
        if let Some(rows) = self.counts_by_bits.get_mut(bits) {
            *rows += 1;
        }
    }
}

/// The header: magic, kind, CRC.
pub(super) fn header(kind: HashKind) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[kind_code(kind), 0, 0, 0]);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// The trailer: CRC of the rest, zeros, directory's offset, totals, kind, magic.
pub(super) fn trailer(kind: HashKind, directory_offset: u64, totals: &Totals) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    for number in [directory_offset, totals.hashes, totals.occurrences]
        .iter()
        .chain(&totals.counts_by_bits)
    {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.resize(TRAILER_BYTES - 16, 0);
    bytes.extend_from_slice(&[kind_code(kind), 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&MAGIC);
    seal(&mut bytes);
    bytes
}

/// A trailer read back: kind, directory's offset, totals; or what is wrong with it.
pub(super) fn parse_trailer(bytes: &[u8; TRAILER_BYTES]) -> Result<(HashKind, u64, Totals), &'static str> {
    let (_, magic) = bytes.split_last_chunk::<8>().ok_or("the trailer is cut off")?;
    if *magic != MAGIC {
        return Err("the trailer is missing: the file is not a range file, or unfinished");
    }
    if !is_sealed(bytes) {
        return Err("the trailer's checksum is wrong");
    }
    let mut numbers = bytes
        .as_chunks::<8>()
        .0
        .iter()
        .skip(1)
        .map(|chunk| u64::from_le_bytes(*chunk));
    let mut next = || numbers.next().ok_or("the trailer is cut off");
    let directory_offset = next()?;
    let mut totals = Totals {
        hashes: next()?,
        occurrences: next()?,
        ..Totals::default()
    };
    for rows in &mut totals.counts_by_bits {
        *rows = next()?;
    }
    let kind = bytes.get(TRAILER_BYTES - 16).copied().and_then(kind_of);
    Ok((
        kind.ok_or("the trailer names an unknown kind of hash")?,
        directory_offset,
        totals,
    ))
}

/// The number of a kind in files.
pub(in crate::passwords) const fn kind_code(kind: HashKind) -> u8 {
    match kind {
        HashKind::Sha1 => 1,
        HashKind::Ntlm => 2,
    }
}

/// The kind with a number.
pub(in crate::passwords) fn kind_of(code: u8) -> Option<HashKind> {
    HashKind::ALL.into_iter().find(|kind| kind_code(*kind) == code)
}

/// Puts the CRC of what follows into the first four bytes.
pub(in crate::passwords) fn seal(bytes: &mut [u8]) {
    if let Some((sum, rest)) = bytes.split_first_chunk_mut::<4>() {
        *sum = crc32c::crc32c(rest).to_le_bytes();
    }
}

/// Whether the first four bytes are the CRC of what follows.
pub(in crate::passwords) fn is_sealed(bytes: &[u8]) -> bool {
    bytes
        .split_first_chunk::<4>()
        .is_some_and(|(sum, rest)| u32::from_le_bytes(*sum) == crc32c::crc32c(rest))
}

//! The index that is handed out: everybody's sealed entries, in buckets by the first bits of the identity. Written once, never changed.
//!
//! ```text
//! header   128 bytes: see `Header`
//! table    for each of the 2^bits buckets: how many entries, u32 || CRC-32C of the bucket, u32
//! entries  bucket by bucket, sorted by their bytes, so that nothing of the order of the identities is left
//! ```
//!
//! Numbers are little-endian. Header and table are written last: a file that was cut short has no valid header.
//!
//! Buckets are cut by the identity, which never changes, and not by the output of the keyed function: with every new key the second
//! would put a person among others, and whoever asks under two keys would be the only one in both buckets.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::entry::ENTRY_BYTES;
use super::hiding::BITS_MAX;
use super::protocol::{POINT_BYTES, PublicKey};
use crate::Error;
use crate::hexadecimal;

const MAGIC: &[u8; 8] = b"HFPRIV01";
const HEADER_BYTES: usize = 128;
const HEADER_CRC_AT: usize = 124;
const ROW_BYTES: usize = 8;
/// The whole index is handed out in parts of whole buckets, of at most this many bytes (or one bucket, if that alone is larger).
pub const PART_BYTES: u64 = 4 << 20;
/// A bucket larger than this is not handed out by itself, in bytes.
pub(super) const BUCKET_BYTES_MAX: u64 = 16 << 20;
/// The key-stretching salt of an index, new for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([u8; Salt::BYTES]);

impl Salt {
    /// Bytes of a salt.
    pub const BYTES: usize = 32;

    /// A salt of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// What the index is called in file names and URLs: the first 8 bytes.
    #[must_use]
    pub fn name(&self) -> String {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        hexadecimal::lower(&[a, b, c, d, e, f, g, h])
    }
}

/// What stands at the head of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The salt (offset 8).
    pub salt: Salt,
    /// The key under which it was made (40).
    pub public_key: PublicKey,
    /// People in it (72).
    pub identities: u64,
    /// Entries in it (80).
    pub entries: u64,
    /// How many people every bucket was to have at least (88).
    pub hidden_among: u64,
    /// When it was made, in seconds since 1970 (96).
    pub built_s: u64,
    /// People in the smallest bucket (104).
    pub fewest: u32,
    /// Bits of a bucket's prefix (108).
    pub bits: u32,
    /// CRC-32C of the table (112). The header's own stands at 124.
    pub(super) table_crc: u32,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(self.salt.as_bytes());
        bytes.extend_from_slice(self.public_key.as_bytes());
        for number in [self.identities, self.entries, self.hidden_among, self.built_s] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.fewest, self.bits, self.table_crc] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.resize(HEADER_CRC_AT, 0);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&bytes);
        header
    }

    /// `None` unless these are exactly the bytes that [`Self::encode`] makes.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let magic = take::<8>(&mut rest)?;
        let salt = Salt(take(&mut rest)?);
        let public_key = PublicKey::from_bytes(take::<POINT_BYTES>(&mut rest)?).ok()?;
        let header = Self {
            salt,
            public_key,
            identities: u64::from_le_bytes(take(&mut rest)?),
            entries: u64::from_le_bytes(take(&mut rest)?),
            hidden_among: u64::from_le_bytes(take(&mut rest)?),
            built_s: u64::from_le_bytes(take(&mut rest)?),
            fewest: u32::from_le_bytes(take(&mut rest)?),
            bits: u32::from_le_bytes(take(&mut rest)?),
            table_crc: u32::from_le_bytes(take(&mut rest)?),
        };
        (&magic == MAGIC && header.bits <= BITS_MAX && header.encode() == *bytes).then_some(header)
    }

    const fn table_bytes(&self) -> usize {
        ROW_BYTES << self.bits
    }

    const fn entries_at(&self) -> u64 {
        (HEADER_BYTES + self.table_bytes()) as u64
    }
}

/// The next `N` bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

/// An open index. Reads with positions, so that all connections share it.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    file: File,
    header: Header,
    /// Where each bucket begins, counted in entries, and the end of the last.
    starts: Vec<u64>,
    checksums: Vec<u32>,
    /// The first bucket of each part, and the end of the last.
    parts: Vec<u32>,
}

impl Index {
    /// Opens an index.
    ///
    /// # Errors
    /// When it can't be read, or header, table and length don't fit together.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let damaged = |what| Error::PrivateIndex {
            path: path.to_owned(),
            what,
        };
        let file = File::open(path).map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        if length < HEADER_BYTES as u64 {
            return Err(damaged("it is too short"));
        }
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(Error::io("read", path))?;
        let header = Header::decode(&bytes).ok_or_else(|| damaged("its header is not valid"))?;
        let expected = header
            .entries
            .checked_mul(ENTRY_BYTES as u64)
            .and_then(|entries| entries.checked_add(header.entries_at()));
        if expected != Some(length) {
            return Err(damaged("its length is not what the header says"));
        }
        let mut table = vec![0; header.table_bytes()];
        file.read_exact_at(&mut table, HEADER_BYTES as u64)
            .map_err(Error::io("read", path))?;
        if crc32c::crc32c(&table) != header.table_crc {
            return Err(damaged("its table does not match its checksum"));
        }
        let mut starts = vec![0];
        let mut checksums = Vec::with_capacity(1 << header.bits);
        let mut end = 0_u64;
        for [a, b, c, d, checksum @ ..] in table.as_chunks::<ROW_BYTES>().0 {
            end = end.saturating_add(u64::from(u32::from_le_bytes([*a, *b, *c, *d])));
            starts.push(end);
            checksums.push(u32::from_le_bytes(*checksum));
        }
        if end != header.entries {
            return Err(damaged("its table is not about as many entries as it has"));
        }
        let parts = parts(&starts);
        Ok(Self {
            path: path.to_owned(),
            file,
            header,
            starts,
            checksums,
            parts,
        })
    }

    /// What stands at its head.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many parts the whole has; 0 if nobody is in it.
    #[must_use]
    pub const fn parts(&self) -> usize {
        self.parts.len().saturating_sub(1)
    }

    /// Bytes of all entries.
    #[must_use]
    pub const fn entries_bytes(&self) -> u64 {
        self.header.entries * ENTRY_BYTES as u64
    }

    /// The entries of one part; `None` if there is no such part.
    ///
    /// # Errors
    /// When they can't be read, or don't match their checksums.
    pub fn part(&self, number: usize) -> Result<Option<Vec<u8>>, Error> {
        let (Some(first), Some(end)) = (self.parts.get(number), self.parts.get(number.saturating_add(1))) else {
            return Ok(None);
        };
        self.read(*first..*end).map(Some)
    }

    /// The entries of the bucket with this prefix; `None` if there is no such prefix, or so much below it that only the whole index
    /// is handed out.
    ///
    /// # Errors
    /// When they can't be read, or don't match their checksum.
    pub fn bucket(&self, prefix: u32) -> Result<Option<Vec<u8>>, Error> {
        let Some(bytes) = self.bytes_of(prefix..prefix.saturating_add(1)) else {
            return Ok(None);
        };
        if bytes.end - bytes.start > BUCKET_BYTES_MAX {
            return Ok(None);
        }
        self.read(prefix..prefix.saturating_add(1)).map(Some)
    }

    /// Where buckets lie, in bytes from the first entry.
    fn bytes_of(&self, buckets: Range<u32>) -> Option<Range<u64>> {
        let start = self.starts.get(buckets.start as usize)?;
        let end = self.starts.get(buckets.end as usize)?;
        Some(start * ENTRY_BYTES as u64..end * ENTRY_BYTES as u64)
    }

    fn read(&self, buckets: Range<u32>) -> Result<Vec<u8>, Error> {
        let damaged = || Error::PrivateIndex {
            path: self.path.clone(),
            what: "a bucket does not match its checksum",
        };
        let place = self.bytes_of(buckets.clone()).ok_or_else(damaged)?;
        let length = usize::try_from(place.end - place.start).map_err(|_| damaged())?;
        let mut entries = vec![0; length];
        self.file
            .read_exact_at(&mut entries, self.header.entries_at() + place.start)
            .map_err(Error::io("read", &self.path))?;
        for bucket in buckets {
            let within = self.bytes_of(bucket..bucket + 1).ok_or_else(damaged)?;
            let bytes = entries
                .get((within.start - place.start) as usize..(within.end - place.start) as usize)
                .ok_or_else(damaged)?;
            if self.checksums.get(bucket as usize) != Some(&crc32c::crc32c(bytes)) {
                return Err(damaged());
            }
        }
        Ok(entries)
    }
}

/// Cuts the buckets into parts.
fn parts(starts: &[u64]) -> Vec<u32> {
    let mut parts = vec![0];
    let mut first = 0_u64;
    for (bucket, ends) in starts.windows(2).enumerate() {
        let &[start, end] = ends else { continue };
        if start > first && (end - first) * ENTRY_BYTES as u64 > PART_BYTES {
            parts.push(bucket as u32);
            first = start;
        }
    }
    if starts.last().is_some_and(|end| *end > first) {
        parts.push(starts.len() as u32 - 1);
    }
    parts
}

/// Writes an index, bucket by bucket.
pub(super) struct IndexWriter {
    path: PathBuf,
    file: BufWriter<File>,
    bits: u32,
    table: Vec<u8>,
    entries: u64,
}

impl IndexWriter {
    pub(super) fn create(path: &Path, bits: u32) -> Result<Self, Error> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(Error::io("make", path))?);
        // Room for header and table, which are known at the end.
        let room = vec![0; HEADER_BYTES + (ROW_BYTES << bits)];
        file.write_all(&room).map_err(Error::io("write", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bits,
            table: Vec::with_capacity(ROW_BYTES << bits),
            entries: 0,
        })
    }

    /// The bucket whose turn it is.
    pub(super) const fn next_bucket(&self) -> u32 {
        (self.table.len() / ROW_BYTES) as u32
    }

    /// Writes the next bucket.
    pub(super) fn push(&mut self, entries: &mut [u8]) -> Result<(), Error> {
        entries.as_chunks_mut::<ENTRY_BYTES>().0.sort_unstable();
        let count = u32::try_from(entries.len() / ENTRY_BYTES).map_err(|_| Error::TooMany {
            what: "entries of one bucket",
            found: (entries.len() / ENTRY_BYTES) as u64,
            most: u64::from(u32::MAX),
        })?;
        self.file.write_all(entries).map_err(Error::io("write", &self.path))?;
        self.table.extend_from_slice(&count.to_le_bytes());
        self.table.extend_from_slice(&crc32c::crc32c(entries).to_le_bytes());
        self.entries += u64::from(count);
        Ok(())
    }

    /// Writes table and header and makes everything durable. All buckets must have been pushed. Returns the bytes of all entries.
    pub(super) fn finish(self, header: Header) -> Result<u64, Error> {
        debug_assert_eq!(self.table.len(), ROW_BYTES << self.bits);
        let header = Header {
            entries: self.entries,
            bits: self.bits,
            table_crc: crc32c::crc32c(&self.table),
            ..header
        };
        let path = self.path;
        let file = self
            .file
            .into_inner()
            .map_err(|error| Error::io("write", &path)(error.into_error()))?;
        file.write_all_at(&self.table, HEADER_BYTES as u64)
            .and_then(|()| file.write_all_at(&header.encode(), 0))
            .and_then(|()| file.sync_all())
            .map_err(Error::io("write", &path))?;
        Ok(self.entries * ENTRY_BYTES as u64)
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;

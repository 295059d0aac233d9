//! An open table: its index in memory, its blocks read when they are asked for.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::{BLOCK_BYTES_MAX, BlockRows, KEY_BYTES_MAX};
use super::cursor::Cursor;
use super::{FOOTER_BYTES, HEADER_BYTES, MAGIC, varint};
use crate::Error;

/// What stands at the end of a file: four numbers of 64 bits, then the checksum of the index and that of the footer, little-endian.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Footer {
    pub(super) rows: u64,
    pub(super) blocks: u64,
    /// Bytes of all blocks.
    pub(super) blocks_bytes: u64,
    /// Bytes of the index behind them.
    pub(super) index_bytes: u64,
}

impl Footer {
    pub(super) fn to_bytes(self, index_checksum: u32) -> Vec<u8> {
        let numbers = [self.rows, self.blocks, self.blocks_bytes, self.index_bytes];
        let mut bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        bytes.extend_from_slice(&index_checksum.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The footer and the checksum of the index.
    fn parse(bytes: &[u8; FOOTER_BYTES]) -> Option<(Self, u32)> {
        let (fields, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(fields) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (numbers, index_checksum) = fields.split_last_chunk::<4>()?;
        let mut numbers = numbers
            .chunks_exact(8)
            .map(|chunk| chunk.try_into().map_or(0, u64::from_le_bytes));
        let footer = Self {
            rows: numbers.next()?,
            blocks: numbers.next()?,
            blocks_bytes: numbers.next()?,
            index_bytes: numbers.next()?,
        };
        Some((footer, u32::from_le_bytes(*index_checksum)))
    }
}

/// Where the blocks of a table are, by their first keys.
#[derive(Debug, Default)]
struct Index {
    /// All first keys.
    keys: Vec<u8>,
    /// Where each key ends in `keys`.
    key_ends: Vec<usize>,
    /// Where each block ends in the file.
    block_ends: Vec<u64>,
}

impl Index {
    /// Parses the index of blocks that fill exactly `blocks_bytes`.
    fn parse(mut bytes: &[u8], footer: &Footer) -> Option<Self> {
        let mut index = Self::default();
        let mut end = HEADER_BYTES as u64;
        while !bytes.is_empty() {
            let length = varint::take_length(&mut bytes, KEY_BYTES_MAX)?;
            let (key, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            end += varint::take_length(&mut bytes, BLOCK_BYTES_MAX)? as u64;
            index.keys.extend_from_slice(key);
            index.key_ends.push(index.keys.len());
            index.block_ends.push(end);
        }
        let fits = end - HEADER_BYTES as u64 == footer.blocks_bytes && index.block_ends.len() as u64 == footer.blocks;
        fits.then_some(index)
    }

    fn first_key(&self, block: usize) -> &[u8] {
        let end = self.key_ends.get(block).copied().unwrap_or_default();
        let start = block
            .checked_sub(1)
            .and_then(|before| self.key_ends.get(before))
            .copied()
            .unwrap_or_default();
        self.keys.get(start..end).unwrap_or_default()
    }

    /// The block that a key is in, if it is anywhere: the last whose first key isn't greater.
    fn block_of(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.key_ends.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.first_key(middle) <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.saturating_sub(1)
    }
}

/// An open table. Its rows don't change.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    file: File,
    rows: u64,
    index: Index,
}

impl Table {
    /// Opens the table in a file of a kind.
    pub(crate) fn open(path: &Path, kind: u8) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let damaged = |offset, what| Error::Damaged {
            path: path.to_owned(),
            offset,
            what,
        };
        let read = |bytes: &mut [u8], offset| file.read_exact_at(bytes, offset).map_err(Error::io("read", path));
        let footer_at = length
            .checked_sub(FOOTER_BYTES as u64)
            .ok_or_else(|| damaged(0, "the file is too short"))?;
        let mut header = [0; HEADER_BYTES];
        read(&mut header, 0)?;
        if header.get(..MAGIC.len()) != Some(MAGIC.as_slice()) || header.get(MAGIC.len()) != Some(&kind) {
            return Err(damaged(0, "this is not such a table"));
        }
        let mut footer = [0; FOOTER_BYTES];
        read(&mut footer, footer_at)?;
        let (footer, checksum) = Footer::parse(&footer).ok_or_else(|| damaged(footer_at, "the footer is wrong"))?;
        let blocks_end = (HEADER_BYTES as u64).checked_add(footer.blocks_bytes);
        let index_at = footer_at
            .checked_sub(footer.index_bytes)
            .filter(|at| Some(*at) == blocks_end);
        let index_at = index_at.ok_or_else(|| damaged(footer_at, "the lengths in the footer don't fit the file"))?;
        // Not more than the file has.
        let mut index = vec![0; usize::try_from(footer.index_bytes).unwrap_or(usize::MAX)];
        read(&mut index, index_at)?;
        let index = Some(&index)
            .filter(|index| crc32c::crc32c(index) == checksum)
            .and_then(|index| Index::parse(index, &footer));
        let index = index.ok_or_else(|| damaged(index_at, "the index is wrong"))?;
        Ok(Self {
            path: path.to_owned(),
            rows: footer.rows,
            file,
            index,
        })
    }

    pub(super) fn blocks(&self) -> usize {
        self.index.block_ends.len()
    }

    /// Reads a block; what it holds begins before its first row.
    pub(super) fn read(&self, block: usize, rows: &mut BlockRows) -> Result<(), Error> {
        let before = block
            .checked_sub(1)
            .and_then(|before| self.index.block_ends.get(before))
            .copied();
        let start = before.unwrap_or(HEADER_BYTES as u64);
        let end = self.index.block_ends.get(block).copied().unwrap_or(start);
        let length = usize::try_from(end - start).unwrap_or(BLOCK_BYTES_MAX);
        self.file
            .read_exact_at(rows.buffer(length), start)
            .map_err(Error::io("read", &self.path))?;
        rows.begin().map_err(|what| self.damaged(block, what))
    }

    pub(super) fn damaged(&self, block: usize, what: &'static str) -> Error {
        let before = block
            .checked_sub(1)
            .and_then(|before| self.index.block_ends.get(before))
            .copied();
        Error::Damaged {
            path: self.path.clone(),
            offset: before.unwrap_or(HEADER_BYTES as u64),
            what,
        }
    }

    /// The error for a value that can't be understood.
    pub(crate) fn damaged_value(&self, what: &'static str) -> Error {
        self.damaged(0, what)
    }

    /// Rows from a key on: the cursor stands before the first whose key isn't smaller.
    pub(crate) fn from(self: &Arc<Self>, key: &[u8]) -> Cursor {
        Cursor::new(Arc::clone(self), self.index.block_of(key), key)
    }

    /// Gives the value of a key to `found`; false if the key isn't there.
    pub(crate) fn find(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool, Error> {
        if self.rows == 0 {
            return Ok(false);
        }
        let block = self.index.block_of(key);
        let mut rows = BlockRows::default();
        self.read(block, &mut rows)?;
        while rows.advance().map_err(|what| self.damaged(block, what))? {
            match rows.key().cmp(key) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => {
                    found(rows.value());
                    return Ok(true);
                }
                std::cmp::Ordering::Greater => break,
            }
        }
        Ok(false)
    }
}

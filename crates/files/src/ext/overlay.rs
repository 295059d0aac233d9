//! A disk with some of its blocks taken from elsewhere on it: what a journal's replay would have written.

use std::collections::HashMap;
use std::sync::Arc;

use super::journal;
use crate::disk::{Disk, ReadFailed};

/// Where a block's newest content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Byte offset of the block in the journal.
    pub(super) offset: u64,
    /// The block starts with the journal's magic number, which stands there as zeros.
    pub(super) escaped: bool,
}

/// What stands for the journal's magic number when a block of the file system happens to start with it.
const ESCAPED: [u8; 4] = journal::MAGIC.to_be_bytes();

/// Keeps where blocks are, not the blocks: a journal of gigabytes takes megabytes of memory.
pub(super) struct Overlay {
    disk: Arc<dyn Disk>,
    block_bytes: u64,
    by_block: HashMap<u64, Source>,
}

impl Overlay {
    pub(super) fn new(disk: Arc<dyn Disk>, block_bytes: u64, by_block: HashMap<u64, Source>) -> Self {
        Self {
            disk,
            block_bytes,
            by_block,
        }
    }

    /// Reads from within one block.
    fn read_moved(&self, source: Source, within: u64, part: &mut [u8]) -> Result<(), ReadFailed> {
        self.disk.read_at(source.offset.saturating_add(within), part)?;
        if source.escaped {
            for (index, byte) in part.iter_mut().enumerate() {
                let at = usize::try_from(within).unwrap_or(usize::MAX).saturating_add(index);
                match ESCAPED.get(at) {
                    Some(magic) => *byte = *magic,
                    None => break,
                }
            }
        }
        Ok(())
    }
}

impl Disk for Overlay {
    fn size_bytes(&self) -> u64 {
        self.disk.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len() as u64;
        let end = offset.checked_add(length).filter(|end| *end <= self.size_bytes());
        let end = end.ok_or(ReadFailed::outside(offset, length))?;
        // Blocks at their own place are read together, up to the next one that isn't.
        let mut from = offset;
        let mut rest = buffer;
        while from < end {
            let moved = self.by_block.get(&(from / self.block_bytes));
            let mut until = (from / self.block_bytes + 1).saturating_mul(self.block_bytes).min(end);
            while moved.is_none() && until < end && !self.by_block.contains_key(&(until / self.block_bytes)) {
                until = until.saturating_add(self.block_bytes).min(end);
            }
            let bytes = usize::try_from(until - from).unwrap_or(usize::MAX).min(rest.len());
            let (part, after) = rest.split_at_mut(bytes);
            match moved {
                Some(source) => self.read_moved(*source, from % self.block_bytes, part)?,
                None => self.disk.read_at(from, part)?,
            }
            rest = after;
            from = until;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_blocks_are_read_from_where_they_are() {
        let disk: Vec<u8> = (0..100 * 16).map(|index| (index / 16) as u8).collect();
        let mut expected = disk.clone();
        let mut by_block = HashMap::new();
        for (block, from, escaped) in [(3_usize, 90_usize, false), (4, 95, true), (9, 91, false)] {
            expected.copy_within(from * 16..from * 16 + 16, block * 16);
            if escaped {
                expected[block * 16..block * 16 + 4].copy_from_slice(&ESCAPED);
            }
            let offset = (from * 16) as u64;
            by_block.insert(block as u64, Source { offset, escaped });
        }
        let overlay = Overlay::new(Arc::new(disk), 16, by_block);
        for start in 0..200 {
            for length in 0..100 {
                let mut buffer = vec![0; length];
                overlay.read_at(start as u64, &mut buffer).unwrap();
                assert!(
                    buffer == expected[start..start + length],
                    "{length} bytes at {start} differ"
                );
            }
        }
        assert!(overlay.read_at(1599, &mut [0; 2]).is_err());
    }
}

//! Parts of blocks: which chunks of 128 bytes of a buffer changed, and these chunks.

use super::item::{Extent, Refused, Target, region};
use super::record::Lsn;
use super::transaction::Item;
use crate::error::Error;
use crate::xfs::fields::Fields;
use crate::xfs::store::SECTOR_BYTES;

const CHUNK_BYTES: usize = 128;
/// Words of the map of chunks: those of a buffer of 64 KiB, and one that aligns it.
const MAP_WORDS_MAX: usize = 17;
const MAP_OFFSET: usize = 20;

const FLAG_INODES: u16 = 1;
const FLAG_CANCEL: u16 = 1 << 1;
const FLAG_QUOTAS: u16 = 0b11100;

/// Types of buffers whose content is free space and quotas: groups' headers and free lists, quotas, the realtime device's maps.
const NOT_READ: [u16; 8] = [1, 2, 3, 5, 6, 7, 19, 20];

/// What a buffer item describes.
pub(super) struct Buffer {
    pub(super) extent: Extent,
    pub(super) is_cancelled: bool,
    is_not_read: bool,
    map: Vec<u32>,
}

impl Buffer {
    /// Parses the description: type, regions, flags, sectors, first sector, words of the map, map.
    pub(super) fn parse(item: &Item) -> Result<Self, Error> {
        let fields = item.description();
        let flags = fields.little_u16(4)?;
        let words = fields.little_u32(16)? as usize;
        if words > MAP_WORDS_MAX {
            return Err(fields.damaged(16, "the map of a buffer is too large"));
        }
        let map = (0..words).map(|word| fields.little_u32(MAP_OFFSET + word * 4));
        Ok(Self {
            extent: (fields.little_u64(8)?, fields.little_u16(6)?),
            is_cancelled: flags & FLAG_CANCEL != 0,
            // Of buffers of inodes only the list of unlinked ones counts, as the inodes are logged by themselves.
            is_not_read: flags & (FLAG_INODES | FLAG_QUOTAS) != 0 || NOT_READ.contains(&(flags >> 11)),
            map: map.collect::<Result<_, _>>()?,
        })
    }

    /// Lays the chunks over the buffer, unless the buffer on the disk is newer.
    pub(super) fn replay(&self, target: &mut Target<'_>, item: &Item) -> Result<(), Refused> {
        if self.is_not_read {
            return Ok(());
        }
        let (sector, sectors) = self.extent;
        // A map covers 68 KiB at most: more of the buffer can't be meant.
        let length = (usize::from(sectors) * SECTOR_BYTES)
            .min((self.map.len() * 32 * CHUNK_BYTES).next_multiple_of(SECTOR_BYTES));
        let offset = sector
            .checked_mul(SECTOR_BYTES as u64)
            .filter(|offset| offset.saturating_add(length as u64) <= target.superblock.size_bytes())
            .ok_or(Refused::Damaged)?;
        let mut bytes = target.store.read(offset, length)?.bytes;
        if target.superblock.is_checksummed && self.is_newer(target, &bytes) {
            return Ok(());
        }
        let mut chunk = 0;
        let mut index = 1;
        while let Some(run) = self.next_run(chunk) {
            // Chunks beside each other come in several regions where the buffer crossed a page.
            let data = region(item, index)?.all();
            let count = run.len().min(data.len() / CHUNK_BYTES);
            let start = run.start * CHUNK_BYTES;
            let end = start + count * CHUNK_BYTES;
            let (Some(to), Some(from), true) = (bytes.get_mut(start..end), data.get(..count * CHUNK_BYTES), count > 0)
            else {
                return Err(Refused::Damaged);
            };
            to.copy_from_slice(from);
            let first = start - start % SECTOR_BYTES;
            let changed = bytes.get(first..end.next_multiple_of(SECTOR_BYTES)).unwrap_or_default();
            target.store.replayed.put(offset + first as u64, changed)?;
            chunk = run.start + count;
            index += 1;
        }
        Ok(())
    }

    /// The chunks beside each other that changed, from one on.
    fn next_run(&self, from: usize) -> Option<std::ops::Range<usize>> {
        let chunks = self.map.len() * 32;
        let start = (from..chunks).find(|&chunk| self.has(chunk))?;
        let end = (start..chunks).find(|&chunk| !self.has(chunk)).unwrap_or(chunks);
        Some(start..end)
    }

    fn has(&self, chunk: usize) -> bool {
        self.map
            .get(chunk / 32)
            .is_some_and(|word| word >> (chunk % 32) & 1 == 1)
    }

    /// Whether the buffer on the disk was written after the transaction: then what the log has is older.
    fn is_newer(&self, target: &Target<'_>, bytes: &[u8]) -> bool {
        match lsn_of(bytes) {
            Some((lsn, uuid)) => {
                uuid == target.superblock.metadata_uuid && lsn.0 != 0 && lsn.0 != u64::MAX && lsn >= target.lsn
            }
            None => false,
        }
    }
}

/// The sequence number that a block of version 5 carries, and the file system's UUID; by its magic number, for what it was before may have
/// been anything.
fn lsn_of(bytes: &[u8]) -> Option<(Lsn, [u8; 16])> {
    let fields = Fields::new("buffer", 0, bytes);
    let (lsn, uuid) = match fields.array::<4>(0).ok()? {
        // Trees within a group: free space, inodes, reverse mappings, reference counts.
        [b'A', b'B', b'3', b'B' | b'C']
        | [b'I' | b'F', b'A' | b'I', b'B', b'3']
        | [b'R', b'M' | b'3', b'B' | b'F', b'3' | b'C'] => (32, 40),
        // Extent trees.
        [b'B', b'M', b'A', b'3'] => (32, 40),
        // Symbolic links.
        [b'X', b'S', b'L', b'M'] => (48, 16),
        // Folders: one block, data, free space.
        [b'X', b'D', b'B' | b'D' | b'F', b'3'] => (16, 24),
        // The superblock.
        [b'X', b'F', b'S', b'B'] => (240, 32),
        // Index by hash: leaves of folders, and nodes.
        [_, _, _, _] => match fields.u16(8).ok()? {
            0x3df1 | 0x3dff | 0x3ebe | 0x3bee => (24, 32),
            _ => return None,
        },
    };
    Some((Lsn(fields.u64(lsn).ok()?), fields.array(uuid).ok()?))
}

//! The file system's bytes as they are after its log: the disk, and over it what the log changed, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cache::CachedDisk;
use crate::disk::{Disk, ReadFailed};

/// Unit of what the log changes: XFS addresses disks in these.
pub(super) const SECTOR_BYTES: usize = 512;

/// Memory for what the log changed. The largest log has 2 GiB, of which most concerns free space, which isn't replayed.
const REPLAYED_SECTORS_MAX: usize = 256 * 1024 * 1024 / SECTOR_BYTES;

/// A folder's files mostly have neighbouring inodes.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// More changes than memory is given for.
#[derive(Debug)]
pub(super) struct Full;

/// Sectors that the log changed, by their number.
#[derive(Default)]
pub(super) struct Replayed(BTreeMap<u64, Box<[u8; SECTOR_BYTES]>>);

impl Replayed {
    /// Whether the log changed nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lays what was changed over bytes read from the disk. Says whether there was anything.
    fn lay_over(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let sector_bytes = SECTOR_BYTES as u64;
        let end = offset.saturating_add(buffer.len() as u64);
        let mut found = false;
        for (&sector, bytes) in self.0.range(offset / sector_bytes..end.div_ceil(sector_bytes)) {
            let at = sector.saturating_mul(sector_bytes);
            // The overlap, as seen from the buffer and from the sector.
            let into = usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
            let skipped = usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
            let target = buffer.get_mut(into..).unwrap_or_default();
            let source = bytes.get(skipped..).unwrap_or_default();
            for (to, from) in target.iter_mut().zip(source) {
                *to = *from;
            }
            found = true;
        }
        found
    }

    /// Whether any sector of a range was changed.
    pub(super) fn touches(&self, offset: u64, length: usize) -> bool {
        let sector_bytes = SECTOR_BYTES as u64;
        let end = offset.saturating_add(length as u64);
        self.0
            .range(offset / sector_bytes..end.div_ceil(sector_bytes))
            .next()
            .is_some()
    }

    /// Whether all sectors of a range of whole sectors were changed.
    fn covers(&self, offset: u64, length: usize) -> bool {
        let first = offset / SECTOR_BYTES as u64;
        let count = length / SECTOR_BYTES;
        self.0.range(first..first.saturating_add(count as u64)).count() == count
    }

    /// Puts whole sectors, of which the first begins at `offset`.
    pub(super) fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Full> {
        let (sectors, rest) = bytes.as_chunks::<SECTOR_BYTES>();
        debug_assert!(
            rest.is_empty() && offset.is_multiple_of(SECTOR_BYTES as u64),
            "sectors are changed as a whole"
        );
        for (number, sector) in (offset / SECTOR_BYTES as u64..).zip(sectors) {
            self.0.insert(number, Box::new(*sector));
        }
        if self.0.len() > REPLAYED_SECTORS_MAX {
            Err(Full)
        } else {
            Ok(())
        }
    }
}

/// Bytes of a structure, and whether the log changed some of them, in which case their checksum is an old one.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) is_replayed: bool,
}

/// Where structures are read from.
pub(super) struct Store {
    disk: CachedDisk,
    pub(super) replayed: Replayed,
}

impl Store {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk: CachedDisk::new(disk, CACHE_BYTES),
            replayed: Replayed::default(),
        }
    }

    /// The disk without what the log changed: for the content of files, which the log never has.
    pub(super) fn disk(&self) -> &dyn Disk {
        &**self.disk.uncached()
    }

    /// Reads a structure. `length` is bounded by the caller.
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Piece, ReadFailed> {
        let mut bytes = vec![0; length];
        let whole_sectors = offset.is_multiple_of(SECTOR_BYTES as u64) && length.is_multiple_of(SECTOR_BYTES);
        if !(whole_sectors && self.replayed.covers(offset, length)) {
            self.disk.read_at(offset, &mut bytes)?;
        }
        let is_replayed = self.replayed.lay_over(offset, &mut bytes);
        Ok(Piece { bytes, is_replayed })
    }

    /// Reads from the log, which nothing is laid over.
    pub(super) fn read_log(&self, offset: u64, length: usize) -> Result<Vec<u8>, ReadFailed> {
        let mut bytes = vec![0; length];
        self.disk.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }
}

//! A small cache between a reader of metadata and its disk.
//!
//! A disk may be at the other end of a socket, where a read costs tens of microseconds whatever its length: inodes and folders, which are
//! read a few hundred bytes at a time and lie beside each other, are fetched in pieces.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, ReadFailed};

/// What is fetched and kept as one, in bytes.
const PIECE_BYTES: u64 = 64 * 1024;

/// A disk whose pieces that were read last are kept in memory.
///
/// Reads of a piece's length or more are content rather than metadata: they go to the disk and leave the cache alone. A piece that can't
/// be read doesn't make its readable parts unreadable: the very bytes asked for are tried then.
pub(crate) struct CachedDisk {
    disk: Arc<dyn Disk>,
    pieces_max: usize,
    pieces: Mutex<Pieces>,
}

/// Invariant: at most `pieces_max` are kept, each no longer than `PIECE_BYTES`.
struct Pieces {
    by_number: HashMap<u64, Piece>,
    /// Counts uses; the piece with the smallest stamp was used longest ago.
    clock: u64,
}

struct Piece {
    bytes: Arc<Vec<u8>>,
    used: u64,
}

impl CachedDisk {
    /// Keeps up to `capacity_bytes`, and one piece at least.
    #[must_use]
    pub(crate) fn new(disk: Arc<dyn Disk>, capacity_bytes: u64) -> Self {
        let pieces_max = usize::try_from(capacity_bytes / PIECE_BYTES)
            .unwrap_or(usize::MAX)
            .max(1);
        Self {
            disk,
            pieces_max,
            pieces: Mutex::new(Pieces {
                by_number: HashMap::new(),
                clock: 0,
            }),
        }
    }

    /// The disk below, for content.
    #[must_use]
    pub(crate) fn uncached(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// A thread that panicked while it held the lock left a cache with fewer pieces, not a wrong one.
    fn lock(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, number: u64) -> Option<Arc<Vec<u8>>> {
        let mut pieces = self.lock();
        pieces.clock += 1;
        let now = pieces.clock;
        let piece = pieces.by_number.get_mut(&number)?;
        piece.used = now;
        Some(Arc::clone(&piece.bytes))
    }

    fn keep(&self, number: u64, bytes: Arc<Vec<u8>>) {
        let mut pieces = self.lock();
        if pieces.by_number.len() >= self.pieces_max {
            // A few dozen stamps are looked through in less time than the read took that makes this necessary.
            let oldest = pieces.by_number.iter().min_by_key(|(_, piece)| piece.used);
            if let Some(oldest) = oldest.map(|(number, _)| *number) {
                pieces.by_number.remove(&oldest);
            }
        }
        pieces.clock += 1;
        let used = pieces.clock;
        pieces.by_number.insert(number, Piece { bytes, used });
    }

    /// A whole piece, without the lock held while the disk is read: two threads may fetch the same one, which does no harm.
    fn piece(&self, number: u64) -> Result<Arc<Vec<u8>>, ReadFailed> {
        if let Some(bytes) = self.kept(number) {
            return Ok(bytes);
        }
        let start = number.saturating_mul(PIECE_BYTES);
        let length = self.disk.size_bytes().saturating_sub(start).min(PIECE_BYTES);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        self.disk.read_at(start, &mut bytes)?;
        let bytes = Arc::new(bytes);
        self.keep(number, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// Copies from one piece; `false` if it can't be had.
    fn copy(&self, offset: u64, part: &mut [u8]) -> bool {
        let Ok(piece) = self.piece(offset / PIECE_BYTES) else {
            return false;
        };
        let Ok(start) = usize::try_from(offset % PIECE_BYTES) else {
            return false;
        };
        match piece.get(start..start.saturating_add(part.len())) {
            Some(bytes) => {
                part.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }
}

impl Disk for CachedDisk {
    fn size_bytes(&self) -> u64 {
        self.disk.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len() as u64;
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.size_bytes());
        if !inside {
            return Err(ReadFailed::outside(offset, length));
        }
        if length >= PIECE_BYTES {
            return self.disk.read_at(offset, buffer);
        }
        let mut offset = offset;
        let mut rest = buffer;
        while !rest.is_empty() {
            let in_piece = usize::try_from(PIECE_BYTES - offset % PIECE_BYTES).unwrap_or(usize::MAX);
            let (part, after) = rest.split_at_mut(in_piece.min(rest.len()));
            if !self.copy(offset, part) {
                self.disk.read_at(offset, part)?;
            }
            offset += part.len() as u64;
            rest = after;
        }
        Ok(())
    }
}

impl std::fmt::Debug for CachedDisk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CachedDisk")
            .field("pieces_max", &self.pieces_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Counts reads, and has one byte that can't be read.
    struct Counting {
        bytes: Vec<u8>,
        bad: Option<u64>,
        reads: AtomicU64,
    }

    impl Disk for Counting {
        fn size_bytes(&self) -> u64 {
            self.bytes.size_bytes()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            if self
                .bad
                .is_some_and(|bad| bad >= offset && bad < offset + buffer.len() as u64)
            {
                return Err(ReadFailed::outside(offset, buffer.len() as u64));
            }
            self.bytes.read_at(offset, buffer)
        }
    }

    fn disk(bad: Option<u64>) -> Arc<Counting> {
        let bytes = (0..PIECE_BYTES * 5 / 2).map(|index| (index % 251) as u8).collect();
        Arc::new(Counting {
            bytes,
            bad,
            reads: AtomicU64::new(0),
        })
    }

    fn check(cache: &CachedDisk, bytes: &[u8], offset: u64, length: usize) {
        let mut buffer = vec![0; length];
        cache.read_at(offset, &mut buffer).unwrap();
        let start = usize::try_from(offset).unwrap();
        assert!(
            buffer == bytes[start..start + length],
            "{length} bytes at {offset} differ"
        );
    }

    #[test]
    fn neighbours_are_fetched_once() {
        let disk = disk(None);
        let cache = CachedDisk::new(disk.clone(), 4 * PIECE_BYTES);
        for offset in (0..PIECE_BYTES).step_by(256) {
            check(&cache, &disk.bytes, offset, 256);
        }
        assert_eq!(disk.reads.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn reads_across_pieces_and_at_the_end_are_right() {
        let disk = disk(None);
        let cache = CachedDisk::new(disk.clone(), PIECE_BYTES);
        check(&cache, &disk.bytes, PIECE_BYTES - 3, 10);
        check(&cache, &disk.bytes, PIECE_BYTES - 1, 60_000);
        check(&cache, &disk.bytes, 1, 100_000);
        check(&cache, &disk.bytes, disk.size_bytes() - 5, 5);
        assert!(cache.read_at(disk.size_bytes() - 5, &mut [0; 6]).is_err());
        assert!(cache.read_at(u64::MAX, &mut [0; 6]).is_err());
    }

    #[test]
    fn the_piece_used_longest_ago_is_given_up() {
        let disk = disk(None);
        let cache = CachedDisk::new(disk.clone(), 2 * PIECE_BYTES);
        for (piece, reads) in [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3), (1, 4)] {
            check(&cache, &disk.bytes, piece * PIECE_BYTES, 8);
            assert_eq!(disk.reads.load(Ordering::Relaxed), reads);
        }
        assert_eq!(cache.lock().by_number.len(), 2);
    }

    #[test]
    fn damage_beside_what_is_read_does_no_harm() {
        let disk = disk(Some(1000));
        let cache = CachedDisk::new(disk.clone(), 4 * PIECE_BYTES);
        check(&cache, &disk.bytes, 2000, 100);
        assert!(cache.read_at(990, &mut [0; 20]).is_err());
    }
}

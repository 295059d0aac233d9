//! A disk in memory, for tests and the example.

use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use volume::{Device, Error, Extent, ExtentKind, Hole, Timestamp, Wait, WriteRequest};

const BLOCK_SIZE: usize = 4096;

/// A disk in memory. Blocks remember their kind and when they were written.
pub(crate) struct MemoryDisk {
    content: RwLock<Content>,
    /// The second that the next write is recorded with.
    pub(crate) now: AtomicU64,
    /// How often it was flushed.
    pub(crate) flushes: AtomicU64,
    /// Batches written.
    pub(crate) batches: AtomicU64,
}

struct Content {
    bytes: Vec<u8>,
    blocks: Vec<(ExtentKind, Option<u64>)>,
}

impl MemoryDisk {
    pub(crate) fn new(size: usize) -> Self {
        let blocks = vec![(ExtentKind::Hole, None); size.div_ceil(BLOCK_SIZE)];
        Self {
            content: RwLock::new(Content {
                bytes: vec![0; size],
                blocks,
            }),
            now: AtomicU64::new(1_800_000_000),
            flushes: AtomicU64::new(0),
            batches: AtomicU64::new(0),
        }
    }

    /// Grows or cuts the disk.
    pub(crate) fn resize(&self, size: usize) {
        let mut content = self.content.write().unwrap();
        content.bytes.resize(size, 0);
        content
            .blocks
            .resize(size.div_ceil(BLOCK_SIZE), (ExtentKind::Hole, None));
    }

    /// A copy of all bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.content.read().unwrap().bytes.clone()
    }

    fn change(&self, offset: u64, length: u64, kind: ExtentKind) -> Result<(), Error> {
        let mut content = self.content.write().unwrap();
        let range = content.range(offset, length)?;
        content.bytes[range.clone()].fill(0);
        content.mark(range, kind, self.now.load(Ordering::Relaxed));
        Ok(())
    }
}

impl Content {
    fn range(&self, offset: u64, length: u64) -> Result<std::ops::Range<usize>, Error> {
        let size = self.bytes.len() as u64;
        match offset.checked_add(length) {
            Some(end) if end <= size => Ok(offset as usize..end as usize),
            _ => Err(Error::OutOfRange { offset, length, size }),
        }
    }

    fn mark(&mut self, range: std::ops::Range<usize>, kind: ExtentKind, now: u64) {
        if !range.is_empty() {
            self.blocks[range.start / BLOCK_SIZE..range.end.div_ceil(BLOCK_SIZE)].fill((kind, Some(now)));
        }
    }
}

impl Device for MemoryDisk {
    fn size_bytes(&self) -> u64 {
        self.content.read().unwrap().bytes.len() as u64
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&self, offset: u64, buffer: &mut [u8], _wait: Wait) -> Result<(), Error> {
        let content = self.content.read().unwrap();
        let range = content.range(offset, buffer.len() as u64)?;
        buffer.copy_from_slice(&content.bytes[range]);
        Ok(())
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        let mut content = self.content.write().unwrap();
        let now = self.now.load(Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        for write in writes {
            let range = content.range(write.offset, write.data.len() as u64)?;
            content.bytes[range.clone()].copy_from_slice(write.data);
            content.mark(range, ExtentKind::Data, now);
        }
        Ok(())
    }

    fn zero(&self, offset: u64, length: u64, hole: Hole) -> Result<(), Error> {
        let kind = if hole == Hole::Allowed {
            ExtentKind::Hole
        } else {
            ExtentKind::Zero
        };
        self.change(offset, length, kind)
    }

    fn trim(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.change(offset, length, ExtentKind::Hole)
    }

    fn flush(&self) -> Result<(), Error> {
        self.flushes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.content.read().unwrap().range(offset, length).map(|_| ())
    }

    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        let content = self.content.read().unwrap();
        let range = content.range(offset, length)?;
        let mut extents: Vec<Extent> = Vec::new();
        let mut position = range.start;
        while position < range.end {
            let (kind, written) = content.blocks[position / BLOCK_SIZE];
            let next = range.end.min((position / BLOCK_SIZE + 1) * BLOCK_SIZE);
            let written = written.map(Timestamp::from_unix_seconds);
            let length = (next - position) as u64;
            let full = extents.len() == limit;
            match extents.last_mut() {
                Some(last) if last.kind == kind && last.written == written => last.length += length,
                _ if full => break,
                _ => extents.push(Extent { length, kind, written }),
            }
            position = next;
        }
        Ok(extents)
    }
}

//! A disk in memory, for tests of images: blocks that were never written are holes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use volume::{Device, Error, Extent, ExtentKind, Hole, Wait, WriteRequest};

const BLOCK: u64 = 4096;

/// A disk of any size that remembers only what was written.
pub(crate) struct MemoryDisk {
    size: u64,
    blocks: Mutex<BTreeMap<u64, Vec<u8>>>,
}

impl MemoryDisk {
    pub(crate) fn new(size: u64) -> Self {
        Self {
            size,
            blocks: Mutex::default(),
        }
    }

    /// Writes a pattern that depends on the place, so that misplaced blocks show.
    pub(crate) fn fill(&self, offset: u64, length: usize) {
        let data: Vec<u8> = (0..length)
            .map(|i| ((offset + i as u64) / 512 * 7 + i as u64 % 251) as u8 | 1)
            .collect();
        self.write(&[WriteRequest { offset, data: &data }]).unwrap();
    }

    pub(crate) fn blocks_written(&self) -> usize {
        self.blocks.lock().unwrap().len()
    }
}

impl Device for MemoryDisk {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&self, offset: u64, buffer: &mut [u8], _: Wait) -> Result<(), Error> {
        let blocks = self.blocks.lock().unwrap();
        for (i, byte) in buffer.iter_mut().enumerate() {
            let at = offset + i as u64;
            *byte = blocks
                .get(&(at / BLOCK))
                .map_or(0, |block| block[(at % BLOCK) as usize]);
        }
        Ok(())
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        let mut blocks = self.blocks.lock().unwrap();
        for write in writes {
            assert!(write.offset + write.data.len() as u64 <= self.size);
            for (i, byte) in write.data.iter().enumerate() {
                let at = write.offset + i as u64;
                blocks.entry(at / BLOCK).or_insert_with(|| vec![0; BLOCK as usize])[(at % BLOCK) as usize] = *byte;
            }
        }
        Ok(())
    }

    fn zero(&self, _: u64, _: u64, _: Hole) -> Result<(), Error> {
        unimplemented!("images never zero")
    }

    fn trim(&self, _: u64, _: u64) -> Result<(), Error> {
        unimplemented!("images never trim")
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }

    fn prefetch(&self, _: u64, _: u64) -> Result<(), Error> {
        Ok(())
    }

    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error> {
        let blocks = self.blocks.lock().unwrap();
        let mut extents: Vec<Extent> = Vec::new();
        let (mut at, end) = (offset, offset + length);
        while at < end && extents.len() < limit {
            let block = at / BLOCK;
            let (kind, next) = if blocks.contains_key(&block) {
                (ExtentKind::Data, block + 1)
            } else {
                (
                    ExtentKind::Hole,
                    blocks.range(block..).next().map_or(u64::MAX / BLOCK, |(next, _)| *next),
                )
            };
            let next = (next * BLOCK).min(end);
            extents.push(Extent {
                length: next - at,
                kind,
                written: None,
            });
            at = next;
        }
        Ok(extents)
    }
}

//! What a volume serves, as readers of partitions and file systems take it.

use std::error::Error;

use files::{Disk, ReadFailed};
use volume::{Device, Wait};

/// The live disk, or a moment of it, as a disk of `files`.
#[derive(Debug)]
pub struct DeviceDisk<D>(pub D);

impl<D: Device> Disk for DeviceDisk<D> {
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len() as u64;
        let read = self.0.read(offset, buffer, Wait::Allowed);
        read.map_err(|error| read_failed(offset, length, error, Into::into))
    }
}

/// What a volume's error is to whoever wanted to read `length` bytes at `offset`. `reason` says it in the words of whoever reads it; not
/// asked where nothing failed but the range is outside the disk.
pub fn read_failed(
    offset: u64,
    length: u64,
    error: volume::Error,
    reason: impl FnOnce(volume::Error) -> Box<dyn Error + Send + Sync>,
) -> ReadFailed {
    match error {
        volume::Error::OutOfRange { .. } => ReadFailed::outside(offset, length),
        other => ReadFailed {
            offset,
            length,
            reason: Some(reason(other)),
        },
    }
}

//! What is read: bytes at an offset.

use std::error::Error as StdError;

use crate::error::Error;

/// A disk, or a part of one, as it was at one moment: its bytes don't change while it is being read.
pub trait Disk: Send + Sync {
    /// Its size in bytes.
    fn size_bytes(&self) -> u64;

    /// Fills the buffer from a byte offset. Ranges outside the disk are an error.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed>;
}

impl<D: Disk + ?Sized> Disk for std::sync::Arc<D> {
    fn size_bytes(&self) -> u64 {
        (**self).size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        (**self).read_at(offset, buffer)
    }
}

/// The disk couldn't be read: damage below, or a range outside it.
#[derive(Debug, thiserror::Error)]
#[error("can't read {length} bytes at {offset} of the disk")]
pub struct ReadFailed {
    /// Byte offset on the disk.
    pub offset: u64,
    /// Bytes asked for.
    pub length: u64,
    /// Why, as the volume or the connection tells it; `None` for a range outside the disk.
    #[source]
    pub reason: Option<Box<dyn StdError + Send + Sync>>,
}

impl ReadFailed {
    /// A range outside the disk.
    #[must_use]
    pub const fn outside(offset: u64, length: u64) -> Self {
        Self {
            offset,
            length,
            reason: None,
        }
    }
}

/// Bytes of a boot sector that matter, whatever the disk's own sectors are.
pub(crate) const BOOT_BYTES: usize = 512;

/// The boot sector, which a disk too small for one doesn't have.
pub(crate) fn boot_sector(disk: &dyn Disk) -> Result<[u8; BOOT_BYTES], Error> {
    let mut bytes = [0; BOOT_BYTES];
    if disk.size_bytes() < BOOT_BYTES as u64 {
        return Err(Error::Unrecognised);
    }
    disk.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// A disk in memory.
impl Disk for Vec<u8> {
    fn size_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let outside = || ReadFailed::outside(offset, buffer.len() as u64);
        let start = usize::try_from(offset).map_err(|_| outside())?;
        let end = start.checked_add(buffer.len()).ok_or_else(outside)?;
        let bytes = self.get(start..end).ok_or_else(outside)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

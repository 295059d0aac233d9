//! Disk images: raw and qcow2, read and written, holes kept as holes.
//!
//! Images are untrusted bytes. Readers bound every number before they use it, never follow a name found in an image
//! (backing files, external data files are refused), and need memory bounded by the format's limits.

mod copy;
mod detect;
mod error;
pub mod qcow2;
mod raw;

use std::io;

pub use copy::{CHUNK_BYTES, CopySummary, export_device, import_into};
pub use detect::{Format, detect};
pub use error::ImageError;
pub use raw::{RawSink, RawSource};

/// Bytes that can be read at any offset: a file, or a slice in tests and fuzzing.
pub trait ReadAt {
    /// Length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads into `buffer` from `offset` on, and says how many bytes; 0 at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Fills `buffer`; what lies past the end reads as zeros.
    fn read_padded(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(offset, buffer) {
                Ok(0) => {
                    buffer.fill(0);
                    return Ok(());
                }
                Ok(count) => {
                    offset = offset.saturating_add(count as u64);
                    buffer = buffer.get_mut(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl ReadAt for &[u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

impl ReadAt for std::fs::File {
    fn length(&self) -> io::Result<u64> {
        // Seeking tells the size of block devices too, whose metadata say 0.
        Ok(rustix::fs::seek(self, rustix::fs::SeekFrom::End(0))?)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }
}

/// A run of an image's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Length in bytes, never 0.
    pub length: u64,
    /// Whether it holds stored bytes; else it reads as zeros.
    pub is_data: bool,
}

/// An image that is read.
pub trait ImageSource {
    /// The disk's size.
    fn size_bytes(&self) -> u64;
    /// What lies at `offset`, which is below the size.
    fn run_at(&mut self, offset: u64) -> Result<Run, ImageError>;
    /// Fills `buffer` from `offset` on.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError>;
}

/// An image that is written, from its start to its end.
pub trait ImageSink {
    /// Stores bytes that aren't all zero. Offsets never go back.
    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), ImageError>;
    /// Completes the image and makes it durable.
    fn finish(&mut self) -> Result<(), ImageError>;
}

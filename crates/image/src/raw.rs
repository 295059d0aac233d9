//! Raw images: a file (or block device) that holds the disk's bytes as they are.

use std::fs::File;
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::{ImageError, ImageSink, ImageSource, ReadAt, Run};

/// A raw image that is read. Holes are found by asking the file system for them.
#[derive(Debug)]
pub struct RawSource {
    file: File,
    size_bytes: u64,
}

impl RawSource {
    /// A source over an open file.
    pub fn open(file: File) -> Result<Self, ImageError> {
        let size_bytes = file.length().map_err(ImageError::reading)?;
        Ok(Self { file, size_bytes })
    }
}

impl ImageSource for RawSource {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn run_at(&mut self, offset: u64) -> Result<Run, ImageError> {
        let rest = self.size_bytes.saturating_sub(offset);
        let data_start = match seek(&self.file, SeekFrom::Data(offset)) {
            Ok(start) => start.min(self.size_bytes),
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => self.size_bytes,
            // Not a file with holes: everything is data.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => {
                return Ok(Run {
                    length: rest,
                    is_data: true,
                });
            }
            Err(error) => return Err(ImageError::reading(error.into())),
        };
        if data_start > offset {
            return Ok(Run {
                length: data_start - offset,
                is_data: false,
            });
        }
        let hole_start = seek(&self.file, SeekFrom::Hole(offset))
            .unwrap_or(self.size_bytes)
            .min(self.size_bytes);
        // A file that changes meanwhile can answer a hole at `offset` itself; one byte keeps the caller moving.
        Ok(Run {
            length: hole_start.saturating_sub(offset).max(1),
            is_data: true,
        })
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
        self.file.read_padded(offset, buffer).map_err(ImageError::reading)
    }
}

/// A raw image that is written into an empty file: what isn't written stays a hole.
#[derive(Debug)]
pub struct RawSink {
    file: File,
}

impl RawSink {
    /// A sink over an empty, writable file.
    pub fn create(file: File, size_bytes: u64) -> Result<Self, ImageError> {
        file.set_len(size_bytes).map_err(ImageError::writing)?;
        Ok(Self { file })
    }
}

impl ImageSink for RawSink {
    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), ImageError> {
        self.file.write_all_at(data, offset).map_err(ImageError::writing)
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.file.sync_all().map_err(ImageError::writing)
    }
}

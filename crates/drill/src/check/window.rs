//! A part of a drill's fork as a disk of its own, for a tool that checks one file system.

use std::sync::Arc;

use guard::GuardedDisk;
use nbd::{ExportInfo, ExportProvider, OpenError, OpenedExport};
use volume::{Device, Error, Extent, ExtentKind, Hole, Wait, WriteRequest};

use crate::fork::DrillFork;
use crate::survey::PieceSeen;

/// An area of a fork. What is written to it is written to the fork.
pub(super) struct Window {
    disk: Arc<GuardedDisk>,
    pieces: Vec<PieceSeen>,
    size_bytes: u64,
}

impl Window {
    /// An area by its pieces, ascending.
    pub(super) fn new(fork: &DrillFork, pieces: &[PieceSeen]) -> Self {
        Self {
            disk: fork.disk(),
            pieces: pieces.to_vec(),
            size_bytes: pieces.iter().map(|piece| piece.length).sum(),
        }
    }

    /// Shows where the parts of a range lie: their offsets on the disk, and which part of the range they are.
    fn parts(
        &self,
        offset: u64,
        length: u64,
        mut each: impl FnMut(u64, std::ops::Range<usize>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size_bytes);
        let end = end.ok_or(Error::OutOfRange {
            offset,
            length,
            size: self.size_bytes,
        })?;
        for piece in &self.pieces {
            let start = piece.logical.max(offset);
            let stop = piece.logical.saturating_add(piece.length).min(end);
            if start < stop {
                let within = (start - offset) as usize..(stop - offset) as usize;
                each(piece.physical + (start - piece.logical), within)?;
            }
        }
        Ok(())
    }
}

impl Device for Window {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error> {
        self.parts(offset, buffer.len() as u64, |place, within| {
            self.disk.read(place, buffer.get_mut(within).unwrap_or_default(), wait)
        })
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        for write in writes {
            self.parts(write.offset, write.data.len() as u64, |offset, within| {
                let data = write.data.get(within).unwrap_or_default();
                self.disk.write(&[WriteRequest { offset, data }])
            })?;
        }
        Ok(())
    }

    fn zero(&self, offset: u64, length: u64, hole: Hole) -> Result<(), Error> {
        self.parts(offset, length, |place, within| {
            self.disk.zero(place, within.len() as u64, hole)
        })
    }

    fn trim(&self, offset: u64, length: u64) -> Result<(), Error> {
        self.parts(offset, length, |place, within| {
            self.disk.trim(place, within.len() as u64)
        })
    }

    fn flush(&self) -> Result<(), Error> {
        // The fork is thrown away: nothing of it needs to last.
        Ok(())
    }

    fn prefetch(&self, _offset: u64, _length: u64) -> Result<(), Error> {
        Ok(())
    }

    fn extents(&self, _offset: u64, length: u64, _limit: usize) -> Result<Vec<Extent>, Error> {
        // Tools that check read what they need, whatever is said here.
        Ok(vec![Extent {
            length,
            kind: ExtentKind::Data,
            written: None,
        }])
    }
}

/// The one export of a check.
pub(super) struct OneExport(pub(super) Arc<Window>);

impl ExportProvider for OneExport {
    fn list(&self) -> Vec<ExportInfo> {
        Vec::new()
    }

    fn open(&self, _name: &str) -> Result<OpenedExport, OpenError> {
        Ok(OpenedExport {
            device: Arc::clone(&self.0) as Arc<dyn Device>,
            name: String::new(),
            description: "a drill's fork".to_owned(),
        })
    }
}

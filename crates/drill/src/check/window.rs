//! A part of a drill's fork as a disk of its own, for a tool that checks one file system. It keeps the drill's pace.

use std::sync::Arc;

use nbd::{ExportInfo, ExportProvider, OpenError, OpenedExport};
use volume::{Device, Error, Extent, ExtentKind, Hole, Wait, WriteRequest};

use crate::error::Error as DrillError;
use crate::fork::DrillFork;
use crate::pace::Pace;
use crate::survey::PieceSeen;

/// An area of a fork. What is written to it is written to the fork.
pub(super) struct Window {
    disk: Arc<dyn Device>,
    pace: Arc<Pace>,
    pieces: Vec<PieceSeen>,
    size_bytes: u64,
}

impl Window {
    /// An area by its pieces, ascending.
    pub(super) fn new(fork: &DrillFork, pieces: &[PieceSeen], pace: &Arc<Pace>) -> Self {
        Self {
            disk: fork.disk(),
            pace: Arc::clone(pace),
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
        if wait == Wait::Never {
            // Those who may wait are other threads of the server than those that receive.
            return Err(Error::WouldBlock);
        }
        self.pace.read(buffer.len() as u64).map_err(stopped)?;
        self.parts(offset, buffer.len() as u64, |place, within| {
            self.disk.read(place, buffer.get_mut(within).unwrap_or_default(), wait)
        })
    }

    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        for write in writes {
            self.pace.write(write.data.len() as u64).map_err(stopped)?;
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

/// The tool is about to be ended.
fn stopped(_: DrillError) -> Error {
    Error::Closed
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::pace::Moved;

    /// A disk of zeros.
    struct Zeros;

    impl Device for Zeros {
        fn size_bytes(&self) -> u64 {
            1 << 20
        }

        fn is_read_only(&self) -> bool {
            false
        }

        fn read(&self, _: u64, _: &mut [u8], _: Wait) -> Result<(), Error> {
            Ok(())
        }

        fn write(&self, _: &[WriteRequest<'_>]) -> Result<(), Error> {
            Ok(())
        }

        fn zero(&self, _: u64, _: u64, _: Hole) -> Result<(), Error> {
            Ok(())
        }

        fn trim(&self, _: u64, _: u64) -> Result<(), Error> {
            Ok(())
        }

        fn flush(&self) -> Result<(), Error> {
            Ok(())
        }

        fn prefetch(&self, _: u64, _: u64) -> Result<(), Error> {
            Ok(())
        }

        fn extents(&self, _: u64, _: u64, _: usize) -> Result<Vec<Extent>, Error> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn what_a_tool_reads_and_writes_keeps_the_pace() {
        let (stop, moved) = (Arc::new(AtomicBool::new(false)), Arc::<Moved>::default());
        let pace = Pace::new(None, 1 << 40, Arc::clone(&stop), Arc::clone(&moved));
        let window = Window {
            disk: Arc::new(Zeros),
            pace: Arc::new(pace),
            pieces: vec![PieceSeen {
                logical: 0,
                physical: 4096,
                length: 1 << 19,
            }],
            size_bytes: 1 << 19,
        };
        let mut buffer = [0; 8192];
        let at_once = window.read(0, &mut buffer, Wait::Never);
        assert!(matches!(at_once, Err(Error::WouldBlock)));
        assert_eq!(moved.so_far(), (0, 0));
        window.read(0, &mut buffer, Wait::Allowed).unwrap();
        let data = &buffer[..4096];
        window.write(&[WriteRequest { offset: 0, data }]).unwrap();
        assert_eq!(moved.so_far(), (8192, 4096));
        stop.store(true, Ordering::Relaxed);
        let refused = window.read(0, &mut buffer, Wait::Allowed);
        assert!(matches!(refused, Err(Error::Closed)));
    }
}

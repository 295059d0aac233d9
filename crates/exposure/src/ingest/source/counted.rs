//! How much was read of all files, and a limit to how much comes of it.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::ops::ControlFlow;

/// Progress is told after this much.
const TOLD_EVERY: u64 = 1 << 20;
/// What may come out of a packed byte: deflate can't do more than 1032.
const EXPANSION_MAX: u64 = 1100;
/// What may come out of a file however small it is.
const EXPANSION_FREE: u64 = 64 << 20;

/// How much of all files was read.
pub(crate) struct Progress<'a> {
    total: u64,
    consumed: Cell<u64>,
    told: Cell<u64>,
    stopped: Cell<bool>,
    tell: RefCell<&'a mut dyn FnMut(u64, u64) -> ControlFlow<()>>,
}

impl<'a> Progress<'a> {
    /// `tell` is told how many bytes were read, and of how many; it can stop everything.
    pub(crate) fn new(total: u64, tell: &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> Self {
        Self {
            total,
            consumed: Cell::new(0),
            told: Cell::new(0),
            stopped: Cell::new(false),
            tell: RefCell::new(tell),
        }
    }

    /// Whether everything is to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Bytes read so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    fn add(&self, bytes: usize) -> io::Result<()> {
        let consumed = self.consumed.get() + bytes as u64;
        self.consumed.set(consumed);
        if consumed - self.told.get() >= TOLD_EVERY || bytes == 0 {
            self.told.set(consumed);
            // A file that grows meanwhile is still not more than all.
            let told = (self.tell.borrow_mut())(consumed, self.total.max(consumed));
            self.stopped.set(self.stopped.get() || told.is_break());
        }
        if self.stopped.get() {
            return Err(io::Error::other("stopped"));
        }
        Ok(())
    }
}

/// A file whose reading is told to a [`Progress`].
pub(super) struct Counted<'a, 'p, R> {
    pub(super) inner: R,
    pub(super) progress: &'a Progress<'p>,
}

impl<R: Read> Read for Counted<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.add(read)?;
        Ok(read)
    }
}

/// What comes out of an archive: an error once it is out of all proportion to what went in.
pub(super) struct Unpacked<'a, 'p, R> {
    inner: R,
    progress: &'a Progress<'p>,
    consumed_before: u64,
    unpacked: u64,
}

impl<'a, 'p, R> Unpacked<'a, 'p, R> {
    pub(super) fn new(inner: R, progress: &'a Progress<'p>) -> Self {
        Self {
            inner,
            consumed_before: progress.consumed(),
            progress,
            unpacked: 0,
        }
    }
}

impl<R: Read> Read for Unpacked<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.unpacked += read as u64;
        let consumed = self.progress.consumed() - self.consumed_before;
        if self.unpacked > EXPANSION_FREE.saturating_add(consumed.saturating_mul(EXPANSION_MAX)) {
            return Err(io::Error::other(
                "it unpacks to more than 1100 times its size; unpack it first if that is right",
            ));
        }
        Ok(read)
    }
}

//! Counts what is read of a file and what it unpacks to, and ends what unpacks to too much.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};

use super::Limits;

/// What one file has used up.
pub(super) struct Budget<'a> {
    limits: &'a Limits,
    packed: Cell<u64>,
    unpacked: Cell<u64>,
    /// Is told how many more bytes of the file were read; false ends reading.
    progress: &'a dyn Fn(u64) -> bool,
}

impl<'a> Budget<'a> {
    pub(super) fn new(limits: &'a Limits, progress: &'a dyn Fn(u64) -> bool) -> Self {
        Self {
            limits,
            packed: Cell::new(0),
            unpacked: Cell::new(0),
            progress,
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        self.limits
    }

    fn unpack(&self, bytes: usize) -> io::Result<()> {
        let unpacked = self
            .unpacked
            .get()
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.unpacked.set(unpacked);
        if unpacked > self.limits.unpacked_bytes_max {
            return Err(io::Error::other(format!(
                "it unpacks to more than {} bytes; the rest is not read",
                self.limits.unpacked_bytes_max
            )));
        }
        let allowed = self.packed.get().saturating_mul(self.limits.ratio_max);
        if unpacked > self.limits.ratio_free_bytes && unpacked > allowed {
            return Err(io::Error::other(format!(
                "it unpacks to more than {} times its size; the rest is not read",
                self.limits.ratio_max
            )));
        }
        Ok(())
    }
}

/// A file whose bytes are counted.
pub(super) struct Packed<'a, R> {
    pub(super) inner: R,
    pub(super) budget: &'a Budget<'a>,
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        self.budget.packed.set(self.budget.packed.get().saturating_add(bytes));
        if (self.budget.progress)(bytes) {
            Ok(length)
        } else {
            Err(io::Error::other("it was given up"))
        }
    }
}

impl<R: Seek> Seek for Packed<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What something unpacks to, counted.
pub(super) struct Unpacked<'a, R> {
    pub(super) inner: R,
    pub(super) budget: &'a Budget<'a>,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(into)?;
        self.budget.unpack(length)?;
        Ok(length)
    }
}

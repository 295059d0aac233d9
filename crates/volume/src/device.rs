//! What a transport (NBD today) needs of a disk: one small trait, implemented by the live volume and by its moments.

use crate::error::Error;
use crate::storage::Wait;
use crate::time::Timestamp;

/// One write of a batch: `data` goes to byte `offset`.
#[derive(Clone, Copy, Debug)]
pub struct WriteRequest<'a> {
    /// First byte on the disk.
    pub offset: u64,
    /// The bytes to write; any length, any alignment.
    pub data: &'a [u8],
}

/// Whether zeroed blocks may become a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// The range may be reported as unallocated.
    Allowed,
    /// The range stays allocated, and is reported as zero.
    Refused,
}

/// What a range of a disk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtentKind {
    /// Stored bytes.
    Data,
    /// Allocated, reads as zeros.
    Zero,
    /// Unallocated, reads as zeros.
    Hole,
}

/// A run of bytes of one kind, written in one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Length of the run in bytes.
    pub length: u64,
    /// What it holds.
    pub kind: ExtentKind,
    /// When it was last written, zeroed or trimmed, rounded down to a second; `None` if never.
    pub written: Option<Timestamp>,
}

/// A disk as a transport sees it. Offsets and lengths are in bytes, of any alignment. All calls may be made by many
/// threads at once. Every call checks its range against the current size ([`Error::OutOfRange`]).
pub trait Device: Send + Sync {
    /// The disk's size now. It changes with a resize.
    fn size_bytes(&self) -> u64;

    /// Whether writes are refused from the start (a moment of the past).
    fn is_read_only(&self) -> bool;

    /// Fills `buffer` from `offset` on. With [`Wait::Never`] fails with [`Error::WouldBlock`] rather than wait for
    /// the disk below; the buffer's content is unspecified after any error.
    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<(), Error>;

    /// Applies all writes, in order, as one batch. After an error none of them is promised, and any may have been
    /// applied.
    fn write(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error>;

    /// [`Device::write`] for a transport that calls [`Device::settle`] once it has answered: what the client needn't wait for may be left
    /// until then. The data are written as by [`Device::write`].
    fn write_unsettled(&self, writes: &[WriteRequest<'_>]) -> Result<(), Error> {
        self.write(writes)
    }

    /// Does what [`Device::write_unsettled`] left to be done. Whatever else is asked of the disk by the same client does that first.
    fn settle(&self) {}

    /// Makes a range read as zeros. Costs the same for any length.
    fn zero(&self, offset: u64, length: u64, hole: Hole) -> Result<(), Error>;

    /// Drops a range, which reads as zeros afterwards. Its past is kept. Costs the same for any length.
    fn trim(&self, offset: u64, length: u64) -> Result<(), Error>;

    /// Makes every write, zero and trim that completed before this call durable, whoever made it.
    fn flush(&self) -> Result<(), Error>;

    /// Asks for a range to be read ahead. Only a hint.
    fn prefetch(&self, offset: u64, length: u64) -> Result<(), Error>;

    /// Describes the range from its start, in at most `limit` extents; may describe less than the whole range, never
    /// nothing (for `length > 0`), and never more.
    fn extents(&self, offset: u64, length: u64, limit: usize) -> Result<Vec<Extent>, Error>;
}

//! What the volume needs of the disk below it: one directory of files, behind two small traits.
//!
//! Three implementations exist: [`crate::OsDirectory`] (production), and in the tests a memory directory that loses,
//! tears, misdirects and rots what was written to it. The volume assumes of an implementation only what
//! `docs/format.md` lists under "Assumptions about the disk".

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::sync::Arc;

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Wait as long as it takes.
    Allowed,
    /// Fail with [`io::ErrorKind::WouldBlock`] when a byte isn't in memory already.
    Never,
}

/// A directory of files and directories. Names are single path components.
pub trait Directory: Debug + Send + Sync {
    /// The names of all entries, files and directories, in no particular order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Creates a file, which must not exist ([`io::ErrorKind::AlreadyExists`]).
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Renames a file, replacing the target. Atomic; durable after [`Directory::sync`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Open handles go on working.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals in this directory durable.
    fn sync(&self) -> io::Result<()>;
    /// Opens a directory within this one.
    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>>;
    /// Creates a directory within this one, which must not exist.
    fn create_subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>>;
    /// Removes a directory within this one, which must be empty.
    fn remove_subdirectory(&self, name: &str) -> io::Result<()>;
    /// Bytes that this process could still write to the file system that holds this directory.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// An open file. All calls may be made by many threads at once.
pub trait File: Debug + Send + Sync {
    /// Fills `buffer` from `offset` on. Fails with [`io::ErrorKind::UnexpectedEof`] past the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> io::Result<()>;
    /// Writes all of `buffers`, one after the other, at `offset`, growing the file as needed.
    /// After an error any part of the range may hold old bytes, new bytes, or a mixture.
    fn write_at(&self, offset: u64, buffers: &mut [IoSlice<'_>]) -> io::Result<()>;
    /// Reserves space for the first `length` bytes, so that writing them can't fail for lack of space.
    /// Doesn't change [`File::length`].
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Makes everything written before this call durable, with the file's length.
    fn sync(&self) -> io::Result<()>;
    /// Cuts or extends (with zeros) the file.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// The file's length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Bytes that the file occupies on the disk.
    fn allocated_bytes(&self) -> io::Result<u64>;
    /// Asks the system to begin writing a range to the disk, without waiting for it. Only a hint: nothing is durable
    /// before [`File::sync`].
    fn start_writing(&self, offset: u64, length: u64);
    /// Asks the system to read a range ahead. Only a hint.
    fn prefetch(&self, offset: u64, length: u64);
    /// Asks the system to forget its cached copy, so that the next read comes from the disk. Only a hint.
    fn forget_cache(&self);
}

//! The production [`Directory`]: files of the operating system, through its page cache.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags};
use rustix::io::ReadWriteFlags;

use crate::storage::{Directory, File, Wait};

/// The most buffers that one `pwritev` takes (IOV_MAX of Linux).
const BUFFERS_MAX: usize = 1024;

/// A directory of the operating system. Files in it are created readable by their owner only.
#[derive(Debug)]
pub struct OsDirectory {
    path: PathBuf,
}

impl OsDirectory {
    /// Opens a directory, creating it (for its owner only) if it doesn't exist.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Directory for OsDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that isn't UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.path.join(name))?;
        Ok(Arc::new(OsFile { file }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path.join(name))?;
        Ok(Arc::new(OsFile { file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        fs::File::open(&self.path)?.sync_all()
    }

    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        let path = self.path.join(name);
        if !fs::metadata(&path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Arc::new(Self { path }))
    }

    fn create_subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        let path = self.path.join(name);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Arc::new(Self { path }))
    }

    fn remove_subdirectory(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let file_system = rustix::fs::statvfs(&self.path)?;
        Ok(file_system.f_bavail.saturating_mul(file_system.f_frsize))
    }
}

#[derive(Debug)]
struct OsFile {
    file: fs::File,
}

impl File for OsFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> io::Result<()> {
        match wait {
            Wait::Allowed => self.file.read_exact_at(buffer, offset),
            Wait::Never => self.read_cached(offset, buffer),
        }
    }

    fn write_at(&self, mut offset: u64, mut buffers: &mut [IoSlice<'_>]) -> io::Result<()> {
        IoSlice::advance_slices(&mut buffers, 0);
        while !buffers.is_empty() {
            let some = buffers.get(..buffers.len().min(BUFFERS_MAX)).unwrap_or_default();
            match rustix::io::pwritev(&self.file, some, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut buffers, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, length) {
            // File systems that can't reserve space (some network ones) report a full disk at the write instead.
            Err(rustix::io::Errno::OPNOTSUPP) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn allocated_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.blocks() * 512)
    }

    fn start_writing(&self, offset: u64, length: u64) {
        // A hint: where it isn't taken, the system writes later.
        let _ = sys::start_writing(&self.file, offset, length);
    }

    fn prefetch(&self, offset: u64, length: u64) {
        self.advise(offset, length, Advice::WillNeed);
    }

    fn forget_cache(&self) {
        self.advise(0, 0, Advice::DontNeed);
    }
}

impl OsFile {
    fn read_cached(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let mut buffers = [IoSliceMut::new(buffer)];
            match rustix::io::preadv2(&self.file, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    offset += count as u64;
                    buffer = buffer
                        .split_at_mut_checked(count)
                        .map(|(_, rest)| rest)
                        .unwrap_or_default();
                }
                Err(rustix::io::Errno::INTR) => {}
                // A file system that can't tell what is cached may always have to wait.
                Err(rustix::io::Errno::OPNOTSUPP) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A hint: a file system that doesn't take it loses speed, not correctness.
    fn advise(&self, offset: u64, length: u64, advice: Advice) {
        let _ = rustix::fs::fadvise(&self.file, offset, std::num::NonZeroU64::new(length), advice);
    }
}

/// The exclusive lock on a data folder, held as long as this value lives.
#[derive(Debug)]
pub struct FolderLock {
    _file: OwnedFd,
}

impl FolderLock {
    /// Locks `path` (a file that is created if need be) for this process alone, without waiting:
    /// [`io::ErrorKind::WouldBlock`] if another process holds it.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        let mut options = fs::OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { _file: file.into() })
    }
}

/// 16 bytes from the operating system's random source.
pub fn os_random() -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        let rest = bytes.get_mut(filled..).unwrap_or_default();
        // Without flags, and for so few bytes, the call fails only when a signal interrupts it.
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()).unwrap_or(0);
    }
    bytes
}

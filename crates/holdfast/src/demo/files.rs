//! The file system on the scratch disk: FAT32 over the cache of a connection. Paths are those on this disk; none of the host
//! passes through here.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};

use super::cache::{BLOCK_BYTES, Cache, Handle};

/// Bytes that are read or written at once.
const PIECE_BYTES: usize = 64 << 10;

/// A mounted file system.
pub(super) struct Files {
    system: FileSystem<Handle>,
    cache: Rc<RefCell<Cache>>,
}

impl Files {
    /// Makes an empty file system on the disk behind a cache, and mounts it.
    pub(super) fn format_and_mount(cache: Cache) -> io::Result<Self> {
        // Sectors and clusters of one block, so that files begin where blocks do, as on today's disks.
        let options = FormatVolumeOptions::new()
            .bytes_per_sector(BLOCK_BYTES as u16)
            .bytes_per_cluster(BLOCK_BYTES as u32)
            .fat_type(FatType::Fat32)
            .volume_label(*b"SCRATCH    ");
        let cache = Rc::new(RefCell::new(cache));
        fatfs::format_volume(Handle::new(Rc::clone(&cache)), options)?;
        Self::mount_shared(cache)
    }

    /// Mounts the file system on the disk behind a cache.
    pub(super) fn mount(cache: Cache) -> io::Result<Self> {
        Self::mount_shared(Rc::new(RefCell::new(cache)))
    }

    fn mount_shared(cache: Rc<RefCell<Cache>>) -> io::Result<Self> {
        // Else every file that is read would be written to.
        let options = FsOptions::new().update_accessed_date(false);
        Ok(Self {
            system: FileSystem::new(Handle::new(Rc::clone(&cache)), options)?,
            cache,
        })
    }

    /// Sends what has waited long enough in the cache.
    pub(super) fn age(&self) {
        self.cache.borrow_mut().age();
    }

    /// Sends everything that waits in the cache.
    pub(super) fn write_back(&self) -> io::Result<()> {
        self.cache.borrow_mut().write_back()
    }

    /// Makes everything durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.cache.borrow_mut().sync()
    }

    /// Writes a file, which may exist, and the folders that lead to it.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let root = self.system.root_dir();
        for (end, _) in path.match_indices('/') {
            root.create_dir(path.get(..end).unwrap_or_default())?;
        }
        let mut file = root.create_file(path)?;
        file.truncate()?;
        file.write_all(content)
    }

    /// A file's content.
    pub(super) fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.system.root_dir().open_file(path)?.read_to_end(&mut content)?;
        Ok(content)
    }

    /// Adds to the end of a file.
    pub(super) fn append(&self, path: &str, more: &[u8]) -> io::Result<()> {
        let mut file = self.system.root_dir().open_file(path)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(more)
    }

    /// Reads a file piece by piece and writes back what `change` makes of each piece, over the same blocks. Returns the
    /// number of bytes.
    pub(super) fn change_in_place(&self, path: &str, mut change: impl FnMut(&mut [u8])) -> io::Result<u64> {
        let mut file = self.system.root_dir().open_file(path)?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut done = 0;
        loop {
            let mut length = 0;
            while let Some(rest) = piece.get_mut(length..).filter(|rest| !rest.is_empty()) {
                match file.read(rest)? {
                    0 => break,
                    count => length += count,
                }
            }
            let Some(content) = piece.get_mut(..length).filter(|content| !content.is_empty()) else {
                return Ok(done);
            };
            change(content);
            file.seek(SeekFrom::Start(done))?;
            file.write_all(content)?;
            done += content.len() as u64;
        }
    }

    /// Gives a file another name in its folder, in place of a file that may be there.
    pub(super) fn rename_over(&self, from: &str, to: &str) -> io::Result<()> {
        let root = self.system.root_dir();
        match root.remove(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        root.rename(from, &root, to)
    }

    /// Removes a file.
    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        self.system.root_dir().remove(path)
    }

    /// The paths of all files, in the order of the folders.
    pub(super) fn paths(&self) -> io::Result<Vec<String>> {
        let mut folders = vec![String::new()];
        let mut paths = Vec::new();
        while let Some(folder) = folders.pop() {
            let root = self.system.root_dir();
            let directory = if folder.is_empty() {
                root
            } else {
                root.open_dir(&folder)?
            };
            for entry in directory.iter() {
                let entry = entry?;
                let name = entry.file_name();
                if name == "." || name == ".." {
                    continue;
                }
                let path = if folder.is_empty() {
                    name
                } else {
                    format!("{folder}/{name}")
                };
                if entry.is_dir() {
                    folders.push(path);
                } else {
                    paths.push(path);
                }
            }
        }
        Ok(paths)
    }
}

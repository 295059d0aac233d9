//! Which file system a disk has, by the numbers that each starts with.

use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Error;
use crate::exfat;
use crate::ext;
use crate::fat;
use crate::filesystem::{FileSystem, FileSystemKind};
use crate::ntfs;
use crate::xfs;

/// Opens the file system that starts at the disk's first byte.
///
/// # Errors
///
/// None is recognised, or the one that is can't be opened.
pub fn open(disk: Arc<dyn Disk>) -> Result<Box<dyn FileSystem>, Error> {
    use FileSystemKind::{ExFat, Ext2, Ext3, Ext4, Fat12, Fat16, Fat32, Ntfs, Xfs};
    match recognise(&*disk) {
        Some(Ext2 | Ext3 | Ext4) => Ok(Box::new(ext::open(disk)?)),
        Some(Ntfs) => Ok(Box::new(ntfs::open(disk)?)),
        Some(Xfs) => Ok(Box::new(xfs::open(disk)?)),
        Some(Fat12 | Fat16 | Fat32) => Ok(Box::new(fat::open(disk)?)),
        Some(ExFat) => Ok(Box::new(exfat::open(disk)?)),
        None => Err(Error::Unrecognised),
    }
}

/// Which file system starts at the disk's first byte, if it is one that Holdfast knows.
#[must_use]
pub fn recognise(disk: &dyn Disk) -> Option<FileSystemKind> {
    let mut sector = [0; 512];
    disk.read_at(0, &mut sector).ok()?;
    match (sector.get(..4)?, sector.get(3..11)?) {
        (b"XFSB", _) => Some(FileSystemKind::Xfs),
        (_, b"NTFS    ") => Some(FileSystemKind::Ntfs),
        (_, b"EXFAT   ") => Some(FileSystemKind::ExFat),
        // A boot sector may be left from what was there before ext was made: ext, which knows itself better, is asked first.
        _ => ext::recognise(disk).or_else(|| fat::recognise(&sector)),
    }
}

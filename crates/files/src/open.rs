//! Which file system a disk has, by the numbers that each starts with.

use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Error;
use crate::exfat;
use crate::ext;
use crate::fat;
use crate::fields::{le16, le32, part, u8_at};
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
        Some(Fat12 | Fat16 | Fat32) => Ok(Box::new(fat::open(disk)?)),
        Some(ExFat) => Ok(Box::new(exfat::open(disk)?)),
        Some(Ntfs) => Ok(Box::new(ntfs::open(disk)?)),
        Some(Xfs) => Ok(Box::new(xfs::open(disk)?)),
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
        _ => ext::recognise(disk).or_else(|| recognise_fat(&sector)),
    }
}

/// FAT has no magic number: its parameters have to make sense, and the number of clusters tells which of the three it is.
fn recognise_fat(sector: &[u8]) -> Option<FileSystemKind> {
    let jump = matches!((u8_at(sector, 0), u8_at(sector, 2)), (0xeb, 0x90) | (0xe9, _));
    let sector_bytes = u32::from(le16(sector, 11));
    let cluster_sectors = u32::from(u8_at(sector, 13));
    let reserved = u32::from(le16(sector, 14));
    let tables = u32::from(u8_at(sector, 16));
    let sound = jump
        && matches!(sector_bytes, 512 | 1024 | 2048 | 4096)
        && cluster_sectors.is_power_of_two()
        && reserved > 0
        && matches!(tables, 1 | 2)
        && u8_at(sector, 21) >= 0xf0
        && part(sector, 510, 2)? == [0x55, 0xaa];
    if !sound {
        return None;
    }
    let either = |short: u32, long: u32| if short == 0 { long } else { short };
    let sectors = either(u32::from(le16(sector, 19)), le32(sector, 32));
    let table_sectors = either(u32::from(le16(sector, 22)), le32(sector, 36));
    let root_sectors = (u32::from(le16(sector, 17)) * 32).div_ceil(sector_bytes);
    let used = reserved
        .checked_add(tables.checked_mul(table_sectors)?)?
        .checked_add(root_sectors)?;
    let clusters = sectors.checked_sub(used)? / cluster_sectors;
    Some(match clusters {
        0 => return None,
        _ if le16(sector, 22) == 0 => FileSystemKind::Fat32,
        1..4085 => FileSystemKind::Fat12,
        4085..65525 => FileSystemKind::Fat16,
        _ => FileSystemKind::Fat32,
    })
}

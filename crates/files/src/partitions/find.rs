//! From a disk to its areas.

use std::sync::Arc;

use super::area::Area;
use super::{gpt, lvm, mbr};
use crate::cache::CachedDisk;
use crate::content::{Content, LVM};
use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::FileSystemKind;

/// Tables, and the starts of areas, which are looked at for one number after the other.
const CACHE_BYTES: u64 = 1 << 20;

/// What a disk is divided into: its partitions in the table's order, then the logical volumes on them. A disk without a table that is known is
/// one area, with an empty name.
///
/// # Errors
///
/// The disk can't be read, or has a GPT both of whose copies are damaged or gone.
pub fn areas(disk: &Arc<dyn Disk>) -> Result<Vec<Area>, Error> {
    let disk = &cached(disk);
    let mut areas = tables(disk)?;
    let physical: Vec<&Area> = areas
        .iter()
        .filter(|area| area.content == Some(Content::Other(LVM)))
        .collect();
    let mut logical = lvm::volumes(disk, &physical);
    for area in &mut logical {
        area.content = content(area, disk);
    }
    areas.extend(logical);
    Ok(areas)
}

/// The same without logical volumes: what tables of fixed size and the numbers at the starts of partitions tell, which is quick.
///
/// # Errors
///
/// As [`areas`].
pub fn partitions(disk: &Arc<dyn Disk>) -> Result<Vec<Area>, Error> {
    tables(&cached(disk))
}

fn cached(disk: &Arc<dyn Disk>) -> Arc<dyn Disk> {
    Arc::new(CachedDisk::new(Arc::clone(disk), CACHE_BYTES))
}

fn tables(disk: &Arc<dyn Disk>) -> Result<Vec<Area>, Error> {
    disk.read_at(0, &mut [0; 512])?;
    let mut areas = match gpt::read(&**disk) {
        Ok(Some(areas)) => areas,
        Ok(None) if mbr::announces_gpt(&**disk) => {
            return Err(Error::Damaged {
                structure: "GPT",
                offset: 512,
                detail: "the boot record announces it, and neither copy is there",
            });
        }
        Err(damage) if mbr::announces_gpt(&**disk) => return Err(damage),
        // What is left of an older table, on a disk that was divided anew.
        Ok(None) | Err(_) => without_gpt(disk),
    };
    for area in &mut areas {
        area.content = content(area, disk);
    }
    Ok(areas)
}

/// What an area of a disk holds.
fn content(area: &Area, disk: &Arc<dyn Disk>) -> Option<Content> {
    area.disk(disk).ok().and_then(|part| Content::recognise(&*part))
}

fn without_gpt(disk: &Arc<dyn Disk>) -> Vec<Area> {
    let whole = Area::single(String::new(), "whole disk".to_owned(), 0, disk.size_bytes());
    let short = mbr::read(&**disk, 512);
    let long = mbr::read(&**disk, 4096);
    if short.is_none() && long.is_none() || is_boot_sector(&**disk) {
        return vec![whole];
    }
    let known = |areas: &Vec<Area>| areas.iter().any(|area| content(area, disk).is_some());
    // The table doesn't tell the size of sectors; what is found at its places does.
    match (short, long) {
        (Some(short), Some(long)) if !known(&short) && known(&long) => long,
        (Some(short), _) => short,
        (None, Some(long)) if known(&long) => long,
        (None, _) => vec![whole],
    }
}

/// Boot sectors of file systems end like partition tables do. What is known by bytes elsewhere may be left from before the table.
fn is_boot_sector(disk: &dyn Disk) -> bool {
    matches!(
        Content::by_magic(disk),
        Some(
            Content::FileSystem(
                FileSystemKind::Fat12
                    | FileSystemKind::Fat16
                    | FileSystemKind::Fat32
                    | FileSystemKind::ExFat
                    | FileSystemKind::Ntfs
            ) | Content::Other("BitLocker encryption" | "ReFS")
        )
    )
}

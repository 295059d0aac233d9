//! FAT12, FAT16 and FAT32, with long names.
//!
//! Layout after Microsoft's "FAT: General Overview of On-Disk Format" (fatgen103): a boot sector, one or two tables of clusters, on FAT12
//! and FAT16 the root folder, then the clusters. A file is known by the byte offset of its (short) folder entry.

mod boot;
mod entry;
mod name;
mod volume;

pub(crate) use volume::{open, recognise};

//! What a disk is divided into: partitions (GPT, MBR) and logical volumes (LVM2).

mod area;
mod find;
mod gpt;
mod lvm;
mod mbr;

pub use area::{Area, Piece};
pub use find::{areas, partitions};

//! Partitions and file systems, read without mounting them and without trusting them.
//!
//! A pure core: a disk is anything that reads bytes at an offset ([`Disk`]), as a moment of a volume does. Nothing is ever written.
//! Everything on a disk is foreign: whatever its bytes, a reader answers with an [`Error`], in bounded memory and time.

mod cache;
mod clusters;
mod content;
mod disk;
mod dos_time;
mod error;
mod exfat;
pub mod ext;
mod fat;
mod fields;
mod filesystem;
mod little_endian;
#[cfg(test)]
mod memory;
mod ntfs;
mod open;
mod partitions;
mod path;
mod slots;
mod walk;
pub mod xfs;

pub use content::{Content, SWAP};
pub use disk::{Disk, ReadFailed};
pub use error::Error;
pub use filesystem::{Entry, Extent, ExtentKind, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind, Time};
pub use open::{open, recognise};
pub use partitions::{Area, Piece, areas, partitions};
pub use path::{find, folds_case};
pub use walk::{Found, Onward, Step, Tour, tour, walk};

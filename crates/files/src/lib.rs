//! Partitions and file systems, read without mounting them and without trusting them.
//!
//! A pure core: a disk is anything that reads bytes at an offset ([`Disk`]), as a moment of a volume does. Nothing is ever written.
//! Everything on a disk is foreign: whatever its bytes, a reader answers with an [`Error`], in bounded memory and time.

mod cache;
mod content;
mod disk;
mod error;
pub mod ext;
mod fields;
mod filesystem;
mod open;
mod partitions;

pub use cache::{CachedDisk, PIECE_BYTES};
pub use content::Content;
pub use disk::{Disk, ReadFailed};
pub use error::Error;
pub use filesystem::{Entry, Extent, ExtentKind, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind, Time};
pub use open::{open, recognise};
pub use partitions::{Area, Piece, areas};

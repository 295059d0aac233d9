//! QEMU's qcow2 format: versions 2 and 3 are read, version 3 is written.
//!
//! Not supported, each with an error that says so: backing files, external data files, encryption and extended L2
//! entries. Internal snapshots are ignored: the active state is read.

mod header;
mod read;
mod write;

pub use header::Header;
pub use read::Qcow2Source;
pub use write::Qcow2Sink;

/// The first bytes of every qcow2 image.
pub const MAGIC: &[u8] = b"QFI\xfb";

/// Set in an L1 or L2 entry whose cluster is used once.
const COPIED: u64 = 1 << 63;
/// Set in an L2 entry of a compressed cluster.
const COMPRESSED: u64 = 1 << 62;
/// The offset in an L1 entry or an L2 entry that isn't compressed.
const OFFSET_MASK: u64 = 0x00ff_ffff_ffff_fe00;
/// Set in an L2 entry (version 3) whose cluster reads as zeros.
const ZERO: u64 = 1;

//! The bytes on disk: parsing and writing of every structure, without I/O. `docs/format.md` has the tables.
//!
//! Every parser takes untrusted bytes, checks lengths before arithmetic, and returns a typed value or `None`; the
//! caller knows where the bytes came from and makes the error. Integers are little-endian.

mod batch;
mod bytes;
mod chain;
mod checkpoint;
mod entry;
mod index;
#[cfg(test)]
mod layout_tests;
mod node;
mod packed;
mod segment;
mod volume_file;

pub use batch::{BATCH_HEADER_BYTES, Batch, BatchHeader, BatchKey, RECORD_BYTES, Record, RecordKind, put_head};
pub(crate) use batch::{find_magic, head_bytes, peek_own};
pub(crate) use bytes::payload_crc;
pub use chain::{CHAIN_RECORD_BYTES, ChainEvent, ChainLink, ChainRecord};
pub use checkpoint::{Cause, Checkpoint, CheckpointRef, Horizon, LogPosition, Pin, Rollback};
pub use entry::{BLOCK_BYTES, Entry, EntryKind, Location, SLOT_BYTES, Segment, Slot};
pub use index::{TRAILER_BYTES, Totals, Trailer};
pub use node::{FANOUT_BITS, LEAF_BITS, LEVELS, Node, NodeAddress};
pub use packed::{FRAME_BYTES, Frame, IndexLayout, PackedIndex, PackedRecord, Place};
pub use segment::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentLayout};
pub use volume_file::{Parent, VOLUME_FILE_BYTES, VOLUME_FILE_COPY_BYTES, VolumeFile, VolumeVersion};

//! A disk that fails in every way a real one is known to, in memory.
//!
//! # The fault model
//!
//! **A page cache over a disk.** A write changes the cached copy of a file and marks the sectors it touched dirty.
//! `File::sync` brings dirty sectors and the length to the disk. Reads see the cache. The unit that the disk writes
//! atomically is a sector of 512 or 4096 bytes, chosen by the seed.
//!
//! **Power cut.** Every write, allocation, change of length, sync, creation, renaming and removal is a numbered *fault
//! point*; the power can be cut at any of them, during it. Of each dirty sector the disk then holds what it held
//! at the last sync, or any version written since, whichever sectors were written first or last: all, none,
//! an even mixture, only the oldest, or only the newest. The file's length is the synced one or any it had since.
//! Sectors within the length that never reached the disk read as zeros, or, in some seeds, as old bytes of other files, as
//! a file system without ordered data shows them. Reserved space may be lost if it wasn't synced.
//!
//! **Directories.** Metadata is ordered, as in the journal of ext4 or XFS: of the changes since the last `Directory::sync`
//! a prefix survives, either of all changes on the disk or, in other seeds, of each directory's own. Syncing a
//! file doesn't make its name durable. A renaming is atomic.
//!
//! **Process kill.** The process stops at a fault point, a write half done; the cache survives, *still dirty*: what
//! recovery reads after a kill can be lost by a power cut that follows.
//!
//! **Errors.** A write fails with part of it done. A sync fails: each dirty sector reached the disk or didn't, and all
//! of them are marked clean, as Linux does: a second sync succeeds without writing them, the cache shows the new bytes, and
//! the disk holds the old ones until the cache forgets. Reads fail, once or until the sector is written again. The
//! disk is full: allocation, growth and creation fail, a write after part of it.
//!
//! **Rot.** Sectors at rest change: flipped bits, zeros, the bytes of another sector; or they can't be read any more.
//!
//! **Misdirected writes.** On its way to the disk a sector lands on another one, of the same or another file; where it
//! should be, the old bytes remain. **Lost writes**: it lands nowhere. Both are acknowledged by the sync.
//!
//! **A lying disk.** A sync is acknowledged and does nothing. Nothing can be promised then but that what is read is right, or an
//! error.
//!
//! Not modelled: bytes that change between two reads without a fault, a sector torn within its atomic unit, damage that
//! keeps a CRC-32C valid, a directory that loses entries it had synced, a disk that goes back in time as a whole.

mod directory;
mod faults;
mod file;
mod handle;
mod power;
mod sim_disk;
mod state;

pub use faults::{Cut, Faults, Geometry};
pub use sim_disk::SimDisk;
pub use state::Counts;

//! NTFS, as Windows NT 3.1 to 11 and ntfs-3g write it (versions 1.2, 3.0 and 3.1).
//!
//! The format isn't published; what is read here is what the Linux-NTFS project documented and ntfs-3g's `layout.h` declares. Every
//! structure is a record of the master file table (MFT) or hangs from one:
//!
//! * `boot` the boot sector says where the MFT is; `mft` finds a record in it; `record` cuts a record into attributes;
//! * `node` is a file with all its attributes, which may be spread over records by `$ATTRIBUTE_LIST`;
//! * `stream` is an attribute's value, through its `runs` and `compression`;
//! * `folder` lists a folder's index; `reparse` tells links from files that aren't what they seem.
//!
//! `$LogFile` isn't replayed: its records are undocumented in part and depend on the version of Windows, and ntfs-3g doesn't replay
//! them either. [`FileSystem::replayed`](crate::FileSystem::replayed) says when changes may wait in it.

mod boot;
mod compression;
mod extended;
mod file_name;
mod fixup;
mod folder;
mod log_file;
mod merge;
mod mft;
mod node;
mod record;
mod reparse;
mod runs;
mod stream;
mod volume;

pub(crate) use volume::open;

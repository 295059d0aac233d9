//! exFAT, after Microsoft's "exFAT file system specification" (revision 1.0).
//!
//! A boot sector, a table of clusters, and the clusters. A file's entry in its folder is a set of slots: the file with its times, the stream
//! with its clusters, and the name. A file is known by the byte offset of the first. The bitmap of clusters in use, the table for upper case and
//! the hashes of names aren't needed for reading.

mod boot;
mod entry;
mod volume;

pub(crate) use volume::open;

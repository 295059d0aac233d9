//! What every file system is to its users.

use std::fmt;
use std::ops::ControlFlow;

use crate::error::Error;

/// Which file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of the file systems")]
pub enum FileSystemKind {
    Ext2,
    Ext3,
    Ext4,
    Xfs,
    Ntfs,
    Fat12,
    Fat16,
    Fat32,
    ExFat,
}

impl FileSystemKind {
    /// Its name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::Xfs => "XFS",
            Self::Ntfs => "NTFS",
            Self::Fat12 => "FAT12",
            Self::Fat16 => "FAT16",
            Self::Fat32 => "FAT32",
            Self::ExFat => "exFAT",
        }
    }
}

/// Names a file, folder or link within one file system, at one moment: the inode's number on ext and XFS; the MFT reference (record
/// and sequence number) on NTFS; the byte offset of the directory entry on FAT and exFAT, where the root is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of POSIX")]
pub enum NodeKind {
    File,
    Folder,
    Symlink,
    Fifo,
    Socket,
    CharacterDevice,
    BlockDevice,
}

impl NodeKind {
    /// Where there are but files and folders.
    pub(crate) const fn folder_if(is_folder: bool) -> Self {
        if is_folder { Self::Folder } else { Self::File }
    }

    /// By the type in the upper bits of a mode.
    pub(crate) const fn from_mode(mode: u16) -> Option<Self> {
        Some(match mode >> 12 {
            0o1 => Self::Fifo,
            0o2 => Self::CharacterDevice,
            0o4 => Self::Folder,
            0o6 => Self::BlockDevice,
            0o10 => Self::File,
            0o12 => Self::Symlink,
            0o14 => Self::Socket,
            _ => return None,
        })
    }

    /// By the file type in an entry of a folder, whose numbers ext and XFS share.
    pub(crate) const fn from_file_type(file_type: u8) -> Option<Self> {
        Some(match file_type {
            1 => Self::File,
            2 => Self::Folder,
            3 => Self::CharacterDevice,
            4 => Self::BlockDevice,
            5 => Self::Fifo,
            6 => Self::Socket,
            7 => Self::Symlink,
            _ => return None,
        })
    }
}

/// Nanoseconds since the Unix epoch; negative before it. FAT's local times are taken for UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i128);

/// What a file system knows of a node beside its content. What a format doesn't have is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: NodeKind,
    /// Length of its content in bytes.
    pub size_bytes: u64,
    /// Permission bits, with set-user-id, set-group-id and sticky (`0o7777`).
    pub mode: Option<u16>,
    /// The owner's number.
    pub owner: Option<u32>,
    /// The group's number.
    pub group: Option<u32>,
    /// Names that lead to it.
    pub links: u32,
    /// Tells uses of one number apart (ext, XFS: the inode's generation; NTFS: the sequence number; else 0).
    pub generation: u64,
    /// Content last changed.
    pub modified: Option<Time>,
    /// Content or metadata last changed (NTFS: MFT changed).
    pub changed: Option<Time>,
    /// Last read.
    pub accessed: Option<Time>,
    /// Made.
    pub created: Option<Time>,
    /// Device number of a device node (major, minor).
    pub device: Option<(u32, u32)>,
}

impl Metadata {
    /// Of which nothing but the kind is known.
    #[must_use]
    pub const fn of(kind: NodeKind) -> Self {
        Self {
            kind,
            size_bytes: 0,
            mode: None,
            owner: None,
            group: None,
            links: 1,
            generation: 0,
            modified: None,
            changed: None,
            accessed: None,
            created: None,
            device: None,
        }
    }
}

/// A name in a folder. `.` and `..` are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name as its bytes: as stored on ext and XFS, UTF-8 made from UTF-16 on NTFS, FAT and exFAT.
    pub name: Vec<u8>,
    /// What it leads to.
    pub node: NodeId,
    /// What that is, where the folder tells.
    pub kind: Option<NodeKind>,
}

/// How a piece of a file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtentKind {
    /// As it is, at its place on the disk.
    Data,
    /// Allocated, reads as zeros.
    Unwritten,
    /// Within the file system's own structures (an inode, an MFT record): at the place given.
    Inline,
    /// Compressed by the file system; the length is that on the disk, rounded up to what is compressed together.
    Compressed,
}

/// A piece of a file and where it lies. What no extent covers is a hole and reads as zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First byte within the file.
    pub logical: u64,
    /// First byte within the file system.
    pub physical: u64,
    /// Bytes.
    pub length: u64,
    /// How it is stored.
    pub kind: ExtentKind,
}

/// What a visitor says: go on, or stop. Stopping isn't an error.
pub type Flow = ControlFlow<()>;

/// A file system at one moment, with its journal's committed changes taken into account where it has one.
///
/// Methods take `&self` and may be called from several threads. Damage concerns what is damaged alone: an unreadable folder doesn't
/// make others unreadable. Visitors may ask the file system again while they are shown something: no lock is held meanwhile.
pub trait FileSystem: Send + Sync {
    /// Which.
    fn kind(&self) -> FileSystemKind;

    /// Its label; empty if it has none.
    fn label(&self) -> String;

    /// Bytes of an allocation unit.
    fn block_bytes(&self) -> u32;

    /// Bytes that the file system covers.
    fn size_bytes(&self) -> u64;

    /// The root folder.
    fn root(&self) -> NodeId;

    /// What is known of a node. Of a file that was deleted: [`Error::NotInUse`], or no links, or damage where its record has other content
    /// by now; on XFS perhaps what it was.
    fn metadata(&self, node: NodeId) -> Result<Metadata, Error>;

    /// Shows the entries of a folder, in the folder's own order. Entries before damage are shown before the error is returned.
    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error>;

    /// Shows the pieces of a node's content, ascending in the file. For folders: of the folder's own blocks.
    fn extents(&self, node: NodeId, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error>;

    /// Reads from a file, from a byte offset; the bytes read, fewer than asked for only at its end.
    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error>;

    /// Where a symbolic link leads, as its bytes.
    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error>;

    /// Extended attributes, with their names as tar has them (`user.x`, `security.selinux`, ...). Empty where the format has none.
    fn attributes(&self, _node: NodeId) -> Result<Vec<(String, Vec<u8>)>, Error> {
        Ok(Vec::new())
    }

    /// Whether changes wait in a journal that was replayed in memory, for people: "17 transactions".
    fn replayed(&self) -> Option<String> {
        None
    }
}

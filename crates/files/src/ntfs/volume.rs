//! NTFS as a [`FileSystem`].

use std::sync::Arc;

use super::boot::Geometry;
use super::extended::LinuxMetadata;
use super::file_name::FileName;
use super::folder;
use super::log_file;
use super::mft::Mft;
use super::node::Node;
use super::record::{ENCRYPTED, kind};
use super::reparse::Nature;
use super::stream::{self, Stream};
use crate::cache::CachedDisk;
use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::{
    Entry, Extent, ExtentKind, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind, Time,
};
use crate::little_endian::{u16_at, u32_at, u64_at, utf8_from_utf16, utf16_units};

/// Records and indexes that are kept in memory.
const CACHE_BYTES: u64 = 16 << 20;
/// Record of the volume's label and state.
const VOLUME: NodeId = NodeId(3);
/// Record of the root folder.
const ROOT: u64 = 5;
/// Longest named stream that is told as an extended attribute, as Linux limits those.
const ATTRIBUTE_BYTES_MAX: u64 = 64 << 10;
/// Most of them together, in bytes.
const ATTRIBUTES_BYTES_MAX: u64 = 4 << 20;
/// Longest value of `$EA`.
const EXTENDED_BYTES_MAX: u64 = 64 << 10;
/// Where Windows keeps the content of files that were compressed by `compact /exe` or came so with the system: "WofCompressedData" in UTF-16.
const OVERLAY: &[u8] = b"W\0o\0f\0C\0o\0m\0p\0r\0e\0s\0s\0e\0d\0D\0a\0t\0a\0";

/// Opens an NTFS file system.
///
/// Fails with [`Error::Unrecognised`] if the disk doesn't begin as one, and with [`Error::Damaged`] if its master file table can't be found.
pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<impl FileSystem, Error> {
    let geometry = Geometry::read(&disk)?;
    let mft = Mft::open(CachedDisk::new(disk, CACHE_BYTES), geometry)?;
    let mut ntfs = Ntfs {
        mft,
        // As mkfs and Windows make it.
        root: NodeId(ROOT | ROOT << 48),
    };
    // A damaged root folder is told when it is listed.
    if let Ok(root) = ntfs.mft.record(ROOT) {
        ntfs.root = NodeId(root.reference().0);
    }
    Ok(ntfs)
}

struct Ntfs {
    mft: Mft,
    root: NodeId,
}

/// What `$STANDARD_INFORMATION` says.
///
/// Layout: 0 created, 8 content changed, 16 record changed, 24 read (all u64, units of 100 ns since 1601), 32 flags (u32).
struct Standard {
    created: Option<Time>,
    modified: Option<Time>,
    changed: Option<Time>,
    accessed: Option<Time>,
    flags: u32,
}

impl Standard {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            created: time_at(bytes, 0),
            modified: time_at(bytes, 8),
            changed: time_at(bytes, 16),
            accessed: time_at(bytes, 24),
            flags: u32_at(bytes, 32).unwrap_or_default(),
        }
    }
}

/// A time in units of 100 ns since 1601; 0 means none.
fn time_at(bytes: &[u8], offset: usize) -> Option<Time> {
    /// 1 January 1970.
    const UNIX_EPOCH: i128 = 116_444_736_000_000_000;
    let units = u64_at(bytes, offset).filter(|units| *units != 0)?;
    Some(Time((i128::from(units.cast_signed()) - UNIX_EPOCH) * 100))
}

impl Ntfs {
    /// The value of an attribute of the volume; empty if it can't be read: no file needs it.
    fn of_volume(&self, kind: u32) -> Vec<u8> {
        let attribute = Node::read(&self.mft, VOLUME).and_then(|node| node.resident(&self.mft, kind));
        attribute.ok().flatten().unwrap_or_default()
    }

    /// Whether Windows would run chkdsk.
    fn is_dirty(&self) -> bool {
        let information = self.of_volume(kind::VOLUME_INFORMATION);
        u16_at(&information, 10).is_some_and(|flags| flags & 1 != 0)
    }

    fn standard(&self, node: &Node) -> Result<Standard, Error> {
        let bytes = node.resident(&self.mft, kind::STANDARD_INFORMATION)?;
        Ok(Standard::parse(&bytes.unwrap_or_default()))
    }

    fn nature(&self, node: &Node) -> Result<Nature, Error> {
        Nature::of(&self.mft, node, self.standard(node)?.flags)
    }

    /// Names that lead to a file, without those that exist for DOS.
    fn links(&self, node: &Node) -> Result<u32, Error> {
        if node.record.links <= 1 {
            return Ok(node.record.links.into());
        }
        let mut links = 0;
        node.visit(&self.mft, kind::FILE_NAME, &mut |_, attribute| {
            let name = attribute.resident().and_then(FileName::parse);
            links += u32::from(name.is_some_and(|name| !name.is_for_dos));
            Ok(Flow::Continue(()))
        })?;
        Ok(links)
    }

    /// What the Windows Subsystem for Linux says of a file, if it made it.
    fn linux_metadata(&self, node: &Node) -> Result<LinuxMetadata, Error> {
        let Some(stream) = Stream::find(&self.mft, node, kind::EXTENDED_ATTRIBUTES, &[])? else {
            return Ok(LinuxMetadata::default());
        };
        let length = stream.size_bytes.min(EXTENDED_BYTES_MAX);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        stream.read(&self.mft, &self.mft.disk, node, 0, &mut bytes)?;
        Ok(LinuxMetadata::parse(&bytes))
    }
}

impl FileSystem for Ntfs {
    fn kind(&self) -> FileSystemKind {
        FileSystemKind::Ntfs
    }

    fn label(&self) -> String {
        let name = utf8_from_utf16(&utf16_units(&self.of_volume(kind::VOLUME_NAME)));
        String::from_utf8_lossy(&name).into_owned()
    }

    fn block_bytes(&self) -> u32 {
        u32::try_from(self.mft.geometry.cluster_bytes).unwrap_or(u32::MAX)
    }

    fn size_bytes(&self) -> u64 {
        self.mft.geometry.size_bytes
    }

    fn root(&self) -> NodeId {
        self.root
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata, Error> {
        let node = Node::read(&self.mft, node)?;
        let standard = self.standard(&node)?;
        let nature = Nature::of(&self.mft, &node, standard.flags)?;
        let linux = self.linux_metadata(&node)?;
        let content = if node.record.is_folder {
            Stream::find(&self.mft, &node, kind::INDEX_ALLOCATION, folder::NAME)?
        } else {
            stream::content(&self.mft, &node)?
        };
        let size_bytes = content.map_or(0, |content| content.size_bytes);
        let (kind, size_bytes) = match &nature {
            Nature::Symlink(target) => (NodeKind::Symlink, target.len() as u64),
            Nature::Special(kind, _) => (*kind, 0),
            _ if node.record.is_folder => (NodeKind::Folder, size_bytes),
            _ => (NodeKind::File, size_bytes),
        };
        Ok(Metadata {
            kind,
            size_bytes,
            mode: linux.mode.map(|mode| (mode & 0o7777) as u16),
            owner: linux.owner,
            group: linux.group,
            links: self.links(&node)?,
            generation: node.record.sequence.into(),
            modified: standard.modified,
            changed: standard.changed,
            accessed: standard.accessed,
            created: standard.created,
            device: match nature {
                Nature::Special(NodeKind::CharacterDevice | NodeKind::BlockDevice, device) => device.or(linux.device),
                _ => None,
            },
        })
    }

    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
        let node = Node::read(&self.mft, folder)?;
        if !node.record.is_folder {
            return Err(Error::NotA(folder, "folder"));
        }
        folder::entries(&self.mft, &node, visit)
    }

    fn extents(&self, node: NodeId, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        let node = Node::read(&self.mft, node)?;
        if node.record.is_folder {
            let root = Stream::find(&self.mft, &node, kind::INDEX_ROOT, folder::NAME)?;
            let blocks = Stream::find(&self.mft, &node, kind::INDEX_ALLOCATION, folder::NAME)?;
            return match blocks.or(root) {
                Some(stream) => stream.extents(&self.mft, &node, visit),
                None => Ok(()),
            };
        }
        if let Some(overlay) = Stream::find(&self.mft, &node, kind::DATA, OVERLAY)? {
            let mut visit_packed = |extent: Extent| {
                visit(Extent {
                    kind: if extent.kind == ExtentKind::Data {
                        ExtentKind::Compressed
                    } else {
                        extent.kind
                    },
                    ..extent
                })
            };
            return overlay.extents(&self.mft, &node, &mut visit_packed);
        }
        match stream::content(&self.mft, &node)? {
            Some(content) => content.extents(&self.mft, &node, visit),
            None => Ok(()),
        }
    }

    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let node = Node::read(&self.mft, file)?;
        if node.record.is_folder {
            return Err(Error::NotA(file, "file"));
        }
        match self.nature(&node)? {
            Nature::Plain => {}
            Nature::Symlink(_) | Nature::Special(..) => return Err(Error::NotA(file, "file")),
            Nature::WindowsOverlay => {
                return Err(Error::Unreadable(
                    file,
                    "it is compressed by Windows for system files (WOF)",
                ));
            }
            Nature::Unreadable(why) => return Err(Error::Unreadable(file, why)),
        }
        let Some(content) = stream::content(&self.mft, &node)? else {
            return Ok(0);
        };
        if content.flags & ENCRYPTED != 0 {
            return Err(Error::Unreadable(file, "it is encrypted by Windows (EFS)"));
        }
        content.read(&self.mft, self.mft.disk.uncached(), &node, offset, buffer)
    }

    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        let node = Node::read(&self.mft, link)?;
        match self.nature(&node)? {
            Nature::Symlink(target) => Ok(target),
            _ => Err(Error::NotA(link, "symbolic link")),
        }
    }

    /// The named streams of a file or folder, as ntfs-3g shows them: `user.NAME`. Left out are those longer than 64 KiB, encrypted ones,
    /// Windows' own compressed copy of the content, and what goes beyond 4 MiB in all.
    fn attributes(&self, node: NodeId) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let node = Node::read(&self.mft, node)?;
        let mut names = Vec::new();
        node.visit(&self.mft, kind::DATA, &mut |_, attribute| {
            let is_start = attribute.first_cluster().unwrap_or(0) == 0;
            if is_start && !attribute.name.is_empty() && attribute.name != OVERLAY {
                names.push(attribute.name.to_vec());
            }
            Ok(Flow::Continue(()))
        })?;
        let mut attributes = Vec::new();
        let mut rest = ATTRIBUTES_BYTES_MAX;
        for name in names {
            let stream = Stream::find(&self.mft, &node, kind::DATA, &name)?;
            let fits = |stream: &Stream| stream.size_bytes <= rest.min(ATTRIBUTE_BYTES_MAX);
            let Some(stream) = stream.filter(|stream| fits(stream) && stream.flags & ENCRYPTED == 0) else {
                continue;
            };
            let mut value = vec![0; usize::try_from(stream.size_bytes).unwrap_or_default()];
            stream.read(&self.mft, self.mft.disk.uncached(), &node, 0, &mut value)?;
            rest -= stream.size_bytes;
            let name = utf8_from_utf16(&utf16_units(&name));
            attributes.push((format!("user.{}", String::from_utf8_lossy(&name)), value));
        }
        Ok(attributes)
    }

    fn replayed(&self) -> Option<String> {
        // A log that can't be read isn't needed to read files.
        if log_file::is_in_use(&self.mft).unwrap_or(false) {
            let words = "the volume was in use: the last changes, which wait in $LogFile, aren't taken into account";
            return Some(words.to_owned());
        }
        let words = "the volume is marked dirty: Windows would check it with chkdsk";
        self.is_dirty().then(|| words.to_owned())
    }
}

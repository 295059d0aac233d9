//! FAT as a [`FileSystem`].

use std::sync::Arc;

use super::boot::{Layout, Root};
use super::entry::{self, Slot};
use super::name::{self, LongName};
use crate::cache::CachedDisk;
use crate::clusters::{Chain, Clusters};
use crate::disk::{BOOT_BYTES, Disk};
use crate::error::Error;
use crate::filesystem::{Entry, Extent, ExtentKind, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind};
use crate::little_endian::array_at;
use crate::path::is_name;
use crate::slots::{self, SLOT_BYTES, VisitSlot};

/// Tables and folders that are kept in memory.
const CACHE_BYTES: u64 = 4 << 20;
/// Longest folder: 65,536 entries.
const FOLDER_BYTES_MAX: u64 = 65_536 * SLOT_BYTES as u64;
const ROOT: NodeId = NodeId(0);

/// Opens a FAT12, FAT16 or FAT32 file system.
///
/// Fails with [`Error::Unrecognised`] if the boot sector makes no sense as one: FAT has no magic number.
pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<impl FileSystem, Error> {
    let layout = Layout::read(&disk)?;
    let disk = CachedDisk::new(disk, CACHE_BYTES);
    let places = (layout.table, layout.heap);
    let clusters = Clusters::new(disk, layout.width, places, layout.cluster_bytes, layout.clusters);
    Ok(Fat { clusters, layout })
}

/// Which FAT a boot sector is that of. It has no magic number: its sizes have to make sense, and the number of clusters tells which of the
/// three it is.
pub(crate) fn recognise(boot: &[u8; BOOT_BYTES]) -> Option<FileSystemKind> {
    Layout::parse(boot).map(|layout| layout.kind())
}

struct Fat {
    clusters: Clusters,
    layout: Layout,
}

impl Fat {
    /// The entry of a node other than the root.
    fn entry(&self, node: NodeId) -> Result<entry::Entry, Error> {
        let damaged = |detail| Error::Damaged {
            structure: "folder entry",
            offset: node.0,
            detail,
        };
        let is_in_root = match self.layout.root {
            Root::Fixed { place, length } => (place..place + length).contains(&node.0),
            Root::Cluster(_) => false,
        };
        if !node.0.is_multiple_of(SLOT_BYTES as u64) || !(is_in_root || self.clusters.cluster_at(node.0).is_some()) {
            return Err(damaged("no entry can be here"));
        }
        let mut slot = [0; SLOT_BYTES];
        self.clusters.disk.read_at(node.0, &mut slot)?;
        match Slot::parse(&slot) {
            Slot::Entry(entry) => Ok(entry),
            Slot::Free => Err(Error::NotInUse(node)),
            _ => Err(damaged("there is no file's entry here")),
        }
    }

    /// First cluster of a folder, or where the root folder is.
    fn folder(&self, node: NodeId) -> Result<Root, Error> {
        if node == ROOT {
            return Ok(self.layout.root);
        }
        let entry = self.entry(node)?;
        if entry.is_folder {
            Ok(Root::Cluster(entry.first_cluster))
        } else {
            Err(Error::NotA(node, "folder"))
        }
    }

    /// Shows all slots of a folder with their places, before the damage at which it stops.
    fn slots(&self, folder: NodeId, visit: VisitSlot<'_>) -> Result<(), Error> {
        match self.folder(folder)? {
            Root::Fixed { place, length } => slots::visit(&self.clusters.disk, place, length, visit).map(|_| ()),
            Root::Cluster(first) => self.clusters.folder_slots(first, FOLDER_BYTES_MAX, visit),
        }
    }

    fn file(&self, node: NodeId) -> Result<entry::Entry, Error> {
        let entry = if node == ROOT { None } else { Some(self.entry(node)?) };
        entry.filter(|entry| !entry.is_folder).ok_or(Error::NotA(node, "file"))
    }
}

impl FileSystem for Fat {
    fn kind(&self) -> FileSystemKind {
        self.layout.kind()
    }

    /// The root folder's label, or that of the boot sector.
    fn label(&self) -> String {
        let mut label = self.layout.label.filter(|label| label != b"NO NAME    ");
        let shown = self.slots(ROOT, &mut |_, slot| match Slot::parse(slot) {
            Slot::Label => {
                label = array_at(slot, 0);
                Ok(Flow::Break(()))
            }
            Slot::End => Ok(Flow::Break(())),
            _ => Ok(Flow::Continue(())),
        });
        // A damaged root folder is told when it is listed.
        drop(shown);
        label.as_ref().map(name::label).unwrap_or_default()
    }

    fn block_bytes(&self) -> u32 {
        u32::try_from(self.clusters.cluster_bytes).unwrap_or(u32::MAX)
    }

    fn size_bytes(&self) -> u64 {
        self.layout.size_bytes
    }

    fn root(&self) -> NodeId {
        ROOT
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata, Error> {
        if node == ROOT {
            return Ok(Metadata::of(NodeKind::Folder));
        }
        Ok(self.entry(node)?.metadata())
    }

    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(Entry) -> Flow) -> Result<(), Error> {
        let mut long_name = LongName::default();
        let mut damage = None;
        self.slots(folder, &mut |place, slot| {
            let entry = match Slot::parse(slot) {
                Slot::End => return Ok(Flow::Break(())),
                Slot::LongName => {
                    long_name.push(slot);
                    return Ok(Flow::Continue(()));
                }
                Slot::Free | Slot::Label => {
                    long_name = LongName::default();
                    return Ok(Flow::Continue(()));
                }
                Slot::Entry(entry) => entry,
            };
            let long = long_name.take(slot);
            if entry.is_dots {
                return Ok(Flow::Continue(()));
            }
            let name = long.unwrap_or_else(|| name::short_name(slot).into_bytes());
            if !is_name(&name) {
                damage.get_or_insert(Error::Damaged {
                    structure: "folder entry",
                    offset: place,
                    detail: "its name can't stand in a path",
                });
                return Ok(Flow::Continue(()));
            }
            Ok(visit(Entry {
                name,
                node: NodeId(place),
                kind: Some(NodeKind::folder_if(entry.is_folder)),
            }))
        })?;
        damage.map_or(Ok(()), Err)
    }

    fn extents(&self, node: NodeId, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        if node != ROOT {
            let entry = self.entry(node)?;
            if !entry.is_folder {
                let clusters = self.clusters.clusters_of(entry.size_bytes.into());
                let chain = Chain::Linked(entry.first_cluster);
                return self.clusters.extents(chain, clusters, u64::MAX, visit);
            }
        }
        match self.folder(node)? {
            Root::Fixed { place, length } => {
                // A boot sector with damage may give it no room.
                if length > 0 {
                    let _ = visit(Extent {
                        logical: 0,
                        physical: place,
                        length,
                        kind: ExtentKind::Data,
                    });
                }
                Ok(())
            }
            Root::Cluster(first) => {
                let (clusters, damage) = self.clusters.folder(first, FOLDER_BYTES_MAX);
                let count = clusters.len() as u64;
                self.clusters.extents(Chain::Linked(first), count, u64::MAX, visit)?;
                damage.map_or(Ok(()), Err)
            }
        }
    }

    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let entry = self.file(file)?;
        let length = u64::from(entry.size_bytes)
            .saturating_sub(offset)
            .min(buffer.len() as u64);
        let length = usize::try_from(length).unwrap_or(buffer.len());
        let part = buffer.get_mut(..length).unwrap_or_default();
        if !part.is_empty() {
            self.clusters.read(Chain::Linked(entry.first_cluster), offset, part)?;
        }
        Ok(length)
    }

    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        Err(Error::NotA(link, "symbolic link"))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    /// An empty FAT12 whose root folder has room for so many entries.
    fn empty(root_entries: u16) -> Vec<u8> {
        let mut bytes = vec![0; 100 * 512];
        let mut put = |place: usize, field: &[u8]| bytes[place..place + field.len()].copy_from_slice(field);
        put(0, &[0xeb, 0x3c, 0x90]);
        put(11, &512_u16.to_le_bytes());
        // Sectors of a cluster, sectors before the tables, tables.
        put(13, &[1, 1, 0, 1]);
        put(17, &root_entries.to_le_bytes());
        put(19, &100_u16.to_le_bytes());
        put(21, &[0xf8, 1, 0]);
        put(510, &[0x55, 0xaa]);
        bytes
    }

    #[test]
    fn a_root_folder_without_room_has_no_extents() {
        for (root_entries, expected) in [(16, vec![(1024, 512)]), (0, vec![])] {
            let system = open(Arc::new(empty(root_entries))).expect("a file system");
            let mut extents = Vec::new();
            let shown = system.extents(system.root(), &mut |extent| {
                extents.push((extent.physical, extent.length));
                ControlFlow::Continue(())
            });
            shown.expect("extents");
            assert_eq!(extents, expected, "{root_entries} entries");
        }
    }
}

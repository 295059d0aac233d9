//! exFAT as a [`FileSystem`].

use std::sync::Arc;

use super::boot::Layout;
use super::entry::{self, Entry, Set};
use crate::cache::CachedDisk;
use crate::clusters::{Clusters, Width};
use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::{Entry as ShownEntry, Extent, FileSystem, FileSystemKind, Flow, Metadata, NodeId, NodeKind};
use crate::little_endian::{u8_at, utf8_from_utf16, utf16_units};
use crate::path::is_name;
use crate::slots::{self, SLOT_BYTES, VisitSlot};

/// Tables and folders that are kept in memory.
const CACHE_BYTES: u64 = 4 << 20;
/// Longest folder.
const FOLDER_BYTES_MAX: u64 = 256 << 20;
const ROOT: NodeId = NodeId(0);

/// Opens an exFAT file system.
///
/// Fails with [`Error::Unrecognised`] if the disk doesn't begin as one, and with [`Error::Damaged`] if its boot sector makes no sense.
pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<impl FileSystem, Error> {
    let layout = Layout::read(&disk)?;
    let disk = CachedDisk::new(disk, CACHE_BYTES);
    let places = (layout.table, layout.heap);
    let clusters = Clusters::new(disk, Width::Bits32, places, layout.cluster_bytes, layout.clusters);
    Ok(ExFat { clusters, layout })
}

struct ExFat {
    clusters: Clusters,
    layout: Layout,
}

fn damaged(place: u64, detail: &'static str) -> Error {
    Error::Damaged {
        structure: "folder entry",
        offset: place,
        detail,
    }
}

impl ExFat {
    /// The root folder; how long it is, only its chain tells.
    fn root_entry(&self) -> Entry {
        let first = self.layout.root_cluster;
        let (clusters, _) = self.clusters.folder(first, FOLDER_BYTES_MAX);
        Entry::root(
            first,
            (clusters.len() as u64).saturating_mul(self.clusters.cluster_bytes),
        )
    }

    /// The entry of a node.
    ///
    /// Its slots may lie in two clusters of the folder, or three, and whether those are chained isn't told here: both are tried, and the
    /// checksum tells which is right.
    fn entry(&self, node: NodeId) -> Result<Entry, Error> {
        if node == ROOT {
            return Ok(self.root_entry());
        }
        if !node.0.is_multiple_of(SLOT_BYTES as u64) || self.clusters.cluster_at(node.0).is_none() {
            return Err(damaged(node.0, "no entry can be here"));
        }
        let chained = self.read_set(node.0, true);
        match chained.and_then(|set| set.parse().map_err(|detail| damaged(node.0, detail))) {
            Ok(entry) => Ok(entry),
            Err(error) => {
                let contiguous = self.read_set(node.0, false).ok();
                contiguous.and_then(|set| set.parse().ok()).ok_or(error)
            }
        }
    }

    fn read_set(&self, place: u64, is_chained: bool) -> Result<Set, Error> {
        let mut slot = [0; SLOT_BYTES];
        self.clusters.disk.read_at(place, &mut slot)?;
        match slot.first() {
            Some(&entry::FILE) => {}
            Some(&entry::DELETED_FILE) => return Err(Error::NotInUse(NodeId(place))),
            _ => return Err(damaged(place, "there is no file's entry here")),
        }
        let mut set = Set::begin(place, &slot).map_err(|detail| damaged(place, detail))?;
        let mut next = place;
        while !set.is_complete() {
            next = self.slot_after(next, is_chained)?;
            self.clusters.disk.read_at(next, &mut slot)?;
            if !set.push(&slot) {
                return Err(damaged(place, "it has too few slots"));
            }
        }
        Ok(set)
    }

    /// The place of the next slot of a folder.
    fn slot_after(&self, place: u64, is_chained: bool) -> Result<u64, Error> {
        let ends = || damaged(place, "its folder ends within it");
        let next = place.saturating_add(SLOT_BYTES as u64);
        let (cluster, following) = (self.clusters.cluster_at(place), self.clusters.cluster_at(next));
        if following == cluster || !is_chained {
            return following.map(|_| next).ok_or_else(ends);
        }
        let chained = self.clusters.next(cluster.ok_or_else(ends)?)?;
        self.clusters.place_of(chained.ok_or_else(ends)?)
    }

    /// Shows all slots of a folder with their places, before the damage at which it stops.
    fn slots(&self, folder: NodeId, visit: VisitSlot<'_>) -> Result<(), Error> {
        if folder == ROOT {
            let first = self.layout.root_cluster;
            return self.clusters.folder_slots(first, FOLDER_BYTES_MAX, visit);
        }
        let entry = self.entry(folder)?;
        if !entry.is_folder {
            return Err(Error::NotA(folder, "folder"));
        }
        if entry.size_bytes > FOLDER_BYTES_MAX {
            return Err(damaged(folder.0, "a folder is longer than 256 MiB"));
        }
        let range = (0, self.clusters.clusters_of(entry.size_bytes));
        self.clusters.runs(entry.chain, range, &mut |run| {
            let length = run.clusters.saturating_mul(self.clusters.cluster_bytes);
            slots::visit(&self.clusters.disk, run.place, length, visit)
        })
    }
}

impl FileSystem for ExFat {
    fn kind(&self) -> FileSystemKind {
        FileSystemKind::ExFat
    }

    /// The label's slot, in the root folder: 1 code units (u8), 2 the label.
    fn label(&self) -> String {
        let mut label = Vec::new();
        let shown = self.slots(ROOT, &mut |_, slot| {
            let [kind, units, name @ ..] = slot;
            if *kind == entry::LABEL {
                label = utf16_units(name.get(..2 * usize::from(*units)).unwrap_or_default());
            }
            Ok(if matches!(*kind, entry::LABEL | entry::END) {
                Flow::Break(())
            } else {
                Flow::Continue(())
            })
        });
        // A damaged root folder is told when it is listed.
        drop(shown);
        String::from_utf8_lossy(&utf8_from_utf16(&label)).into_owned()
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
        Ok(self.entry(node)?.metadata())
    }

    fn entries(&self, folder: NodeId, visit: &mut dyn FnMut(ShownEntry) -> Flow) -> Result<(), Error> {
        let mut pending: Option<Set> = None;
        let mut damage = None;
        self.slots(folder, &mut |place, slot| {
            if let Some(set) = &mut pending
                && !set.push(slot)
            {
                damage.get_or_insert(damaged(set.place, "it has too few slots"));
                pending = None;
            }
            match u8_at(slot, 0) {
                Some(entry::END) => return Ok(Flow::Break(())),
                Some(entry::FILE) => match Set::begin(place, slot) {
                    Ok(set) => pending = Some(set),
                    Err(detail) => {
                        damage.get_or_insert(damaged(place, detail));
                    }
                },
                _ => {}
            }
            let Some(set) = pending.take_if(|set| set.is_complete()) else {
                return Ok(Flow::Continue(()));
            };
            match set.parse() {
                Ok(entry) if is_name(&entry.name) => Ok(visit(ShownEntry {
                    kind: Some(NodeKind::folder_if(entry.is_folder)),
                    name: entry.name,
                    node: NodeId(set.place),
                })),
                wrong => {
                    let detail = wrong.err().unwrap_or("its name can't stand in a path");
                    damage.get_or_insert(damaged(set.place, detail));
                    Ok(Flow::Continue(()))
                }
            }
        })?;
        damage.map_or(Ok(()), Err)
    }

    fn extents(&self, node: NodeId, visit: &mut dyn FnMut(Extent) -> Flow) -> Result<(), Error> {
        let entry = self.entry(node)?;
        let clusters = self.clusters.clusters_of(entry.size_bytes);
        // A cluster at the end belongs to the file as a whole.
        let is_written = entry.is_folder || entry.written_bytes == entry.size_bytes;
        let written_bytes = if is_written { u64::MAX } else { entry.written_bytes };
        self.clusters.extents(entry.chain, clusters, written_bytes, visit)
    }

    fn read(&self, file: NodeId, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let entry = self.entry(file)?;
        if entry.is_folder {
            return Err(Error::NotA(file, "file"));
        }
        let within = |bytes: u64| {
            let length = bytes.saturating_sub(offset).min(buffer.len() as u64);
            usize::try_from(length).unwrap_or(buffer.len())
        };
        let (length, written) = (within(entry.size_bytes), within(entry.written_bytes));
        let (part, rest) = buffer.get_mut(..length).unwrap_or_default().split_at_mut(written);
        rest.fill(0);
        if !part.is_empty() {
            self.clusters.read(entry.chain, offset, part)?;
        }
        Ok(length)
    }

    fn link_target(&self, link: NodeId) -> Result<Vec<u8>, Error> {
        Err(Error::NotA(link, "symbolic link"))
    }

    fn replayed(&self) -> Option<String> {
        let words = "the volume wasn't unmounted: what was being written may be incomplete";
        self.layout.is_dirty.then(|| words.to_owned())
    }
}

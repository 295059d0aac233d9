//! Clusters and the table that chains them, as FAT and exFAT have them.
//!
//! The table has an entry per cluster: the number of the next cluster of the same file, or a mark for its end. The first two entries are
//! something else; the first cluster is number 2. A table isn't trusted: a chain that leaves the disk, or comes back to itself, is damage.

use std::sync::{Mutex, PoisonError};

use crate::cache::CachedDisk;
use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::{Extent, ExtentKind, Flow};
use crate::slots::{self, VisitSlot};

/// Number of the first cluster.
pub(crate) const FIRST_CLUSTER: u32 = 2;
/// Places in chains that are remembered, so that reading a file piece by piece doesn't follow its chain from the start each time.
const BOOKMARKS: usize = 8;

/// How wide the entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// FAT12: two entries in three bytes.
    Bits12,
    /// FAT16.
    Bits16,
    /// FAT32: the upper four bits are reserved.
    Bits28,
    /// exFAT.
    Bits32,
}

impl Width {
    /// The lowest number that isn't a cluster's: damage marks are one below the marks for the end.
    const fn bad(self) -> u32 {
        match self {
            Self::Bits12 => 0xff7,
            Self::Bits16 => 0xfff7,
            Self::Bits28 => 0x0fff_fff7,
            Self::Bits32 => 0xffff_fff7,
        }
    }

    /// Entries that fit in some bytes.
    pub(crate) const fn entries_in(self, bytes: u64) -> u64 {
        match self {
            Self::Bits12 => bytes.saturating_mul(2) / 3,
            Self::Bits16 => bytes / 2,
            Self::Bits28 | Self::Bits32 => bytes / 4,
        }
    }
}

/// The clusters of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// Chained by the table from this one on.
    Linked(u32),
    /// One after the other from this one on, without the table (exFAT): their number is the file's.
    Contiguous(u32),
}

/// Clusters that follow each other on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClusterRun {
    /// How many clusters of the file come before.
    pub(crate) index: u64,
    /// Byte offset on the disk.
    pub(crate) place: u64,
    /// How many.
    pub(crate) clusters: u64,
}

/// A place in a chain: its first cluster, and which one it is that was found.
#[derive(Clone, Copy, Debug)]
struct Bookmark {
    first: u32,
    index: u64,
    cluster: u32,
}

/// Where the table and the clusters are.
///
/// Invariants: `cluster_bytes` is a power of two of at least 512; `count` clusters have entries in the table.
pub(crate) struct Clusters {
    pub(crate) disk: CachedDisk,
    pub(crate) width: Width,
    /// Byte offset of the table that is in use.
    pub(crate) table: u64,
    /// Byte offset of cluster 2.
    pub(crate) heap: u64,
    pub(crate) cluster_bytes: u64,
    /// How many there are.
    pub(crate) count: u32,
    /// Places found last, one of a chain, and which one is forgotten next.
    bookmarks: Mutex<(Vec<Bookmark>, usize)>,
}

impl Clusters {
    pub(crate) fn new(
        disk: CachedDisk,
        width: Width,
        (table, heap): (u64, u64),
        cluster_bytes: u64,
        count: u32,
    ) -> Self {
        Self {
            disk,
            width,
            table,
            heap,
            cluster_bytes,
            count,
            bookmarks: Mutex::new((Vec::new(), 0)),
        }
    }

    fn damaged(&self, cluster: u32, detail: &'static str) -> Error {
        Error::Damaged {
            structure: "file allocation table",
            offset: self.entry_place(cluster).0,
            detail,
        }
    }

    /// Byte offset and length of an entry of the table.
    fn entry_place(&self, cluster: u32) -> (u64, usize) {
        let cluster = u64::from(cluster);
        let (offset, length) = match self.width {
            Width::Bits12 => (cluster + cluster / 2, 2),
            Width::Bits16 => (cluster * 2, 2),
            Width::Bits28 | Width::Bits32 => (cluster * 4, 4),
        };
        (self.table.saturating_add(offset), length)
    }

    fn is_cluster(&self, cluster: u32) -> bool {
        cluster
            .checked_sub(FIRST_CLUSTER)
            .is_some_and(|index| index < self.count)
    }

    /// Byte offset of a cluster.
    pub(crate) fn place_of(&self, cluster: u32) -> Result<u64, Error> {
        let index = cluster.checked_sub(FIRST_CLUSTER).filter(|index| *index < self.count);
        let place = index
            .and_then(|index| u64::from(index).checked_mul(self.cluster_bytes))
            .and_then(|offset| self.heap.checked_add(offset));
        place.ok_or(Error::Damaged {
            structure: "chain of clusters",
            offset: self.table,
            detail: "it has a cluster that doesn't exist",
        })
    }

    /// The cluster that holds a byte of the disk.
    pub(crate) fn cluster_at(&self, place: u64) -> Option<u32> {
        let index = u32::try_from(place.checked_sub(self.heap)? / self.cluster_bytes).ok()?;
        let cluster = index.checked_add(FIRST_CLUSTER)?;
        self.is_cluster(cluster).then_some(cluster)
    }

    /// The cluster that follows in its chain; `None` at the end.
    pub(crate) fn next(&self, cluster: u32) -> Result<Option<u32>, Error> {
        let (place, length) = self.entry_place(cluster);
        let mut entry = [0; 4];
        self.disk.read_at(place, entry.get_mut(..length).unwrap_or_default())?;
        let entry = u32::from_le_bytes(entry);
        let next = match self.width {
            Width::Bits12 if cluster.is_multiple_of(2) => entry & 0xfff,
            Width::Bits12 => entry >> 4,
            Width::Bits28 => entry & 0x0fff_ffff,
            Width::Bits16 | Width::Bits32 => entry,
        };
        if self.is_cluster(next) {
            return Ok(Some(next));
        }
        match next {
            end if end > self.width.bad() => Ok(None),
            bad if bad == self.width.bad() => Err(self.damaged(cluster, "a chain leads to a damaged cluster")),
            0 => Err(self.damaged(cluster, "a chain leads to a free cluster")),
            _ => Err(self.damaged(cluster, "a chain leads to a cluster that doesn't exist")),
        }
    }

    /// Shows clusters `from` to `end` of a chain, joined where they follow each other on the disk. It is damage if there are fewer.
    pub(crate) fn runs(
        &self,
        chain: Chain,
        (from, end): (u64, u64),
        visit: &mut dyn FnMut(ClusterRun) -> Result<Flow, Error>,
    ) -> Result<(), Error> {
        if from >= end {
            return Ok(());
        }
        match chain {
            Chain::Contiguous(first) => {
                let run = self.contiguous(first, from, end)?;
                visit(run).map(|_| ())
            }
            Chain::Linked(first) => self.linked_runs(first, from, end, visit),
        }
    }

    fn contiguous(&self, first: u32, from: u64, end: u64) -> Result<ClusterRun, Error> {
        let cluster = |index: u64| u32::try_from(u64::from(first).saturating_add(index)).unwrap_or(u32::MAX);
        self.place_of(cluster(end - 1))?;
        Ok(ClusterRun {
            index: from,
            place: self.place_of(cluster(from))?,
            clusters: end - from,
        })
    }

    fn linked_runs(
        &self,
        first: u32,
        from: u64,
        end: u64,
        visit: &mut dyn FnMut(ClusterRun) -> Result<Flow, Error>,
    ) -> Result<(), Error> {
        if end > u64::from(self.count) {
            return Err(self.damaged(
                first,
                "a file is longer than all clusters together, or its chain is a circle",
            ));
        }
        let (mut index, mut cluster) = self.bookmarked(first, from);
        let mut run: Option<ClusterRun> = None;
        loop {
            if index >= from {
                let place = self.place_of(cluster)?;
                match &mut run {
                    Some(run) if run.place.saturating_add(run.clusters * self.cluster_bytes) == place => {
                        run.clusters += 1
                    }
                    run => {
                        let clusters = 1;
                        let before = run.replace(ClusterRun { index, place, clusters });
                        if let Some(before) = before
                            && visit(before)?.is_break()
                        {
                            return Ok(());
                        }
                    }
                }
            }
            index += 1;
            if index >= end {
                break;
            }
            match self.next(cluster) {
                Ok(Some(next)) => cluster = next,
                stopped => {
                    // What was found before the damage is shown.
                    if let Some(run) = run
                        && visit(run)?.is_break()
                    {
                        return Ok(());
                    }
                    return Err(stopped
                        .err()
                        .unwrap_or_else(|| self.damaged(cluster, "a chain ends before its file")));
                }
            }
        }
        self.bookmark(Bookmark {
            first,
            index: index - 1,
            cluster,
        });
        run.map_or(Ok(()), |run| visit(run).map(|_| ()))
    }

    /// The place known before a cluster of a chain.
    fn bookmarked(&self, first: u32, index: u64) -> (u64, u32) {
        let bookmarks = self.bookmarks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = bookmarks.0.iter();
        known
            .find(|known| known.first == first && known.index <= index)
            .map_or((0, first), |known| (known.index, known.cluster))
    }

    fn bookmark(&self, bookmark: Bookmark) {
        let mut bookmarks = self.bookmarks.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, next) = &mut *bookmarks;
        if let Some(same) = known.iter_mut().find(|known| known.first == bookmark.first) {
            *same = bookmark;
        } else if known.len() < BOOKMARKS {
            known.push(bookmark);
        } else if let Some(oldest) = known.get_mut(*next) {
            *oldest = bookmark;
            *next = (*next + 1) % BOOKMARKS;
        }
    }

    /// Fills the buffer from a byte offset of a file.
    pub(crate) fn read(&self, chain: Chain, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let end = offset.saturating_add(buffer.len() as u64);
        let mut rest = buffer;
        let range = (offset / self.cluster_bytes, end.div_ceil(self.cluster_bytes));
        self.runs(chain, range, &mut |run| {
            let skipped = offset.saturating_sub(run.index.saturating_mul(self.cluster_bytes));
            let length = run.clusters.saturating_mul(self.cluster_bytes).saturating_sub(skipped);
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
            let (part, after) = std::mem::take(&mut rest).split_at_mut(length);
            self.disk.uncached().read_at(run.place.saturating_add(skipped), part)?;
            rest = after;
            Ok(Flow::Continue(()))
        })
    }

    /// Shows where the clusters of a file lie. What was never written, from a byte offset on, is shown apart.
    pub(crate) fn extents(
        &self,
        chain: Chain,
        clusters: u64,
        written_bytes: u64,
        visit: &mut dyn FnMut(Extent) -> Flow,
    ) -> Result<(), Error> {
        self.runs(chain, (0, clusters), &mut |run| {
            let logical = run.index.saturating_mul(self.cluster_bytes);
            let length = run.clusters.saturating_mul(self.cluster_bytes);
            let data = written_bytes.saturating_sub(logical).min(length);
            for (start, length, kind) in [
                (0, data, ExtentKind::Data),
                (data, length - data, ExtentKind::Unwritten),
            ] {
                let extent = Extent {
                    logical: logical.saturating_add(start),
                    physical: run.place.saturating_add(start),
                    length,
                    kind,
                };
                if length > 0 && visit(extent).is_break() {
                    return Ok(Flow::Break(()));
                }
            }
            Ok(Flow::Continue(()))
        })
    }

    /// How many clusters a file of some bytes has.
    pub(crate) const fn clusters_of(&self, size_bytes: u64) -> u64 {
        size_bytes.div_ceil(self.cluster_bytes)
    }

    /// Shows the slots of a folder that doesn't say how long it is, before the damage at which its chain stops.
    pub(crate) fn folder_slots(&self, first: u32, bytes_max: u64, visit: VisitSlot<'_>) -> Result<(), Error> {
        let (clusters, damage) = self.folder(first, bytes_max);
        for cluster in clusters {
            let place = self.place_of(cluster)?;
            if slots::visit(&self.disk, place, self.cluster_bytes, visit)?.is_break() {
                return Ok(());
            }
        }
        damage.map_or(Ok(()), Err)
    }

    /// The clusters of a folder that doesn't say how long it is. The damage at which its chain stops, if it does, is told with them.
    pub(crate) fn folder(&self, first: u32, bytes_max: u64) -> (Vec<u32>, Option<Error>) {
        let clusters_max = bytes_max.div_ceil(self.cluster_bytes);
        let mut seen = std::collections::HashSet::new();
        let mut clusters = Vec::new();
        let mut next = Some(first);
        while let Some(cluster) = next {
            if !self.is_cluster(cluster) {
                return (
                    clusters,
                    Some(self.damaged(FIRST_CLUSTER, "a folder starts at a cluster that doesn't exist")),
                );
            }
            if !seen.insert(cluster) {
                return (
                    clusters,
                    Some(self.damaged(cluster, "the chain of a folder is a circle")),
                );
            }
            if clusters.len() as u64 >= clusters_max {
                return (
                    clusters,
                    Some(self.damaged(cluster, "the chain of a folder is longer than a folder can be")),
                );
            }
            clusters.push(cluster);
            next = match self.next(cluster) {
                Ok(next) => next,
                Err(error) => return (clusters, Some(error)),
            };
        }
        (clusters, None)
    }
}

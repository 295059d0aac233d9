//! Writes a qcow2 image of version 3: 64 KiB clusters, uncompressed, sparse, in one pass from start to end.
//!
//! Order of effects: data clusters and L2 tables are appended as the disk goes by, then the L1 table, then the
//! reference counts, then everything is synced, and only then the header is written and synced. A file whose writing
//! was cut short is therefore no qcow2 image at all, rather than one that lacks data.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::{COPIED, MAGIC};
use crate::{ImageError, ImageSink};

const CLUSTER_BITS: u32 = 16;
const CLUSTER_BYTES: usize = 1 << CLUSTER_BITS;
const L2_ENTRIES: usize = CLUSTER_BYTES / 8;
/// Reference counts have 16 bits.
const REFCOUNTS_PER_BLOCK: u64 = CLUSTER_BYTES as u64 / 2;
const HEADER_BYTES: usize = 112;

/// A qcow2 image that is written.
#[derive(Debug)]
pub struct Qcow2Sink {
    file: File,
    size_bytes: u64,
    l1: Vec<u64>,
    /// The L2 table being filled, with its place in the L1 table.
    l2: Option<(usize, Vec<u64>)>,
    /// The data cluster being filled, with its number on the disk.
    cluster: Option<(u64, Vec<u8>)>,
    /// The first cluster of the file that isn't used yet.
    next_cluster: u64,
}

/// Where the reference counts of a file go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RefcountLayout {
    block_count: u64,
    table_clusters: u64,
    /// All clusters of the file, these included.
    clusters: u64,
}

impl Qcow2Sink {
    /// A sink over an empty, writable file.
    pub fn create(file: File, size_bytes: u64) -> Result<Self, ImageError> {
        let l1_entries = size_bytes.div_ceil((CLUSTER_BYTES * L2_ENTRIES) as u64).max(1);
        let l1_entries = usize::try_from(l1_entries).map_err(|_| ImageError::Unsupported("would be too large"))?;
        let l1_clusters = (l1_entries * 8).div_ceil(CLUSTER_BYTES) as u64;
        // Cluster 0 is the header's; the L1 table follows.
        let next_cluster = 1 + l1_clusters;
        Ok(Self {
            file,
            size_bytes,
            l1: vec![0; l1_entries],
            l2: None,
            cluster: None,
            next_cluster,
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<u64, ImageError> {
        let offset = self.next_cluster << CLUSTER_BITS;
        self.file.write_all_at(bytes, offset).map_err(ImageError::writing)?;
        self.next_cluster += bytes.len().div_ceil(CLUSTER_BYTES) as u64;
        Ok(offset)
    }

    fn end_cluster(&mut self) -> Result<(), ImageError> {
        let Some((number, bytes)) = self.cluster.take() else {
            return Ok(());
        };
        let offset = self.append(&bytes)?;
        let entries = L2_ENTRIES as u64;
        let l1_index = usize::try_from(number / entries).unwrap_or(usize::MAX);
        if self.l2.as_ref().is_none_or(|(index, _)| *index != l1_index) {
            self.end_table()?;
        }
        let (_, table) = self.l2.get_or_insert_with(|| (l1_index, vec![0; L2_ENTRIES]));
        if let Some(entry) = usize::try_from(number % entries)
            .ok()
            .and_then(|index| table.get_mut(index))
        {
            *entry = offset | COPIED;
        }
        Ok(())
    }

    fn end_table(&mut self) -> Result<(), ImageError> {
        let Some((index, table)) = self.l2.take() else {
            return Ok(());
        };
        let offset = self.append(&table_bytes(&table))?;
        if let Some(entry) = self.l1.get_mut(index) {
            *entry = offset | COPIED;
        }
        Ok(())
    }

    /// Appends the blocks of reference counts and their table; every cluster is used once.
    fn write_refcounts(&mut self) -> Result<(u64, u64), ImageError> {
        let layout = RefcountLayout::after(self.next_cluster);
        let mut table = Vec::new();
        for block in 0..layout.block_count {
            let used = (layout.clusters - block * REFCOUNTS_PER_BLOCK).min(REFCOUNTS_PER_BLOCK);
            let mut bytes = Vec::with_capacity(CLUSTER_BYTES);
            for entry in 0..REFCOUNTS_PER_BLOCK {
                bytes.extend_from_slice(&u16::from(entry < used).to_be_bytes());
            }
            table.push(self.append(&bytes)?);
        }
        let mut bytes = table_bytes(&table);
        bytes.resize(bytes.len().next_multiple_of(CLUSTER_BYTES), 0);
        let table_offset = self.append(&bytes)?;
        assert_eq!(self.next_cluster, layout.clusters, "the layout counts every cluster");
        Ok((table_offset, layout.table_clusters))
    }

    fn header(&self, refcount_table: (u64, u64)) -> Vec<u8> {
        let mut header = Vec::with_capacity(HEADER_BYTES + 8);
        header.extend_from_slice(MAGIC);
        let u32s = |header: &mut Vec<u8>, values: &[u32]| {
            values
                .iter()
                .for_each(|value| header.extend_from_slice(&value.to_be_bytes()));
        };
        let u64s = |header: &mut Vec<u8>, values: &[u64]| {
            values
                .iter()
                .for_each(|value| header.extend_from_slice(&value.to_be_bytes()));
        };
        u32s(&mut header, &[3]);
        // Backing file: none.
        u64s(&mut header, &[0]);
        u32s(&mut header, &[0, CLUSTER_BITS]);
        u64s(&mut header, &[self.size_bytes]);
        // Encryption: none. Entries and offset of the L1 table.
        u32s(&mut header, &[0, u32::try_from(self.l1.len()).unwrap_or(u32::MAX)]);
        u64s(&mut header, &[CLUSTER_BYTES as u64, refcount_table.0]);
        // Clusters of the table of reference counts. Snapshots: none.
        u32s(&mut header, &[u32::try_from(refcount_table.1).unwrap_or(u32::MAX), 0]);
        u64s(&mut header, &[0]);
        // Incompatible, compatible and autoclear features: none.
        u64s(&mut header, &[0, 0, 0]);
        // Reference counts of 1 << 4 bits; length of this header; compression type and padding.
        u32s(&mut header, &[4, HEADER_BYTES as u32]);
        u64s(&mut header, &[0]);
        // End of the header's extensions.
        u64s(&mut header, &[0]);
        header
    }
}

impl RefcountLayout {
    /// The layout for a file whose first `used` clusters are used by others.
    fn after(used: u64) -> Self {
        let mut clusters = used;
        loop {
            let block_count = clusters.div_ceil(REFCOUNTS_PER_BLOCK);
            let table_clusters = (block_count * 8).div_ceil(CLUSTER_BYTES as u64);
            let needed = used + block_count + table_clusters;
            if needed <= clusters {
                return Self {
                    block_count,
                    table_clusters,
                    clusters,
                };
            }
            clusters = needed;
        }
    }
}

impl ImageSink for Qcow2Sink {
    fn write(&mut self, mut offset: u64, mut data: &[u8]) -> Result<(), ImageError> {
        while !data.is_empty() {
            let number = offset >> CLUSTER_BITS;
            let within = usize::try_from(offset % CLUSTER_BYTES as u64).unwrap_or(0);
            let (part, rest) = data.split_at(data.len().min(CLUSTER_BYTES - within));
            if self.cluster.as_ref().is_none_or(|(current, _)| *current != number) {
                self.end_cluster()?;
            }
            let (_, cluster) = self.cluster.get_or_insert_with(|| (number, vec![0; CLUSTER_BYTES]));
            if let Some(target) = cluster.get_mut(within..within + part.len()) {
                target.copy_from_slice(part);
            }
            offset += part.len() as u64;
            data = rest;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.end_cluster()?;
        self.end_table()?;
        self.file
            .write_all_at(&table_bytes(&self.l1), CLUSTER_BYTES as u64)
            .map_err(ImageError::writing)?;
        let refcount_table = self.write_refcounts()?;
        self.file.sync_all().map_err(ImageError::writing)?;
        self.file
            .write_all_at(&self.header(refcount_table), 0)
            .map_err(ImageError::writing)?;
        self.file.sync_all().map_err(ImageError::writing)
    }
}

fn table_bytes(table: &[u64]) -> Vec<u8> {
    table.iter().flat_map(|entry| entry.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_counts_count_themselves() {
        for used in [1, 2, 32_765, 32_766, 32_767, 32_768, 65_534, 1 << 20, 1 << 30] {
            let layout = RefcountLayout::after(used);
            assert_eq!(
                layout.clusters,
                used + layout.block_count + layout.table_clusters,
                "{used}"
            );
            assert!(layout.block_count * REFCOUNTS_PER_BLOCK >= layout.clusters, "{used}");
        }
    }
}

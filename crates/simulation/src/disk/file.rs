//! One file: the bytes in the page cache, the bytes on the disk, and what lies between them.
//!
//! Invariants: a sector in which `cached` and `durable` differ is in `dirty` or in `ghosts`; a dirty sector's last
//! version is what `cached` holds; `lengths` ends with the cached length.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;

/// Versions of a sector that are remembered between two syncs; the ones between the first and the last are dropped.
const VERSIONS_MAX: usize = 4;

/// One version of a dirty sector.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// Position in the order of all writes on the disk.
    pub(super) order: u64,
    bytes: Box<[u8]>,
}

/// Which of the dirty sectors a power cut leaves on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Survival {
    Nothing,
    Everything,
    /// Each version with this chance in 100.
    Some(u64),
    /// What was written before this position in the order of all writes.
    Before(u64),
    /// What was written from this position on.
    From(u64),
}

#[derive(Clone, Debug)]
pub(super) struct FileNode {
    sector: usize,
    cached: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeMap<usize, Vec<Version>>,
    /// Sectors that a failed sync marked clean without writing them.
    ghosts: BTreeSet<usize>,
    unreadable: BTreeSet<usize>,
    /// Sectors at rest that don't hold what was written to them last, for whatever reason.
    damaged: BTreeSet<usize>,
    /// Lengths since the last sync, the synced one first.
    lengths: Vec<usize>,
    pub(super) reserved_bytes: u64,
    pub(super) handles: usize,
    pub(super) links: usize,
    /// Durable bytes that a later flush is known to have followed: rot is let loose on these only.
    pub(super) mature_bytes: usize,
    pub(super) maturing_bytes: usize,
}

impl FileNode {
    pub(super) fn new(sector: usize) -> Self {
        Self {
            sector,
            cached: Vec::new(),
            durable: Vec::new(),
            dirty: BTreeMap::new(),
            ghosts: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            damaged: BTreeSet::new(),
            lengths: vec![0],
            reserved_bytes: 0,
            handles: 0,
            links: 0,
            mature_bytes: 0,
            maturing_bytes: 0,
        }
    }

    pub(super) fn length(&self) -> usize {
        self.cached.len()
    }

    pub(super) fn durable_length(&self) -> usize {
        self.durable.len()
    }

    /// Bytes of the disk that a file of `length` takes up, in pages.
    pub(super) fn bytes_for(&self, length: u64) -> u64 {
        length.next_multiple_of(4096).max(self.reserved_bytes)
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.bytes_for(self.cached.len() as u64)
    }

    /// Whether any of the range's sectors can't be read.
    pub(super) fn is_unreadable(&self, offset: usize, length: usize) -> bool {
        let last = (offset + length).saturating_sub(1) / self.sector;
        length > 0 && self.unreadable.range(offset / self.sector..=last).next().is_some()
    }

    pub(super) fn read(&self, offset: usize, buffer: &mut [u8]) -> bool {
        let Some(source) = self.cached.get(offset..offset.saturating_add(buffer.len())) else {
            return false;
        };
        buffer.copy_from_slice(source);
        true
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8], order: u64) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.cached.len() {
            self.cached.resize(end, 0);
            self.lengths.push(end);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        self.mark_dirty(offset / self.sector, (end - 1) / self.sector, order);
    }

    pub(super) fn set_length(&mut self, length: usize, order: u64) {
        let old = self.cached.len();
        if length < old {
            self.cached.resize(length, 0);
            self.mature_bytes = self.mature_bytes.min(length);
            self.maturing_bytes = self.maturing_bytes.min(length);
            self.reserved_bytes = self.reserved_bytes.min((length as u64).next_multiple_of(4096));
            // What was cut off reads as zeros if the file grows again.
            self.mark_dirty(length / self.sector, (old - 1) / self.sector, order);
        } else {
            self.cached.resize(length, 0);
        }
        self.lengths.push(length);
    }

    fn mark_dirty(&mut self, first: usize, last: usize, order: u64) {
        for sector in first..=last {
            let mut bytes = vec![0; self.sector].into_boxed_slice();
            let start = (sector * self.sector).min(self.cached.len());
            let end = (start + self.sector).min(self.cached.len());
            bytes[..end - start].copy_from_slice(&self.cached[start..end]);
            let versions = self.dirty.entry(sector).or_default();
            if versions.len() == VERSIONS_MAX {
                versions.remove(1);
            }
            versions.push(Version { order, bytes });
            self.ghosts.remove(&sector);
            self.unreadable.remove(&sector);
        }
    }

    /// Brings everything to the disk.
    pub(super) fn sync(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        self.durable.resize(self.cached.len(), 0);
        for sector in dirty.into_keys() {
            self.write_back(sector);
        }
        self.lengths = vec![self.cached.len()];
    }

    /// Fails to bring everything to the disk, and forgets that it should.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        let dirty = std::mem::take(&mut self.dirty);
        // Growth is journaled apart from the data: here it arrives, so that the lost sectors lie within the file.
        self.durable.resize(self.cached.len(), 0);
        self.lengths = vec![self.cached.len()];
        let share = *random.choose(&[0, 50, 90]);
        for sector in dirty.into_keys() {
            if random.chance(share, 100) {
                self.write_back(sector);
            } else {
                self.ghosts.insert(sector);
            }
        }
    }

    fn write_back(&mut self, sector: usize) {
        let start = (sector * self.sector).min(self.cached.len());
        let end = (start + self.sector).min(self.cached.len());
        self.durable[start..end].copy_from_slice(&self.cached[start..end]);
        self.damaged.remove(&sector);
    }

    /// The cache forgets clean sectors: what a failed sync left behind shows.
    pub(super) fn forget_cache(&mut self) {
        for sector in std::mem::take(&mut self.ghosts) {
            let start = (sector * self.sector).min(self.cached.len());
            let end = (start + self.sector).min(self.cached.len());
            let known = end.min(self.durable.len()).max(start);
            self.cached[start..end].fill(0);
            if known > start {
                self.cached[start..known].copy_from_slice(&self.durable[start..known]);
            }
        }
    }

    /// The power is cut: the disk is left with a mixture, and the cache holds what the disk does.
    pub(super) fn cut_power(&mut self, survival: Survival, stale: Option<&[u8]>, random: &mut Random) {
        let length = self.surviving_length(survival, random);
        let written = self.durable.len();
        self.durable.resize(length, 0);
        if let Some(stale) = stale
            && length > written
        {
            let fresh = written.next_multiple_of(self.sector).min(length);
            for chunk in self.durable[fresh..].chunks_mut(stale.len()) {
                chunk.copy_from_slice(&stale[..chunk.len()]);
            }
        }
        for (sector, versions) in std::mem::take(&mut self.dirty) {
            let start = sector * self.sector;
            let Some(version) = surviving_version(&versions, survival, random) else {
                continue;
            };
            let end = (start + self.sector).min(length);
            if start < end {
                self.durable[start..end].copy_from_slice(&version.bytes[..end - start]);
            }
        }
        if random.chance(1, 2) {
            self.reserved_bytes = 0;
        }
        self.cached.clone_from(&self.durable);
        self.ghosts.clear();
        self.lengths = vec![length];
        self.mature_bytes = self.mature_bytes.min(length);
        self.maturing_bytes = self.maturing_bytes.min(length);
    }

    fn surviving_length(&self, survival: Survival, random: &mut Random) -> usize {
        match survival {
            Survival::Nothing => self.lengths[0],
            Survival::Everything => self.cached.len(),
            Survival::Some(_) | Survival::Before(_) | Survival::From(_) => *random.choose(&self.lengths),
        }
    }

    /// Sectors at rest on the disk that rot may befall.
    pub(super) fn mature_sectors(&self) -> usize {
        self.mature_bytes / self.sector
    }

    /// Puts `bytes` where a sector at rest is, in the cache too: it was read again since.
    pub(super) fn overwrite_at_rest(&mut self, sector: usize, bytes: &[u8]) {
        let start = (sector * self.sector).min(self.durable.len());
        let end = (start + bytes.len()).min(self.durable.len());
        self.durable[start..end].copy_from_slice(&bytes[..end - start]);
        self.damaged.insert(sector);
        if !self.dirty.contains_key(&sector) && end <= self.cached.len() {
            self.cached[start..end].copy_from_slice(&bytes[..end - start]);
        }
    }

    pub(super) fn at_rest(&self, sector: usize) -> Vec<u8> {
        let start = (sector * self.sector).min(self.durable.len());
        let mut bytes = self.durable[start..(start + self.sector).min(self.durable.len())].to_vec();
        bytes.resize(self.sector, 0);
        bytes
    }

    pub(super) fn make_unreadable(&mut self, sector: usize) {
        self.unreadable.insert(sector);
        self.damaged.insert(sector);
    }

    /// Whether any sector of a range was damaged since it was written.
    pub(super) fn is_damaged(&self, offset: usize, length: usize) -> bool {
        let last = (offset + length).saturating_sub(1) / self.sector;
        self.damaged.range(offset / self.sector..=last).next().is_some()
    }

    /// Takes one dirty sector out of the next sync, which will acknowledge it all the same: gives its bytes.
    pub(super) fn divert(&mut self, random: &mut Random) -> Option<(usize, Vec<u8>)> {
        let keys: Vec<usize> = self.dirty.keys().copied().collect();
        if keys.is_empty() {
            return None;
        }
        let sector = *random.choose(&keys);
        let versions = self.dirty.remove(&sector)?;
        self.ghosts.insert(sector);
        self.damaged.insert(sector);
        versions.last().map(|version| (sector, version.bytes.to_vec()))
    }
}

fn surviving_version<'a>(versions: &'a [Version], survival: Survival, random: &mut Random) -> Option<&'a Version> {
    match survival {
        Survival::Nothing => None,
        Survival::Everything => versions.last(),
        Survival::Some(share) => versions.iter().rev().find(|_| random.chance(share, 100)),
        Survival::Before(order) => versions.iter().rev().find(|version| version.order < order),
        Survival::From(order) => versions.last().filter(|version| version.order >= order),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parts: &[(usize, &[u8])]) -> FileNode {
        let mut file = FileNode::new(512);
        for (order, (offset, bytes)) in parts.iter().enumerate() {
            file.write(*offset, bytes, order as u64);
        }
        file
    }

    fn content(file: &FileNode) -> Vec<u8> {
        let mut bytes = vec![0; file.length()];
        assert!(file.read(0, &mut bytes));
        bytes
    }

    #[test]
    fn what_was_synced_survives_a_power_cut() {
        let mut file = written(&[(0, &[1; 1024])]);
        file.sync();
        file.write(0, &[2; 512], 9);
        file.cut_power(Survival::Nothing, None, &mut Random::new(0));
        assert_eq!(content(&file), [1; 1024]);
    }

    #[test]
    fn sectors_survive_one_by_one_in_any_order() {
        let mut file = written(&[(0, &[1; 512]), (512, &[2; 512])]);
        file.sync();
        let mut newest = file.clone();
        for file in [&mut file, &mut newest] {
            file.write(0, &[3; 512], 10);
            file.write(512, &[4; 512], 11);
        }
        file.cut_power(Survival::Before(11), None, &mut Random::new(0));
        assert_eq!(content(&file), [[3; 512], [2; 512]].concat());
        newest.cut_power(Survival::From(11), None, &mut Random::new(0));
        assert_eq!(content(&newest), [[1; 512], [4; 512]].concat());
    }

    #[test]
    fn unsynced_growth_ends_at_any_length_it_had() {
        let mut seen = BTreeSet::new();
        for seed in 0..50 {
            let mut file = written(&[(0, &[1; 100]), (100, &[2; 1000])]);
            file.cut_power(Survival::Some(50), None, &mut Random::new(seed));
            seen.insert(file.length());
        }
        assert_eq!(seen, BTreeSet::from([0, 100, 1100]));
    }

    #[test]
    fn after_a_failed_sync_the_cache_lies_until_it_forgets() {
        let mut file = written(&[(0, &[1; 512])]);
        file.sync();
        file.write(0, &[2; 512], 1);
        let mut random = Random::new(3);
        while !file.ghosts.contains(&0) {
            file.write(0, &[2; 512], 1);
            file.fail_sync(&mut random);
        }
        file.sync();
        assert_eq!(
            content(&file),
            [2; 512],
            "the second sync succeeds and the cache shows the new bytes"
        );
        file.forget_cache();
        assert_eq!(content(&file), [1; 512]);
    }

    #[test]
    fn a_diverted_sector_is_missing_though_the_sync_succeeds() {
        let mut file = written(&[(0, &[1; 512])]);
        assert_eq!(file.divert(&mut Random::new(0)), Some((0, vec![1; 512])));
        file.sync();
        file.forget_cache();
        assert_eq!(content(&file), [0; 512]);
    }

    #[test]
    fn a_sector_that_was_never_written_can_show_stale_bytes() {
        let mut file = written(&[(0, &[1; 1024])]);
        file.lengths = vec![1024];
        file.cut_power(Survival::Before(0), Some(&[9; 512]), &mut Random::new(0));
        assert_eq!(content(&file), [9; 1024]);
    }

    #[test]
    fn an_unsynced_cut_of_the_length_can_be_lost() {
        let mut file = written(&[(0, &[1; 1024])]);
        file.sync();
        file.set_length(100, 5);
        file.cut_power(Survival::Nothing, None, &mut Random::new(0));
        assert_eq!(content(&file), [1; 1024]);
    }
}

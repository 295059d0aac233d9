//! The machine stops and starts again, and what happens to sectors at rest.

use std::collections::BTreeSet;

use super::directory::{DirectoryNode, Entry, NodeId};
use super::faults::Cut;
use super::file::{FileNode, Survival};
use super::state::State;
use crate::random::Random;

impl State {
    /// The machine stops: until it starts again every call fails.
    pub(super) fn stop(&mut self, cut: Cut) {
        self.is_down = true;
        self.plan = None;
        self.note("stop", || format!("{cut:?}"));
        match cut {
            Cut::Power => {
                self.counts.power_cuts += 1;
                self.lose_unsynced();
            }
            Cut::Kill => self.counts.kills += 1,
        }
    }

    /// The machine starts again. Stops it first, if it runs.
    pub(super) fn start(&mut self) {
        if !self.is_down {
            self.stop(Cut::Kill);
        }
        self.is_down = false;
        self.generation += 1;
        for file in self.files.values_mut() {
            file.handles = 0;
        }
        self.remove_unreachable();
    }

    fn lose_unsynced(&mut self) {
        let mut random = self.random.split();
        let survival = self.draw_survival(&mut random);
        let stale = self.draw_stale(&mut random);
        for file in self.files.values_mut() {
            file.cut_power(survival, stale.as_deref(), &mut random);
        }
        self.lose_directory_changes(survival, &mut random);
        self.note("survival", || format!("{survival:?}"));
    }

    fn draw_survival(&self, random: &mut Random) -> Survival {
        // Recent writes are where the power is cut most interestingly.
        let recent = self.order.saturating_sub(random.magnitude(64));
        match random.below(8) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            2 => Survival::Some(10),
            3 => Survival::Some(50),
            4 => Survival::Some(90),
            5 => Survival::Before(recent),
            6 => Survival::From(recent),
            _ => Survival::Some(random.between(1, 99)),
        }
    }

    fn draw_stale(&self, random: &mut Random) -> Option<Vec<u8>> {
        let sources: Vec<&FileNode> = self.files.values().filter(|file| file.durable_length() > 0).collect();
        if !self.geometry.shows_stale_bytes || sources.is_empty() || random.chance(1, 2) {
            return None;
        }
        let source = *random.choose(&sources);
        Some(source.at_rest(random.index(source.durable_length().div_ceil(self.geometry.sector))))
    }

    fn lose_directory_changes(&mut self, survival: Survival, random: &mut Random) {
        let cut_of = |orders: &[u64], random: &mut Random| match survival {
            Survival::Nothing => 0,
            Survival::Everything => u64::MAX,
            _ if orders.is_empty() => u64::MAX,
            _ => *random.choose(orders) + random.below(2),
        };
        if self.geometry.directories_are_independent {
            for directory in self.directories.values_mut() {
                let orders: Vec<u64> = directory.pending().collect();
                directory.cut_power(cut_of(&orders, random));
            }
            return;
        }
        let mut orders: Vec<u64> = self.directories.values().flat_map(DirectoryNode::pending).collect();
        orders.sort_unstable();
        let cut = cut_of(&orders, random);
        self.directories
            .values_mut()
            .for_each(|directory| directory.cut_power(cut));
    }

    /// Forgets every file and directory that no name leads to, and counts the space anew.
    fn remove_unreachable(&mut self) {
        let mut reachable = BTreeSet::new();
        let mut returnable = BTreeSet::new();
        self.collect(self.root, &mut reachable, &mut returnable);
        self.files
            .retain(|id, _| reachable.contains(id) || returnable.contains(id));
        self.directories
            .retain(|id, _| reachable.contains(id) || returnable.contains(id));
        let mut used = 0;
        for (id, file) in &mut self.files {
            file.links = usize::from(reachable.contains(id));
            used += if file.links > 0 { file.used_bytes() } else { 0 };
        }
        self.used_bytes = used + 4096 * self.directories.len() as u64;
    }

    fn collect(&self, directory: NodeId, reachable: &mut BTreeSet<NodeId>, returnable: &mut BTreeSet<NodeId>) {
        let Some(node) = self.directories.get(&directory) else {
            return;
        };
        reachable.insert(directory);
        for entry in node.entries() {
            match entry {
                Entry::File(id) => _ = reachable.insert(id),
                Entry::Directory(id) => self.collect(id, reachable, returnable),
            }
        }
        for entry in node.reachable() {
            let (Entry::File(id) | Entry::Directory(id)) = entry;
            returnable.insert(id);
        }
    }

    /// One sector at rest goes bad. Gives a description, or nothing if there is none to rot.
    pub(super) fn rot(&mut self) -> Option<String> {
        let mut random = self.random.split();
        let total: usize = self
            .files
            .values()
            .filter(|file| file.links > 0)
            .map(FileNode::mature_sectors)
            .sum();
        if total == 0 {
            return None;
        }
        let mut nth = random.index(total);
        let files = self.files.iter().filter(|(_, file)| file.links > 0);
        let (id, sector) = files.into_iter().find_map(|(id, file)| {
            let here = file.mature_sectors();
            if nth < here {
                return Some((*id, nth));
            }
            nth -= here;
            None
        })?;
        self.counts.rotten += 1;
        let size = self.geometry.sector;
        let description = format!("file {} bytes {}..{}", id.0, sector * size, (sector + 1) * size);
        self.note("rot", || description.clone());
        let stale = random.split();
        let file = self.files.get_mut(&id)?;
        let mut bytes = file.at_rest(sector);
        match random.below(6) {
            0 => bytes.fill(0),
            1 => {
                let mut stale = stale;
                let other = file.at_rest(stale.index(file.mature_sectors()));
                bytes.copy_from_slice(&other);
            }
            2 => {
                file.make_unreadable(sector);
                return Some(format!("{description} unreadable"));
            }
            _ => {
                for _ in 0..random.between(1, 8) {
                    let bit = random.index(size * 8);
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
        file.overwrite_at_rest(sector, &bytes);
        Some(description)
    }

    /// Bytes that some file holds, as they are; zeros where there are none.
    pub(super) fn sample(&self, random: &mut Random, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let files: Vec<&FileNode> = self.files.values().filter(|file| file.length() > 0).collect();
        if !files.is_empty() {
            let file = *random.choose(&files);
            // Structures start at multiples of 16 and end with the file.
            let latest = file.length().saturating_sub(length);
            let offset = if random.chance(1, 4) {
                latest
            } else {
                random.index(latest / 16 + 1) * 16
            };
            let known = length.min(file.length());
            file.read(offset, &mut bytes[..known]);
        }
        bytes
    }

    /// Lets a sector of a sync go to the wrong place or nowhere, if the dice say so.
    pub(super) fn misplace(&mut self, id: NodeId) {
        let is_misdirected = self.random.chance(self.faults.misdirected, 10_000);
        let is_lost = self.random.chance(self.faults.lost, 10_000);
        if !is_misdirected && !is_lost {
            return;
        }
        let mut random = self.random.split();
        let Some((from, bytes)) = self.files.get_mut(&id).and_then(|file| file.divert(&mut random)) else {
            return;
        };
        self.counts.misdirected += 1;
        if is_misdirected {
            let targets: Vec<NodeId> = self
                .files
                .iter()
                .filter(|(_, file)| file.mature_sectors() > 0)
                .map(|(id, _)| *id)
                .collect();
            if !targets.is_empty() {
                let target = *random.choose(&targets);
                if let Some(file) = self.files.get_mut(&target) {
                    let sector = random.index(file.mature_sectors());
                    file.overwrite_at_rest(sector, &bytes);
                    self.note("misdirect", || {
                        format!("file {} sector {from} to file {} sector {sector}", id.0, target.0)
                    });
                }
            }
        }
        self.note("lose", || format!("file {} sector {from}", id.0));
        if random.chance(1, 2)
            && let Some(file) = self.files.get_mut(&id)
        {
            file.forget_cache();
        }
    }
}

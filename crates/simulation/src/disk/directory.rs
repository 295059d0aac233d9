//! One directory: its entries as programs see them, its entries on the disk, and the changes between the two.
//!
//! Invariant: `durable` with `pending` applied in order is `entries`.

use std::collections::BTreeMap;

/// A number that names a file or a directory for the life of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u64);

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    File(NodeId),
    Directory(NodeId),
}

#[derive(Clone, Debug)]
enum Change {
    Link(String, Entry),
    Unlink(String),
    Rename(String, String),
}

#[derive(Clone, Debug, Default)]
pub(super) struct DirectoryNode {
    entries: BTreeMap<String, Entry>,
    durable: BTreeMap<String, Entry>,
    /// With each change's position in the order of all changes on the disk.
    pending: Vec<(u64, Change)>,
}

impl DirectoryNode {
    pub(super) fn entry(&self, name: &str) -> Option<Entry> {
        self.entries.get(name).copied()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries.values().copied()
    }

    /// Everything that can still come back after a power cut.
    pub(super) fn reachable(&self) -> impl Iterator<Item = Entry> + '_ {
        let linked = self.pending.iter().filter_map(|(_, change)| match change {
            Change::Link(_, entry) => Some(*entry),
            Change::Unlink(_) | Change::Rename(..) => None,
        });
        self.entries().chain(self.durable.values().copied()).chain(linked)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn link(&mut self, name: &str, entry: Entry, order: u64) {
        self.change(Change::Link(name.to_owned(), entry), order);
    }

    pub(super) fn unlink(&mut self, name: &str, order: u64) {
        self.change(Change::Unlink(name.to_owned()), order);
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, order: u64) {
        self.change(Change::Rename(from.to_owned(), to.to_owned()), order);
    }

    fn change(&mut self, change: Change, order: u64) {
        apply(&mut self.entries, &change);
        self.pending.push((order, change));
    }

    /// Brings the changes before `order` to the disk.
    pub(super) fn sync_before(&mut self, order: u64) {
        let kept = self.pending.partition_point(|(position, _)| *position < order);
        for (_, change) in self.pending.drain(..kept) {
            apply(&mut self.durable, &change);
        }
    }

    /// The position of every change that the disk doesn't hold yet.
    pub(super) fn pending(&self) -> impl Iterator<Item = u64> + '_ {
        self.pending.iter().map(|(order, _)| *order)
    }

    /// The power is cut: the changes from `order` on are lost.
    pub(super) fn cut_power(&mut self, order: u64) {
        self.sync_before(order);
        self.pending.clear();
        self.entries.clone_from(&self.durable);
    }
}

fn apply(entries: &mut BTreeMap<String, Entry>, change: &Change) {
    match change {
        Change::Link(name, entry) => {
            entries.insert(name.clone(), *entry);
        }
        Change::Unlink(name) => {
            entries.remove(name);
        }
        Change::Rename(from, to) => {
            if let Some(entry) = entries.remove(from) {
                entries.insert(to.clone(), entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(number: u64) -> Entry {
        Entry::File(NodeId(number))
    }

    #[test]
    fn a_prefix_of_the_unsynced_changes_survives() {
        let mut directory = DirectoryNode::default();
        directory.link("a", file(1), 0);
        directory.link("b", file(2), 1);
        directory.rename("b", "a", 2);
        for (order, expected) in [(0, vec![]), (1, vec!["a"]), (2, vec!["a", "b"]), (3, vec!["a"])] {
            let mut after = directory.clone();
            after.cut_power(order);
            assert_eq!(after.names(), expected);
        }
        directory.cut_power(3);
        assert_eq!(directory.entry("a"), Some(file(2)), "the renaming replaced the target");
    }

    #[test]
    fn synced_changes_survive() {
        let mut directory = DirectoryNode::default();
        directory.link("a", file(1), 0);
        directory.sync_before(1);
        directory.unlink("a", 1);
        assert!(directory.is_empty());
        assert_eq!(directory.reachable().count(), 1, "the file can come back");
        directory.cut_power(0);
        assert_eq!(directory.names(), ["a"]);
    }
}

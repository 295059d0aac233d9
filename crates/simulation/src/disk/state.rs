//! Everything the simulated disk holds, and the gate through which every change passes.

use std::collections::BTreeMap;
use std::io;

use super::directory::{DirectoryNode, Entry, NodeId};
use super::faults::{Cut, Faults, Geometry};
use super::file::FileNode;
use crate::random::{Random, fingerprint};

/// Changes of a directory or file that are numbered fault points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    Write,
    Sync,
    Metadata,
}

/// What happens at a fault point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Do it.
    Proceed,
    /// Do part of it and fail.
    Fail,
    /// The machine stops during it: do all of it, and let the cut decide what remains.
    Stop(Cut),
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) geometry: Geometry,
    pub(super) faults: Faults,
    pub(super) random: Random,
    pub(super) files: BTreeMap<NodeId, FileNode>,
    pub(super) directories: BTreeMap<NodeId, DirectoryNode>,
    pub(super) root: NodeId,
    nodes: u64,
    /// The number of starts of the machine; handles of an earlier one are dead.
    pub(super) generation: u64,
    pub(super) is_down: bool,
    /// Fault points passed so far.
    pub(super) points: u64,
    pub(super) plan: Option<(u64, Cut)>,
    /// Position in the order of all writes and changes of directories.
    pub(super) order: u64,
    pub(super) used_bytes: u64,
    /// Set while a caller forbade waiting; a read that may wait is then a violation.
    pub(super) waiting_is_forbidden: bool,
    pub(super) waited_when_forbidden: bool,
    pub(super) fingerprint: u64,
    pub(super) trace: Option<Vec<String>>,
    pub(super) counts: Counts,
}

/// What happened so far, to show that faults were really met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fault points passed.
    pub points: u64,
    /// Power cuts.
    pub power_cuts: u64,
    /// Process kills.
    pub kills: u64,
    /// Failed writes, syncs and changes of directories.
    pub errors: u64,
    /// Failed reads.
    pub read_errors: u64,
    /// Operations refused because the disk was full.
    pub full: u64,
    /// Sectors that landed in the wrong place or nowhere.
    pub misdirected: u64,
    /// Syncs that did nothing.
    pub lies: u64,
    /// Sectors rotten or unreadable.
    pub rotten: u64,
}

impl State {
    pub(super) fn new(geometry: Geometry, seed: u64) -> Self {
        let root = NodeId(0);
        Self {
            geometry,
            faults: Faults::default(),
            random: Random::new(seed),
            files: BTreeMap::new(),
            directories: BTreeMap::from([(root, DirectoryNode::default())]),
            root,
            nodes: 1,
            generation: 0,
            is_down: false,
            points: 0,
            plan: None,
            order: 1,
            used_bytes: 4096,
            waiting_is_forbidden: false,
            waited_when_forbidden: false,
            fingerprint: 0,
            trace: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn note(&mut self, kind: &str, detail: impl FnOnce() -> String) {
        self.fingerprint = fingerprint(self.fingerprint, kind.as_bytes());
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {kind} {}", self.points, detail()));
        }
    }

    /// Whether handles of `generation` still lead to a running machine.
    pub(super) fn check_running(&self, generation: u64) -> io::Result<()> {
        if self.is_down || generation != self.generation {
            Err(input_output_error())
        } else {
            Ok(())
        }
    }

    /// Passes a fault point.
    pub(super) fn pass(&mut self, point: Point, generation: u64) -> io::Result<Verdict> {
        self.check_running(generation)?;
        self.points += 1;
        self.counts.points += 1;
        if let Some((at, cut)) = self.plan
            && self.points >= at
        {
            self.plan = None;
            return Ok(Verdict::Stop(cut));
        }
        let chance = match point {
            Point::Write => self.faults.write_error,
            Point::Sync => self.faults.sync_error,
            Point::Metadata => self.faults.metadata_error,
        };
        if self.random.chance(chance, 10_000) {
            self.counts.errors += 1;
            self.note("fail", String::new);
            return Ok(Verdict::Fail);
        }
        Ok(Verdict::Proceed)
    }

    pub(super) fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    pub(super) fn new_node(&mut self) -> NodeId {
        self.nodes += 1;
        NodeId(self.nodes)
    }

    pub(super) fn file(&mut self, id: NodeId) -> io::Result<&mut FileNode> {
        self.files.get_mut(&id).ok_or_else(input_output_error)
    }

    pub(super) fn directory(&mut self, id: NodeId) -> io::Result<&mut DirectoryNode> {
        self.directories.get_mut(&id).ok_or_else(input_output_error)
    }

    pub(super) fn free_bytes(&self) -> u64 {
        self.geometry.capacity_bytes.saturating_sub(self.used_bytes)
    }

    /// Charges the disk for a file that grows from `before` to `after` bytes of the disk.
    pub(super) fn charge(&mut self, before: u64, after: u64) -> io::Result<()> {
        let growth = after.saturating_sub(before);
        if growth > self.free_bytes() {
            self.counts.full += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.used_bytes = (self.used_bytes + after).saturating_sub(before);
        Ok(())
    }

    /// Forgets a file that no name and no handle leads to.
    pub(super) fn release(&mut self, id: NodeId) {
        let Some(file) = self.files.get(&id) else { return };
        if file.links > 0 || file.handles > 0 {
            return;
        }
        // Its bytes stay while the disk may still bring its name back; its space is given away all the same.
        self.used_bytes = self.used_bytes.saturating_sub(file.used_bytes());
        let can_return = self
            .directories
            .values()
            .flat_map(DirectoryNode::reachable)
            .any(|e| e == Entry::File(id));
        if !can_return {
            self.files.remove(&id);
        }
    }

    /// Makes the changes of a directory durable; a shared journal takes all earlier changes with it.
    pub(super) fn sync_directory(&mut self, id: NodeId) {
        let order = self.next_order();
        if self.geometry.directories_are_independent {
            if let Some(directory) = self.directories.get_mut(&id) {
                directory.sync_before(order);
            }
        } else {
            self.directories
                .values_mut()
                .for_each(|directory| directory.sync_before(order));
        }
    }
}

/// The error of a disk that doesn't work.
pub(super) fn input_output_error() -> io::Error {
    io::Error::from_raw_os_error(5)
}

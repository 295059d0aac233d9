//! The handle by which a simulation holds the disk: faults on and off, power on and off.

use std::sync::{Arc, Mutex};

use volume::Directory;

use super::directory::Entry;
use super::faults::{Cut, Faults, Geometry};
use super::handle::{DirectoryHandle, Shared, lock};
use super::state::{Counts, State};
use crate::random::Random;

/// A simulated disk with the machine it is in.
#[derive(Clone, Debug)]
pub struct SimDisk {
    shared: Shared,
}

impl SimDisk {
    /// An empty disk in a machine that runs.
    #[must_use]
    pub fn new(geometry: Geometry, seed: u64) -> Self {
        Self {
            shared: Arc::new(Mutex::new(State::new(geometry, seed))),
        }
    }

    /// The root directory, for as long as the machine runs.
    #[must_use]
    pub fn root(&self) -> Arc<dyn Directory> {
        let state = lock(&self.shared);
        let (id, generation) = (state.root, state.generation);
        drop(state);
        Arc::new(DirectoryHandle {
            shared: Arc::clone(&self.shared),
            id,
            generation,
        })
    }

    /// Sets how often faults happen from now on.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.shared).faults = faults;
    }

    /// Sets how many bytes fit on the disk from now on.
    pub fn set_capacity(&self, bytes: u64) {
        lock(&self.shared).geometry.capacity_bytes = bytes;
    }

    /// Stops the machine at the `nth` fault point from now: 1 is the next one.
    pub fn stop_at(&self, nth: u64, cut: Cut) {
        let mut state = lock(&self.shared);
        state.plan = Some((state.points + nth, cut));
    }

    /// Takes back [`SimDisk::stop_at`].
    pub fn stop_never(&self) {
        lock(&self.shared).plan = None;
    }

    /// Stops the machine now, between two fault points.
    pub fn stop(&self, cut: Cut) {
        let mut state = lock(&self.shared);
        if !state.is_down {
            state.stop(cut);
        }
    }

    /// Starts the machine; kills what runs on it first.
    pub fn start(&self) {
        lock(&self.shared).start();
    }

    /// Whether the machine has stopped.
    #[must_use]
    pub fn is_down(&self) -> bool {
        lock(&self.shared).is_down
    }

    /// Fault points passed since the disk was made.
    #[must_use]
    pub fn points(&self) -> u64 {
        lock(&self.shared).points
    }

    /// Bytes in use.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        lock(&self.shared).used_bytes
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        lock(&self.shared).counts
    }

    /// Bytes that the disk holds somewhere, as they are.
    #[must_use]
    pub fn sample(&self, seed: u64, length: usize) -> Vec<u8> {
        lock(&self.shared).sample(&mut Random::new(seed), length)
    }

    /// Declares that a flush was acknowledged: what was durable at the one before can rot from now on.
    pub fn mature(&self) {
        for file in lock(&self.shared).files.values_mut() {
            file.mature_bytes = file.maturing_bytes;
            file.maturing_bytes = file.durable_length();
        }
    }

    /// One sector at rest goes bad. Says which.
    #[must_use]
    pub fn rot(&self) -> Option<String> {
        lock(&self.shared).rot()
    }

    /// Whether any sector of a range of `directory/file` doesn't hold what was written to it last: rot, an unreadable
    /// sector, a write that was lost or landed there.
    #[must_use]
    pub fn is_damaged(&self, directory: &str, file: &str, offset: usize, length: usize) -> bool {
        let state = lock(&self.shared);
        let entry = |id, name: &str| state.directories.get(&id).and_then(|node| node.entry(name));
        let Some(Entry::Directory(directory)) = entry(state.root, directory) else {
            return false;
        };
        let Some(Entry::File(file)) = entry(directory, file) else {
            return false;
        };
        state
            .files
            .get(&file)
            .is_some_and(|file| file.is_damaged(offset, length))
    }

    /// Runs `call`, and says whether a read in it could have waited for the disk.
    pub fn without_waiting<T>(&self, call: impl FnOnce() -> T) -> (T, bool) {
        lock(&self.shared).waiting_is_forbidden = true;
        let result = call();
        let mut state = lock(&self.shared);
        state.waiting_is_forbidden = false;
        (result, std::mem::take(&mut state.waited_when_forbidden))
    }

    /// Runs `call` without reads that fail this once.
    pub fn without_read_errors<T>(&self, call: impl FnOnce() -> T) -> T {
        let chance = std::mem::take(&mut lock(&self.shared).faults.read_error);
        let result = call();
        lock(&self.shared).faults.read_error = chance;
        result
    }

    /// A number that two runs share if the same changes reached the disk in the same order.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        lock(&self.shared).fingerprint
    }

    /// Records every change from now on, for a person to read.
    pub fn trace(&self) {
        lock(&self.shared).trace = Some(Vec::new());
    }

    /// What was recorded since the last call.
    #[must_use]
    pub fn take_trace(&self) -> Vec<String> {
        lock(&self.shared)
            .trace
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, IoSlice};

    use volume::{File, Wait};

    use super::*;

    fn write(file: &Arc<dyn File>, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        file.write_at(offset, &mut [IoSlice::new(bytes)])
    }

    fn read(file: &Arc<dyn File>) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(0, &mut bytes, Wait::Allowed).unwrap();
        bytes
    }

    fn disk(capacity_bytes: u64) -> SimDisk {
        SimDisk::new(
            Geometry {
                capacity_bytes,
                ..Geometry::default()
            },
            1,
        )
    }

    #[test]
    fn a_synced_file_in_a_synced_directory_survives_every_power_cut() {
        for nth in 1..20 {
            for seed in 0..20 {
                let disk = SimDisk::new(Geometry::default(), seed);
                let root = disk.root();
                let file = root.create("a").unwrap();
                write(&file, 0, &[1; 5000]).unwrap();
                file.sync().unwrap();
                root.sync().unwrap();
                disk.stop_at(nth, Cut::Power);
                while write(&file, 5000, &[2; 700]).is_ok() && file.sync().is_ok() {}
                assert!(disk.is_down());
                disk.start();
                let bytes = read(&disk.root().open("a").unwrap());
                assert_eq!(bytes[..5000], [1; 5000], "what was synced");
            }
        }
    }

    #[test]
    fn an_unsynced_name_can_be_lost_although_the_file_was_synced() {
        let mut outcomes = [false; 2];
        for seed in 0..50 {
            let disk = SimDisk::new(Geometry::default(), seed);
            let file = disk.root().create("a").unwrap();
            write(&file, 0, &[1; 512]).unwrap();
            file.sync().unwrap();
            disk.stop(Cut::Power);
            disk.start();
            outcomes[usize::from(disk.root().open("a").is_ok())] = true;
        }
        assert_eq!(outcomes, [true; 2]);
    }

    #[test]
    fn a_kill_loses_nothing_but_a_power_cut_after_it_can() {
        let mut lost = 0;
        for seed in 0..50 {
            let disk = SimDisk::new(Geometry::default(), seed);
            let root = disk.root();
            let file = root.create("a").unwrap();
            root.sync().unwrap();
            write(&file, 0, &[1; 1024]).unwrap();
            disk.stop(Cut::Kill);
            assert!(root.list().is_err(), "the old process is gone");
            disk.start();
            assert_eq!(read(&disk.root().open("a").unwrap()), [1; 1024]);
            disk.stop(Cut::Power);
            disk.start();
            lost += usize::from(read(&disk.root().open("a").unwrap()) != [1; 1024]);
        }
        assert!(lost > 0);
    }

    #[test]
    fn a_full_disk_refuses_growth_and_takes_what_fits() {
        let disk = disk(4096 * 4);
        let root = disk.root();
        let file = root.create("a").unwrap();
        assert_eq!(root.free_bytes().unwrap(), 4096 * 3);
        assert_eq!(file.allocate(4096 * 4).unwrap_err().kind(), ErrorKind::StorageFull);
        file.allocate(4096 * 2).unwrap();
        assert_eq!(
            write(&file, 0, &[1; 4096 * 5]).unwrap_err().kind(),
            ErrorKind::StorageFull
        );
        assert_eq!(file.length().unwrap(), 4096 * 3);
        assert_eq!(root.create("b").unwrap_err().kind(), ErrorKind::StorageFull);
        root.remove("a").unwrap();
        assert_eq!(root.free_bytes().unwrap(), 0, "an open handle keeps the space");
        drop(file);
        assert_eq!(root.free_bytes().unwrap(), 4096 * 3);
    }

    #[test]
    fn every_kind_of_change_is_a_fault_point() {
        let disk = disk(1 << 20);
        let root = disk.root();
        let file = root.create("a").unwrap();
        write(&file, 0, b"x").unwrap();
        file.allocate(10).unwrap();
        file.set_length(1).unwrap();
        file.sync().unwrap();
        root.rename("a", "b").unwrap();
        root.remove("b").unwrap();
        root.create_subdirectory("d").unwrap();
        root.remove_subdirectory("d").unwrap();
        root.sync().unwrap();
        assert_eq!(disk.points(), 10);
    }

    #[test]
    fn rot_befalls_only_what_an_acknowledged_flush_followed() {
        let disk = disk(1 << 20);
        let file = disk.root().create("a").unwrap();
        write(&file, 0, &[1; 512]).unwrap();
        file.sync().unwrap();
        disk.mature();
        assert_eq!(disk.rot(), None);
        disk.mature();
        assert!(disk.rot().is_some());
        let mut bytes = [0; 512];
        assert!(file.read_at(0, &mut bytes, Wait::Allowed).is_err() || bytes != [1; 512]);
    }

    #[test]
    fn the_same_seed_gives_the_same_disk() {
        let run = |seed| {
            let disk = SimDisk::new(Geometry::default(), seed);
            disk.set_faults(Faults {
                write_error: 3000,
                sync_error: 3000,
                ..Faults::default()
            });
            let file = disk.root().create("a").unwrap();
            for step in 0..50 {
                let _may_fail = write(&file, step * 100, &[7; 300]);
                let _may_fail = file.sync();
            }
            disk.stop(Cut::Power);
            disk.start();
            disk.fingerprint()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}

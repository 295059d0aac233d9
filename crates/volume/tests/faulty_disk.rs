//! A volume on a disk that is full, doesn't rename, or is busy with something else at the wrong moment.

use std::io::{self, IoSlice};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use volume::{
    Device, Directory, Error, File, Moment, NoSpace, OsDirectory, Settings, Store, Timestamp, Volume, Wait,
    WriteRequest, os_random,
};

const BLOCK: u64 = 4096;

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + second)
}

/// What goes wrong.
#[derive(Default)]
struct Faults {
    /// Nothing can be written any more.
    full: AtomicBool,
    /// This byte of no file can be read, or what is in its sector of 512 bytes: the offset plus one, 0 for none.
    unreadable: AtomicU64,
    /// Renaming a segment fails.
    keeps_names: AtomicBool,
    /// Done once, before a segment is rewritten.
    rewriting: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// Real files with faults.
struct Faulty<T: ?Sized> {
    faults: Arc<Faults>,
    below: Arc<T>,
}

impl<T: ?Sized> std::fmt::Debug for Faulty<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

impl<T: ?Sized> Faulty<T> {
    fn check_space(&self) -> io::Result<()> {
        if self.faults.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn wrap<F: ?Sized>(&self, below: Arc<F>) -> Faulty<F> {
        Faulty {
            faults: Arc::clone(&self.faults),
            below,
        }
    }
}

impl Directory for Faulty<dyn Directory> {
    fn list(&self) -> io::Result<Vec<String>> {
        self.below.list()
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(self.wrap(self.below.open(name)?)))
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let rewriting = self.faults.rewriting.lock().expect("a hook");
        let hook = { rewriting }.take_if(|_| name == "segment.new");
        hook.into_iter().for_each(|hook| hook());
        Ok(Arc::new(self.wrap(self.below.create(name)?)))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if from == "segment.new" && self.faults.keeps_names.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Other.into());
        }
        self.below.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.below.remove(name)
    }
    fn sync(&self) -> io::Result<()> {
        self.below.sync()
    }
    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        Ok(Arc::new(self.wrap(self.below.subdirectory(name)?)))
    }
    fn create_subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        Ok(Arc::new(self.wrap(self.below.create_subdirectory(name)?)))
    }
    fn remove_subdirectory(&self, name: &str) -> io::Result<()> {
        self.below.remove_subdirectory(name)
    }
    fn free_bytes(&self) -> io::Result<u64> {
        self.below.free_bytes()
    }
}

impl File for Faulty<dyn File> {
    fn read_at(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> io::Result<()> {
        let sector = self.faults.unreadable.load(Ordering::Relaxed).checked_sub(1);
        if sector.is_some_and(|at| offset < at + 512 && at < offset + buffer.len() as u64) {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.below.read_at(offset, buffer, wait)
    }
    fn write_at(&self, offset: u64, buffers: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.check_space()?;
        self.below.write_at(offset, buffers)
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        self.check_space()?;
        self.below.allocate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.below.sync()
    }
    fn set_length(&self, length: u64) -> io::Result<()> {
        self.below.set_length(length)
    }
    fn length(&self) -> io::Result<u64> {
        self.below.length()
    }
    fn allocated_bytes(&self) -> io::Result<u64> {
        self.below.allocated_bytes()
    }
    fn start_writing(&self, offset: u64, length: u64) {
        self.below.start_writing(offset, length);
    }
    fn prefetch(&self, offset: u64, length: u64) {
        self.below.prefetch(offset, length);
    }
    fn forget_cache(&self) {
        self.below.forget_cache();
    }
}

struct Disk {
    folder: tempfile::TempDir,
    faults: Arc<Faults>,
}

impl Disk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            faults: Arc::default(),
        }
    }

    fn store(&self) -> Arc<Store> {
        let directory = Faulty::<dyn Directory> {
            faults: Arc::clone(&self.faults),
            below: Arc::new(OsDirectory::open(self.folder.path()).expect("the folder")),
        };
        let settings = |_: &str| Settings {
            segment_bytes: 64 << 10,
            compress_after: Duration::ZERO,
            ..Settings::default()
        };
        Store::open(Arc::new(directory), Box::new(settings), Box::new(os_random))
    }

    fn segments(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.folder.path().join("disk")).expect("listed");
        let mut segments: Vec<_> = files.map(|entry| entry.expect("listed").path()).collect();
        segments.retain(|path| path.extension().is_some_and(|name| name == "segment"));
        segments.sort();
        segments
    }

    fn fill_up(&self, full: bool) {
        self.faults.full.store(full, Ordering::Relaxed);
    }
}

fn write(volume: &Volume, block: u64, second: u64) -> Result<(), Error> {
    let data = [second as u8; BLOCK as usize];
    let offset = block * BLOCK;
    volume
        .write(&[WriteRequest { offset, data: &data }], at(second))
        .map(|_| ())
}

fn byte(device: &dyn Device, block: u64) -> u8 {
    let mut data = [0; BLOCK as usize];
    device.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    data[0]
}

fn live_byte(volume: &Volume, block: u64) -> u8 {
    let mut data = [0; BLOCK as usize];
    volume.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    data[0]
}

#[test]
fn a_full_disk_without_a_reserve_is_opened_for_reading_and_loses_nothing() {
    let disk = Disk::new();
    let store = disk.store();
    let volume = store.create("disk", 4 << 20, at(0)).expect("created");
    for second in 1..=40 {
        write(&volume, second % 8, second).expect("written");
    }
    volume.flush().expect("flushed");
    write(&volume, 0, 41).expect("written");
    let newest = volume.newest();
    drop((volume, store));

    disk.fill_up(true);
    for second in [100, 200] {
        let store = disk.store();
        let volume = store.volume("disk", at(second)).expect("opened on a full disk");
        assert_eq!(volume.newest(), newest);
        assert_eq!((live_byte(&volume, 0), live_byte(&volume, 7)), (41, 39));
        for moment in [1, 20, 33, 40] {
            let view = volume.view(&Moment::At(at(moment))).expect("a moment");
            assert_eq!(byte(&view, moment % 8), moment as u8);
        }
        for _ in 0..2 {
            let refused = write(&volume, 1, second);
            assert!(matches!(refused, Err(Error::NoSpace(NoSpace::Disk))), "{refused:?}");
        }
        assert_eq!(volume.status().refusing, Some(NoSpace::Disk));
        let rested = volume.maintain(at(second), 1 << 20);
        assert!(matches!(rested, Ok(_) | Err(Error::NoSpace(_))), "{rested:?}");
        volume.flush().expect("there is nothing to flush");
        let report = volume.verify(&mut |_| ControlFlow::Continue(())).expect("verified");
        assert_eq!((report.damage, report.chain_intact), (Vec::new(), true));
    }

    disk.fill_up(true);
    let store = disk.store();
    let volume = store.volume("disk", at(300)).expect("opened on a full disk");
    disk.fill_up(false);
    while volume.maintain(at(301), 1 << 20).expect("maintained").more {}
    write(&volume, 1, 302).expect("there is space again");
    volume.flush().expect("flushed");
    while volume.maintain(at(303), 1 << 20).expect("maintained").more {}
    let mut segments = disk.segments();
    segments.pop().expect("the one that is being written");
    for path in segments {
        let content = std::fs::read(&path).expect("a segment");
        let trailer = content.rchunks(128).next().expect("a trailer");
        assert!(trailer[4..].starts_with(b"holdend1"), "{path:?} is sealed by now");
    }
    drop((volume, store));

    let volume = disk.store().volume("disk", at(400)).expect("opened");
    assert_eq!((live_byte(&volume, 0), live_byte(&volume, 1)), (41, 46));
    let view = volume.view(&Moment::At(at(41))).expect("a moment");
    assert_eq!((byte(&view, 0), byte(&view, 1)), (41, 33));
    let report = volume.verify(&mut |_| ControlFlow::Continue(())).expect("verified");
    assert_eq!((report.damage, report.changed_segments), (Vec::new(), Vec::new()));
}

/// A volume with a few sealed segments.
fn with_segments(store: &Store) -> Arc<Volume> {
    let volume = store.create("disk", 4 << 20, at(0)).expect("created");
    for second in 1..=100 {
        write(&volume, second % 8, second).expect("written");
    }
    volume.checkpoint(at(100)).expect("a checkpoint");
    volume
}

#[test]
fn rewrites_that_are_cut_off_again_and_again_leave_the_chain_intact() {
    let disk = Disk::new();
    drop(with_segments(&disk.store()));
    disk.faults.keeps_names.store(true, Ordering::Relaxed);
    for second in [200, 300] {
        let volume = disk.store().volume("disk", at(second)).expect("opened");
        let failed = loop {
            match volume.maintain(at(second), 1 << 20) {
                Ok(done) => assert!(done.more, "a segment is rewritten"),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(
                failed,
                Error::Io {
                    operation: "rename",
                    ..
                }
            ),
            "{failed}"
        );
    }
    let volume = disk.store().volume("disk", at(400)).expect("opened");
    let report = volume.verify(&mut |_| ControlFlow::Continue(())).expect("verified");
    assert_eq!((report.changed_segments, report.chain_intact), (Vec::new(), true));
}

#[test]
fn a_volume_is_opened_again_only_when_nobody_rewrites_its_segments_any_more() {
    let disk = Disk::new();
    let store = disk.store();
    let volume = with_segments(&store);
    let (said, heard) = mpsc::channel();
    let opening = Arc::clone(&store);
    *disk.faults.rewriting.lock().expect("a hook") = Some(Box::new(move || {
        let (opened, done) = mpsc::channel();
        let thread = std::thread::spawn(move || opened.send(opening.reopen("disk", at(300)).is_ok()));
        let early = done.recv_timeout(Duration::from_millis(500));
        said.send((early, done, thread)).expect("the test waits");
    }));
    while volume.maintain(at(200), 1 << 20).is_ok_and(|done| done.more) {}
    let (early, done, thread) = heard.try_recv().expect("a segment was rewritten");
    assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout), "it waits for the segment");
    assert_eq!(done.recv(), Ok(true));
    thread.join().expect("no panic").expect("sent");
    assert!(matches!(volume.maintain(at(400), 1 << 20), Err(Error::Poisoned)));
}

#[test]
fn the_pin_of_a_fork_does_not_vanish_with_the_end_of_a_log_that_rotted() {
    let disk = Disk::new();
    let store = disk.store();
    with_segments(&store);
    store
        .fork("disk", &Moment::At(at(50)), "copy", at(200))
        .expect("forked");
    drop(store);
    let pinned = |path: &std::path::Path| {
        let mut content = std::fs::read(path).expect("a segment");
        let found = content.windows(9).position(|bytes| bytes == b"fork.copy")?;
        content[found] ^= 1;
        std::fs::write(path, content).expect("rotten");
        Some(())
    };
    let segments = disk.segments();
    segments
        .iter()
        .find_map(|path| pinned(path))
        .expect("the pin is in the log");
    let opened = disk.store().volume("disk", at(300)).map(|volume| volume.pins().len());
    assert!(matches!(opened, Ok(1)), "{opened:?}");
}

#[test]
fn a_volume_that_was_repaired_opens_like_any_other_from_then_on() {
    let disk = Disk::new();
    let store = disk.store();
    let volume = store.create("disk", 4 << 20, at(0)).expect("created");
    for second in 1..=100 {
        write(&volume, second % 8, second).expect("written");
        volume.flush().expect("flushed");
    }
    drop((volume, store));
    std::fs::remove_file(disk.segments().get(2).expect("a few segments")).expect("lost");
    let damaged = disk
        .store()
        .volume("disk", at(200))
        .expect_err("flushed batches are missing");
    assert!(matches!(damaged, Error::DamagedLog { segment: 1, .. }), "{damaged}");

    let store = disk.store();
    assert!(!store.repair("disk", at(300)).expect("repaired").lost.is_empty());
    let volume = store.volume("disk", at(300)).expect("opened");
    assert_eq!(live_byte(&volume, 4), 100);
    write(&volume, 5, 77).expect("written");
    drop((volume, store));

    let volume = disk.store().volume("disk", at(400)).expect("repaired for good");
    assert_eq!((live_byte(&volume, 4), live_byte(&volume, 5)), (100, 77));
    let events = volume
        .history(at(250), at(500), Duration::from_secs(1))
        .expect("told")
        .events;
    assert!(events.iter().any(|event| event.kind == volume::EventKind::Repaired));
}

#[test]
fn a_volume_opens_when_one_sector_of_each_of_its_files_is_unreadable() {
    let disk = Disk::new();
    let store = disk.store();
    let volume = with_segments(&store);
    while volume.maintain(at(1000), u64::MAX).expect("maintained").more {}
    let expected = live_byte(&volume, 1);
    drop(volume);
    store.close(at(1001)).expect("closed");
    for sector in [0, 4096] {
        disk.faults.unreadable.store(sector + 1, Ordering::Relaxed);
        let store = disk.store();
        let volume = store
            .volume("disk", at(1002))
            .expect("there is another copy of all that matters");
        assert_eq!(live_byte(&volume, 1), expected, "with sector {sector} unreadable");
        drop(volume);
        store.close(at(1003)).expect("closed");
    }
}

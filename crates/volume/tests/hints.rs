//! What the volume tells the system about the disk's work to come, and how often it has it make something durable: that
//! decides about speed, and nothing else would notice if it were different.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use volume::{Directory, File, OsDirectory, Settings, Store, Timestamp, Volume, Wait, WriteRequest, os_random};

const BLOCK: u64 = 4096;
const MIB: u64 = 1 << 20;

/// The hints given so far: offset and length in a file; and how often a file was made durable.
#[derive(Debug, Default)]
struct Hints {
    to_write: Mutex<Vec<(u64, u64)>>,
    to_read: Mutex<Vec<(u64, u64)>>,
    syncs: AtomicU64,
}

/// A real directory whose files note the hints.
#[derive(Debug)]
struct NotingDirectory {
    inner: Arc<dyn Directory>,
    hints: Arc<Hints>,
}

#[derive(Debug)]
struct NotingFile {
    inner: Arc<dyn File>,
    hints: Arc<Hints>,
}

impl NotingDirectory {
    fn noting(&self, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(NotingFile {
            inner,
            hints: Arc::clone(&self.hints),
        })
    }

    fn within(&self, inner: Arc<dyn Directory>) -> Arc<dyn Directory> {
        Arc::new(Self {
            inner,
            hints: Arc::clone(&self.hints),
        })
    }
}

impl Directory for NotingDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.inner.open(name).map(|file| self.noting(file))
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.inner.create(name).map(|file| self.noting(file))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }
    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        self.inner.subdirectory(name).map(|inner| self.within(inner))
    }
    fn create_subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        self.inner.create_subdirectory(name).map(|inner| self.within(inner))
    }
    fn remove_subdirectory(&self, name: &str) -> io::Result<()> {
        self.inner.remove_subdirectory(name)
    }
    fn free_bytes(&self) -> io::Result<u64> {
        self.inner.free_bytes()
    }
}

impl File for NotingFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> io::Result<()> {
        self.inner.read_at(offset, buffer, wait)
    }
    fn write_at(&self, offset: u64, buffers: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.inner.write_at(offset, buffers)
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        self.inner.allocate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.hints.syncs.fetch_add(1, Ordering::Relaxed);
        self.inner.sync()
    }
    fn set_length(&self, length: u64) -> io::Result<()> {
        self.inner.set_length(length)
    }
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }
    fn allocated_bytes(&self) -> io::Result<u64> {
        self.inner.allocated_bytes()
    }
    fn start_writing(&self, offset: u64, length: u64) {
        self.hints.to_write.lock().expect("hints").push((offset, length));
        self.inner.start_writing(offset, length);
    }
    fn prefetch(&self, offset: u64, length: u64) {
        self.hints.to_read.lock().expect("hints").push((offset, length));
        self.inner.prefetch(offset, length);
    }
    fn forget_cache(&self) {
        self.inner.forget_cache();
    }
}

struct Disk {
    _folder: tempfile::TempDir,
    store: Arc<Store>,
    volume: Arc<Volume>,
    hints: Arc<Hints>,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let hints = Arc::default();
        let directory = NotingDirectory {
            inner: Arc::new(OsDirectory::open(folder.path()).expect("the folder")),
            hints: Arc::clone(&hints),
        };
        let settings = Settings {
            segment_bytes: 8 << 20,
            ..Settings::default()
        };
        let store = Store::open(
            Arc::new(directory),
            Box::new(move |_| settings.clone()),
            Box::new(os_random),
        );
        let volume = store.create("disk", 64 * MIB, now()).expect("created");
        Self {
            _folder: folder,
            store,
            volume,
            hints,
        }
    }

    fn write(&self, block: u64, blocks: usize) {
        let data = vec![7; blocks * BLOCK as usize];
        let write = WriteRequest {
            offset: block * BLOCK,
            data: &data,
        };
        self.volume.write(&[write], now()).expect("written");
    }

    fn take_writes_begun(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut *self.hints.to_write.lock().expect("hints"))
    }

    fn take_reads_announced(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut *self.hints.to_read.lock().expect("hints"))
    }

    fn take_syncs(&self) -> u64 {
        self.hints.syncs.swap(0, Ordering::Relaxed)
    }

    fn read(&self, block: u64, blocks: usize) {
        let mut data = vec![0; blocks * BLOCK as usize];
        self.volume.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
        assert!(data.iter().all(|byte| *byte == 7));
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000)
}

#[test]
fn writing_to_the_disk_begins_long_before_anybody_waits_for_it() {
    let disk = Disk::new();
    for piece in 0..256 {
        disk.write(piece * 16, 16);
    }
    let pieces = disk.take_writes_begun();
    assert!(
        pieces.iter().all(|(_, length)| *length < 2 * MIB),
        "not by whole segments: {pieces:?}"
    );
    let begun: u64 = pieces.iter().map(|(_, length)| length).sum();
    assert!(
        begun > 14 * MIB && begun < 18 * MIB,
        "of 16 MiB in several segments {begun} bytes were begun"
    );
}

#[test]
fn single_blocks_are_begun_at_once_for_a_client_that_syncs_each() {
    let disk = Disk::new();
    for block in 0..4 {
        disk.write(block, 1);
        disk.volume.flush().expect("flushed");
    }
    disk.take_writes_begun();
    disk.write(5, 1);
    let begun = disk.take_writes_begun();
    assert!(
        matches!(begun.as_slice(), [(_, length)] if *length > BLOCK && *length <= 2 * BLOCK),
        "{begun:?}"
    );
    for block in 6..20 {
        disk.write(block, 1);
    }
    disk.volume.flush().expect("flushed");
    disk.take_writes_begun();
    disk.write(30, 1);
    assert_eq!(
        disk.take_writes_begun(),
        [],
        "it doesn't sync each any more: larger pieces are cheaper"
    );
}

#[test]
fn blocks_that_lie_apart_are_fetched_together() {
    let disk = Disk::new();
    disk.write(0, 16);
    disk.read(0, 16);
    assert_eq!(disk.take_reads_announced(), [], "one read fetches what lies together");
    disk.write(100, 1);
    disk.write(3, 1);
    disk.write(9, 2);
    disk.read(0, 16);
    let lengths: Vec<u64> = disk
        .take_reads_announced()
        .iter()
        .map(|(_, length)| length / BLOCK)
        .collect();
    assert_eq!(lengths, [3, 1, 5, 2, 5]);
}

#[test]
fn a_piece_to_which_nothing_was_added_is_not_made_durable_again() {
    let disk = Disk::new();
    let mut piece = disk.store.create_side_piece("disk", 1).expect("created");
    disk.take_syncs();
    piece.append(b"read").expect("appended");
    piece.append(b" and read").expect("appended");
    piece.sync().expect("synced");
    assert_eq!(disk.take_syncs(), 1);
    piece.sync().expect("synced");
    piece.sync().expect("synced");
    assert_eq!(disk.take_syncs(), 0);
    piece.append(b" again").expect("appended");
    piece.sync().expect("synced");
    assert_eq!(disk.take_syncs(), 1);
}

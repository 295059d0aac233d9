//! All segments that a volume can see: its own, and through its parent those it was forked from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::format::Segment;
use crate::locks::{lock, read_lock, write_lock};
use crate::segment::open::OpenSegment;
use crate::segment::seal::Seal;
use crate::storage::{Directory, File, Wait};

/// Files that a volume keeps open for reading.
const OPEN_MAX: usize = 128;
/// Memory that their indexes may occupy, in bytes.
const OPEN_BYTES_MAX: usize = 32 << 20;

/// What is known of a segment without opening it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentInfo {
    /// Bytes that its file occupies.
    pub(crate) bytes: u64,
}

/// The segments of a volume.
#[derive(Debug)]
pub(crate) struct Segments {
    directory: Arc<dyn Directory>,
    volume: [u8; 16],
    first: Segment,
    parent: Option<Arc<Segments>>,
    own: Mutex<BTreeMap<Segment, SegmentInfo>>,
    open: RwLock<OpenTable>,
    ticks: AtomicU64,
    /// Of segments whose end recovery found and could not write down on the full disk. Nothing is appended to the log
    /// before they are written.
    held_seals: Mutex<BTreeMap<Segment, Arc<Seal>>>,
}

/// The segments that are open for reading.
///
/// Invariant: none of them is a file that was replaced or removed. Files are opened without the lock; one that was looked
/// up before the newest closing doesn't come into the table.
#[derive(Debug, Default)]
struct OpenTable {
    cached: FxHashMap<Segment, Cached>,
    /// Counts closings, of any segment.
    closings: u64,
}

#[derive(Debug)]
struct Cached {
    segment: Arc<OpenSegment>,
    used: AtomicU64,
}

impl Segments {
    /// The segments in `directory`, of which none is opened yet.
    pub(crate) fn list(
        directory: Arc<dyn Directory>,
        volume: [u8; 16],
        first: Segment,
        parent: Option<Arc<Self>>,
    ) -> Result<Self, Error> {
        let error = |source| Error::Io {
            operation: "list",
            file: ".".to_owned(),
            source,
        };
        let mut own = BTreeMap::new();
        for name in directory.list().map_err(error)? {
            let Some(id) = parse_file_name(&name).filter(|id| *id >= first) else {
                continue;
            };
            let file = directory.open(&name).map_err(|source| open_error(id, source))?;
            let bytes = file.allocated_bytes().map_err(|source| open_error(id, source))?;
            own.insert(id, SegmentInfo { bytes });
        }
        Ok(Self {
            directory,
            volume,
            first,
            parent,
            own: Mutex::new(own),
            open: RwLock::default(),
            ticks: AtomicU64::new(0),
            held_seals: Mutex::default(),
        })
    }

    pub(crate) fn directory(&self) -> &Arc<dyn Directory> {
        &self.directory
    }

    pub(crate) fn first(&self) -> Segment {
        self.first
    }

    /// The volume's own segments, ascending.
    pub(crate) fn ids(&self) -> Vec<Segment> {
        lock(&self.own).keys().copied().collect()
    }

    /// The own segment after `id`.
    pub(crate) fn next_after(&self, id: Segment) -> Option<Segment> {
        lock(&self.own)
            .range(Segment(id.0.saturating_add(1))..)
            .next()
            .map(|(id, _)| *id)
    }

    /// The own segment before `id`.
    pub(crate) fn last_before(&self, id: Segment) -> Option<Segment> {
        lock(&self.own).range(..id).next_back().map(|(id, _)| *id)
    }

    /// Bytes that the own segments' files occupy.
    pub(crate) fn total_bytes(&self) -> u64 {
        lock(&self.own).values().map(|info| info.bytes).sum()
    }

    pub(crate) fn count(&self) -> usize {
        lock(&self.own).len()
    }

    /// Records a segment that was created or changed.
    pub(crate) fn note(&self, id: Segment, bytes: u64) {
        lock(&self.own).insert(id, SegmentInfo { bytes });
    }

    /// Forgets a segment whose file was removed.
    pub(crate) fn forget(&self, id: Segment) {
        lock(&self.own).remove(&id);
        self.close(id);
    }

    /// Makes the next reader open the file anew. To be called after the file was replaced or removed.
    pub(crate) fn close(&self, id: Segment) {
        let mut open = write_lock(&self.open);
        open.cached.remove(&id);
        open.closings += 1;
    }

    /// A segment, opened if it isn't open. Own and shared ones alike.
    pub(crate) fn open(&self, id: Segment) -> Result<Arc<OpenSegment>, Error> {
        self.open_or(id, Wait::Allowed)
    }

    /// Like [`Segments::open`]; with [`Wait::Never`] fails with [`Error::WouldBlock`] if the segment isn't open.
    pub(crate) fn open_or(&self, id: Segment, wait: Wait) -> Result<Arc<OpenSegment>, Error> {
        if id < self.first {
            let missing = || Error::BadFile {
                file: file_name(id),
                reason: "it is older than the volume",
            };
            return self.parent.as_ref().ok_or_else(missing)?.open_or(id, wait);
        }
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        loop {
            let before = {
                let open = read_lock(&self.open);
                if let Some(cached) = open.cached.get(&id) {
                    cached.used.store(tick, Ordering::Relaxed);
                    return Ok(Arc::clone(&cached.segment));
                }
                open.closings
            };
            if wait == Wait::Never {
                return Err(Error::WouldBlock);
            }
            // Without the lock: whoever reads open segments must not wait for this one's first bytes.
            let file = self
                .directory
                .open(&file_name(id))
                .map_err(|source| open_error(id, source))?;
            let segment = OpenSegment::open(id, &self.volume, file)?;
            let seal = lock(&self.held_seals).get(&id).cloned();
            let segment = Arc::new(segment.with_held_seal(seal));
            if let Some(segment) = self.offer(segment, before, tick) {
                return Ok(segment);
            }
        }
    }

    /// Puts a segment into the table, unless another reader did so first. `None` if a file was replaced or removed
    /// since the segment's own was looked up, `before` so many others: it may be the old one.
    fn offer(&self, segment: Arc<OpenSegment>, before: u64, tick: u64) -> Option<Arc<OpenSegment>> {
        let mut open = write_lock(&self.open);
        if let Some(cached) = open.cached.get(&segment.id) {
            return Some(Arc::clone(&cached.segment));
        }
        if open.closings != before {
            return None;
        }
        open.insert(Arc::clone(&segment), tick);
        Some(segment)
    }

    /// Registers a file that its writer holds open already.
    pub(crate) fn adopt(&self, segment: OpenSegment) {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        write_lock(&self.open).insert(Arc::new(segment), tick);
    }

    /// Makes readers find a segment sealed like this, until it is so on disk.
    pub(crate) fn hold_seal(&self, id: Segment, seal: Seal) {
        lock(&self.held_seals).insert(id, Arc::new(seal));
        self.close(id);
    }

    /// The first segment whose seal is held, and the seal.
    pub(crate) fn first_held_seal(&self) -> Option<(Segment, Arc<Seal>)> {
        let held = lock(&self.held_seals);
        held.first_key_value().map(|(id, seal)| (*id, Arc::clone(seal)))
    }

    /// After a seal was written.
    pub(crate) fn drop_held_seal(&self, id: Segment) {
        lock(&self.held_seals).remove(&id);
        self.close(id);
    }

    /// Whether a segment's file still lacks its seal.
    pub(crate) fn is_seal_held(&self, id: Segment) -> bool {
        lock(&self.held_seals).contains_key(&id)
    }

    /// Creates a file beside the segments.
    pub(crate) fn create_file(&self, name: &str) -> Result<Arc<dyn File>, Error> {
        self.directory
            .create(name)
            .map_err(|source| file_error("create", name, source))
    }
}

impl OpenTable {
    /// Adds a segment, closing those that weren't used for longest if there are too many.
    fn insert(&mut self, segment: Arc<OpenSegment>, tick: u64) {
        let needed_bytes = segment.memory_bytes();
        while !self.cached.is_empty() && (self.cached.len() >= OPEN_MAX || self.bytes() + needed_bytes > OPEN_BYTES_MAX)
        {
            let oldest = self
                .cached
                .iter()
                .min_by_key(|(_, cached)| cached.used.load(Ordering::Relaxed));
            let Some(id) = oldest.map(|(id, _)| *id) else { break };
            self.cached.remove(&id);
        }
        let used = AtomicU64::new(tick);
        self.cached.insert(segment.id, Cached { segment, used });
    }

    fn bytes(&self) -> usize {
        self.cached.values().map(|cached| cached.segment.memory_bytes()).sum()
    }
}

/// The file of a segment.
pub(crate) fn file_name(id: Segment) -> String {
    format!("{:08x}.segment", id.0)
}

/// The segment of a file; `None` for other files.
pub(crate) fn parse_file_name(name: &str) -> Option<Segment> {
    let id = u32::from_str_radix(name.strip_suffix(".segment")?, 16)
        .ok()
        .map(Segment)?;
    (file_name(id) == name).then_some(id)
}

pub(crate) fn file_error(operation: &'static str, file: &str, source: std::io::Error) -> Error {
    if source.kind() == std::io::ErrorKind::StorageFull || source.kind() == std::io::ErrorKind::QuotaExceeded {
        return Error::NoSpace(crate::error::NoSpace::Disk);
    }
    Error::Io {
        operation,
        file: file.to_owned(),
        source,
    }
}

fn open_error(id: Segment, source: std::io::Error) -> Error {
    file_error("open", &file_name(id), source)
}

#[cfg(test)]
mod tests {
    use std::io::{self, IoSlice};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::format::{SegmentHeader, SegmentLayout};
    use crate::time::{Sequence, Timestamp};
    use crate::{OsDirectory, os_random};

    type Opened = Box<dyn FnOnce() + Send>;

    /// A directory that does something once, after it opened a file and before whoever asked for it reads it.
    #[derive(Debug)]
    struct Interrupted {
        files: OsDirectory,
        opened: Mutex<Option<Hook>>,
    }

    struct Hook(Opened);

    impl std::fmt::Debug for Hook {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Hook")
        }
    }

    impl Directory for Interrupted {
        fn list(&self) -> io::Result<Vec<String>> {
            self.files.list()
        }
        fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
            let file = self.files.open(name)?;
            let hook = lock(&self.opened).take();
            if let Some(Hook(hook)) = hook {
                hook();
            }
            Ok(file)
        }
        fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
            self.files.create(name)
        }
        fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            self.files.rename(from, to)
        }
        fn remove(&self, name: &str) -> io::Result<()> {
            self.files.remove(name)
        }
        fn sync(&self) -> io::Result<()> {
            self.files.sync()
        }
        fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
            self.files.subdirectory(name)
        }
        fn create_subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
            self.files.create_subdirectory(name)
        }
        fn remove_subdirectory(&self, name: &str) -> io::Result<()> {
            self.files.remove_subdirectory(name)
        }
        fn free_bytes(&self) -> io::Result<u64> {
            self.files.free_bytes()
        }
    }

    struct Table {
        directory: Arc<Interrupted>,
        segments: Arc<Segments>,
        volume: [u8; 16],
        _folder: tempfile::TempDir,
    }

    impl Table {
        /// Two segments, of which none is open.
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let directory = Arc::new(Interrupted {
                files: OsDirectory::open(folder.path()).expect("the folder"),
                opened: Mutex::default(),
            });
            let volume = os_random();
            for id in 0..2 {
                write_segment(&*directory, volume, Segment(id), &file_name(Segment(id)), 1);
            }
            let shared = Arc::clone(&directory) as Arc<dyn Directory>;
            let segments = Segments::list(shared, volume, Segment(0), None).expect("listed");
            Self {
                directory,
                segments: Arc::new(segments),
                volume,
                _folder: folder,
            }
        }

        fn when_opened(&self, hook: impl FnOnce() + Send + 'static) {
            *lock(&self.directory.opened) = Some(Hook(Box::new(hook)));
        }
    }

    fn write_segment(directory: &dyn Directory, volume: [u8; 16], id: Segment, name: &str, nonce: u64) {
        let header = SegmentHeader {
            layout: SegmentLayout::Raw,
            volume,
            segment: id,
            nonce,
            capacity: 1 << 16,
            first_sequence: Sequence(1),
            first_time: Timestamp::ZERO,
            checkpoint: None,
        };
        let file = directory.create(name).expect("created");
        file.write_at(0, &mut [IoSlice::new(&header.encode())])
            .expect("written");
    }

    #[test]
    fn opening_a_segment_holds_up_no_reader_of_another() {
        let table = Table::new();
        table.segments.open(Segment(1)).expect("opened");
        let (said, heard) = mpsc::channel();
        let segments = Arc::clone(&table.segments);
        table.when_opened(move || {
            let (read, done) = mpsc::channel();
            std::thread::spawn(move || read.send(segments.open(Segment(1)).is_ok()));
            said.send(done.recv_timeout(Duration::from_secs(5)))
                .expect("the test waits");
        });
        table.segments.open(Segment(0)).expect("opened");
        assert_eq!(heard.recv(), Ok(Ok(true)));
    }

    #[test]
    fn a_segment_that_is_rewritten_while_it_is_opened_is_the_new_one_for_all() {
        let table = Table::new();
        let (segments, directory, volume) = (Arc::clone(&table.segments), Arc::clone(&table.directory), table.volume);
        table.when_opened(move || {
            let name = file_name(Segment(0));
            write_segment(&*directory, volume, Segment(0), "segment.new", 2);
            directory.rename("segment.new", &name).expect("renamed");
            segments.close(Segment(0));
        });
        assert_eq!(table.segments.open(Segment(0)).expect("opened").header.nonce, 2);
        assert_eq!(table.segments.open(Segment(0)).expect("opened").header.nonce, 2);
    }

    #[test]
    fn a_segment_that_is_removed_while_it_is_opened_stays_gone() {
        let table = Table::new();
        let (segments, directory) = (Arc::clone(&table.segments), Arc::clone(&table.directory));
        table.when_opened(move || {
            directory.remove(&file_name(Segment(0))).expect("removed");
            segments.forget(Segment(0));
        });
        for _ in 0..2 {
            let gone = table.segments.open(Segment(0)).expect_err("it was removed");
            assert!(matches!(gone, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound));
        }
    }

    #[test]
    fn two_readers_that_open_a_segment_share_one_file() {
        let table = Table::new();
        let (said, heard) = mpsc::channel();
        let segments = Arc::clone(&table.segments);
        table.when_opened(move || said.send(segments.open(Segment(0))).expect("the test waits"));
        let late = table.segments.open(Segment(0)).expect("opened");
        let early = heard.recv().expect("sent").expect("opened");
        assert!(Arc::ptr_eq(&late, &early));
    }
}

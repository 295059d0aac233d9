//! All segments that a volume can see: its own, and through its parent those it was forked from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::format::Segment;
use crate::locks::{lock, read_lock, write_lock};
use crate::segment::open::OpenSegment;
use crate::storage::{Directory, File, Wait};

/// Files that a volume keeps open for reading.
const OPEN_MAX: usize = 128;
/// Memory that their indexes may occupy, in bytes.
const OPEN_BYTES_MAX: usize = 8 << 20;

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
    open: RwLock<FxHashMap<Segment, Cached>>,
    ticks: AtomicU64,
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
        let (open, ticks) = (RwLock::default(), AtomicU64::new(0));
        Ok(Self {
            directory,
            volume,
            first,
            parent,
            own: Mutex::new(own),
            open,
            ticks,
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

    /// Makes the next reader open the file anew.
    pub(crate) fn close(&self, id: Segment) {
        write_lock(&self.open).remove(&id);
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
        if let Some(cached) = read_lock(&self.open).get(&id) {
            cached.used.store(tick, Ordering::Relaxed);
            return Ok(Arc::clone(&cached.segment));
        }
        if wait == Wait::Never {
            return Err(Error::WouldBlock);
        }
        let mut open = write_lock(&self.open);
        if let Some(cached) = open.get(&id) {
            return Ok(Arc::clone(&cached.segment));
        }
        let file = self
            .directory
            .open(&file_name(id))
            .map_err(|source| open_error(id, source))?;
        let segment = Arc::new(OpenSegment::open(id, &self.volume, file)?);
        evict(&mut open, segment.memory_bytes());
        open.insert(
            id,
            Cached {
                segment: Arc::clone(&segment),
                used: AtomicU64::new(tick),
            },
        );
        Ok(segment)
    }

    /// Registers a file that its writer holds open already.
    pub(crate) fn adopt(&self, segment: OpenSegment) {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let mut open = write_lock(&self.open);
        evict(&mut open, segment.memory_bytes());
        open.insert(
            segment.id,
            Cached {
                segment: Arc::new(segment),
                used: AtomicU64::new(tick),
            },
        );
    }

    /// Creates a file beside the segments.
    pub(crate) fn create_file(&self, name: &str) -> Result<Arc<dyn File>, Error> {
        self.directory
            .create(name)
            .map_err(|source| file_error("create", name, source))
    }
}

fn evict(open: &mut FxHashMap<Segment, Cached>, needed_bytes: usize) {
    let bytes = |open: &FxHashMap<Segment, Cached>| -> usize {
        open.values().map(|cached| cached.segment.memory_bytes()).sum()
    };
    while !open.is_empty() && (open.len() >= OPEN_MAX || bytes(open) + needed_bytes > OPEN_BYTES_MAX) {
        let oldest = open
            .iter()
            .min_by_key(|(_, cached)| cached.used.load(Ordering::Relaxed));
        let Some(id) = oldest.map(|(id, _)| *id) else { return };
        open.remove(&id);
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

//! The data folder: volumes by name, opened when first asked for and shared from then on.
//!
//! A volume is a directory with the file `volume` in it. That file is written last at creation and removed first at
//! deletion, so a directory without it is a creation or deletion that was cut off, and is cleared away.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use crate::chain::Chain;
use crate::control::check_size;
use crate::doorbell::Doorbell;
use crate::error::Error;
use crate::folder::{
    VOLUME_FILE, bad_volume_file, clear, is_our_file, mend_volume_file, name_volume, no_volume, read_volume_file,
    remove_leftovers, write_volume_file,
};
use crate::format::{
    Cause, Checkpoint, CheckpointRef, Entry, Horizon, LogPosition, Parent, Pin, Segment, Slot, VolumeFile,
    VolumeVersion,
};
use crate::locks::lock;
use crate::log::{Appender, Log, LogStart, Purpose, give_back_reserved};
use crate::maintain::Sweep;
use crate::map::{Delta, LiveMap, Nodes};
use crate::names::check_name;
use crate::passed_over::LostBatches;
use crate::recover::{OnDamage, Recovered, recover};
use crate::replay::{CHECKPOINT_ESSENTIAL, checkpoint_record, padded};
use crate::segment::{OpenSegment, Segments, file_error};
use crate::settings::Settings;
use crate::sidecar::write_sidecar_in;
use crate::storage::Directory;
use crate::time::{Moment, Sequence, Timestamp};
use crate::volume::{Control, Volume};

/// Forks of forks of forks: each level is a volume that must be opened.
pub(crate) const FORK_DEPTH_MAX: usize = 64;
/// What a file occupies beyond its length may be the file system's affair up to this.
const RESERVED_LEAST: u64 = 64 << 10;

/// Tells the settings of a volume by its name.
pub type SettingsOf = Box<dyn Fn(&str) -> Settings + Send + Sync>;
/// Makes up 16 bytes that nobody can guess.
pub type RandomBytes = Box<dyn Fn() -> [u8; 16] + Send + Sync>;

/// All volumes of a data folder.
pub struct Store {
    pub(crate) directory: Arc<dyn Directory>,
    settings: SettingsOf,
    random: RandomBytes,
    pub(crate) open: Mutex<BTreeMap<String, Arc<Volume>>>,
    doorbell: Arc<Doorbell>,
    /// Nothing is opened any more: a second instance would write beside one that is being closed.
    closed: AtomicBool,
}

/// What `repair` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// Batches that can't be read and were passed over, oldest first.
    pub lost: Vec<LostBatches>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a data folder, whose lock the caller holds. `random` must be unpredictable for whoever writes to the
    /// disks: forged structures inside a disk's blocks are told from real ones by numbers derived from it.
    #[must_use]
    pub fn open(directory: Arc<dyn Directory>, settings: SettingsOf, random: RandomBytes) -> Arc<Self> {
        let store = Self {
            directory,
            settings,
            random,
            open: Mutex::default(),
            doorbell: Arc::default(),
            closed: AtomicBool::new(false),
        };
        store.clear_leftovers();
        Arc::new(store)
    }

    /// Rung when a volume's background work can't wait for its turn.
    #[must_use]
    pub fn doorbell(&self) -> &Arc<Doorbell> {
        &self.doorbell
    }

    /// The names of all volumes, sorted.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let mut names = self
            .directory
            .list()
            .map_err(|source| file_error("list", ".", source))?;
        names.retain(|name| check_name(name).is_ok() && self.is_volume(name));
        names.sort();
        Ok(names)
    }

    /// Removes what interrupted creations and deletions left: directories of our files without the one that makes
    /// them a volume. What can't be removed only takes up space.
    fn clear_leftovers(&self) {
        let names = self.directory.list().unwrap_or_default();
        for name in names.iter().filter(|name| check_name(name).is_ok()) {
            let Ok(directory) = self.directory.subdirectory(name) else {
                continue;
            };
            let Ok(files) = directory.list() else { continue };
            if files.iter().all(|file| is_our_file(file)) && clear(&*directory).is_ok() {
                let _ = self.directory.remove_subdirectory(name);
            }
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }

    pub(crate) fn is_volume(&self, name: &str) -> bool {
        self.directory
            .subdirectory(name)
            .is_ok_and(|directory| directory.open(VOLUME_FILE).is_ok())
    }

    /// Creates a volume of `size_bytes`, empty.
    pub fn create(&self, name: &str, size_bytes: u64, now: Timestamp) -> Result<Arc<Volume>, Error> {
        check_size(size_bytes)?;
        let mut open = lock(&self.open);
        self.check_open()?;
        let file = VolumeFile {
            version: VolumeVersion::Two,
            id: (self.random)(),
            created: now,
            first_segment: Segment(0),
            parent: None,
        };
        let directory = self.make_directory(name)?;
        let segments = Segments::list(Arc::clone(&directory), file.id, file.first_segment, None)?;
        let state = first_state(&file, size_bytes, Entry::NEVER);
        let volume = self.begin(name, file, segments, state, None)?;
        open.insert(name.to_owned(), Arc::clone(&volume));
        Ok(volume)
    }

    /// Makes a writable volume that starts at `moment` of `source` and shares its segments. A pin named
    /// `fork.<name>` keeps that moment as long as the fork exists.
    pub fn fork(&self, source: &str, moment: &Moment, name: &str, now: Timestamp) -> Result<Arc<Volume>, Error> {
        self.fork_with_sidecar(source, moment, name, None, now)
    }

    /// The same with a sidecar that is there as soon as the fork is, whatever is cut off: a mark that no fork lacks. It
    /// must not be longer than [`crate::SIDECAR_BYTES_MAX`].
    pub fn fork_with_sidecar(
        &self,
        source: &str,
        moment: &Moment,
        name: &str,
        sidecar: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Arc<Volume>, Error> {
        check_name(name)?;
        let mut open = lock(&self.open);
        let parent = self.open_locked(&mut open, source, now, FORK_DEPTH_MAX)?;
        let directory = self.make_directory(name)?;
        let pin_name = fork_pin(name)?;
        let pin = parent.pin_for(&pin_name, Some(moment), Some(name), now)?;
        // The end of a log that rotted can't be told from one that a crash cut off. Should the pin be in it, the parent
        // would drop what the fork needs: so something flushed later has to prove that the pin was.
        let proven = parent.checkpoint(now);
        let marked = proven.and_then(|()| sidecar.map_or(Ok(()), |bytes| write_sidecar_in(&*directory, bytes)));
        let begun = marked.and_then(|()| self.begin_fork(name, &parent, &pin, directory, now));
        match begun {
            Ok(volume) => {
                open.insert(name.to_owned(), Arc::clone(&volume));
                Ok(volume)
            }
            Err(error) => {
                self.abandon_fork(name, &parent, now);
                Err(error)
            }
        }
    }

    /// Takes back a fork that failed. The fork's failure is what the caller must know; where this fails too, the pin
    /// stays until the next start finds that there is no such fork.
    fn abandon_fork(&self, name: &str, parent: &Volume, now: Timestamp) {
        let Ok(directory) = self.directory.subdirectory(name) else {
            return;
        };
        let gone = match directory.remove(VOLUME_FILE) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => directory.sync(),
        };
        if gone.is_ok() {
            let _ = parent.release_fork(name, now);
        }
    }

    fn begin_fork(
        &self,
        name: &str,
        parent: &Arc<Volume>,
        pin: &Pin,
        directory: Arc<dyn Directory>,
        now: Timestamp,
    ) -> Result<Arc<Volume>, Error> {
        let first_segment = Segment(parent.log.peek().active_segment().0 + 1);
        let parent_file = Parent {
            name: parent.name.clone(),
            id: parent.file.id,
        };
        let file = VolumeFile {
            version: VolumeVersion::Two,
            id: (self.random)(),
            created: now,
            first_segment,
            parent: Some(parent_file),
        };
        let segments = Segments::list(directory, file.id, first_segment, Some(Arc::clone(&parent.segments)))?;
        let state = first_state(&file, pin.size_bytes, pin.root);
        self.begin(name, file, segments, state, Some(Arc::clone(parent)))
    }

    /// An empty directory for a new volume.
    fn make_directory(&self, name: &str) -> Result<Arc<dyn Directory>, Error> {
        check_name(name)?;
        if self.is_volume(name) {
            return Err(Error::VolumeExists(name.to_owned()));
        }
        let error = |source| file_error("create", name, source);
        match self.directory.subdirectory(name) {
            Ok(directory) => {
                clear(&*directory)?;
                Ok(directory)
            }
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                self.directory.create_subdirectory(name).map_err(error)
            }
            Err(other) => Err(error(other)),
        }
    }

    /// Writes a new volume's first segment, then the file that makes the directory a volume.
    fn begin(
        &self,
        name: &str,
        file: VolumeFile,
        segments: Segments,
        state: Checkpoint,
        parent: Option<Arc<Volume>>,
    ) -> Result<Arc<Volume>, Error> {
        let settings = (self.settings)(name);
        let start = LogStart {
            volume: file.id,
            capacity: settings.capacity_for(state.size_bytes),
            segment: file.first_segment,
            next: Sequence(1),
            last_time: file.created,
            checkpoint: None,
            opened: file.created,
        };
        let segments = Arc::new(segments);
        let mut appender = Appender::new(Arc::clone(&segments), &start, None, settings.budget_bytes);
        let payload = state.encode();
        let record = checkpoint_record(&payload, CHECKPOINT_ESSENTIAL, 0);
        let appended = appender.append(Purpose::Control, &[record], &[&padded(payload)], file.created)?;
        let reference = CheckpointRef {
            location: appended.payload,
            length: record.payload_length,
            crc: record.crc,
            sequence: appended.sequence,
        };
        appender.durable = Sequence(0);
        let mut chain = Chain::open(segments.directory(), &file.id)?;
        chain.keep_space_ready();
        let control = Control {
            state,
            reference,
            chain,
            sweep: Sweep::default(),
        };
        let volume = assemble(
            name,
            file,
            parent,
            segments,
            appender,
            control,
            (Delta::default(), 0),
            settings,
            Arc::clone(&self.doorbell),
        );
        volume.log.flush()?;
        volume.log.peek().durable_checkpoint = Some(reference);
        write_volume_file(&**volume.segments.directory(), &volume.file)?;
        self.sync()?;
        Ok(Arc::new(volume))
    }

    /// A volume, opened (with recovery, if need be) if it isn't open.
    pub fn volume(&self, name: &str, now: Timestamp) -> Result<Arc<Volume>, Error> {
        self.open_locked(&mut lock(&self.open), name, now, FORK_DEPTH_MAX)
    }

    /// Whether a volume is open, and the volume.
    #[must_use]
    pub fn opened(&self, name: &str) -> Option<Arc<Volume>> {
        lock(&self.open).get(name).cloned()
    }

    pub(crate) fn open_locked(
        &self,
        open: &mut BTreeMap<String, Arc<Volume>>,
        name: &str,
        now: Timestamp,
        depth: usize,
    ) -> Result<Arc<Volume>, Error> {
        if let Some(volume) = open.get(name) {
            return Ok(Arc::clone(volume));
        }
        let (volume, _) = self.open_from_disk(open, name, now, depth, OnDamage::Stop)?;
        open.insert(name.to_owned(), Arc::clone(&volume));
        Ok(volume)
    }

    fn open_from_disk(
        &self,
        open: &mut BTreeMap<String, Arc<Volume>>,
        name: &str,
        now: Timestamp,
        depth: usize,
        on_damage: OnDamage,
    ) -> Result<(Arc<Volume>, RepairReport), Error> {
        self.check_open()?;
        check_name(name)?;
        let directory = self
            .directory
            .subdirectory(name)
            .map_err(|source| no_volume(name, source))?;
        let file = read_volume_file(&*directory, name)?;
        let parent = match &file.parent {
            Some(_) if depth == 0 => return Err(bad_volume_file(name, "too many forks of forks")),
            Some(parent) => Some(self.open_parent(open, name, parent, now, depth)?),
            None => None,
        };
        // A volume that is used must not vanish because its creation was cut off before this.
        self.sync()?;
        let found = self.recover(name, directory, file, parent, now, on_damage);
        let (volume, report) = found.map_err(|error| name_volume(name, error))?;
        self.release_missing_forks(&volume, now)?;
        Ok((Arc::new(volume), report))
    }

    /// Reads a volume's log and goes on behind its end.
    fn recover(
        &self,
        name: &str,
        directory: Arc<dyn Directory>,
        file: VolumeFile,
        parent: Option<Arc<Volume>>,
        now: Timestamp,
        on_damage: OnDamage,
    ) -> Result<(Volume, RepairReport), Error> {
        remove_leftovers(&*directory)?;
        let shared = parent.as_ref().map(|parent| Arc::clone(&parent.segments));
        let segments = Arc::new(Segments::list(directory, file.id, file.first_segment, shared)?);
        let mut recovered = recover(&segments, &file.id, on_damage)?;
        let lost = std::mem::take(&mut recovered.lost);
        // A disk that refuses this has a whole copy still.
        let _ = mend_volume_file(&**segments.directory(), &file);
        let volume = self.resume(name, file, parent, segments, recovered, now)?;
        Ok((volume, RepairReport { lost }))
    }

    /// The volume that `fork` shares segments with. What keeps it from opening is its own damage, not the fork's.
    fn open_parent(
        &self,
        open: &mut BTreeMap<String, Arc<Volume>>,
        fork: &str,
        parent: &Parent,
        now: Timestamp,
        depth: usize,
    ) -> Result<Arc<Volume>, Error> {
        let opened = self.open_locked(open, &parent.name, now, depth - 1);
        let volume = opened.map_err(|source| match source {
            named @ Error::ParentUnusable { .. } => named,
            source => Error::ParentUnusable {
                parent: parent.name.clone(),
                source: Box::new(source),
            },
        })?;
        if volume.file.id != parent.id {
            let reason = "the volume it was forked from is gone; another has its name";
            return Err(bad_volume_file(fork, reason));
        }
        Ok(volume)
    }

    fn sync(&self) -> Result<(), Error> {
        self.directory.sync().map_err(|source| file_error("sync", ".", source))
    }

    /// Puts a volume together from what recovery found. The log goes on in a new segment, which the first append begins.
    fn resume(
        &self,
        name: &str,
        file: VolumeFile,
        parent: Option<Arc<Volume>>,
        segments: Arc<Segments>,
        recovered: Recovered,
        now: Timestamp,
    ) -> Result<Volume, Error> {
        let settings = (self.settings)(name);
        let capacity = settings.capacity_for(recovered.replay.state.size_bytes);
        let start = recovered.log_start(file.id, capacity, now);
        let last = segments.open(Segment(start.segment.0 - 1))?;
        give_back_if_cut(&segments, &last);
        let known = last.header.checkpoint;
        let appender = Appender::new(Arc::clone(&segments), &start, known, settings.budget_bytes);
        let chain = Chain::open(segments.directory(), &file.id)?;
        let delta = recovered.replay.delta();
        let written = recovered.replay.written();
        let sweep = Sweep::resumed(&recovered.replay);
        let (state, reference) = (recovered.replay.state, recovered.replay.reference);
        let control = Control {
            state,
            reference,
            chain,
            sweep,
        };
        let doorbell = Arc::clone(&self.doorbell);
        let volume = assemble(
            name, file, parent, segments, appender, control, delta, settings, doorbell,
        );
        volume.written_since_checkpoint.store(written, Ordering::Relaxed);
        Ok(volume)
    }

    /// A crash while forking may have left a pin without a fork.
    fn release_missing_forks(&self, volume: &Volume, now: Timestamp) -> Result<(), Error> {
        for fork in volume.pins().into_iter().filter_map(|pin| pin.fork) {
            let mine = self.directory.subdirectory(&fork).ok().and_then(|directory| {
                let file = read_volume_file(&*directory, &fork).ok()?;
                file.parent.map(|parent| parent.id == volume.file.id)
            });
            let exists = self.is_volume(&fork);
            // A fork whose file can't be read is still a fork.
            if !exists || mine == Some(false) {
                // Only what is durably gone may lose its start.
                let error = |source| file_error("sync", &fork, source);
                if let Ok(directory) = self.directory.subdirectory(&fork) {
                    directory.sync().map_err(error)?;
                }
                self.directory.sync().map_err(error)?;
                match volume.release_fork(&fork, now) {
                    // On a full disk the pin stays until the next start.
                    Ok(()) | Err(Error::NoSpace(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Writes a last checkpoint of every open volume and closes all. Reports the first failure, but tries all.
    pub fn close(&self, now: Timestamp) -> Result<(), Error> {
        let mut open = lock(&self.open);
        self.closed.store(true, Ordering::Release);
        let volumes = std::mem::take(&mut *open);
        drop(open);
        let closed = volumes.values().map(|volume| volume.close(now)).collect::<Vec<_>>();
        closed.into_iter().collect()
    }

    /// Opens a volume from disk again after a failed write or sync. Attachments made before stay unusable. Forks go
    /// on reading what they share through the old instance.
    pub fn reopen(&self, name: &str, now: Timestamp) -> Result<Arc<Volume>, Error> {
        let mut open = lock(&self.open);
        if let Some(old) = open.remove(name) {
            // Whoever still holds it must not append beside the new instance.
            old.log.poison();
            // Whoever was in the middle of an append is done now, and whoever rewrote a segment: it must not be put in
            // the place of one that the new instance wrote.
            drop(old.log.peek());
            drop(lock(&old.control));
        }
        self.open_locked(&mut open, name, now, FORK_DEPTH_MAX)
    }

    /// Opens a volume whose log is damaged ([`Error::DamagedLog`]), passing over what can't be read.
    pub fn repair(&self, name: &str, now: Timestamp) -> Result<RepairReport, Error> {
        let mut open = lock(&self.open);
        if open.contains_key(name) {
            return Ok(RepairReport::default());
        }
        let (volume, found) = self.open_from_disk(&mut open, name, now, FORK_DEPTH_MAX, OnDamage::PassOver)?;
        volume.note_repair(now)?;
        open.insert(name.to_owned(), volume);
        Ok(found)
    }
}

/// Frees what was reserved behind the end of a log that a crash cut off. If that fails, only space is lost. A segment
/// that has nothing to give isn't touched: evidence stays as it was found.
fn give_back_if_cut(segments: &Segments, last: &OpenSegment) {
    let occupied = last.file.allocated_bytes().unwrap_or(0);
    let has_more = occupied > last.file.length().unwrap_or(u64::MAX).saturating_add(RESERVED_LEAST);
    // A seal that is held will need the space.
    if has_more
        && !segments.is_seal_held(last.id)
        && let Ok(bytes) = give_back_reserved(&*last.file)
    {
        segments.note(last.id, bytes);
    }
}

/// The pin that keeps a fork's start.
fn fork_pin(fork: &str) -> Result<String, Error> {
    check_name(fork)?;
    let name = format!("fork.{fork}");
    check_name(&name).map_err(|_| Error::ForkNameTooLong(fork.to_owned()))?;
    Ok(name)
}

fn first_state(file: &VolumeFile, size_bytes: u64, root: Entry) -> Checkpoint {
    Checkpoint {
        as_of: Sequence(1),
        time: file.created,
        replay_from: LogPosition {
            segment: file.first_segment,
            slot: Slot(0),
        },
        root,
        size_bytes,
        epoch: 0,
        cause: Cause::Created,
        horizon: Horizon {
            sequence: Sequence(1),
            time: file.created,
            checkpoint: None,
        },
        pins: Vec::new(),
        rollbacks: Vec::new(),
    }
}

#[expect(clippy::too_many_arguments, reason = "the one place where a volume is put together")]
fn assemble(
    name: &str,
    file: VolumeFile,
    parent: Option<Arc<Volume>>,
    segments: Arc<Segments>,
    appender: Appender,
    control: Control,
    (delta, records): (Delta, u64),
    settings: Settings,
    doorbell: Arc<Doorbell>,
) -> Volume {
    Volume {
        name: name.to_owned(),
        file,
        parent,
        nodes: Arc::new(Nodes::new(Arc::clone(&segments), settings.map_cache_bytes / 2)),
        segments,
        batch_bytes_max: appender.payload_bytes_max(),
        log: Log::new(appender),
        map: RwLock::new(LiveMap {
            root: control.state.root,
            frozen: None,
            delta,
        }),
        size_bytes: AtomicU64::new(control.state.size_bytes),
        epoch: AtomicU64::new(control.state.epoch),
        control: Mutex::new(control),
        settings: RwLock::new(settings),
        records_since_checkpoint: AtomicU64::new(records),
        written_since_checkpoint: AtomicU64::new(0),
        client_batches: AtomicU64::new(0),
        doorbell,
        has_rung: AtomicBool::new(false),
        holds: Mutex::default(),
    }
}

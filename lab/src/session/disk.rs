//! The disk of a session: made, or forked from one that was prepared, and kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use volume::{
    BLOCK_BYTES, Clock as _, Error, FolderLock, Moment, OsDirectory, Settings, Store, Timestamp, Volume, os_random,
};

use super::clock::LabClock;
use crate::Failure;

/// History is what the lab studies: none of it expires, whatever leaps the clock makes.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);
/// Length of a round of background work, and what it may move.
const ROUND: Duration = Duration::from_secs(1);
const ROUND_BYTES: u64 = 64 << 20;
/// How long threads that served a volume may take to let go of it.
const RELEASE_PATIENCE: Duration = Duration::from_secs(5);

/// How sizes are written.
pub const SIZE_HELP: &str = "a number of bytes, or with K, M, G or T behind it, of powers of 1024";

/// A volume in a folder, open and kept.
pub struct Disk {
    store: Arc<Store>,
    volume: Arc<Volume>,
    clock: Arc<LabClock>,
    keeper: Keeper,
    _lock: FolderLock,
}

/// What is to be opened.
pub struct Wanted {
    /// Its name.
    pub volume: String,
    /// Its size in bytes, if it has to be made.
    pub size_bytes: Option<u64>,
    /// The volume that it is to be forked from.
    pub base: Option<String>,
}

impl Disk {
    /// Opens the volume, making or forking it first if need be.
    pub fn open(folder: &Path, wanted: &Wanted, clock: Arc<LabClock>) -> Result<Self, Failure> {
        let data = folder.join("data");
        std::fs::create_dir_all(&data)?;
        let lock = FolderLock::acquire(&folder.join("lock")).map_err(|error| {
            format!(
                "`{}` can't be locked: {error}; does another session use it?",
                folder.display()
            )
        })?;
        let settings = Settings {
            retention: FOREVER,
            retention_floor: FOREVER,
            compress_after: FOREVER,
            ..Settings::default()
        };
        let directory = Arc::new(OsDirectory::open(&data)?);
        let store = Store::open(directory, Box::new(move |_| settings.clone()), Box::new(os_random));
        let volume = open_volume(&store, wanted, &clock)?;
        let keeper = Keeper::start(&store, &volume, &clock)?;
        Ok(Self {
            store,
            volume,
            clock,
            keeper,
            _lock: lock,
        })
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// The clock that its times come from.
    #[must_use]
    pub fn clock(&self) -> &Arc<LabClock> {
        &self.clock
    }

    /// The store that the volume is in.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Ends background work and closes; a volume that isn't wanted any more is deleted.
    pub fn close(self, is_discarded: bool) -> Result<(), Failure> {
        self.keeper.stop();
        let name = self.volume.name().to_owned();
        drop(self.volume);
        if is_discarded {
            delete(&self.store, &name, self.clock.now())?;
        }
        self.store.close(self.clock.now())?;
        self.clock.save()?;
        Ok(())
    }
}

/// Deletes a volume as soon as the last thread that served it has let go of it.
fn delete(store: &Store, name: &str, now: Timestamp) -> Result<(), Error> {
    let since = Instant::now();
    loop {
        match store.delete(name, now) {
            Err(Error::VolumeInUse(_)) if since.elapsed() < RELEASE_PATIENCE => {
                std::thread::sleep(Duration::from_millis(10))
            }
            other => return other,
        }
    }
}

fn open_volume(store: &Store, wanted: &Wanted, clock: &LabClock) -> Result<Arc<Volume>, Failure> {
    let (name, now) = (&wanted.volume, clock.now());
    if let Some(base) = &wanted.base {
        let newest = store.volume(base, now)?.newest();
        return Ok(store.fork(base, &Moment::After(newest.sequence), name, now)?);
    }
    if store.names()?.contains(name) {
        return Ok(store.volume(name, now)?);
    }
    let size_bytes = wanted.size_bytes.ok_or_else(|| {
        format!("there is no volume `{name}`: give --size to make one, or --fork to make it of another")
    })?;
    Ok(store.create(name, size_bytes, now)?)
}

/// Background work of the volume, on a thread.
struct Keeper {
    store: Arc<Store>,
    is_stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keeper {
    fn start(store: &Arc<Store>, volume: &Arc<Volume>, clock: &Arc<LabClock>) -> Result<Self, Failure> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (bell, stopping) = (Arc::clone(store.doorbell()), Arc::clone(&is_stopping));
        let (volume, clock) = (Arc::clone(volume), Arc::clone(clock));
        let thread = std::thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            while !stopping.load(Ordering::Acquire) {
                let rung = bell.wait(ROUND);
                let budget = if rung { 0 } else { ROUND_BYTES };
                // What fails here fails for the client too, who tells.
                let _ = volume.maintain(clock.now(), budget);
                // Should this fail, the next session's clock might begin a little earlier than this one's ended, but
                // not before the volume's newest moment.
                let _ = clock.save();
            }
        })?;
        Ok(Self {
            store: Arc::clone(store),
            is_stopping,
            thread,
        })
    }

    fn stop(self) {
        self.is_stopping.store(true, Ordering::Release);
        self.store.doorbell().ring();
        // A thread that panicked has stopped too.
        let _ = self.thread.join();
    }
}

/// A size as people write it: see [`SIZE_HELP`]. A multiple of 4096, as disks are.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (text.split_at(text.len() - 1).0, 10),
        Some(b'M' | b'm') => (text.split_at(text.len() - 1).0, 20),
        Some(b'G' | b'g') => (text.split_at(text.len() - 1).0, 30),
        Some(b'T' | b't') => (text.split_at(text.len() - 1).0, 40),
        _ => (text, 0),
    };
    let size = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift));
    match size {
        Some(size) if size > 0 && size.is_multiple_of(BLOCK_BYTES as u64) => Ok(size),
        Some(_) => Err("a disk's size is a multiple of 4096 bytes".to_owned()),
        None => Err(format!("expected {SIZE_HELP}")),
    }
}

/// Where a session's socket is.
#[must_use]
pub(super) fn socket(folder: &Path) -> PathBuf {
    folder.join("nbd.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("1G"), Ok(1 << 30));
        assert_eq!(parse_size("64m"), Ok(64 << 20));
        for bad in ["", "0", "1000", "G", "-1G", "99999999999T", "1.5G"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}

//! The scratch disk: a volume in the scratch folder, served over NBD as `holdfast up` serves it.

use std::cell::RefCell;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use guard::{Fence, Guard, SharedModel, StatusState, Uptime};
use nbd::{ExportInfo, ExportProvider, LateRequests, OpenError, OpenedExport, Server};
use volume::{Clock, Device, Directory, Moment, OsDirectory, Sequence, Settings, Store, Timestamp, Volume, os_random};

use super::cache::Cache;
use super::client::Client;
use super::clock::DemoClock;
use super::meter::Meter;
use crate::failure::Failure;

/// The volume's name.
pub(super) const NAME: &str = "disk";
/// Its size: enough for FAT32 with clusters of 4 KiB, which takes more than 256 MiB. What the demo writes lies in the first
/// half.
pub(super) const SIZE_BYTES: u64 = 320 << 20;
/// Smaller segments than usual: a segment's space is reserved when it is begun.
const SEGMENT_BYTES: u32 = 16 << 20;
/// How long connections may take to finish their requests.
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// How the guard sees the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Watch {
    pub(super) is_bookmarked: bool,
    pub(super) is_fenced: bool,
    /// In per cent of what fences.
    pub(super) suspicion_percent: u32,
    /// Episodes of suspicion so far.
    pub(super) bookmarks: u64,
    pub(super) reasons: Vec<String>,
}

/// A moment that the disk was returned to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returned {
    pub(super) time: Timestamp,
    pub(super) sequence: Sequence,
}

/// The scratch disk.
pub(super) struct ScratchDisk {
    volume: Arc<Volume>,
    guard: Arc<Guard>,
    clock: Arc<DemoClock>,
    server: Server,
    meter: Rc<RefCell<Meter>>,
}

impl ScratchDisk {
    /// Makes the disk in a folder and serves it.
    pub(super) fn make(folder: &Path) -> Result<Self, Failure> {
        let directory = OsDirectory::open(folder).map_err(|error| Failure::io("open the scratch folder", &error))?;
        let settings = Settings {
            segment_bytes: SEGMENT_BYTES,
            ..Settings::default()
        };
        let settings_of = move |_: &str| settings.clone();
        let directory: Arc<dyn Directory> = Arc::new(directory);
        let store = Store::open(directory, Box::new(settings_of), Box::new(os_random));
        let clock = Arc::new(DemoClock::start());
        let volume = store
            .create(NAME, SIZE_BYTES, clock.now())
            .map_err(|error| failed("make the scratch disk", &error))?;
        let guard = Guard::open(
            &store,
            Arc::clone(&volume),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&clock) as Arc<dyn Uptime>,
            SharedModel::shipped(),
            guard::Settings {
                enabled: true,
                fence: Fence::Refuse,
            },
            Arc::new(Unheard),
        );
        let exports = Exports(Arc::clone(&guard));
        let server = Server::new(Arc::new(exports), Arc::new(()), nbd::Settings::default());
        let server = server.map_err(|error| Failure::new(crate::failure::FailureCode::Failure, error.to_string()))?;
        Ok(Self {
            volume,
            guard,
            clock,
            server,
            meter: Rc::new(RefCell::new(Meter::new(SIZE_BYTES))),
        })
    }

    /// Connects a client, with a cache of its own.
    pub(super) fn connect(&self) -> Result<Cache, Failure> {
        let failed = |error: std::io::Error| Failure::io("connect to the scratch disk", &error);
        let (here, there) = UnixStream::pair().map_err(failed)?;
        self.server.serve(there);
        let client = Client::new(here, NAME).map_err(failed)?;
        Ok(Cache::new(client, Rc::clone(&self.meter)))
    }

    pub(super) fn clock(&self) -> &DemoClock {
        &self.clock
    }

    pub(super) fn meter(&self) -> &Rc<RefCell<Meter>> {
        &self.meter
    }

    /// What the daemon does about once a second.
    pub(super) fn tick(&self) {
        self.guard.tick();
    }

    /// How the guard sees the disk now.
    pub(super) fn watch(&self) -> Watch {
        let status = self.guard.status();
        Watch {
            is_bookmarked: status.state == StatusState::Bookmarked,
            is_fenced: status.state == StatusState::Fenced,
            suspicion_percent: status.suspicion_percent,
            bookmarks: status.counts.bookmarks,
            reasons: status.reasons,
        }
    }

    /// The newest moment.
    pub(super) fn newest(&self) -> Returned {
        let newest = self.volume.newest();
        Returned {
            time: newest.time,
            sequence: newest.sequence,
        }
    }

    /// Returns the disk to the moment before the attack, as `holdfast restore --before-attack` does; where the guard knows
    /// none, to `otherwise`.
    pub(super) fn restore(&self, otherwise: Returned) -> Result<Returned, Failure> {
        let known = self.guard.before_attack().map(|point| Returned {
            time: point.time,
            sequence: Sequence(point.sequence),
        });
        let target = known.unwrap_or(otherwise);
        self.volume
            .rollback(&Moment::After(target.sequence), self.clock.now())
            .map_err(|error| failed("restore the scratch disk", &error))?;
        self.guard.rolled_back();
        Ok(target)
    }

    /// Stops serving.
    pub(super) fn close(&self) {
        self.server.drain(DRAIN_PATIENCE, LateRequests::Refuse);
    }
}

fn failed(what: &str, error: &volume::Error) -> Failure {
    Failure::new(crate::failure::FailureCode::Failure, format!("{what}: {error}"))
}

/// What the guard tells is read from its status instead.
struct Unheard;

impl guard::Events for Unheard {
    fn note(&self, _: &guard::Event) {}
}

/// The one export.
struct Exports(Arc<Guard>);

impl ExportProvider for Exports {
    fn list(&self) -> Vec<ExportInfo> {
        vec![ExportInfo {
            name: NAME.to_owned(),
            description: "the scratch disk".to_owned(),
        }]
    }

    fn open(&self, name: &str) -> Result<OpenedExport, OpenError> {
        if name != NAME {
            return Err(OpenError::Unknown(format!("there is only `{NAME}`")));
        }
        let device: Arc<dyn Device> = Arc::new(self.0.attach());
        Ok(OpenedExport {
            device,
            name: NAME.to_owned(),
            description: "the scratch disk".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::files::Files;
    use std::io::ErrorKind;

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    #[test]
    fn what_was_synced_is_there_for_the_next_client_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let disk = ScratchDisk::make(folder.path()).unwrap();
        let files = Files::format_and_mount(disk.connect().unwrap()).unwrap();
        files.write("a/b/large", &content(3_000_000)).unwrap();
        files.write("a/small", b"x").unwrap();
        files.sync().unwrap();
        files.write("a/late", b"y").unwrap();
        drop(files);
        let files = Files::mount(disk.connect().unwrap()).unwrap();
        assert_eq!(files.read("a/b/large").unwrap(), content(3_000_000));
        let mut paths = files.paths().unwrap();
        paths.sort();
        assert_eq!(paths, ["a/b/large", "a/small"]);
    }

    #[test]
    fn a_change_in_place_changes_every_byte_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let disk = ScratchDisk::make(folder.path()).unwrap();
        let files = Files::format_and_mount(disk.connect().unwrap()).unwrap();
        files.write("file", &content(200_001)).unwrap();
        files.sync().unwrap();
        let before = disk.meter().borrow().counts;
        let changed = files.change_in_place("file", |piece| piece.iter_mut().for_each(|byte| *byte = !*byte));
        assert_eq!(changed.unwrap(), 200_001);
        files.sync().unwrap();
        let expected: Vec<u8> = content(200_001).iter().map(|byte| !*byte).collect();
        assert_eq!(files.read("file").unwrap(), expected);
        let written = disk.meter().borrow().counts.written - before.written;
        // The file's 49 blocks, that of its folder, and what tells that the file system is in use.
        assert!((49..=53).contains(&(written / 4096)), "{} blocks", written / 4096);
    }

    #[test]
    fn a_client_that_was_refused_once_is_told_at_every_write() {
        let folder = tempfile::tempdir().unwrap();
        let disk = ScratchDisk::make(folder.path()).unwrap();
        let files = Files::format_and_mount(disk.connect().unwrap()).unwrap();
        files.write("file", b"before").unwrap();
        files.sync().unwrap();
        // After a restore, clients from before are refused.
        disk.restore(disk.newest()).unwrap();
        files.write("file", b"after").unwrap();
        assert_eq!(files.sync().unwrap_err().kind(), ErrorKind::PermissionDenied);
        let error = files.write("other", b"more").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        let files = Files::mount(disk.connect().unwrap()).unwrap();
        assert_eq!(files.read("file").unwrap(), b"before");
        files.write("file", b"again").unwrap();
        files.sync().unwrap();
    }
}

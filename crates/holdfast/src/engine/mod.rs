//! The engine carries requests out, on behalf of the daemon or of a command that works on the data folder itself.
//!
//! Invariant: an engine holds the lock on its data folder as long as it lives.

mod damage;
mod drills;
mod failures;
pub mod gate;
mod guards;
mod history;
mod images;
mod imports;
mod kept;
mod ledger;
mod moments;
pub mod policies;
mod space;
mod threat;
mod volumes;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use respond::Actor;
use respond::policy::Policies;
use volume::{Clock, Doorbell, FolderLock, Moment, NoSpace, OsDirectory, Store, Timestamp, View, Volume, os_random};

use crate::clock::SteadyClock;
use crate::config::{Config, VolumeSettings};
use crate::control::{DaemonReport, Execute, LogsReport, Progress, Request, Response, StatusReport};
use crate::drills::Drills;
use crate::failure::Failure;
use crate::guards::Guards;
use crate::past::LocalPast;

pub(crate) use failures::failure as volume_failure;

pub use drills::DrillOrder;
pub(crate) use guards::is_diverted_name;
pub use threat::Asked;

/// The lock's name in the data folder.
pub const LOCK_NAME: &str = "lock";
/// The folder of the volumes in the data folder.
pub const VOLUMES_NAME: &str = "volumes";

/// Stands in a hint for the name of whichever volume it was.
const ANY_VOLUME: &str = "VOLUME";

/// What only a daemon knows.
pub trait DaemonFacts: Send + Sync {
    /// The daemon and its clients.
    fn report(&self) -> DaemonReport;
    /// Whether it serves disks: not any more once it stops.
    fn serves(&self) -> bool;
}

/// Why an engine can't be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process holds the lock.
    InUse,
    /// Something else.
    Failed(Failure),
}

/// A data folder in use by this process.
pub struct Engine {
    data: PathBuf,
    store: Arc<Store>,
    clock: Arc<SteadyClock>,
    config: Arc<RwLock<Config>>,
    daemon: OnceLock<Arc<dyn DaemonFacts>>,
    refusals: space::Refusals,
    imports: imports::Imports,
    damaged: damage::Damaged,
    guards: Guards,
    drills: Drills,
    /// What of the configuration was held back when the data folder was opened.
    held_back: Mutex<Vec<String>>,
    /// The thread that reads logs.
    reader: threat::Reader,
    /// What it tells of them.
    logs: Mutex<Option<LogsReport>>,
    _lock: FolderLock,
}

impl Engine {
    /// Locks a data folder and opens its store.
    pub fn open(data: &Path, config: Config) -> Result<Arc<Self>, OpenError> {
        let path = data.join(LOCK_NAME);
        let lock = FolderLock::acquire(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse,
            _ => OpenError::Failed(Failure::io(format!("lock `{}`", path.display()), &error)),
        })?;
        let folder = data.join(VOLUMES_NAME);
        let directory = OsDirectory::open(&folder)
            .map_err(|error| OpenError::Failed(Failure::io(format!("open `{}`", folder.display()), &error)))?;
        let config = Arc::new(RwLock::new(config));
        let for_store = Arc::clone(&config);
        let settings = move |name: &str| volume_settings(read(&for_store).volume(name));
        let store = Store::open(Arc::new(directory), Box::new(settings), Box::new(os_random));
        let clock = Arc::new(SteadyClock::start());
        let guards = Guards::new(&store, &clock);
        guards.set_reads_kept(read(&config).guard.reads_kept_bytes);
        let engine = Arc::new(Self {
            data: data.to_owned(),
            guards,
            drills: Drills::new(data),
            store,
            clock,
            config,
            daemon: OnceLock::new(),
            refusals: space::Refusals::default(),
            imports: imports::Imports::default(),
            damaged: damage::Damaged::default(),
            held_back: Mutex::default(),
            reader: threat::Reader::default(),
            logs: Mutex::default(),
            _lock: lock,
        });
        // What is wrong with one is told by whoever reads them again; until then those that are built in protect.
        let config = read(&engine.config).clone();
        let (config, held_back) = engine.held_back(config);
        *engine.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        *engine.held_back.lock().unwrap_or_else(PoisonError::into_inner) = held_back;
        if engine.load_policies().is_err() {
            engine.apply_rules(&Policies::defaults());
        }
        Ok(engine)
    }

    /// The past of a volume, to be looked into.
    pub fn past(&self, name: &str) -> Result<LocalPast, Failure> {
        let volume = self.whole_volume(name)?;
        Ok(LocalPast::new(volume, Arc::clone(&self.store), Arc::clone(&self.clock)))
    }

    /// What of the configuration was held back when the data folder was opened, until it is approved. Told once.
    pub fn take_held_back(&self) -> Vec<String> {
        std::mem::take(&mut *self.held_back.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Makes what a daemon knows part of the reports.
    pub fn set_daemon(&self, facts: Arc<dyn DaemonFacts>) {
        // Only the daemon that made the engine calls this, once.
        let _ = self.daemon.set(facts);
    }

    /// Has the daemon that this is part of do what it does on SIGHUP.
    fn reload(&self) -> Result<Response, Failure> {
        let reloading = self.daemon.get().is_some();
        if reloading {
            signal_hook::low_level::raise(signal_hook::consts::SIGHUP)
                .map_err(|error| Failure::io("have the daemon read its configuration again", &error))?;
        }
        Ok(Response::Reloading { reloading })
    }

    /// Carries a request out that passed the gate.
    fn carry_out(
        &self,
        actor: &Actor,
        request: Request,
        file: Option<File>,
        progress: &mut dyn Progress,
    ) -> Result<Response, Failure> {
        match request {
            Request::Status => Ok(Response::Status(self.status()?)),
            Request::Create { name, size_bytes } => self.create(&name, size_bytes).map(Response::Volume),
            Request::List => self.list().map(Response::Volumes),
            Request::Show { name } => self.show(&name).map(Response::Volume),
            Request::Resize {
                name,
                size_bytes,
                shrink,
            } => self.resize(&name, size_bytes, shrink).map(Response::Volume),
            Request::Delete { name } => self.delete(&name),
            Request::Import { name, format } => self.import(&name, format, file, progress).map(Response::Copied),
            Request::Export { name, when, format } => self
                .export(&name, when.as_ref(), format, file, progress)
                .map(Response::Copied),
            Request::Verify { name } => self.verify(&name, progress).map(Response::Verified),
            Request::Repair { name } => self.repair(&name).map(Response::Repaired),
            Request::History {
                name,
                since,
                until,
                bucket_seconds,
            } => self
                .history(&name, since.as_ref(), until.as_ref(), bucket_seconds)
                .map(Response::History),
            Request::Pin { name, pin, when } => self.pin(&name, &pin, when.as_ref()).map(Response::Pinned),
            Request::Unpin { name, pin } => self.unpin(&name, &pin),
            Request::Fork { name, when, fork } => self.fork(&name, when.as_ref(), &fork).map(Response::Forked),
            Request::Restore { name, when } => self.restore(&name, &when).map(Response::Restored),
            Request::RestoreUndo { name } => self.restore_undo(&name).map(Response::Restored),
            Request::RestoreBeforeAttack { name } => self.restore_before_attack(&name).map(Response::Restored),
            Request::RestoreBlocks { name } => self.restore_blocks(&name, file).map(Response::Restored),
            Request::GuardStatus { name } => self.guard_status(name.as_deref()).map(Response::Guards),
            Request::GuardSet { name, fence, enabled } => self.guard_set(&name, fence, enabled).map(Response::Guards),
            Request::GuardRelease { name, diverted } => self.guard_release(&name, diverted).map(Response::Released),
            Request::Reload => self.reload(),
            Request::Marks(order) => self.marks(actor, order).map(Response::Marks),
            Request::Look { .. } => Err(Failure::refused("the past is looked into over a connection of its own")),
            Request::Drill { name, case, seed, all } => {
                let trigger = drill::Trigger::Command;
                let order = DrillOrder {
                    case,
                    seed,
                    all,
                    trigger,
                };
                let result = self.drill(&name, order, progress)?;
                Ok(Response::Drilled(Box::new(result)))
            }
            Request::Drills { name, results } => {
                let results = usize::try_from(results).unwrap_or(usize::MAX);
                self.drill_list(name.as_deref(), results).map(Response::Drills)
            }
            Request::GuardAnnounce { names, work } => self.guard_announce(&names, work.as_ref()).map(Response::Guards),
            Request::GuardFence { name, how, because } => self.guard_fence(&name, how, &because).map(Response::Guards),
            Request::GuardSensitivity { name, percent, seconds } => self
                .guard_sensitivity(name.as_deref(), percent, seconds)
                .map(Response::Guards),
        }
    }

    /// Checkpoints and closes all volumes. The guards of a daemon are closed before; those of a command have watched
    /// nothing, and what it changed about them is written down already. So is in the ledger what a command did.
    pub fn close(&self) -> Result<(), Failure> {
        if let Err(error) = self.front().take_in(crate::desk::time(self.now())) {
            self.front().note_problem(Some(error.to_string()));
        }
        self.store
            .close(self.now())
            .map_err(|error| failures::failure(ANY_VOLUME, &error))
    }

    /// Takes a new configuration; open volumes follow it at once. Returns what of it is held back until it is approved.
    pub fn set_config(&self, config: Config) -> Result<Vec<String>, Failure> {
        let (config, held_back) = self.held_back(config);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        self.refusals.clear();
        for name in self.names()? {
            if let Some(volume) = self.opened(&name) {
                volume.set_settings(volume_settings(read(&self.config).volume(&name)));
            }
        }
        self.configure_guards();
        self.refresh_policies();
        Ok(held_back)
    }

    /// Bytes that background work on a volume may move in a second.
    pub fn background_io_bytes(&self, name: &str) -> u64 {
        read(&self.config).volume(name).background_io_bytes
    }

    /// The clock that volumes are given.
    pub fn clock(&self) -> &Arc<SteadyClock> {
        &self.clock
    }

    /// The guards of the volumes.
    #[must_use]
    pub const fn guards(&self) -> &Guards {
        &self.guards
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// All volumes' names, sorted; without forks of drills.
    pub fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names = self
            .store
            .names()
            .map_err(|error| failures::failure(ANY_VOLUME, &error))?;
        names.retain(|name| !self.is_drill_fork(name));
        Ok(names)
    }

    /// A volume, opened if need be.
    pub fn volume(&self, name: &str) -> Result<Arc<Volume>, Failure> {
        self.store
            .volume(name, self.now())
            .map_err(|error| failures::failure(name, &error))
    }

    /// A moment of a volume, opened for reading.
    pub fn view(&self, volume: &Arc<Volume>, moment: &Moment) -> Result<View, Failure> {
        volume
            .view(moment)
            .map_err(|error| failures::failure(volume.name(), &error))
    }

    /// A client's write was refused for lack of space.
    pub fn note_refusal(&self, name: &str, why: NoSpace) {
        self.refusals.note(name, why);
    }

    /// Something of a volume was found to be damaged.
    pub fn note_damage(&self, name: &str) {
        self.damaged.note(name, true);
    }

    /// Why a volume refuses writes now, or refused one lately.
    pub fn refusal(&self, volume: &Volume) -> Option<NoSpace> {
        volume.status().refusing.or_else(|| self.refusals.lately(volume.name()))
    }

    /// A volume, if it is open.
    #[must_use]
    pub fn opened(&self, name: &str) -> Option<Arc<Volume>> {
        self.store.opened(name)
    }

    /// Rung when background work can't wait for its turn.
    pub fn doorbell(&self) -> &Arc<Doorbell> {
        self.store.doorbell()
    }

    /// Opens a volume again whose disk below failed. Returns the exports whose clients must connect anew.
    pub fn reopen(&self, name: &str) -> Result<Vec<String>, Failure> {
        let mut exports = vec![name.to_owned()];
        // Clients of a fenced disk may be using this one in its place.
        exports.extend(self.guards.diverting_to(name).map(|guard| guard.name().to_owned()));
        exports.iter().for_each(|export| self.guards.let_go(export));
        self.store
            .reopen(name, self.now())
            .map(|_| exports)
            .map_err(|error| failures::failure(name, &error))
    }

    fn status(&self) -> Result<StatusReport, Failure> {
        Ok(StatusReport {
            data: self.data.display().to_string(),
            daemon: self.daemon.get().map(|facts| facts.report()),
            incidents: self.open_incidents(),
            ledger_problem: self.front().trouble(),
            logs: self.logs(),
            volumes: self.list()?.volumes,
        })
    }

    /// Clients that use the live disk of a volume.
    #[must_use]
    pub fn clients_using(&self, name: &str) -> u64 {
        self.clients_of(name)
    }

    /// Clients that use the live disk of a volume.
    fn clients_of(&self, name: &str) -> u64 {
        let Some(facts) = self.daemon.get() else { return 0 };
        let report = facts.report();
        report
            .clients
            .iter()
            .filter(|client| client.export.as_deref() == Some(name))
            .count() as u64
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

impl Execute for Engine {
    fn execute(
        &self,
        actor: &Actor,
        request: Request,
        file: Option<File>,
        progress: &mut dyn Progress,
    ) -> Result<Response, Failure> {
        Self::execute(self, actor, request, file, progress)
    }

    fn past(&self, name: &str) -> Result<LocalPast, Failure> {
        Self::past(self, name)
    }
}

fn read(config: &RwLock<Config>) -> std::sync::RwLockReadGuard<'_, Config> {
    config.read().unwrap_or_else(PoisonError::into_inner)
}

/// The volume's settings from the configuration's.
fn volume_settings(settings: &VolumeSettings) -> volume::Settings {
    volume::Settings {
        retention: settings.retention,
        retention_floor: settings.retention_floor,
        budget_bytes: settings.budget_bytes,
        map_cache_bytes: usize::try_from(settings.map_cache_bytes).unwrap_or(usize::MAX),
        segment_bytes: u32::try_from(settings.segment_bytes).unwrap_or(u32::MAX),
        compress_after: settings.compress_after,
        compression_level: settings.compression_level,
        defragment_after: settings.defragment_after,
        defragment_percent: settings.defragment_percent,
        ..volume::Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_volume() {
        assert_eq!(volume_settings(&VolumeSettings::default()), volume::Settings::default());
    }
}

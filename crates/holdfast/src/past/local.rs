//! The past of a volume of this process: in the daemon, and in a command where no daemon runs.

use std::ops::ControlFlow;
use std::sync::Arc;

use answers::{Past, PastError, PastMoment, Reading};
use files::{Disk, ReadFailed};
use volume::{Change, Clock, Device, Moment, Sequence, Store, Timestamp, View, Volume, Wait};

use crate::clock::SteadyClock;
use crate::control::{Progress, Request, Response};
use crate::engine::{Engine, volume_failure};
use crate::failure::Failure;
use crate::when::When;

/// The past of a volume that this process has opened.
#[derive(Clone, Debug)]
pub struct LocalPast {
    volume: Arc<Volume>,
    /// Has what the guard wrote down beside the volume.
    store: Arc<Store>,
    clock: Arc<SteadyClock>,
}

impl LocalPast {
    pub(crate) const fn new(volume: Arc<Volume>, store: Arc<Store>, clock: Arc<SteadyClock>) -> Self {
        Self { volume, store, clock }
    }

    pub(crate) fn name(&self) -> &str {
        self.volume.name()
    }

    pub(crate) fn open_when(&self, when: &When) -> Result<PastMoment, Failure> {
        self.look(&when.resolve(self.clock.now())?)
    }

    fn look(&self, moment: &Moment) -> Result<PastMoment, Failure> {
        let view = self
            .volume
            .view(moment)
            .map_err(|error| volume_failure(self.name(), &error))?;
        Ok(PastMoment {
            sequence: view.sequence(),
            time: view.time(),
            disk: Arc::new(ViewDisk(view)),
        })
    }
}

impl Past for LocalPast {
    fn open(&self, moment: &Moment) -> Result<PastMoment, PastError> {
        Ok(self.look(moment)?)
    }

    fn changes(
        &self,
        from: Sequence,
        to: Sequence,
        visit: &mut dyn FnMut(&Change) -> ControlFlow<()>,
    ) -> Result<(), PastError> {
        let changes = self.volume.changes(from, to, visit);
        Ok(changes.map_err(|error| volume_failure(self.name(), &error))?)
    }

    fn readings(
        &self,
        from: Timestamp,
        to: Timestamp,
        visit: &mut dyn FnMut(&Reading) -> ControlFlow<()>,
    ) -> Result<Option<Timestamp>, PastError> {
        let since = guard::read_back(&self.store, self.name(), from, to, &mut |reading| {
            visit(&Reading {
                time: reading.time,
                first_block: reading.first_block,
                blocks: reading.blocks,
                grain_blocks: reading.grain_blocks,
            })
        });
        Ok(since.map_err(|error| volume_failure(self.name(), &error))?)
    }
}

/// An engine that a command opened for nothing but looking into the past, and closes again.
#[derive(Debug)]
pub struct Here {
    /// The past of the volume.
    pub(super) past: LocalPast,
    engine: Arc<Opened>,
}

/// Closes its engine when the last past of it is dropped.
#[derive(Debug)]
struct Opened(Arc<Engine>);

impl Here {
    pub(super) fn new(engine: Arc<Engine>, name: &str) -> Result<Self, Failure> {
        Ok(Self {
            past: engine.past(name)?,
            engine: Arc::new(Opened(engine)),
        })
    }

    pub(super) fn another(&self, name: &str) -> Result<Self, Failure> {
        Ok(Self {
            past: self.engine.0.past(name)?,
            engine: Arc::clone(&self.engine),
        })
    }

    pub(super) fn ask(&self, request: Request, progress: &mut dyn Progress) -> Result<Response, Failure> {
        self.engine.0.execute(&crate::user::this_one(), request, None, progress)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // Nothing was changed: where closing fails, the next opening recovers the same.
        let _ = self.0.close();
    }
}

/// A moment as a disk.
struct ViewDisk(View);

impl Disk for ViewDisk {
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len() as u64;
        let told = |error| volume_failure(self.0.volume().name(), &error).into();
        let read = self.0.read(offset, buffer, Wait::Allowed);
        read.map_err(|error| guard::read_failed(offset, length, error, told))
    }
}

//! One simulation: a store of volumes on a simulated disk, and the model that says what it must hold.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use volume::{Attachment, Clock, Directory, Sequence, Store, Timestamp, View, Volume};

use crate::disk::{Cut, Faults, SimDisk};
use crate::model::{Change, LineId, Model};
use crate::operation::{Generator, Operation, Scene};
use crate::options::{Class, Options};
use crate::random::Random;

/// What a check found, in words. The caller knows the seed and the operation.
pub type Outcome = Result<(), String>;

/// A volume of the simulation.
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) line: LineId,
    pub(crate) volume: Option<Arc<Volume>>,
    pub(crate) attachment: Option<Attachment>,
    /// Views kept open, with the moments they show.
    pub(crate) held: Vec<(View, Sequence)>,
    /// The newest batch that an acknowledged flush covers.
    pub(crate) durable: Sequence,
    /// The newest batch that a later, flushed one says was durable: damage up to it can't pass for a torn end.
    pub(crate) proven: Sequence,
    /// What an operation that failed would have changed: it may have happened, or may happen at the next opening.
    pub(crate) pending: Option<Change>,
    /// Whether an error says that the volume must be opened again.
    pub(crate) must_reopen: bool,
    /// Whether damage keeps the volume from being opened.
    pub(crate) is_lost: bool,
    /// Whether damage hides what the volume holds: then there is nothing to compare it with.
    pub(crate) is_unknown: bool,
}

/// A change of the set of volumes that a stop of the machine left undecided.
#[derive(Clone, Debug)]
pub(crate) enum Undecided {
    Fork {
        source: LineId,
        moment: Sequence,
        name: String,
    },
    Delete {
        name: String,
    },
    Create {
        name: String,
        size: u64,
    },
}

/// How much happened, to show that a run tested something.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub operations: u64,
    pub recoveries: u64,
    pub batches: u64,
    pub lost_batches: u64,
    pub views: u64,
    pub rollbacks: u64,
    pub restores: u64,
    pub forks: u64,
    pub deletions: u64,
    pub dropped_moments: u64,
    pub no_space: u64,
    pub failed_calls: u64,
    pub damaged_reads: u64,
    pub damage_found: u64,
    pub lost_volumes: u64,
    pub repairs: u64,
    pub rotten: u64,
}

#[derive(Debug, Default)]
pub(crate) struct SimClock(AtomicU64);

impl SimClock {
    fn advance(&self, by: Duration) {
        self.0
            .fetch_add(u64::try_from(by.as_nanos()).unwrap_or(0), Ordering::Relaxed);
    }

    fn set_back(&self, by: Duration) {
        self.0
            .fetch_sub(u64::try_from(by.as_nanos()).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A run of one seed.
pub struct Simulation {
    pub(crate) options: Options,
    pub(crate) disk: SimDisk,
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) model: Model,
    pub(crate) slots: Vec<Slot>,
    pub(crate) undecided: Vec<Undecided>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) random: Random,
    pub(crate) counts: Counts,
    /// Power cuts up to the last recovery. After another one only what was flushed must be there.
    pub(crate) power_cuts_seen: u64,
    /// Whether a stop of the machine lies ahead.
    pub(crate) is_armed: bool,
    /// Whether space was ever short: then history between the floor and the retention time may be gone.
    pub(crate) space_was_short: bool,
    /// The shortest retention time there was.
    pub(crate) least_retention: Duration,
    /// The shortest floor there was.
    pub(crate) least_floor: Duration,
    /// The latest time that the clock showed.
    pub(crate) latest: Timestamp,
    generator: Generator,
}

/// The time at which every simulation starts.
const START: u64 = 1_700_000_000;

impl Simulation {
    /// A machine with one new volume.
    ///
    /// # Errors
    /// If the volume can't be made, although nothing has failed yet.
    pub fn start(options: Options, seed: u64) -> Result<Self, String> {
        let mut random = Random::new(seed);
        let disk = SimDisk::new(options.geometry, random.next_u64());
        let clock = Arc::new(SimClock::default());
        clock.advance(Duration::from_secs(START));
        let mut simulation = Self {
            generator: Generator::new(&options, random.split()),
            least_retention: options.settings.retention,
            least_floor: options.settings.retention_floor,
            options,
            disk,
            store: None,
            model: Model::default(),
            slots: Vec::new(),
            undecided: Vec::new(),
            clock,
            random,
            counts: Counts::default(),
            power_cuts_seen: 0,
            is_armed: false,
            space_was_short: false,
            latest: Timestamp::from_unix_seconds(START),
        };
        simulation.open_store();
        simulation.create("disk", simulation.options.size_bytes)?;
        Ok(simulation)
    }

    /// Draws the next operation.
    pub fn draw(&mut self) -> Operation {
        let volume = self.generator.volume(self.slots.len());
        let pause = self.generator.pause();
        self.advance(pause);
        if self.options.clock_jumps && self.random.chance(1, 10) {
            self.clock.set_back(Duration::from_secs(self.random.magnitude(3000)));
        }
        let pins = self.model_pins(volume).into_keys().collect();
        let sizes = self
            .slots
            .iter()
            .map(|slot| self.model.size(slot.line, self.model.newest(slot.line)))
            .collect();
        self.generator.next(&Scene { sizes, volume, pins })
    }

    /// How much happened so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The disk below.
    #[must_use]
    pub const fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.latest = self.latest.max(self.now());
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn open_store(&mut self) {
        let directory: Arc<dyn Directory> = self.disk.root();
        let settings = self.options.settings.clone();
        // Unpredictable for whoever writes to the disks, but the same in every run of the seed.
        let random = Mutex::new(self.random.split());
        let bytes = move || {
            let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
            (u128::from(random.next_u64()) << 64 | u128::from(random.next_u64())).to_le_bytes()
        };
        self.store = Some(Store::open(
            directory,
            Box::new(move |_| settings.clone()),
            Box::new(bytes),
        ));
    }

    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(self.store.as_ref().expect("the store is open while the machine runs"))
    }

    pub(crate) fn volume(&self, slot: usize) -> Arc<Volume> {
        Arc::clone(
            self.slots[slot]
                .volume
                .as_ref()
                .expect("a volume that isn't lost is open"),
        )
    }

    /// Whether a volume can be opened and compared.
    pub(crate) fn is_known(&self, slot: usize) -> bool {
        !self.slots[slot].is_lost && !self.slots[slot].is_unknown
    }

    /// Makes a volume.
    pub(crate) fn create(&mut self, name: &str, size: u64) -> Outcome {
        let now = self.now();
        match self.store().create(name, size, now) {
            Ok(volume) => self.adopt(name, size, volume),
            Err(error) => {
                self.undecided.push(Undecided::Create {
                    name: name.to_owned(),
                    size,
                });
                if self.disk.is_down() {
                    Ok(())
                } else {
                    self.explain(&error)
                }
            }
        }
    }

    /// Takes a volume that was made into the model.
    pub(crate) fn adopt(&mut self, name: &str, size: u64, volume: Arc<Volume>) -> Outcome {
        let start = volume.newest();
        let line = self.model.create(size, start.sequence, start.time);
        self.add_slot(name.to_owned(), line, volume);
        self.compare_present(self.slots.len() - 1)
    }

    pub(crate) fn add_slot(&mut self, name: String, line: LineId, volume: Arc<Volume>) {
        let durable = self.model.newest(line);
        let attachment = Some(volume.attach(Arc::clone(&self.clock) as Arc<dyn Clock>));
        self.slots.push(Slot {
            name,
            line,
            volume: Some(volume),
            attachment,
            held: Vec::new(),
            durable,
            proven: Sequence(0),
            pending: None,
            must_reopen: false,
            is_lost: false,
            is_unknown: false,
        });
    }

    /// Before an operation: now and then sets faults going, or lets a sector rot.
    pub fn disturb(&mut self) {
        if !self.is_armed && self.random.chance(1, 3) {
            self.arm();
        }
        if self.options.class == Class::Rot && self.random.chance(1, 40) {
            self.counts.rotten += u64::from(self.disk.rot().is_some());
        }
    }

    /// Sets the faults of the class going, and the next stop of the machine.
    fn arm(&mut self) {
        self.is_armed = true;
        let often = self.options.stop_every;
        let chance = |random: &mut Random| *random.choose(&[0, 5, 50, 300]);
        let mut faults = Faults {
            not_resident: 3000,
            ..Faults::default()
        };
        match self.options.class {
            Class::Calm | Class::Power | Class::Full => {}
            Class::Failing => {
                faults.write_error = chance(&mut self.random);
                faults.sync_error = chance(&mut self.random);
                faults.metadata_error = chance(&mut self.random);
                faults.read_error = *self.random.choose(&[0, 0, 20]);
            }
            Class::Rot => {
                faults.misdirected = chance(&mut self.random);
                faults.lost = chance(&mut self.random);
            }
            Class::Lying => faults.lying_sync = *self.random.choose(&[100, 1000, 5000]),
        }
        self.disk.set_faults(faults);
        let cut = if self.random.chance(1, 4) {
            Cut::Kill
        } else {
            Cut::Power
        };
        let nth = 1 + self.random.magnitude(often * 2);
        match self.options.class {
            Class::Calm => {}
            Class::Rot => self.stop_at(nth * 4, Cut::Kill),
            _ => self.stop_at(nth, cut),
        }
    }

    /// Stops the machine at a later fault point.
    pub fn stop_at(&mut self, nth: u64, cut: Cut) {
        self.disk.stop_at(nth, cut);
    }

    pub(crate) fn disarm(&self) {
        self.disk.stop_never();
        self.disk.set_faults(Faults::default());
    }
}

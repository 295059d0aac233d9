//! The schedule of drills: a thread that has every volume tried out once a day, and tells which are missed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use drill::Trigger;
use jiff::ZonedDateTime;

use crate::control::Progress;
use crate::drills::{DrillEvent, is_due};
use crate::engine::{DrillOrder, Engine};
use crate::failure::Failure;
use crate::log::Log;

/// Length of a round.
const ROUND: Duration = Duration::from_secs(1);
/// How often it is looked for missed drills, and how often one is told again.
const LOOK_EVERY: Duration = Duration::from_secs(60);
const TELL_EVERY: Duration = Duration::from_secs(86_400);
/// How long a drill may take to stop when the daemon does.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// The thread that keeps to the schedule.
pub(super) struct Drilling {
    engine: Arc<Engine>,
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Drilling {
    /// Begins to keep to the schedule.
    pub(super) fn start(engine: &Arc<Engine>, log: &Arc<Log>) -> Result<Self, Failure> {
        let stopping = Arc::new(AtomicBool::new(false));
        let mut round = Round {
            engine: Arc::clone(engine),
            log: Arc::clone(log),
            stopping: Arc::clone(&stopping),
            checked: ZonedDateTime::now(),
            looked: Instant::now(),
            told: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("drills".to_owned())
            .spawn(move || {
                while !round.stopping.load(Ordering::Relaxed) {
                    round.run();
                    std::thread::park_timeout(ROUND);
                }
            })
            .map_err(|error| Failure::io("start the thread of the drills", &error))?;
        Ok(Self {
            engine: Arc::clone(engine),
            stopping,
            thread,
        })
    }

    /// Stops the drill that runs, whoever asked for it, and ends the thread.
    pub(super) fn stop(self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // One that doesn't stop in time is cleared away by the next start.
        self.engine.drills().stop(None, STOP_PATIENCE);
        let _ = self.thread.join();
    }
}

struct Round {
    engine: Arc<Engine>,
    log: Arc<Log>,
    stopping: Arc<AtomicBool>,
    checked: ZonedDateTime,
    looked: Instant,
    /// When it was told that a volume's drill is missed.
    told: BTreeMap<String, Instant>,
}

/// Goes on until the daemon stops.
struct UntilStop<'s>(&'s AtomicBool);

impl Progress for UntilStop<'_> {
    fn update(&mut self, _done: u64, _total: u64) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Round {
    fn run(&mut self) {
        let now = ZonedDateTime::now();
        if let Some(at) = self.engine.drill_settings().at
            && is_due(at, &self.checked, &now)
        {
            self.checked = now;
            self.drill_all();
        } else {
            self.checked = now;
        }
        if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            self.tell_overdue();
        }
    }

    /// Tries one volume after the other.
    fn drill_all(&self) {
        for name in self.engine.names().unwrap_or_default() {
            if self.stopping.load(Ordering::Relaxed) {
                return;
            }
            if !self.engine.is_drill_scheduled(&name) {
                continue;
            }
            self.log.info(&name, "the drill of the schedule begins");
            let order = DrillOrder {
                case: None,
                seed: None,
                all: false,
                trigger: Trigger::Schedule,
            };
            let drilled = self.engine.drill(&name, order, &mut UntilStop(&self.stopping));
            if let Err(failure) = drilled
                && !self.stopping.load(Ordering::Relaxed)
            {
                let event = DrillEvent::not_run(&name, failure.with_hint(), self.engine.now());
                self.engine.guards().told().drill(&event);
            }
        }
    }

    fn tell_overdue(&mut self) {
        let names = self.engine.names().unwrap_or_default();
        self.told.retain(|name, _| names.contains(name));
        for name in names {
            if !self.engine.is_drill_overdue(&name) {
                self.told.remove(&name);
                continue;
            }
            if self.told.get(&name).is_some_and(|told| told.elapsed() < TELL_EVERY) {
                continue;
            }
            let last = self.engine.drills().last(&name).map(|last| last.started);
            let event = DrillEvent::overdue(&name, last, self.engine.now());
            self.engine.guards().told().drill(&event);
            self.told.insert(name, Instant::now());
        }
    }
}

//! Background work: the clock, retention and compression of every volume, and reopening volumes whose disk failed.
//!
//! One thread for all volumes. What it finds out is logged when it changes, not every time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use volume::{Doorbell, NoSpace, Volume};

use super::sockets::Servers;
use crate::clock::Tick;
use crate::desk::{self, sources};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::log::{Level, Log};
use crate::served::{SERVED_NAME, Served};
use crate::size::format_size;
use crate::span::format_span;

/// Length of a round.
const ROUND: Duration = Duration::from_secs(1);
/// A volume whose disk failed is opened again after this long, and after twice as long each time it fails again.
const REOPEN_FIRST: Duration = Duration::from_secs(1);
const REOPEN_MOST: Duration = Duration::from_secs(60);

/// The thread that keeps the volumes.
pub(super) struct Keeper {
    doorbell: Arc<Doorbell>,
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keeper {
    pub(super) fn start(
        engine: &Arc<Engine>,
        servers: &Arc<Servers>,
        log: &Arc<Log>,
        served: Served,
    ) -> Result<Self, Failure> {
        let doorbell = Arc::clone(engine.doorbell());
        let stopping = Arc::new(AtomicBool::new(false));
        let mut round = Round {
            engine: Arc::clone(engine),
            servers: Arc::clone(servers),
            log: Arc::clone(log),
            seen: BTreeMap::new(),
            served,
            is_noted: true,
        };
        let (bell, stopped) = (Arc::clone(&doorbell), Arc::clone(&stopping));
        let thread = std::thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || {
                let mut due = Instant::now() + ROUND;
                loop {
                    let rung = bell.wait(due.saturating_duration_since(Instant::now()));
                    if stopped.load(Ordering::Acquire) {
                        let noted = round.served.write(round.engine.now());
                        round.tell_noted(noted);
                        return;
                    }
                    if rung {
                        round.relieve();
                    }
                    if Instant::now() >= due {
                        round.run();
                        due = Instant::now() + ROUND;
                    }
                }
            })
            .map_err(|error| Failure::io("start the background thread", &error))?;
        Ok(Self {
            doorbell,
            stopping,
            thread,
        })
    }

    /// Ends the thread after the step that it is at.
    pub(super) fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        self.doorbell.ring();
        // A thread that panicked has stopped too.
        let _ = self.thread.join();
    }
}

struct Round {
    engine: Arc<Engine>,
    servers: Arc<Servers>,
    log: Arc<Log>,
    seen: BTreeMap<String, Seen>,
    served: Served,
    /// Whether the time served could be written down.
    is_noted: bool,
}

/// What was found out about a volume, to tell only what is new.
#[derive(Debug, Default)]
struct Seen {
    /// Bytes that background work may still move; below zero after a step that moved more than it had.
    allowance: i64,
    refusing: Option<NoSpace>,
    failure: Option<String>,
    /// Segments that were told to be damaged.
    damaged: BTreeSet<u32>,
    reopen: Option<(Instant, Duration)>,
}

impl Round {
    fn run(&mut self) {
        self.tick();
        let noted = self.served.note(self.engine.now());
        self.tell_noted(noted);
        let names = self.engine.names().unwrap_or_default();
        self.seen.retain(|name, _| names.contains(name));
        for name in names {
            // One that isn't open couldn't be opened, which was told at the start.
            let Some(volume) = self.engine.opened(&name) else {
                continue;
            };
            if volume.status().poisoned {
                self.reopen(&name);
            } else {
                self.maintain(&name, &volume);
                self.tell_space(&name, &volume);
            }
        }
    }

    fn tell_noted(&mut self, noted: std::io::Result<()>) {
        if let Err(error) = &noted
            && self.is_noted
        {
            let message = format!(
                "`{SERVED_NAME}` in the data folder can't be written: {error}; after a restart more time counts as a pause, \
                 which keeps history longer"
            );
            self.log.write(Level::Warning, "clock", message);
        }
        self.is_noted = noted.is_ok();
    }

    /// Writes the checkpoints that clients would soon have to wait for. What fails is told by the next round.
    fn relieve(&self) {
        for name in self.engine.names().unwrap_or_default() {
            if let Some(volume) = self.engine.opened(&name) {
                let _ = volume.maintain(self.engine.now(), 0);
            }
        }
    }

    fn tick(&self) {
        let clock = self.engine.clock();
        let tick = clock.tick();
        match tick {
            Tick::Steady => {}
            Tick::JumpedAhead(by) | Tick::JumpedBack(by) => self.log.write(
                Level::Warning,
                "clock",
                format!(
                    "the system's clock jumped by {}; it is followed slowly, so that retention drops no history because \
                     of it; if the new time is right, restart the daemon",
                    format_span(by)
                ),
            ),
            Tick::Returned => self.log.info("clock", "the system's clock agrees again"),
        }
        if let Some(alert) = sources::clock(self.now(), &tick) {
            self.engine.front().tell(alert);
        }
    }

    /// The time, as the ledger has it.
    fn now(&self) -> respond::Time {
        desk::time(self.engine.now())
    }

    /// Does what is due on a volume, within its share of the disk's bandwidth: what a step moves beyond the allowance
    /// is made up for in later rounds.
    fn maintain(&mut self, name: &str, volume: &Volume) {
        let seen = self.seen.entry(name.to_owned()).or_default();
        let budget = i64::try_from(self.engine.background_io_bytes(name)).unwrap_or(i64::MAX);
        seen.allowance = seen.allowance.saturating_add(budget).min(budget);
        let started = Instant::now();
        let result = loop {
            let allowance = u64::try_from(seen.allowance).unwrap_or(0);
            let step = volume.maintain_after(self.served.pauses(), self.engine.now(), allowance);
            match step {
                Ok(done) => {
                    seen.allowance = seen.allowance.saturating_sub_unsigned(done.io_bytes);
                    if let Some(segment) = done.damaged.filter(|segment| seen.damaged.insert(*segment)) {
                        self.engine.note_damage(name);
                        let message = damaged(name, segment);
                        self.log.write(Level::Error, name, &message);
                        self.engine
                            .front()
                            .tell(sources::damage(desk::time(self.engine.now()), name, &message));
                    }
                    if !done.more || seen.allowance <= 0 || started.elapsed() > ROUND / 2 {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        let failure = result.err().map(|error| error.to_string());
        if failure != seen.failure {
            match &failure {
                Some(failure) => {
                    let message =
                        format!("background work failed: {failure}; trying again, the disk is served meanwhile");
                    self.log.write(Level::Error, name, message);
                }
                None => self.log.info(name, "background work goes on"),
            }
            seen.failure = failure;
        }
    }

    fn tell_space(&mut self, name: &str, volume: &Volume) {
        let refusing = self.engine.refusal(volume);
        let seen = self.seen.entry(name.to_owned()).or_default();
        if seen.refusing == refusing {
            return;
        }
        seen.refusing = refusing;
        let now = desk::time(self.engine.now());
        let Some(why) = refusing else {
            let message = "no write was refused for lack of space in the last minute, or the settings changed";
            self.log.info(name, message);
            self.engine.front().tell(sources::space_again(now, name, message));
            return;
        };
        let message = no_space(name, why, volume.settings().retention_floor);
        self.log.write(Level::Error, name, &message);
        self.engine.front().tell(sources::no_space(now, name, why, &message));
    }

    /// Opens a volume again whose disk below failed, at growing intervals.
    fn reopen(&mut self, name: &str) {
        let seen = self.seen.entry(name.to_owned()).or_default();
        let (due, pause) = *seen.reopen.get_or_insert_with(|| {
            let message = "a write to the disk below failed: what that disk holds is unknown until the volume is opened \
                           again, which is tried now; clients get I/O errors meanwhile. Check the disk (dmesg, smartctl)";
            self.log.write(Level::Error, name, message);
            let now = desk::time(self.engine.now());
            self.engine.front().tell(sources::disk_failing(now, name, message));
            (Instant::now(), REOPEN_FIRST)
        });
        if Instant::now() < due {
            return;
        }
        match self.engine.reopen(name) {
            Ok(exports) => {
                seen.reopen = None;
                let count: usize = exports.iter().map(|export| self.servers.disconnect(export)).sum();
                let message = format!(
                    "opened again; everything flushed before the failure is there; {count} clients must reconnect"
                );
                self.log.write(Level::Warning, name, &message);
                let now = desk::time(self.engine.now());
                self.engine.front().tell(sources::reopened(now, name, &message));
            }
            Err(failure) => {
                seen.reopen = Some((Instant::now() + pause, (pause * 2).min(REOPEN_MOST)));
                self.log.write(
                    Level::Error,
                    name,
                    format!("opening it again failed: {failure}; next try in {}", format_span(pause)),
                );
            }
        }
    }
}

fn no_space(name: &str, why: NoSpace, floor: Duration) -> String {
    let floor = format_span(floor);
    match why {
        NoSpace::Budget { budget_bytes } => format!(
            "writes are refused (no space): history younger than the retention floor of {floor} fills the budget of {}; \
             history is never dropped below the floor; reads go on. If these writes are wanted, raise `budget` or lower \
             `retention_floor` and reload; if not, `holdfast history {name}` shows when they began",
            format_size(budget_bytes)
        ),
        NoSpace::Disk => format!(
            "writes are refused (no space): the disk that holds the data folder is full, and history younger than the \
             retention floor of {floor} is never dropped; reads go on. Free space on that disk or enlarge it"
        ),
    }
}

fn damaged(name: &str, segment: u32) -> String {
    format!(
        "background work met damage in segment {segment}, which is left as it is; all that is intact is served; check the \
         disk below, and `holdfast volume verify {name}` tells what is concerned"
    )
}

//! One file read: its events in order, as far as that takes little memory.

use std::cell::Cell;
use std::cmp::{Ordering as Order, Reverse};
use std::collections::BinaryHeap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use threat::event::Event;
use threat::input::Source;

use crate::Counts;
use crate::events::Events;
use crate::open::{self, Found, Limits, Problem, Sink};

/// Events that are looked ahead to put a log in order.
const AHEAD: usize = 512;
/// Records that are looked at for the first events: a log that begins with so many others is opened at once.
const LOOKED_MAX: usize = 64 * AHEAD;
/// Events of an archive that are put in order together.
const ARCHIVE_MAX: usize = 200_000;
/// Events of a batch.
const BATCH: usize = 64;
/// Problems that are kept. All are counted.
const PROBLEMS_MAX: usize = 10_000;
/// What stands between an archive and its member in a name.
const MEMBER: &str = " > ";

/// What readers note together.
#[derive(Debug, Default)]
pub(super) struct Noting {
    pub(super) bytes: AtomicU64,
    pub(super) records: AtomicU64,
    stopped: AtomicBool,
    noted: Mutex<Noted>,
}

/// What isn't understood or can't be read.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) counts: Counts,
    pub(super) problems: Vec<Problem>,
    pub(super) problem_count: u64,
}

impl Noting {
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn note(&self, events: Events) {
        let Events { counts, problems, .. } = events;
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.counts.merge(counts);
        noted.problem_count += problems.len() as u64;
        let room = PROBLEMS_MAX.saturating_sub(noted.problems.len());
        noted.problems.extend(problems.into_iter().take(room));
    }

    /// All that was noted.
    pub(super) fn take_noted(&self) -> Noted {
        let mut noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        noted
            .problems
            .sort_by(|one, other| (&one.name, &one.reason).cmp(&(&other.name, &other.reason)));
        noted
    }
}

/// When the earliest of the first events of a file was, of as many as are looked ahead; the beginning of time of an archive, which has several
/// firsts, and of what has no event.
pub(super) fn first(file: &Found, limits: &Limits) -> Timestamp {
    let mut looking = First {
        events: Events::of(file),
        time: None,
    };
    open::read(file, limits, &|_| true, &mut looking);
    looking.time.unwrap_or(Timestamp::MIN)
}

struct First {
    /// What is wrong with it is told when it is read.
    events: Events,
    time: Option<Timestamp>,
}

impl Sink for First {
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool {
        if name.contains(MEMBER) {
            return false;
        }
        let Self { events, time } = self;
        let (looked, seen) = (Cell::new(0), Cell::new(0));
        let goes_on = || {
            looked.set(looked.get() + 1);
            seen.get() < AHEAD && looked.get() < LOOKED_MAX
        };
        events.of_log(&name, content, &goes_on, &mut |event| {
            seen.set(seen.get() + 1);
            *time = Some(time.map_or(event.time, |time| time.min(event.time)));
        });
        if looked.get() >= LOOKED_MAX {
            *time = None;
        }
        false
    }

    fn problem(&mut self, _: Problem) {}
}

/// Reads a file and sends its events in order.
pub(super) fn read(file: &Found, limits: &Limits, shared: &Noting, sender: SyncSender<Vec<Event>>) {
    let mut reading = Reading {
        events: Events::of(file),
        queue: Queue {
            ahead: BinaryHeap::new(),
            next: 0,
            batch: Vec::new(),
            sender,
            shared,
            is_archive: false,
            too_many: 0,
        },
    };
    let progress = |bytes| {
        shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        !shared.is_stopped()
    };
    open::read(file, limits, &progress, &mut reading);
    let Reading { mut events, mut queue } = reading;
    queue.finish();
    if queue.too_many > 0 {
        events.problems.push(Problem {
            name: file.path.display().to_string(),
            reason: format!(
                "{} of its events were left out: more than {ARCHIVE_MAX} of an archive aren't put in order; unpack it first",
                queue.too_many
            ),
        });
    }
    shared.note(events);
}

struct Reading<'a> {
    events: Events,
    queue: Queue<'a>,
}

impl Sink for Reading<'_> {
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool {
        let Self { events, queue } = self;
        let shared = queue.shared;
        queue.is_archive |= name.contains(MEMBER);
        let goes_on = || {
            shared.records.fetch_add(1, Ordering::Relaxed);
            !shared.is_stopped()
        };
        events.of_log(&name, content, &goes_on, &mut |event| queue.add(event));
        !shared.is_stopped()
    }

    fn problem(&mut self, problem: Problem) {
        self.events.problems.push(problem);
    }
}

/// An event by its time, and those of one time as they came.
struct Timed(u64, Event);

impl Timed {
    const fn key(&self) -> (Timestamp, u64) {
        (self.1.time, self.0)
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Timed {}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> Order {
        self.key().cmp(&other.key())
    }
}

/// Puts events in order and sends them.
struct Queue<'a> {
    ahead: BinaryHeap<Reverse<Timed>>,
    next: u64,
    batch: Vec<Event>,
    sender: SyncSender<Vec<Event>>,
    shared: &'a Noting,
    is_archive: bool,
    too_many: u64,
}

impl Queue<'_> {
    fn add(&mut self, event: Event) {
        if self.is_archive && self.ahead.len() >= ARCHIVE_MAX {
            self.too_many += 1;
            return;
        }
        self.ahead.push(Reverse(Timed(self.next, event)));
        self.next += 1;
        if !self.is_archive && self.ahead.len() > AHEAD {
            self.give();
        }
    }

    /// Gives the earliest event on.
    fn give(&mut self) {
        if let Some(Reverse(Timed(_, event))) = self.ahead.pop() {
            self.batch.push(event);
        }
        if self.batch.len() >= BATCH {
            self.send();
        }
    }

    fn send(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        // Nobody takes any more.
        if self.sender.send(batch).is_err() {
            self.shared.stop();
        }
    }

    fn finish(&mut self) {
        while !self.ahead.is_empty() && !self.shared.is_stopped() {
            self.give();
        }
        if !self.batch.is_empty() {
            self.send();
        }
    }
}

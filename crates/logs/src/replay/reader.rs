//! One file read: its events in order, as far as that takes little memory.

use std::cmp::{Ordering as Order, Reverse};
use std::collections::BinaryHeap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use threat::event::Event;
use threat::input::{Record, Source, Unreadable};
use threat::normalise::{Normaliser, NotUnderstood};

use crate::Counts;
use crate::open::{self, Found, Limits, Problem, Sink};
use crate::records;
use crate::records::sample_of;
use crate::scan::modified;

/// Events that are looked ahead to put a log in order.
const AHEAD: usize = 512;
/// Events of an archive that are put in order together.
const ARCHIVE_MAX: usize = 200_000;
/// Events of a batch.
const BATCH: usize = 64;
/// Problems that are kept.
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
    pub(super) records: u64,
    pub(super) counts: Counts,
    pub(super) problems: Vec<Problem>,
}

impl Noting {
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn note(&self, counts: Counts, problems: Vec<Problem>) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.counts.merge(counts);
        let room = PROBLEMS_MAX.saturating_sub(noted.problems.len());
        noted.problems.extend(problems.into_iter().take(room));
    }

    /// All that was noted.
    pub(super) fn take_noted(&self) -> Noted {
        let mut noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        noted.records = self.records.load(Ordering::Relaxed);
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
        received: modified(file),
        time: None,
    };
    open::read(file, limits, &|_| true, &mut looking);
    looking.time.unwrap_or(Timestamp::MIN)
}

struct First {
    received: Timestamp,
    time: Option<Timestamp>,
}

impl Sink for First {
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool {
        if name.contains(MEMBER) {
            return false;
        }
        let Self { received, time } = self;
        let mut normaliser = Normaliser::new();
        let mut seen = 0;
        let mut note = |event: Result<Event, NotUnderstood>| {
            if let Ok(event) = event {
                seen += 1;
                *time = Some(time.map_or(event.time, |time| time.min(event.time)));
            }
            seen
        };
        // What is wrong with it is told when it is read.
        let _ = records::of_log(content, &name, &mut |record| {
            let mut count = 0;
            if let Ok(record) = record {
                normaliser.take(record, *received, &mut |event| count = note(event));
            }
            count < AHEAD
        });
        normaliser.finish(&mut |event| {
            note(event);
        });
        false
    }

    fn problem(&mut self, _: Problem) {}
}

/// Reads a file and sends its events in order.
pub(super) fn read(file: &Found, limits: &Limits, shared: &Noting, sender: SyncSender<Vec<Event>>) {
    let mut reading = Reading {
        received: modified(file),
        shared,
        queue: Queue {
            ahead: BinaryHeap::new(),
            next: 0,
            batch: Vec::new(),
            sender,
            is_archive: false,
            is_over: false,
            too_many: 0,
        },
        counts: Counts::default(),
        problems: Vec::new(),
    };
    let progress = |bytes| {
        shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        !shared.is_stopped()
    };
    open::read(file, limits, &progress, &mut reading);
    reading.queue.finish();
    if reading.queue.too_many > 0 {
        reading.problems.push(Problem {
            name: file.path.display().to_string(),
            reason: format!(
                "{} of its events were left out: more than {ARCHIVE_MAX} of an archive aren't put in order; unpack it first",
                reading.queue.too_many
            ),
        });
    }
    shared.note(reading.counts, reading.problems);
}

struct Reading<'a> {
    received: Timestamp,
    shared: &'a Noting,
    queue: Queue,
    counts: Counts,
    problems: Vec<Problem>,
}

impl Sink for Reading<'_> {
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool {
        let Self {
            received,
            shared,
            queue,
            counts,
            problems,
        } = self;
        queue.is_archive |= name.contains(MEMBER);
        let mut normaliser = Normaliser::new();
        let read = records::of_log(content, &name, &mut |record: Result<Record, Unreadable>| {
            shared.records.fetch_add(1, Ordering::Relaxed);
            match record {
                Ok(record) => {
                    let (origin, sample) = (record.origin.clone(), sample_of(&record));
                    normaliser.take(record, *received, &mut |event| match event {
                        Ok(event) => queue.add(event),
                        Err(not) => counts.add(&origin, &not.reason, &sample),
                    });
                }
                Err(unreadable) => counts.unreadable(&unreadable),
            }
            !shared.is_stopped() && !queue.is_over
        });
        normaliser.finish(&mut |event| {
            if let Ok(event) = event {
                queue.add(event);
            }
        });
        // An error of the reader itself is told by whoever opened the file.
        if let Err(error) = read
            && error.kind() == std::io::ErrorKind::InvalidData
        {
            problems.push(Problem {
                name: name.to_string(),
                reason: error.to_string(),
            });
        }
        !shared.is_stopped() && !queue.is_over
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
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
struct Queue {
    ahead: BinaryHeap<Reverse<Timed>>,
    next: u64,
    batch: Vec<Event>,
    sender: SyncSender<Vec<Event>>,
    is_archive: bool,
    /// Whether nobody takes any more.
    is_over: bool,
    too_many: u64,
}

impl Queue {
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
        self.is_over |= self.sender.send(batch).is_err();
    }

    fn finish(&mut self) {
        while !self.ahead.is_empty() && !self.is_over {
            self.give();
        }
        if !self.batch.is_empty() {
            self.send();
        }
    }
}

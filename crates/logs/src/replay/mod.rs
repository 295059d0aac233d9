//! Events of logs that lie somewhere, all in the order of their times: as if they happened again.
//!
//! ```text
//! files, by their first event -> a reader for each that has begun (open, cut, normalise, put in order) -> the earliest of their events
//! ```
//!
//! A log is opened when its first event is due. What is out of order by little within a log is put in order; the members of an archive are
//! put in order together, and are held in memory for that. What comes late all the same is given, and counted.

mod reader;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::iter::{Flatten, Peekable};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{IntoIter, sync_channel};
use std::thread::{self, Scope};

use jiff::Timestamp;
use threat::event::Event;

use crate::Counts;
use crate::open::{Found, Limits, Problem, find};
use crate::scan::Progress;
use reader::Noting;

/// Logs that are open at the same time. More are opened as others end, and what they hold comes late.
const OPEN_MAX: usize = 256;
/// Batches of one log that wait.
const QUEUED: usize = 2;
/// Problems that are kept. All are counted.
const PROBLEMS_MAX: usize = 1000;

/// What was read.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Files that there are.
    pub files: usize,
    /// Records in them.
    pub records: u64,
    /// Events that were given.
    pub events: u64,
    /// Events that came after later ones.
    pub late: u64,
    /// Records that couldn't be read or understood.
    pub not_understood: Counts,
    /// Files and members that couldn't be read, or not to their end: the first ones.
    pub problems: Vec<Problem>,
    /// How many those are.
    pub problem_count: u64,
    /// Whether it was ended before its end.
    pub was_given_up: bool,
}

/// Gives all events of files and folders in the order of their times, and with each how far the reading is. False from `take` ends it.
pub fn replay(paths: &[PathBuf], limits: &Limits, take: &mut dyn FnMut(Event, Progress) -> bool) -> Outcome {
    let (files, problems) = find(paths, limits);
    let shared = Noting::default();
    let mut outcome = Outcome {
        files: files.len(),
        ..Outcome::default()
    };
    let merging = Merging {
        files: &files,
        limits,
        shared: &shared,
        waiting: by_first_event(&files, limits),
        open: HashMap::new(),
        due: BinaryHeap::new(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        files_done: 0,
    };
    thread::scope(|scope| merging.run(scope, &mut outcome, take));
    let noted = shared.take_noted();
    outcome.records = shared.records.load(Ordering::Relaxed);
    outcome.not_understood = noted.counts;
    outcome.problem_count = problems.len() as u64 + noted.problem_count;
    outcome.problems = problems.into_iter().chain(noted.problems).take(PROBLEMS_MAX).collect();
    outcome
}

/// Files with the time of their first event, the latest first.
fn by_first_event(files: &[Found], limits: &Limits) -> Vec<(Timestamp, usize)> {
    let first = |(number, file): (usize, &Found)| (reader::first(file, limits), number);
    let mut waiting: Vec<(Timestamp, usize)> = files.iter().enumerate().map(first).collect();
    waiting.sort_unstable_by(|one, other| other.cmp(one));
    waiting
}

/// The events of a log under way, in the batches that its reader sends.
type Log = Peekable<Flatten<IntoIter<Vec<Event>>>>;

struct Merging<'a> {
    files: &'a [Found],
    limits: &'a Limits,
    shared: &'a Noting,
    /// Files that aren't open yet, the latest first.
    waiting: Vec<(Timestamp, usize)>,
    /// By the number of a file.
    open: HashMap<usize, Log>,
    /// The next event of each open log.
    due: BinaryHeap<Reverse<(Timestamp, usize)>>,
    bytes: u64,
    files_done: usize,
}

impl<'a> Merging<'a> {
    /// Whoever reads ends when this does, however it ends: nobody takes from them any more.
    fn run<'scope>(
        mut self,
        scope: &'scope Scope<'scope, 'a>,
        outcome: &mut Outcome,
        take: &mut dyn FnMut(Event, Progress) -> bool,
    ) where
        'a: 'scope,
    {
        let mut last = Timestamp::MIN;
        loop {
            self.open_due(scope);
            let Some(Reverse((time, number))) = self.due.pop() else {
                return;
            };
            let Some(log) = self.open.get_mut(&number) else {
                continue;
            };
            let Some(event) = log.next() else { continue };
            if let Some(next) = log.peek().map(|next| next.time) {
                self.due.push(Reverse((next, number)));
            } else {
                self.open.remove(&number);
                self.files_done += 1;
            }
            outcome.events += 1;
            if time < last {
                outcome.late += 1;
            }
            last = last.max(time);
            if !take(event, self.progress()) {
                outcome.was_given_up = true;
                self.shared.stop();
                return;
            }
        }
    }

    /// Opens the logs whose first event is due.
    fn open_due<'scope>(&mut self, scope: &'scope Scope<'scope, 'a>)
    where
        'a: 'scope,
    {
        while let Some((first, number)) = self.waiting.last().copied() {
            let is_due = self.due.peek().is_none_or(|Reverse((next, _))| first <= *next);
            if !is_due || self.due.len() >= OPEN_MAX {
                return;
            }
            self.waiting.pop();
            let Some(file) = self.files.get(number) else { continue };
            let (sender, batches) = sync_channel(QUEUED);
            let (limits, shared) = (self.limits, self.shared);
            scope.spawn(move || reader::read(file, limits, shared, sender));
            let mut log: Log = batches.into_iter().flatten().peekable();
            if let Some(next) = log.peek().map(|next| next.time) {
                self.due.push(Reverse((next, number)));
                self.open.insert(number, log);
            } else {
                self.files_done += 1;
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            files_done: self.files_done,
            files: self.files.len(),
            bytes_done: self.shared.bytes.load(Ordering::Relaxed),
            bytes: self.bytes,
            records: self.shared.records.load(Ordering::Relaxed),
        }
    }
}

//! Logs searched with rules, on all processors, with the same result each time.
//!
//! ```text
//! files, in order -> readers (open, cut, normalise) -> a bounded queue of batches -> detectors (rules of one event)
//!                 -> by file and batch, in order -> the caller's thread (correlations, alerts)
//! ```
//!
//! Readers take whole files, the first ones first; detectors take batches of any. What detectors find is put in order again before it is
//! concluded, so that neither the number of threads nor their speed shows. Memory is bounded: the queue holds few batches, only events that
//! some rule wants go on, and a reader that is ahead of the file whose turn it is rests while much is held for later.

mod board;
mod outcome;
mod reader;
mod sign_ins;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use threat::alert::Alert;
use threat::behaviour::Places;
use threat::rules::{Detector, Engine, FieldsSeen};

use self::board::{Batch, Board, Detected, Ending};
pub use self::outcome::{Fired, Outcome};
use self::sign_ins::{SignIns, is_of_interest};
use crate::open::{self, Found, find};

/// Batches that wait for a detector, for each of them.
const QUEUED: usize = 2;

/// What is searched, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// How much of what lies there is opened.
    pub limits: open::Limits,
    /// Threads that read, and as many that detect.
    pub threads: usize,
    /// Alerts that are kept. All are counted.
    pub alerts_max: usize,
    /// Alerts of one rule that are kept.
    pub alerts_per_rule_max: usize,
    /// Where addresses are: with it, sign-ins are looked at in the order of their times, too.
    pub places: Option<Arc<dyn Places>>,
}

impl Plan {
    /// Searches `paths` on all processors.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            limits: open::Limits::default(),
            threads: thread::available_parallelism().map_or(2, std::num::NonZero::get),
            alerts_max: 30_000,
            alerts_per_rule_max: 1_000,
            places: None,
        }
    }
}

/// How far a search is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files that were read.
    pub files_done: usize,
    /// Files that there are.
    pub files: usize,
    /// Bytes that were read, as they lie there.
    pub bytes_done: u64,
    /// Bytes that there are.
    pub bytes: u64,
    /// Records found so far.
    pub records: u64,
}

/// Searches logs. `progress` is told several times a second how far it is; false from it ends the search, and what was found so far is
/// returned.
pub fn scan(plan: &Plan, engine: &mut Engine, progress: &mut dyn FnMut(Progress) -> bool) -> Outcome {
    let (files, problems) = find(&plan.paths, &plan.limits);
    let mut outcome = Outcome::new(plan, &files, problems);
    let board = Board::new(files.len());
    let seen = Mutex::new(FieldsSeen::default());
    let (sender, receiver) = sync_channel(QUEUED * plan.threads.max(1));
    let receiver = Mutex::new(receiver);
    let detector = engine.detector();
    thread::scope(|scope| {
        for _ in 0..plan.threads.max(1) {
            scope.spawn(|| detect(plan, &board, &receiver, &detector, &seen));
            let sender = sender.clone();
            scope.spawn(|| read(plan, &files, &board, sender));
        }
        drop(sender);
        let sign_ins = conclude(plan, &board, &files, engine, &mut outcome, progress);
        let least = engine.settings().choices.minimum_level;
        if let Some(places) = &plan.places {
            if let Some(problem) = sign_ins.problem() {
                outcome.problem_count += 1;
                outcome.problems.push(problem);
            }
            sign_ins.judge(&**places, &mut |alert| {
                if alert.level >= least {
                    outcome.keep(alert);
                }
            });
        }
    });
    outcome.end(board, seen);
    outcome
}

/// A reader: takes one file after the other.
fn read(plan: &Plan, files: &[Found], board: &Board, sender: SyncSender<Batch>) {
    let _ending = Ending::of(board);
    while let Some((number, found)) = board.next_file().and_then(|number| Some((number, files.get(number)?))) {
        reader::read(number, found, &plan.limits, board, &sender);
    }
}

/// A detector: takes one batch after the other.
fn detect(
    plan: &Plan,
    board: &Board,
    receiver: &Mutex<Receiver<Batch>>,
    detector: &Detector,
    seen: &Mutex<FieldsSeen>,
) {
    let _ending = Ending::of(board);
    loop {
        let batch = board::lock(receiver).recv();
        let Ok(batch) = batch else { return };
        let mut found = Vec::new();
        {
            let mut seen = board::lock(seen);
            batch.events.iter().for_each(|event| seen.see(event));
        }
        for event in batch.events {
            let hits = detector.detect(&event);
            if !hits.is_empty() || plan.places.is_some() && is_of_interest(&event) {
                found.push((event, hits));
            }
        }
        board.put(batch.file, batch.number, found);
    }
}

/// Takes what was detected in order, feeds correlations and keeps alerts. Gives the sign-ins that it came across, where the plan has places.
fn conclude(
    plan: &Plan,
    board: &Board,
    files: &[Found],
    engine: &mut Engine,
    outcome: &mut Outcome,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> SignIns {
    let mut sign_ins = SignIns::default();
    let bytes = files.iter().map(|found| found.bytes).sum();
    let mut alerts: Vec<Alert> = Vec::new();
    loop {
        match board.take() {
            Detected::Batch(found) => {
                for (event, hits) in found {
                    engine.conclude(&event, hits, &mut alerts);
                    if plan.places.is_some() {
                        sign_ins.see(&event);
                    }
                    alerts.drain(..).for_each(|alert| outcome.keep(alert));
                }
            }
            Detected::Nothing => {}
            Detected::End => return sign_ins,
        }
        let so_far = Progress {
            files_done: board.files_done(),
            files: files.len(),
            bytes_done: board.bytes.load(Ordering::Relaxed),
            bytes,
            records: board.records.load(Ordering::Relaxed),
        };
        if board.is_time_to_tell() && !progress(so_far) {
            outcome.was_given_up = true;
            board.stop();
        }
    }
}

//! What readers, detectors and the caller's thread share: whose turn it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use threat::event::Event;
use threat::rules::Hits;

use crate::Counts;
use crate::open::Problem;

/// Events that are held before readers rest: all of them for those of files whose turn it isn't, its own for that whose turn it is.
const HELD_MAX: usize = 4096;
/// Problems that are kept. All are counted.
const PROBLEMS_MAX: usize = 1000;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Events of one file that are detected together.
pub(super) struct Batch {
    pub(super) file: usize,
    pub(super) number: u64,
    pub(super) events: Vec<Event>,
}

/// What is next in order.
pub(super) enum Detected {
    /// Events that some rule wants.
    Batch(Vec<(Event, Hits)>),
    /// Not there yet.
    Nothing,
    /// All files are done, or a thread broke.
    End,
}

/// What is shared.
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
    stopped: AtomicBool,
    pub(super) bytes: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) events: AtomicU64,
    pub(super) logs: AtomicU64,
    told: Mutex<Instant>,
}

#[derive(Default)]
struct State {
    files: usize,
    /// The next file that a reader takes.
    next: usize,
    /// The file whose turn it is, and the batch of it.
    turn: (usize, u64),
    /// How many batches files have that were read to their end.
    ends: BTreeMap<usize, u64>,
    /// What was detected and waits for its turn.
    waiting: BTreeMap<(usize, u64), Vec<(Event, Hits)>>,
    held: usize,
    /// Those of `held` that are of the file whose turn it is.
    held_of_turn: usize,
    is_broken: bool,
    counts: Counts,
    problems: Vec<Problem>,
    problem_count: u64,
}

impl State {
    fn is_full_for(&self, file: usize) -> bool {
        let held = if self.turn.0 < file {
            self.held
        } else {
            self.held_of_turn
        };
        held > HELD_MAX
    }
}

impl Board {
    pub(super) fn new(files: usize) -> Self {
        Self {
            state: Mutex::new(State {
                files,
                ..State::default()
            }),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            records: AtomicU64::new(0),
            events: AtomicU64::new(0),
            logs: AtomicU64::new(0),
            told: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn next_file(&self) -> Option<usize> {
        let mut state = lock(&self.state);
        let number = (state.next < state.files).then_some(state.next);
        state.next += 1;
        number
    }

    /// Waits while much is held for later. The file whose turn it is waits only for its own events: those before them are all on their way,
    /// while what is held of others goes on after it alone.
    pub(super) fn wait_for_room(&self, file: usize) {
        let mut state = lock(&self.state);
        while state.is_full_for(file) && !state.is_broken && !self.is_stopped() {
            state = self.wait(state);
        }
    }

    /// A file was read to its end.
    pub(super) fn end_file(&self, file: usize, batches: u64, counts: Counts, problems: Vec<Problem>) {
        let mut state = lock(&self.state);
        state.ends.insert(file, batches);
        state.counts.merge(counts);
        state.problem_count += u64::try_from(problems.len()).unwrap_or(0);
        let room = PROBLEMS_MAX.saturating_sub(state.problems.len());
        state.problems.extend(problems.into_iter().take(room));
        self.changed.notify_all();
    }

    pub(super) fn put(&self, file: usize, number: u64, found: Vec<(Event, Hits)>) {
        let mut state = lock(&self.state);
        state.held += found.len();
        if file == state.turn.0 {
            state.held_of_turn += found.len();
        }
        state.waiting.insert((file, number), found);
        self.changed.notify_all();
    }

    /// What is next in order; nothing if it isn't there for a while.
    pub(super) fn take(&self) -> Detected {
        let mut state = lock(&self.state);
        loop {
            let (file, number) = state.turn;
            if state.is_broken || file >= state.files {
                return Detected::End;
            }
            if state.ends.get(&file) == Some(&number) {
                state.ends.remove(&file);
                state.turn = (file + 1, 0);
                let of_turn = state.waiting.range((file + 1, 0)..(file + 2, 0));
                state.held_of_turn = of_turn.map(|(_, found)| found.len()).sum();
                self.changed.notify_all();
                continue;
            }
            if let Some(found) = state.waiting.remove(&(file, number)) {
                state.held -= found.len();
                state.held_of_turn -= found.len();
                state.turn.1 += 1;
                self.changed.notify_all();
                return Detected::Batch(found);
            }
            let (waited, timeout) = self
                .changed
                .wait_timeout(state, TELL_EVERY)
                .unwrap_or_else(PoisonError::into_inner);
            state = waited;
            if timeout.timed_out() {
                return Detected::Nothing;
            }
        }
    }

    pub(super) fn files_done(&self) -> usize {
        lock(&self.state).turn.0
    }

    pub(super) fn is_time_to_tell(&self) -> bool {
        let mut told = lock(&self.told);
        let is_time = told.elapsed() >= TELL_EVERY;
        if is_time {
            *told = Instant::now();
        }
        is_time
    }

    /// What couldn't be understood, what couldn't be read, and how often.
    pub(super) fn into_counts(self) -> (Counts, Vec<Problem>, u64) {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Readers end in any order.
        state
            .problems
            .sort_by(|one, other| (&one.name, &one.reason).cmp(&(&other.name, &other.reason)));
        (state.counts, state.problems, state.problem_count)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait_timeout(state, TELL_EVERY)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

/// Tells the others when a thread ends by a panic, so that nobody waits for it.
pub(super) struct Ending<'a>(&'a Board);

impl<'a> Ending<'a> {
    pub(super) fn of(board: &'a Board) -> Self {
        Self(board)
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.0.state).is_broken = true;
            self.0.stop();
            self.0.changed.notify_all();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

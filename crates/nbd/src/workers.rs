//! A small pool of threads for what has to wait for the disk. They are started when needed, and never more than the
//! limit; jobs that find all of them busy wait in a queue, which is limited too.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::sync::lock;
use crate::transmission::{Connection, Load, PendingRead, ReadScratch, WriteJob};
use crate::transport::Patience;

/// Something for a worker to do.
pub(crate) enum Job {
    /// Answer a read.
    Read {
        /// Whose.
        connection: Arc<Connection>,
        /// Which.
        read: PendingRead,
    },
    /// Flush for those who wait for it.
    Flush {
        /// Whose.
        connection: Arc<Connection>,
    },
    /// Execute writes.
    Write {
        /// Whose.
        connection: Arc<Connection>,
        /// Which.
        job: WriteJob,
    },
    /// Send replies that wait for it.
    Send {
        /// Whose.
        connection: Arc<Connection>,
    },
}

/// The pool.
pub(crate) struct WorkerPool {
    threads_max: usize,
    jobs_max: usize,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that wait for a job.
    idle: usize,
    closed: bool,
}

impl WorkerPool {
    pub(crate) fn new(threads_max: usize, jobs_max: usize) -> Arc<Self> {
        Arc::new(Self {
            threads_max,
            jobs_max,
            state: Mutex::default(),
            ready: Condvar::new(),
        })
    }

    /// Takes a job. `false` where the queue is full or no thread can be had: the caller then does it.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> bool {
        let mut state = lock(&self.state);
        if state.closed || state.jobs.len() >= self.jobs_max {
            return false;
        }
        if state.idle <= state.jobs.len() && state.threads < self.threads_max {
            let pool = Arc::clone(self);
            let spawned = std::thread::Builder::new()
                .name("nbd-worker".to_owned())
                .spawn(move || pool.work());
            state.threads += usize::from(spawned.is_ok());
        }
        if state.threads == 0 {
            return false;
        }
        state.jobs.push_back(job);
        if state.idle > 0 {
            self.ready.notify_one();
        }
        true
    }

    /// Takes a job if a thread can do it at once, and gives it back otherwise.
    pub(crate) fn submit_if_free(self: &Arc<Self>, job: Job) -> Result<(), Job> {
        let mut state = lock(&self.state);
        if state.closed || (state.idle <= state.jobs.len() && !self.start_thread(&mut state)) {
            return Err(job);
        }
        state.jobs.push_back(job);
        self.ready.notify_one();
        Ok(())
    }

    /// Starts a thread, unless there are as many as allowed.
    fn start_thread(self: &Arc<Self>, state: &mut State) -> bool {
        if state.threads >= self.threads_max {
            return false;
        }
        let pool = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("nbd-worker".to_owned())
            .spawn(move || pool.work());
        state.threads += usize::from(spawned.is_ok());
        spawned.is_ok()
    }

    /// Ends the threads once the queue is empty.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.ready.notify_all();
    }

    fn work(&self) {
        let mut scratch = ReadScratch::default();
        while let Some(job) = self.next() {
            let connection = match &job {
                Job::Read { connection, .. }
                | Job::Flush { connection }
                | Job::Write { connection, .. }
                | Job::Send { connection } => Arc::clone(connection),
            };
            let done = catch_unwind(AssertUnwindSafe(|| match job {
                Job::Read { connection, read } => {
                    read.work(&connection, &mut scratch);
                    false
                }
                Job::Flush { connection } => connection.flush(),
                Job::Write { connection, job } => job.work(&connection),
                Job::Send { connection } => {
                    connection.finish_sending(Load::default(), Patience::Never);
                    false
                }
            }));
            match done {
                Ok(false) => {}
                Ok(true) => self.requeue(Job::Flush { connection }),
                Err(_) => connection.abort(),
            }
        }
    }

    /// Puts a job behind all others, on the worker that will look for one now. There is at most one of each connection.
    fn requeue(&self, job: Job) {
        let mut state = lock(&self.state);
        state.jobs.push_back(job);
        if state.jobs.len() > 1 && state.idle > 0 {
            self.ready.notify_one();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

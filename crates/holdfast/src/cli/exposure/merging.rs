//! What a server merges while it answers: everything that imports left beside each other, at the lowest priority.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use exposure::{MergeScope, accounts, passwords};

use super::import_passwords::FOLDER;
use crate::failure::Failure;
use crate::log::{Level, Log};

/// How often it is looked whether anything is to be merged.
const EVERY: Duration = Duration::from_secs(10);
/// The longest pause of a merge, so that whoever erases somebody, or stops the server, isn't kept waiting.
const PAUSE_MOST: Duration = Duration::from_millis(200);
/// How long a merge is waited for at the end, so that it leaves nothing behind.
const STOPPING: Duration = Duration::from_secs(5);
/// The lowest priority (`nice`), which is the lowest for reading and writing too.
const PRIORITY: i32 = 19;

/// A thread that merges until this is dropped.
pub(super) struct Merging {
    thread: Option<JoinHandle<()>>,
    stop: Option<Sender<()>>,
}

impl Merging {
    /// Begins. `folder` is that of the breach monitor.
    pub(super) fn start(folder: &Path, log: Arc<Log>) -> Result<Self, Failure> {
        let (stop, stopped) = channel();
        let folder = folder.to_owned();
        let work = move || {
            // Whatever the system refuses, merging goes on: it also pauses half of the time.
            let _ = rustix::process::setpriority_process(None, PRIORITY);
            let mut told = String::new();
            loop {
                told = turn(&folder, &stopped, &log, &told);
                if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("exposure merging".to_owned())
            .spawn(work)
            .map_err(|error| Failure::io("start the thread that merges", &error))?;
        Ok(Self {
            thread: Some(thread),
            stop: Some(stop),
        })
    }
}

impl Drop for Merging {
    fn drop(&mut self) {
        drop(self.stop.take());
        let end = Instant::now() + STOPPING;
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Merges what there is to be merged. Returns what can't be done, which is told when it begins.
fn turn(folder: &Path, stopped: &Receiver<()>, log: &Log, told: &str) -> String {
    let mut pace = Pace::new(stopped);
    let passwords = passwords::merge(&folder.join(FOLDER), MergeScope::Everything, &mut |_| pace.step());
    let passwords = passwords.map(|merged| {
        if merged.indexes + merged.parts > 0 {
            log.info("exposure", "passwords were merged: a lookup reads one page");
        }
    });
    // Also when passwords can't be merged: what is damaged there may stay so for long.
    let tables = accounts::merge(folder, MergeScope::Everything, &mut |_, _| pace.step());
    let tables = tables.map(|merged| {
        if merged.tables > 0 {
            log.info("exposure", format!("{} tables of accounts were merged", merged.tables));
        }
    });
    match passwords.and(tables) {
        Ok(()) => String::new(),
        // Somebody merges by hand, or erases.
        Err(exposure::Error::Busy { .. }) => String::new(),
        Err(error) => {
            let problem = error.to_string();
            if problem != told {
                let message = format!("what was imported is not merged, and is answered from as it is: {problem}");
                log.write(Level::Error, "exposure", message);
            }
            problem
        }
    }
}

/// Pauses as long as it works: questions have at least half of the disk and of a processor.
struct Pace<'a> {
    stopped: &'a Receiver<()>,
    since: Instant,
}

impl<'a> Pace<'a> {
    fn new(stopped: &'a Receiver<()>) -> Self {
        Self {
            stopped,
            since: Instant::now(),
        }
    }

    fn step(&mut self) -> ControlFlow<()> {
        let worked = self.since.elapsed();
        // Shorter pauses than this are not kept exactly.
        if worked < Duration::from_millis(2) {
            return match self.stopped.try_recv() {
                Err(TryRecvError::Empty) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            };
        }
        let is_stopped = self.stopped.recv_timeout(worked.min(PAUSE_MOST)) != Err(RecvTimeoutError::Timeout);
        self.since = Instant::now();
        if is_stopped {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_as_long_as_the_work_and_ends_when_the_server_does() {
        let (stop, stopped) = channel();
        let mut pace = Pace::new(&stopped);
        assert!(pace.step().is_continue());
        std::thread::sleep(Duration::from_millis(30));
        let before = Instant::now();
        assert!(pace.step().is_continue());
        assert!(before.elapsed() >= Duration::from_millis(28));
        drop(stop);
        assert!(pace.step().is_break());
    }
}

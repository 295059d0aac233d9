//! Threat detection while the daemon runs: logs are followed and syslog is taken, `threat` finds, and what it finds goes into the ledger
//! at once, where policies act on it.
//!
//! Order of effects: records are read; what they show is in the ledger; what is known, and up to which record of each log, is saved;
//! the logs' checkpoint moves. A kill between any two of these has records read again, and what the ledger has of them already isn't told
//! twice: each alert carries the record that it was made of.
//!
//! What is lost on the way, or not understood, is counted and told: `status`.
//!
//! Nothing is read ahead: while the ledger can't be written, logs stay unread and senders wait.

mod clock;
mod concerned;
mod flood;
mod inputs;
mod known;
pub mod marks;
mod memory;
mod rounds;
mod rules;
mod sources;
mod status;
mod told;

pub use memory::{FOLDER, read as read_memory};
pub use rounds::read_entities;
pub use rules::load as load_rules;
pub use sources::tokens_file;
pub use status::{Reason, Status, read as read_status};
pub use told::{MATCHED, Told, is_told, of as told_of};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use respond::Desk;

use crate::config::ThreatSettings;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::log::{Level, Log};
use rounds::{Rounds, Wish};

/// How long reading rests after it failed.
const REST: Duration = Duration::from_secs(1);

/// The thread that reads logs.
#[derive(Debug)]
pub struct Watching {
    stopping: Arc<AtomicBool>,
    wishes: Mutex<Sender<Wish>>,
    thread: JoinHandle<()>,
}

impl Watching {
    /// Begins to read the logs of the configuration; `None` where it names none.
    ///
    /// # Errors
    /// When an address can't be listened on, a checkpoint can't be used, or a rule folder can't be read.
    pub fn start(
        engine: &Arc<Engine>,
        desk: &Arc<Desk>,
        settings: &ThreatSettings,
        log: &Arc<Log>,
    ) -> Result<Option<Self>, Failure> {
        if !settings.is_on() {
            return Ok(None);
        }
        let stopping = Arc::new(AtomicBool::new(false));
        let (wishes, wished) = channel();
        let mut rounds = Rounds::open(engine, desk, settings, log, wished)?;
        let (told, told_to) = (Arc::clone(&stopping), Arc::clone(log));
        let thread = std::thread::Builder::new()
            .name("threat".to_owned())
            .spawn(move || {
                while !told.load(Ordering::SeqCst) {
                    // A round that fails is told of; the next one goes on behind what it failed on.
                    if catch_unwind(AssertUnwindSafe(|| rounds.round())).is_err() {
                        let message =
                            "the program failed while it read logs, and goes on; please report what it printed";
                        told_to.write(Level::Error, "threat", message);
                        std::thread::sleep(REST);
                    }
                }
                rounds.finish();
            })
            .map_err(|error| Failure::io("start the thread that reads logs", &error))?;
        Ok(Some(Self {
            stopping,
            wishes: Mutex::new(wishes),
            thread,
        }))
    }

    /// Follows rules, people and machines of a configuration that was read again. Which logs are read needs a restart.
    ///
    /// # Errors
    /// When a file of rules or the list of people and machines can't be read; all stays as it was then.
    pub fn configure(&self, settings: &ThreatSettings) -> Result<(), Failure> {
        let wish = Wish::prepare(settings)?;
        // The thread has ended only where it panicked, which the log has.
        let _ = self.wishes.lock().unwrap_or_else(PoisonError::into_inner).send(wish);
        Ok(())
    }

    /// Saves what is known and ends the thread.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        // A thread that panicked has stopped too.
        let _ = self.thread.join();
    }
}

//! Carries out what policies decided. A thread for each lane, so that what takes long doesn't hold up what protects.
//!
//! The order of effects of each action: that it is started is durable; it is done, marked with its name where that can be; how it ended
//! is recorded. After a start of the daemon, what was started and not ended is looked at (`look`) before anything else runs.

mod chores;
mod command;
mod look;
mod outside;
mod volumes;

pub use command::{Ended, run as run_command};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use respond::action::{self, Action, ActionKind, ActionState, Lane};
use respond::notice::{self, About};
use respond::{Desk, Error, Sequence, Writing};

use super::time;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::log::{Level, Log};

/// How often it is looked for what a command wrote into the ledger.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a thread waits after the ledger couldn't be read or written.
const LEDGER_PAUSE: Duration = Duration::from_secs(2);

/// The threads, until they are stopped.
#[derive(Debug)]
pub struct Executing {
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// What a thread works with.
#[derive(Clone)]
struct Lanes {
    engine: Arc<Engine>,
    desk: Arc<Desk>,
    log: Arc<Log>,
    stopping: Arc<AtomicBool>,
}

impl Executing {
    /// Finds out what became of actions that a restart interrupted, and begins to carry out others.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub fn start(engine: &Arc<Engine>, desk: &Arc<Desk>, log: &Arc<Log>) -> Result<Self, Failure> {
        let stopping = Arc::<AtomicBool>::default();
        let lanes = Lanes {
            engine: Arc::clone(engine),
            desk: Arc::clone(desk),
            log: Arc::clone(log),
            stopping: Arc::clone(&stopping),
        };
        lanes.after_restart();
        let mut executing = Self {
            stopping,
            threads: Vec::new(),
        };
        for lane in Lane::ALL {
            let lanes = lanes.clone();
            executing.spawn("actions", move || lanes.run(lane))?;
        }
        executing.spawn("approvals", move || lanes.chores())?;
        Ok(executing)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| Failure::io("start the threads of actions", &error))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Begins nothing more and waits for what runs; a command or a drill ends soon.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        for thread in self.threads {
            // A thread that panicked has stopped too.
            let _ = thread.join();
        }
    }
}

impl Lanes {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn now(&self) -> respond::Time {
        time(self.engine.now())
    }

    /// Looks at what a restart interrupted.
    fn after_restart(&self) {
        let now = self.now();
        let looked = self
            .desk
            .write(|w| action::after_restart(w, now, &mut |action| look::look(&self.engine, action)));
        match looked {
            Ok(looked) => {
                for action in looked {
                    let message = format!("action {} ran when the daemon ended: {}", action.id, action.kind.text());
                    self.log.write(Level::Warning, "actions", message);
                }
            }
            Err(error) => self.log.write(Level::Error, "actions", error.to_string()),
        }
    }

    /// Carries out one action after the other, until the daemon stops.
    fn run(&self, lane: Lane) {
        let mut seen = Sequence(0);
        let mut is_failing = false;
        while !self.is_stopping() {
            match self.next(lane) {
                Ok(true) => is_failing = false,
                Ok(false) => seen = self.desk.newest_after(seen, LOOK_EVERY),
                Err(error) => {
                    // Once, until it works again: the ledger's own thread tells the same.
                    if !std::mem::replace(&mut is_failing, true) {
                        self.log.write(Level::Error, "actions", error.to_string());
                    }
                    std::thread::sleep(LEDGER_PAUSE);
                }
            }
        }
    }

    /// Carries out the next action of a lane. False if there is none.
    fn next(&self, lane: Lane) -> Result<bool, Error> {
        let Some(action) = self.desk.read(|ledger| action::next(ledger, lane))? else {
            return Ok(false);
        };
        let now = self.now();
        if lane == Lane::Notices {
            self.desk.write(|w| self.tell_people(w, now, &action))?;
            return Ok(true);
        }
        let Some(action) = self.desk.write(|w| action::start(w, now, action.id))? else {
            return Ok(true);
        };
        let state = match self.carry_out(&action) {
            Ok(outcome) => ActionState::Done { outcome },
            Err(failure) => ActionState::Failed {
                error: failure.with_hint(),
            },
        };
        self.told(&action, &state);
        // Until this is written nothing else of this lane runs: what was done isn't done again.
        while let Err(error) = self
            .desk
            .write(|w| action::finish(w, self.now(), action.id, state.clone()))
        {
            if self.is_stopping() {
                return Err(error);
            }
            std::thread::sleep(LEDGER_PAUSE);
        }
        Ok(true)
    }

    fn carry_out(&self, action: &Action) -> Result<String, Failure> {
        match &action.kind {
            ActionKind::Webhook { target } => self.post(action, target),
            ActionKind::Command { name } => self.command(action, name),
            ActionKind::Drill { volume } => self.drill(volume),
            _ => volumes::carry_out(&self.engine, action),
        }
    }

    /// Plans the notice and ends the action in one transaction: it is told once.
    fn tell_people(&self, w: &mut Writing<'_>, now: respond::Time, action: &Action) -> Result<(), Error> {
        let ActionKind::Notify { group } = &action.kind else {
            return Ok(());
        };
        let Some(action) = action::start(w, now, action.id)? else {
            return Ok(());
        };
        let rules = self.engine.front().rules();
        let about = self
            .desk
            .read(|ledger| about(ledger, &action))?
            .for_group(group.clone());
        notice::plan(w, now, &rules.notices, &about)?;
        let group = group.as_ref().map_or_else(
            || "the default group".to_owned(),
            |group| format!("the group `{group}`"),
        );
        let outcome = format!("{group} is told, as far as it wants to hear of this");
        action::finish(w, now, action.id, ActionState::Done { outcome })
    }

    fn told(&self, action: &Action, state: &ActionState) {
        let (level, how) = match state {
            ActionState::Failed { error } => (Level::Error, format!("failed: {error}")),
            other => (Level::Notice, other.outcome().unwrap_or("done").to_owned()),
        };
        let message = format!(
            "action {} ({}; {}): {how}",
            action.id,
            action.kind.text(),
            action.because
        );
        self.log
            .write(level, action.kind.volume().unwrap_or("actions"), message);
    }
}

/// What people are told of: the alert that an action answers, in its incident.
fn about(ledger: &respond::Ledger, action: &Action) -> Result<About, Error> {
    let alert = action.alert.map(|id| ledger.alert(id)).transpose()?.flatten();
    let incident = action.incident.map(|id| ledger.incident(id)).transpose()?.flatten();
    Ok(match alert {
        Some(alert) => About::alert(&alert, incident.as_ref()),
        None => About::action(
            format!("action/{}", action.id),
            respond::alert::Severity::High,
            &action.because,
            &action.because,
            action.planned,
        ),
    })
}

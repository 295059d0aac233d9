//! The threads that notice, record, act and tell: guards, logs, the ledger, actions and notices.

use std::sync::Arc;

use super::guards::Guarding;
use crate::config::Config;
use crate::control::LogsReport;
use crate::desk::deliver::{self, Delivering};
use crate::desk::execute::Executing;
use crate::desk::{Worker, tell_missed};
use crate::engine::Engine;
use crate::failure::{Failure, FailureCode};
use crate::log::{Level, Log};
use crate::threat_watch::Watching;

/// Those that run; without a ledger only the guards.
pub(super) struct Noticing {
    ledger: Option<Worker>,
    delivering: Option<Delivering>,
    guarding: Guarding,
    executing: Option<Executing>,
    watching: Option<Watching>,
}

impl Noticing {
    /// Starts them.
    pub(super) fn start(engine: &Arc<Engine>, config: &Config, log: &Arc<Log>) -> Result<Self, Failure> {
        // Before the guards: they tell at once which fences are in force.
        let ledger = Worker::start(engine, log)?;
        let desk = engine.front().desk();
        let delivering = desk.map(|desk| Delivering::start(engine, desk, &config.notices, log));
        let delivering = delivering.transpose()?;
        load_policies(engine, log);
        let guarding = Guarding::start(engine, &config.guard, log)?;
        if let Some(Err(error)) = desk.map(|desk| tell_missed(engine, desk)) {
            let message = format!(
                "{error}; whether all that a kill cut off is noted isn't known: `holdfast guard status` tells of fences"
            );
            log.write(Level::Warning, "ledger", message);
        }
        // After the guards are open: whether a fence stands is asked of them.
        let executing = desk.map(|desk| Executing::start(engine, desk, log)).transpose()?;
        let watching = match desk.map(|desk| Watching::start(engine, desk, &config.threat, log)) {
            // What the configuration asks for can't be meant: whoever wrote it is there to mend it.
            Some(Err(failure)) if failure.code == FailureCode::Config => return Err(failure),
            Some(Err(failure)) => {
                let message = format!("{}; no logs are read, disks are served", failure.with_hint());
                engine.tell_of_logs(LogsReport {
                    problems: vec![message.clone()],
                    ..LogsReport::default()
                });
                log.write(Level::Error, "threat", message);
                None
            }
            Some(Ok(watching)) => watching,
            None => None,
        };
        Ok(Self {
            ledger,
            delivering,
            guarding,
            executing,
            watching,
        })
    }

    /// Follows a configuration that was read again.
    pub(super) fn configure(&self, config: &Config) -> Result<(), Failure> {
        deliver::check(&config.notices)?;
        self.guarding.configure(&config.guard)?;
        if let Some(delivering) = &self.delivering {
            delivering.configure(&config.notices)?;
        }
        self.watching
            .as_ref()
            .map_or(Ok(()), |watching| watching.configure(&config.threat))
    }

    /// Reads no log any more, and begins no action: before commands and background work end.
    pub(super) fn stop_acting(&mut self) {
        if let Some(watching) = self.watching.take() {
            watching.stop();
        }
        if let Some(executing) = self.executing.take() {
            executing.stop();
        }
    }

    /// Has guards save what they know, and the ledger and those who are told have what was noticed.
    pub(super) fn stop(self) {
        self.guarding.stop();
        if let Some(ledger) = self.ledger {
            ledger.stop();
        }
        if let Some(delivering) = self.delivering {
            delivering.stop();
        }
    }
}

/// Reads the policies anew. Those before stay in force if one isn't right; at the start those are the ones that are built in.
pub(super) fn load_policies(engine: &Engine, log: &Log) {
    match engine.load_policies() {
        Ok(warnings) => {
            for warning in warnings {
                log.write(Level::Warning, "policies", warning.to_string());
            }
        }
        Err(failure) => {
            let message = format!("{}; the policies before stay in force", failure.with_hint());
            log.write(Level::Error, "policies", message);
        }
    }
}

//! What guards need of a daemon: somebody who calls them once a second, a webhook, and the model of the configuration.
//!
//! A thread of their own: background work on volumes may take its time, and what guards do when a disk is idle may not.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use guard::SharedModel;

use crate::config::GuardSettings;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::guards::{self, LoadedModel};
use crate::log::{Level, Log};
use crate::lost_files;
use crate::webhook::{Target, Webhook};

/// Length of a round.
const ROUND: Duration = Duration::from_secs(1);
/// How soon an examination of files may follow another.
const EXAMINING_ROUND: Duration = Duration::from_millis(100);
/// Threads that have files examined.
const EXAMINERS: usize = 2;
/// How long messages that wait may still be delivered when the daemon stops.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(3);

/// The guards' part of a daemon.
pub(super) struct Guarding {
    engine: Arc<Engine>,
    log: Arc<Log>,
    webhook: Arc<Webhook>,
    ticker: Repeated,
    examiners: Vec<Repeated>,
}

impl Guarding {
    /// Opens the guards of all volumes and starts to call them. Clients may come once this has returned.
    pub(super) fn start(engine: &Arc<Engine>, settings: &GuardSettings, log: &Arc<Log>) -> Result<Self, Failure> {
        let webhook = Arc::new(Webhook::start(Arc::clone(log))?);
        webhook.set_target(target(settings)?);
        engine.guards().told().set(Arc::clone(log), Arc::clone(&webhook));
        set_model(engine, settings, log);
        engine.tick_guards();
        let ticking = Arc::clone(engine);
        let ticker = Repeated::start("guards", ROUND, move || ticking.tick_guards())?;
        let examiner = |_| {
            let examined = Arc::clone(engine);
            let apart = lost_files::Apart::new(engine.data());
            Repeated::start("guards' files", EXAMINING_ROUND, move || {
                examined.guards().examine(&apart)
            })
        };
        let examiners = (0..EXAMINERS).map(examiner).collect::<Result<_, _>>()?;
        Ok(Self {
            engine: Arc::clone(engine),
            log: Arc::clone(log),
            webhook,
            ticker,
            examiners,
        })
    }

    /// Follows a configuration that was read again. Nothing is changed if the webhook's secret can't be read.
    pub(super) fn configure(&self, settings: &GuardSettings) -> Result<(), Failure> {
        self.webhook.set_target(target(settings)?);
        self.engine.guards().set_reads_kept(settings.reads_kept_bytes);
        set_model(&self.engine, settings, &self.log);
        Ok(())
    }

    /// Ends the threads, has the guards write down what they know, and delivers what waits.
    pub(super) fn stop(self) {
        self.engine.guards().end_examining();
        self.ticker.stop();
        self.examiners.into_iter().for_each(Repeated::stop);
        self.engine.guards().close();
        self.webhook.stop(WEBHOOK_PATIENCE);
    }
}

/// A thread that does something once a round.
struct Repeated {
    thread: JoinHandle<()>,
    stop: Sender<()>,
}

impl Repeated {
    fn start(name: &str, round: Duration, act: impl Fn() + Send + 'static) -> Result<Self, Failure> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while stopped.recv_timeout(round) == Err(RecvTimeoutError::Timeout) {
                    act();
                }
            })
            .map_err(|error| Failure::io("start a thread of the guards", &error))?;
        Ok(Self { thread, stop })
    }

    /// Ends it after the round that it is at.
    fn stop(self) {
        // The thread ends when nobody can tell it to any more, too.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

fn target(settings: &GuardSettings) -> Result<Option<Target>, Failure> {
    settings
        .webhook
        .as_ref()
        .map(|webhook| Target::load(webhook, "[guard]"))
        .transpose()
}

/// Has all guards ask the configuration's model. One that can't be trusted changes nothing: a bad file must not leave
/// disks unwatched.
fn set_model(engine: &Engine, settings: &GuardSettings, log: &Log) {
    let shared = engine.guards().model();
    let current = shared.current();
    let Some(signed) = &settings.model else {
        let shipped = SharedModel::shipped().current();
        return replace(shared, &shipped);
    };
    match guards::load(signed) {
        Ok(model) => {
            let (version, file) = (model.version(), signed.file.display());
            log.info(
                "guard",
                format!("model {version} from `{file}` is used: its signature fits"),
            );
            replace(shared, &model);
        }
        Err(failure) => {
            let version = current.version();
            let message = format!("model {version} stays in use: {}", failure.with_hint());
            log.write(Level::Error, "guard", message);
        }
    }
}

/// Guards tell when they are given another model, so they aren't given the same one again.
fn replace(shared: &SharedModel, model: &LoadedModel) {
    if shared.current().as_bytes() != model.as_bytes() {
        shared.replace(model.clone());
    }
}

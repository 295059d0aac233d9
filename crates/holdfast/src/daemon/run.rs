//! The daemon's life: open, serve, reload on SIGHUP, stop in good order.
//!
//! Order of stopping: no client is accepted any more and requests in flight are answered; a drill ends; commands end; background
//! work ends, the guards' too; what guards know is saved; what was told is in the ledger, whose head is signed; volumes are
//! checkpointed; the lock is released with the process.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::drills::Drilling;
use super::exports::Exports;
use super::keeper::Keeper;
use super::noticing::{Noticing, load_policies};
use super::notify::notify;
use super::sockets::{self, Servers};
use super::start_screen;
use crate::config::{Config, Listen};
use crate::console_site::{self, ConsoleSite, Started};
use crate::control::{ControlServer, DaemonReport, Execute, Hypertext, SOCKET_NAME, Time};
use crate::engine::{DaemonFacts, Engine, OpenError};
use crate::failure::{Failure, FailureCode};
use crate::log::{Level, Log, Style};
use crate::place::Place;
use crate::reach::in_use;
use crate::served::Served;
use crate::size::format_size;
use crate::span::format_span;

/// The volume that is made where there is none.
const FIRST_VOLUME: (&str, u64) = ("disk", 10 << 30);
/// How long to wait for the lock: a command that works on the folder itself may be about to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// A pause that is worth an alarm: nights and holidays aren't.
const LONG_PAUSE: Duration = Duration::from_secs(14 * 86_400);
/// How long connections may take to finish their requests.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);
/// How long commands may take to break off.
const COMMAND_PATIENCE: Duration = Duration::from_secs(3);

/// What the daemon is started with.
#[derive(Debug)]
pub struct Options {
    /// The data folder and the configuration file.
    pub place: Place,
    /// Where to listen; the configuration decides if `None`.
    pub listen: Option<Vec<Listen>>,
    /// Volumes to be made unless they exist.
    pub create: Vec<(String, u64)>,
    /// Whether no first volume is made where there is none.
    pub empty: bool,
    /// Whether the log is written as JSON.
    pub json_log: bool,
    /// Whether everyday events are logged.
    pub verbose: bool,
}

/// What `status` tells about the daemon.
struct Facts {
    started: Time,
    servers: Arc<Servers>,
}

impl DaemonFacts for Facts {
    fn report(&self) -> DaemonReport {
        DaemonReport {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            listening: self.servers.places().to_vec(),
            clients: self.servers.clients(),
        }
    }

    fn serves(&self) -> bool {
        self.servers.are_serving()
    }
}

/// Serves until a signal says to stop.
pub fn run(options: Options) -> Result<(), Failure> {
    // From here on signals are noted, so that none is lost while the volumes are opened.
    let mut signals = watch_signals()?;
    let mut config = options.place.config()?;
    if let Some(listen) = &options.listen {
        config.listen.clone_from(listen);
    }
    options.place.prepare()?;
    let log = Arc::new(Log::new(Style::of_surroundings(options.json_log), options.verbose));
    let engine = open(&options.place, config.clone())?;
    engine.clear_drills(Some(&log));
    make_volumes(&engine, &options, &log)?;
    open_volumes(&engine, &log)?;
    let mut noticing = Noticing::start(&engine, &config, &log)?;
    warn_of(&options.place, &config, &log);
    warn_of_held_back(&engine.take_held_back(), &log);
    let served = resume(&engine, &options.place, &log)?;
    let exports = Arc::new(Exports::new(Arc::clone(&engine), Arc::clone(&log)));
    let servers = Arc::new(sockets::start(&config, &options.place.data, exports, &log)?);
    let facts: Arc<dyn DaemonFacts> = Arc::new(Facts {
        started: Time(engine.now()),
        servers: Arc::clone(&servers),
    });
    engine.set_daemon(Arc::clone(&facts));
    let console = start_console(&engine, &options.place, &config, facts, &log)?;
    // After the console, so that the socket speaks HTTP from the first connection on.
    let control = ControlServer::start(
        &options.place.data.join(SOCKET_NAME),
        Arc::clone(&engine) as Arc<dyn Execute>,
        console
            .as_ref()
            .map(|console| Arc::downgrade(console) as Weak<dyn Hypertext>),
    )?;
    let keeper = Keeper::start(&engine, &servers, &log, served)?;
    let drilling = Drilling::start(&engine, &log)?;
    notify("READY=1");
    start_screen::show(&engine, &options.place, &servers, console.as_deref(), &log);
    wait_for_end(
        &mut signals,
        &engine,
        &options.place,
        (&noticing, console.as_deref()),
        &log,
    );
    notify("STOPPING=1");
    drain(&servers, &log);
    if let Some(console) = console {
        console.stop(COMMAND_PATIENCE);
    }
    drilling.stop();
    noticing.stop_acting();
    control.stop(COMMAND_PATIENCE);
    keeper.stop();
    noticing.stop();
    engine.close()?;
    log.info("", "stopped in good order; all volumes are flushed and checkpointed");
    Ok(())
}

/// Answers the requests in flight, and takes no more.
fn drain(servers: &Servers, log: &Log) {
    let cut = servers.drain(DRAIN_PATIENCE);
    if cut > 0 {
        let message = format!("{cut} clients didn't finish their requests in time and were cut off");
        log.write(Level::Warning, "", message);
    }
}

/// Notes signals to stop and to reload from here on. A second signal to stop ends the process at once.
pub(crate) fn watch_signals() -> Result<Signals, Failure> {
    let failed = |error: std::io::Error| Failure::io("watch for signals", &error);
    let stopping = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Registered before the flag is: the first signal sets it, the second one ends the process at once.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stopping))
            .map_err(failed)?;
        signal_hook::flag::register(signal, Arc::clone(&stopping)).map_err(failed)?;
    }
    Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)
}

fn open(place: &Place, config: Config) -> Result<Arc<Engine>, Failure> {
    let since = Instant::now();
    loop {
        match Engine::open(&place.data, config.clone()) {
            Ok(engine) => return Ok(engine),
            Err(OpenError::InUse) if since.elapsed() < LOCK_PATIENCE => std::thread::sleep(Duration::from_millis(50)),
            Err(OpenError::InUse) => return Err(in_use(place)),
            Err(OpenError::Failed(failure)) => return Err(failure),
        }
    }
}

/// Answers pages and the API, if there is a ledger: nobody could be known without one.
fn start_console(
    engine: &Arc<Engine>,
    place: &Place,
    config: &Config,
    facts: Arc<dyn DaemonFacts>,
    log: &Arc<Log>,
) -> Result<Option<Arc<Started>>, Failure> {
    let Some(desk) = engine.front().desk().cloned() else {
        return Ok(None);
    };
    let site = ConsoleSite::new(Arc::clone(engine), desk, Arc::clone(log), place.clone(), facts);
    console_site::start(&site, &config.console, log).map(Some)
}

fn make_volumes(engine: &Engine, options: &Options, log: &Log) -> Result<(), Failure> {
    let existing = engine.names()?;
    let first = (FIRST_VOLUME.0.to_owned(), FIRST_VOLUME.1);
    let first = (existing.is_empty() && options.create.is_empty() && !options.empty).then_some(first);
    for (name, size_bytes) in options.create.iter().chain(&first) {
        if !existing.contains(name) {
            engine.create(name, *size_bytes)?;
            log.info(name, format!("made a volume of {}", format_size(*size_bytes)));
        }
    }
    Ok(())
}

/// Opens all volumes. One that can't be used doesn't keep the others from being served.
fn open_volumes(engine: &Engine, log: &Log) -> Result<(), Failure> {
    for name in engine.names()? {
        if let Err(failure) = engine.whole_volume(&name) {
            let level = if failure.code == FailureCode::Refused {
                Level::Warning
            } else {
                Level::Error
            };
            log.write(level, &name, format!("isn't served: {}", failure.with_hint()));
        }
    }
    Ok(())
}

fn warn_of(place: &Place, config: &Config, log: &Log) {
    for warning in place.warnings(config) {
        log.write(Level::Warning, "", warning);
    }
}

/// Says what of the configuration waits for an approval.
fn warn_of_held_back(held_back: &[String], log: &Log) {
    for text in held_back {
        log.write(Level::Warning, "approvals", text);
    }
}

/// Finds out how long nothing was served, and says so if that time isn't counted.
fn resume(engine: &Engine, place: &Place, log: &Log) -> Result<Served, Failure> {
    let volumes = engine.names()?.into_iter().filter_map(|name| engine.opened(&name));
    let newest = volumes.map(|volume| volume.newest().time).max();
    let (served, pause) = Served::resume(&place.data, newest, engine.now());
    if let Some(pause) = pause {
        let level = if pause > LONG_PAUSE {
            Level::Warning
        } else {
            Level::Info
        };
        let message = format!(
            "by the system's clock, nothing was served for {}; history doesn't age by that: it is kept as if the daemon had \
             run on. If the machine was off that long, there is nothing to do; if not, the clock is wrong: set it right and \
             restart the daemon",
            format_span(pause)
        );
        log.write(level, "clock", message);
    }
    Ok(served)
}

/// Obeys signals until one of them says to stop.
fn wait_for_end(
    signals: &mut Signals,
    engine: &Engine,
    place: &Place,
    (noticing, console): (&Noticing, Option<&Started>),
    log: &Log,
) {
    for signal in signals.forever() {
        if signal != SIGHUP {
            let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
            log.info(
                "",
                format!("{name}: finishing requests, then stopping; the same signal again stops at once"),
            );
            return;
        }
        let reload = place.config().and_then(|config| {
            noticing.configure(&config)?;
            let held_back = engine.set_config(config.clone())?;
            Ok((config, held_back))
        });
        match reload {
            Ok((config, held_back)) => {
                if let Some(console) = console {
                    console.reload(log);
                }
                warn_of(place, &config, log);
                warn_of_held_back(&held_back, log);
                load_policies(engine, log);
                log.info(
                    "",
                    "the settings of the volumes, guards and notices were read again, and rules; [server], [console] and which logs are read need a restart",
                );
            }
            Err(failure) => {
                log.write(
                    Level::Error,
                    "",
                    format!("the configuration is left as it was: {}", failure.with_hint()),
                );
            }
        }
    }
}

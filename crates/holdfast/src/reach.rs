//! Reaches whoever holds the data folder: the daemon if one runs, else an engine in this process.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::control::{Client, Progress, Request, Response};
use crate::engine::{Engine, OpenError};
use crate::failure::Failure;
use crate::place::Place;

/// How long to wait for a data folder that is locked while nobody answers: a daemon that starts or stops, or another
/// command that works on the folder itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who holds the data folder.
#[derive(Debug)]
pub enum Reached {
    /// A daemon.
    Daemon(Client),
    /// This process, from now on.
    Here(Arc<Engine>),
}

/// Has a request carried out.
pub fn execute(
    place: &Place,
    request: Request,
    image: Option<&File>,
    progress: &mut dyn Progress,
) -> Result<Response, Failure> {
    let mut progress = Interruptible::watch(progress)?;
    let makes_volumes = matches!(request, Request::Create { .. } | Request::Import { .. });
    match reach_or_make(place, makes_volumes)? {
        Reached::Daemon(mut client) => client.execute(request, image, &mut progress),
        Reached::Here(engine) => {
            let image = image.map(File::try_clone).transpose();
            let image = image.map_err(|error| Failure::io("use the image", &error))?;
            engine.open_existing_ledger();
            let result = engine.execute(&crate::user::this_one(), request, image, &mut progress);
            let closed = engine.close();
            if let Some(problem) = engine.front().problem() {
                // Nothing is left to be done where even a warning can't be shown.
                let _ = writeln!(std::io::stderr(), "warning: this isn't in the ledger: {problem}");
            }
            closed.and(result)
        }
    }
}

/// Finds out who holds a data folder that must exist, or takes it.
pub fn reach(place: &Place) -> Result<Reached, Failure> {
    reach_or_make(place, false)
}

fn reach_or_make(place: &Place, may_make: bool) -> Result<Reached, Failure> {
    let since = Instant::now();
    loop {
        if let Some(client) = Client::connect(&place.data)? {
            return Ok(Reached::Daemon(client));
        }
        if !place.data.exists() && !may_make {
            return Err(place.missing());
        }
        place.prepare()?;
        match Engine::open(&place.data, place.config()?) {
            Ok(engine) => return Ok(Reached::Here(engine)),
            Err(OpenError::InUse) if since.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(50)),
            Err(OpenError::InUse) => return Err(in_use(place)),
            Err(OpenError::Failed(failure)) => return Err(failure),
        }
    }
}

/// The failure of a data folder that somebody else holds.
pub fn in_use(place: &Place) -> Failure {
    Failure::refused(format!(
        "the data folder `{}` is in use by another process",
        place.data.display()
    ))
    .hint("a daemon or another command holds its lock; `fuser` with `lock` in that folder tells which")
}

/// Signals break a long request off in good order: what was begun is removed again.
pub(crate) fn watch_signals() -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second signal ends the process at once.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)))
            .map_err(|error| Failure::io("watch for signals", &error))?;
    }
    Ok(interrupted)
}

/// Progress that a signal breaks off.
pub(crate) struct Interruptible<'a> {
    inner: &'a mut dyn Progress,
    interrupted: Arc<AtomicBool>,
}

impl<'a> Interruptible<'a> {
    /// Watches for signals from now on.
    pub(crate) fn watch(inner: &'a mut dyn Progress) -> Result<Self, Failure> {
        let interrupted = watch_signals()?;
        Ok(Self { inner, interrupted })
    }

    /// Whether a signal came.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

impl Progress for Interruptible<'_> {
    fn update(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        if self.is_interrupted() {
            return ControlFlow::Break(());
        }
        self.inner.update(done, total)
    }
}

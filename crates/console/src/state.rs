//! What all requests share.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::auth::{Challenges, Throttle};
use crate::events::Events;
use crate::metrics::Metrics;
use crate::problem::Refusal;
use crate::settings::Settings;
use crate::site::Site;

/// Calls to the site and the ledger at a time; others wait for their turn.
const CALLS_MAX: usize = 16;
/// Calls beside those that may take long; they wait for each other only.
const LONG_CALLS_MAX: usize = 4;

/// What all requests share.
pub struct State {
    /// The program that this is a part of.
    pub site: Arc<dyn Site>,
    /// The settings.
    pub settings: Settings,
    pub(crate) challenges: Challenges,
    pub(crate) throttle: Throttle,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    calls: Arc<Semaphore>,
    long_calls: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

/// The same for handlers: `axum::extract::State<Shared>`.
pub type Shared = Arc<State>;

impl State {
    /// The state of a console that begins now.
    #[must_use]
    pub fn new(settings: Settings, site: Arc<dyn Site>) -> Self {
        Self {
            events: Events::new(Arc::clone(&site)),
            site,
            settings,
            challenges: Challenges::default(),
            throttle: Throttle::default(),
            metrics: Metrics::default(),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            long_calls: Arc::new(Semaphore::new(LONG_CALLS_MAX)),
            stopping: watch::channel(false).0,
        }
    }

    /// Tells all who wait that the console stops.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Changes when the console stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Asks the site or the ledger something on a thread that may wait: `state.ask(|site| site.volumes())`,
    /// `state.ask(|site| site.desk().read(|ledger| ledger.alert(id)))`. Every call from a handler goes this way, or by
    /// [`State::ask_long`].
    ///
    /// # Errors
    /// What `work` fails with; or that it panicked.
    pub async fn ask<T, E>(&self, work: impl FnOnce(&dyn Site) -> Result<T, E> + Send + 'static) -> Result<T, Refusal>
    where
        T: Send + 'static,
        E: Into<Refusal> + Send + 'static,
    {
        self.call(&self.calls, work).await
    }

    /// The same for what may take long: what reads a whole disk or ledger, or waits for another machine or for whoever is sent the
    /// answer. However many ask for that, pages are shown and people sign in.
    ///
    /// # Errors
    /// What `work` fails with; or that it panicked.
    pub async fn ask_long<T, E>(
        &self,
        work: impl FnOnce(&dyn Site) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        E: Into<Refusal> + Send + 'static,
    {
        self.call(&self.long_calls, work).await
    }

    /// Does it when it is its turn among `calls`.
    async fn call<T, E>(
        &self,
        calls: &Arc<Semaphore>,
        work: impl FnOnce(&dyn Site) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        E: Into<Refusal> + Send + 'static,
    {
        let site = Arc::clone(&self.site);
        let permit = Arc::clone(calls).acquire_owned().await;
        let permit = permit.map_err(|_| Refusal::failed("the console is stopping"))?;
        let call = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(site.as_ref())
        });
        match call.await {
            Ok(result) => result.map_err(Into::into),
            Err(_) => Err(Refusal::failed(
                "the request could not be carried out; the log says why",
            )),
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

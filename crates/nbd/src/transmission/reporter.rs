//! Tells the operator about failed and slow requests of a connection.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::events::{Event, RequestSummary, ServerEvents};
use crate::peer::ClientId;
use crate::sync::lock;
use crate::transmission::failure::is_fault_of_client;

/// At most one failure is told in this time.
const FAILURE_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Reporter {
    pub(crate) events: Arc<dyn ServerEvents>,
    pub(crate) client: ClientId,
    pub(crate) export: String,
    pub(crate) slow_request: Duration,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    told: Option<Instant>,
    suppressed: u64,
}

impl Reporter {
    pub(crate) fn new(events: Arc<dyn ServerEvents>, client: ClientId, export: String, slow_request: Duration) -> Self {
        Self {
            events,
            client,
            export,
            slow_request,
            failures: Mutex::default(),
        }
    }

    pub(crate) fn failed(&self, request: RequestSummary, error: &volume::Error) {
        if is_fault_of_client(error) {
            return;
        }
        let suppressed = {
            let mut failures = lock(&self.failures);
            if failures.told.is_some_and(|told| told.elapsed() < FAILURE_INTERVAL) {
                failures.suppressed += 1;
                return;
            }
            failures.told = Some(Instant::now());
            std::mem::take(&mut failures.suppressed)
        };
        let Self { client, export, .. } = self;
        self.events.event(&Event::RequestFailed {
            client: *client,
            export,
            request,
            error,
            suppressed,
        });
    }

    pub(crate) fn took(&self, request: RequestSummary, started: Instant) {
        let took = started.elapsed();
        if took >= self.slow_request {
            let Self { client, export, .. } = self;
            self.events.event(&Event::RequestSlow {
                client: *client,
                export,
                request,
                took,
            });
        }
    }
}

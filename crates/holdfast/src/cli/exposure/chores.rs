//! What a server does beside answering: the index of private questions is kept current.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use exposure::accounts::Accounts;
use exposure::ledger::Ledger;
use hibp::private::Service;

use super::failures::failure;
use crate::clock::wall_clock;
use crate::failure::Failure;
use crate::log::{Level, Log};

/// How often the index is looked at.
const EVERY: Duration = Duration::from_secs(60);

/// Work in the background, which ends when this is dropped. It isn't waited for: an index that is half built isn't used by anybody.
pub(super) struct Chores {
    _stop: Sender<()>,
}

impl Chores {
    /// Begins. `accounts` are those that the server answers from.
    pub(super) fn start(
        folder: &Path,
        private: Arc<Service>,
        accounts: Arc<Accounts>,
        log: Arc<Log>,
    ) -> Result<Self, Failure> {
        let ledger = Ledger::open(folder).map_err(|error| failure(&error))?;
        let (stop, stopped) = channel();
        let work = move || {
            loop {
                let now = wall_clock().as_unix_nanos() / 1_000_000_000;
                match private.maintain(&accounts, &ledger, now) {
                    Ok(None) => {}
                    Ok(Some(built)) => log.info(
                        "private asking",
                        format!("the index was built anew for {} people", built.identities),
                    ),
                    Err(error) => log.write(Level::Error, "private asking", &error),
                }
                if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("exposure chores".to_owned())
            .spawn(work)
            .map_err(|error| Failure::io("start the thread of the index", &error))?;
        Ok(Self { _stop: stop })
    }
}

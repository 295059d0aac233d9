//! Events: records as they are written, told to whoever follows. One thread waits for records, however many follow.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use respond::Sequence;
use tokio::sync::watch;

use crate::site::Site;

/// How long the thread waits before it looks whether it is to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// The newest record's number, for all who follow.
pub(crate) struct Events {
    site: Arc<dyn Site>,
    newest: OnceLock<watch::Receiver<Sequence>>,
}

impl Events {
    /// Events of a site; nothing waits before somebody follows.
    pub(crate) fn new(site: Arc<dyn Site>) -> Self {
        Self {
            site,
            newest: OnceLock::new(),
        }
    }

    /// The newest record's number as it changes.
    pub(crate) fn follow(&self) -> watch::Receiver<Sequence> {
        self.newest.get_or_init(|| start(Arc::clone(&self.site))).clone()
    }
}

/// Waits for records on a thread that ends when nobody can follow any more. Without it, followers get nothing but heartbeats.
fn start(site: Arc<dyn Site>) -> watch::Receiver<Sequence> {
    let (told, followed) = watch::channel(site.desk().newest_after(Sequence(0), Duration::ZERO));
    let wait = move || {
        while !told.is_closed() {
            let seen = *told.borrow();
            let newest = site.desk().newest_after(seen, PATIENCE);
            if newest > seen {
                told.send_replace(newest);
            }
        }
    };
    // A failure to start the thread drops the sender, which ends the streams; browsers then try again.
    let _ = std::thread::Builder::new().name("events".to_owned()).spawn(wait);
    followed
}

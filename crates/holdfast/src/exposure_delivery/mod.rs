//! What the breach monitor sends and fetches: mail and webhook messages of notices, feeds of leak sites, questions to another server.
//!
//! A message is sent at least once: it is marked as sent right after whoever delivers it said that it is responsible for it. One window
//! is left in which a crash makes it be sent twice: between that answer and the mark, which is one transaction of SQLite. A mail has the
//! same `Message-ID` each time, by which many mailboxes drop the second.

mod feeds;
mod letters;
mod posts;
mod rounds;
mod texts;
mod upstream;
mod webhook;

pub use feeds::{SourceRead, read_source};
pub use rounds::{Delivered, Running, Schedule, deliver};
pub use upstream::upstream;

use std::path::Path;

use exposure::ledger::Ledger;
use exposure::watch::LinkSecret;

use crate::clock::wall_clock;
use crate::failure::{Failure, FailureCode};

/// The time, in seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    i64::try_from(wall_clock().as_unix_nanos() / 1_000_000_000).unwrap_or(i64::MAX)
}

/// Opens the ledger of the breach monitor in `folder`.
pub fn open_ledger(folder: &Path) -> Result<Ledger, Failure> {
    Ledger::open(folder).map_err(|error| failed(&error))
}

/// The failure that an error of the breach monitor's stores or ledger is.
#[must_use]
pub fn failed(error: &exposure::Error) -> Failure {
    let code = match error {
        error if error.is_disk_full() => FailureCode::NoSpace,
        exposure::Error::Io { source, .. } => return Failure::new(Failure::io("", source).code, error.to_string()),
        exposure::Error::Damaged { .. } => FailureCode::Damage,
        exposure::Error::KeyExists { .. }
        | exposure::Error::Busy { .. }
        | exposure::Error::WouldShrink { .. }
        | exposure::Error::TooManyParts { .. }
        | exposure::Error::TooManySources { .. } => FailureCode::Refused,
        exposure::Error::About { .. } | exposure::Error::SourceName { .. } => FailureCode::Usage,
        exposure::Error::NothingFound { .. } | exposure::Error::NoSuchSource { .. } => FailureCode::NotFound,
        _ => FailureCode::Failure,
    };
    Failure::new(code, error.to_string())
}

/// The key of links, made if there is none.
pub fn link_secret(ledger: &mut Ledger) -> Result<LinkSecret, Failure> {
    ledger.link_secret(random()).map_err(|error| failed(&error))
}

/// Bytes that nobody can guess.
pub(crate) fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for part in bytes.chunks_mut(16) {
        part.copy_from_slice(volume::os_random().get(..part.len()).unwrap_or_default());
    }
    bytes
}

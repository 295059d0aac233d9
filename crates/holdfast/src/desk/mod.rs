//! What the binary adds to `respond`: alerts made of what layers tell, and the thread that takes them into the ledger.
//!
//! Whoever tells of something never waits: neither for the ledger nor for its disk. If the ledger can't be opened or written,
//! disks are served as before; the log and `status` say so.

pub mod deliver;
pub mod execute;
pub mod exposed;
mod front;
pub mod heads;
mod missed;
pub mod sources;
mod worker;

pub use front::Front;
pub use missed::tell_missed;
pub use worker::Worker;

use std::path::{Path, PathBuf};

use volume::Timestamp;

use crate::failure::{Failure, FailureCode};

/// The ledger's folder in the data folder.
pub const FOLDER: &str = "respond";

/// The ledger's folder.
#[must_use]
pub fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

/// A time as the ledger has it.
#[must_use]
pub fn time(time: Timestamp) -> respond::Time {
    respond::Time::from_unix_millis(i64::try_from(time.as_unix_nanos() / 1_000_000).unwrap_or(i64::MAX))
}

/// What it means that so many accounts' one-time codes can't be checked.
#[must_use]
pub fn codes_lost(accounts: u64) -> String {
    let whose = if accounts == 1 {
        "one account"
    } else {
        "several accounts"
    };
    format!(
        "the one-time codes of {whose} ({accounts}) can't be checked: the key that their secrets are encrypted with isn't in `{FOLDER}/{}`. Put \
         it back from a backup; or let these people sign in with a passkey or a recovery code and set the password and the code \
         up anew; `holdfast console link --for NAME` lets in who has neither",
        respond::people::CODE_KEY_NAME
    )
}

/// The failure that an error of the ledger is.
#[must_use]
pub fn failed(error: &respond::Error) -> Failure {
    let message = error.to_string();
    match error {
        respond::Error::Io { source, .. } => Failure::new(Failure::io("", source).code, message),
        respond::Error::LedgerDamaged { .. } | respond::Error::Record { .. } => {
            Failure::new(FailureCode::Damage, message)
        }
        respond::Error::LedgerFull { .. } => Failure::new(FailureCode::NoSpace, message),
        respond::Error::ApprovalNeeded { next, .. } => Failure::new(FailureCode::Approval, message).hint(next),
        respond::Error::Policy { .. } => Failure::new(FailureCode::Config, message),
        respond::Error::NotFound { .. } => Failure::not_found(message),
        respond::Error::Refused { .. } | respond::Error::LedgerVersion { .. } => Failure::refused(message),
        _ => Failure::new(FailureCode::Failure, message),
    }
}

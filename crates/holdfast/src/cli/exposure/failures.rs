//! How errors of the breach monitor look on the command line.

use crate::failure::{Failure, FailureCode};

/// The failure of a command that an error of the stores or the ledger ended.
pub(super) fn failure(error: &exposure::Error) -> Failure {
    let code = match error {
        exposure::Error::Io { source, .. } => return Failure::new(Failure::io("", source).code, error.to_string()),
        exposure::Error::Damaged { .. } => FailureCode::Damage,
        exposure::Error::KeyExists { .. }
        | exposure::Error::Busy { .. }
        | exposure::Error::WouldShrink { .. }
        | exposure::Error::TooManySources { .. } => FailureCode::Refused,
        exposure::Error::About { .. } | exposure::Error::SourceName { .. } => FailureCode::Usage,
        exposure::Error::NothingFound { .. } | exposure::Error::NoSuchSource { .. } => FailureCode::NotFound,
        _ => FailureCode::Failure,
    };
    Failure::new(code, error.to_string())
}

/// The failure of a command that an error of the server ended.
pub(super) fn server_failure(error: &hibp::Error) -> Failure {
    let code = match error {
        hibp::Error::Exposure(error) => return failure(error),
        hibp::Error::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            return Failure::refused(error.to_string()).hint("choose another with `--listen`");
        }
        hibp::Error::Certificate { .. } | hibp::Error::NoCertificate { .. } | hibp::Error::Tls { .. } => {
            FailureCode::Config
        }
        _ => FailureCode::Failure,
    };
    Failure::new(code, error.to_string())
}

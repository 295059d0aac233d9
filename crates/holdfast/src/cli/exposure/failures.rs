//! How errors of the breach monitor look on the command line.

pub(super) use crate::exposure_delivery::failed as failure;
use crate::failure::{Failure, FailureCode};

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

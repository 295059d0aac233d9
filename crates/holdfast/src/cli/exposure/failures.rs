//! How errors of the breach monitor look on the command line.

use std::path::Path;

pub(super) use crate::exposure_delivery::failed as failure;
use crate::failure::{Failure, FailureCode};

/// The failure of an import into `folder`. Where there was no room, `needs` says how much is needed ("twice the size of its files").
pub(super) fn import_failure(error: &exposure::Error, folder: &Path, needs: &str) -> Failure {
    let failure = failure(error);
    if failure.code != FailureCode::NoSpace {
        return failure;
    }
    failure.hint(format!(
        "the disk is full; what was loaded before is as it was. An import needs {needs}: make room in `{}`, then give the same command again",
        folder.display()
    ))
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

//! Errors of file systems as failures: what happened, what it means, what to do next.

use files::{Error, ReadFailed};

use super::text::printable;
use crate::failure::{Failure, FailureCode};

/// An error at a path, as a failure.
#[must_use]
pub fn failure(path: &[u8], error: Error) -> Failure {
    let at = printable(path);
    match error {
        Error::Disk(error) => read_failure(error),
        Error::NotFound { path } => {
            Failure::not_found(format!("`{}` doesn't exist at that moment", printable(path.as_bytes())))
                .hint("`holdfast files ls` shows what is there; `holdfast files history` when it was")
        }
        Error::Damaged { .. } | Error::NotInUse(_) => Failure::new(FailureCode::Damage, format!("`{at}`: {error}"))
            .hint("an earlier moment may have it whole: `holdfast files history` shows when it changed"),
        Error::Unrecognised => Failure::refused(error.to_string()).hint(
            "`holdfast files ls VOLUME:` shows what is on the disk; a disk that is encrypted as a whole can't be read",
        ),
        error => Failure::refused(format!("`{at}`: {error}")),
    }
}

/// What a disk that can't be read means.
#[must_use]
pub fn read_failure(error: ReadFailed) -> Failure {
    let message = error.to_string();
    match error
        .reason
        .map(<dyn std::error::Error + Send + Sync>::downcast::<Failure>)
    {
        Some(Ok(failure)) => *failure,
        Some(Err(reason)) => Failure::new(FailureCode::Failure, format!("{message}: {reason}")),
        None => Failure::new(FailureCode::Damage, format!("{message}: the disk ends before")),
    }
}

/// The same in one line, for lists of what couldn't be read.
#[must_use]
pub fn reason(error: Error) -> String {
    match error {
        Error::Disk(error) => read_failure(error).message,
        error => error.to_string(),
    }
}

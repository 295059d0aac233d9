//! Why a guard doesn't do what it was asked for.

use std::time::Duration;

/// An error of a guard's operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to release.
    #[error("`{0}` is neither fenced nor bookmarked: there is nothing to release")]
    NotFenced(String),
    /// There are no diverted writes to drop.
    #[error("nothing was diverted from `{0}`: there is nothing to drop")]
    NothingDiverted(String),
    /// The guard can't be turned off while it keeps writes away.
    #[error("`{0}` is fenced: the guard can be turned off only after it was released or restored")]
    FenceInForce(String),
    /// A fence stands already.
    #[error("`{0}` is fenced already")]
    Fenced(String),
    /// A fence by hand that would stop nothing.
    #[error("a fence of the kind `alert` stops nothing: choose refuse, pause or divert")]
    StopsNothing,
    /// A sensitivity that can't be.
    #[error("`{asked}` is no sensitivity: {least} to 100 per cent of the usual suspicion")]
    BadSensitivity {
        /// What was asked for.
        asked: u32,
        /// The least.
        least: u32,
    },
    /// No work is announced.
    #[error("no work is announced on `{0}`")]
    NotAnnounced(String),
    /// An announcement or a sensitivity that would last too long, or no time at all.
    #[error("this can last for up to {} days, not for {} s", .most.as_secs() / 86_400, .asked.as_secs())]
    BadDuration {
        /// What was asked for.
        asked: Duration,
        /// The longest.
        most: Duration,
    },
    /// An announcement or a fence without a reason, or with one that is too long for a log's line.
    #[error("a reason of 1 to {most} bytes is needed")]
    BadReason {
        /// The longest reason, in bytes.
        most: usize,
    },
    /// Not a fence.
    #[error("`{0}` is not a fence: refuse, pause, divert or alert")]
    UnknownFence(String),
    /// The volume or the fork failed.
    #[error(transparent)]
    Volume(#[from] volume::Error),
}

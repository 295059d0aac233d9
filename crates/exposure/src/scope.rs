//! How much a merge takes on.

/// How much is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeScope {
    /// All that there is: afterwards a question reads as little as it can.
    Everything,
    /// What is needed so that a question reads at most eight pieces: small ones with each other, and with the largest only if they are
    /// no longer small beside it. So a row is written again only a few times, however many imports there are.
    TooMany,
}

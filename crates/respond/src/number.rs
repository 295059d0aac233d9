//! Counts in SQLite, whose integers have a sign.

/// A count as it is stored.
pub(crate) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count that was stored.
pub(crate) fn read(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

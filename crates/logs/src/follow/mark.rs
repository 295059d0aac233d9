//! By what a stretch of a log is recognised: its length and its digest.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// Bytes of a log's beginning that are marked: more than the headers that some logs all begin with.
pub(super) const HEAD_BYTES: usize = 4096;
/// Bytes before a place in a log that are marked.
pub(super) const TAIL_BYTES: usize = 512;
/// Bytes of a digest that are kept: logs are told apart by it, nobody is kept from forging one.
const DIGEST_BYTES: usize = 12;

/// A stretch of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Its length.
    pub(super) bytes: usize,
    digest: String,
}

impl Mark {
    pub(super) fn of(stretch: &[u8]) -> Self {
        if stretch.is_empty() {
            return Self::default();
        }
        let mut text = String::new();
        for byte in digest(&SHA256, stretch).as_ref().iter().take(DIGEST_BYTES) {
            // Writing to a string doesn't fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self {
            bytes: stretch.len(),
            digest: text,
        }
    }

    /// Of the last bytes of what stands before a place.
    pub(super) fn of_tail(before: &[u8]) -> Self {
        Self::of(
            before
                .get(before.len().saturating_sub(TAIL_BYTES)..)
                .unwrap_or_default(),
        )
    }

    /// Whether the stretch is what `bytes` begin with.
    pub(super) fn begins(&self, bytes: &[u8]) -> bool {
        bytes
            .get(..self.bytes)
            .is_some_and(|stretch| Self::of(stretch) == *self)
    }
}

//! Metadata contexts: what `CMD_BLOCK_STATUS` can tell about a range.
//!
//! * `base:allocation` as the protocol defines it.
//! * `x-holdfast:written`: the status is the second of the last write, zeroing or trim of the range since the Unix
//!   epoch, as an unsigned 32-bit number; 0 where the range was never written. The last second that fits (in the
//!   year 2106) stands for all later ones. The namespace knows this leaf name only; `x-holdfast:` is a wildcard in
//!   `OPT_LIST_META_CONTEXT` and selects nothing in `OPT_SET_META_CONTEXT`.

use volume::{Extent, ExtentKind};

use super::numbers::{STATE_HOLE, STATE_ZERO};

/// A metadata context that this server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaContext {
    /// `base:allocation`.
    Allocation,
    /// `x-holdfast:written`.
    Written,
}

impl MetaContext {
    /// All contexts.
    pub const ALL: [Self; 2] = [Self::Allocation, Self::Written];

    /// The name by which clients select it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allocation => "base:allocation",
            Self::Written => "x-holdfast:written",
        }
    }

    /// The number that stands for it during transmission.
    #[must_use]
    pub const fn id(self) -> u32 {
        match self {
            Self::Allocation => 1,
            Self::Written => 2,
        }
    }

    /// Whether a query of `OPT_SET_META_CONTEXT` names it.
    #[must_use]
    pub fn is_selected_by(self, query: &str) -> bool {
        query == self.name()
    }

    /// Whether a query of `OPT_LIST_META_CONTEXT` names it, or all of its namespace.
    #[must_use]
    pub fn is_listed_by(self, query: &str) -> bool {
        self.is_selected_by(query) || self.name().strip_prefix(query) == self.name().split(':').nth(1)
    }

    /// What the context says of an extent.
    #[must_use]
    pub fn status(self, extent: &Extent) -> u32 {
        match self {
            Self::Allocation => match extent.kind {
                ExtentKind::Data => 0,
                ExtentKind::Zero => STATE_ZERO,
                ExtentKind::Hole => STATE_HOLE | STATE_ZERO,
            },
            Self::Written => extent.written.map_or(0, |time| {
                u32::try_from(time.as_unix_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use volume::Timestamp;

    use super::*;

    #[test]
    fn a_wildcard_lists_its_namespace_only_and_selects_nothing() {
        assert!(MetaContext::Allocation.is_listed_by("base:"));
        assert!(MetaContext::Allocation.is_listed_by("base:allocation"));
        assert!(!MetaContext::Allocation.is_listed_by("base"));
        assert!(!MetaContext::Allocation.is_listed_by(""));
        assert!(!MetaContext::Allocation.is_listed_by("base:all"));
        assert!(!MetaContext::Allocation.is_listed_by("x-holdfast:"));
        assert!(MetaContext::Written.is_listed_by("x-holdfast:"));
        assert!(!MetaContext::Written.is_selected_by("x-holdfast:"));
    }

    #[test]
    fn the_second_of_writing_is_reported_and_never_wraps() {
        let extent = |written| Extent {
            length: 1,
            kind: ExtentKind::Data,
            written,
        };
        let status = |written| MetaContext::Written.status(&extent(written));
        assert_eq!(status(None), 0);
        assert_eq!(status(Some(Timestamp::from_unix_seconds(1_800_000_000))), 1_800_000_000);
        assert_eq!(status(Some(Timestamp::MAX)), u32::MAX);
    }
}

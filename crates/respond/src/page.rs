//! Lists are asked for in pages.

/// Rows of a page at most, whatever is asked for.
pub const PAGE_MAX: usize = 1000;

/// Which part of a list is asked for. Lists are newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number after which to go on: the last one of the page before; `None` for the newest.
    pub before: Option<i64>,
    /// Rows at most; never more than [`PAGE_MAX`].
    pub most: usize,
}

impl Page {
    /// The newest `most` rows.
    #[must_use]
    pub const fn newest(most: usize) -> Self {
        Self { before: None, most }
    }

    /// Whether so many rows fill the page: then there may be more.
    #[must_use]
    pub fn is_filled_by(self, rows: usize) -> bool {
        rows >= self.most.min(PAGE_MAX)
    }

    /// For `where id < ?`.
    pub(crate) fn below(self) -> i64 {
        self.before.unwrap_or(i64::MAX)
    }

    /// For `limit ?`.
    pub(crate) fn limit(self) -> i64 {
        i64::try_from(self.most.min(PAGE_MAX)).unwrap_or(0)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::newest(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_filled_by_what_it_can_have_whatever_was_asked_for() {
        assert!(Page::newest(3).is_filled_by(3) && !Page::newest(3).is_filled_by(2));
        assert!(Page::newest(5000).is_filled_by(PAGE_MAX) && !Page::newest(5000).is_filled_by(PAGE_MAX - 1));
    }
}

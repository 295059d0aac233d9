//! Bookmarks and fences, counted as an operator would meet them.

use sentinel::{Assessment, Level, Micros};

use super::watch::Watch;

/// When something happened first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First {
    /// Since the beginning.
    pub(crate) micros: Micros,
    /// Blocks written until then.
    pub(crate) blocks: u64,
}

/// Counts of what the assessments called for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) assessments: u64,
    pub(crate) bookmarks: u64,
    pub(crate) fences: u64,
    pub(crate) first_bookmark: Option<First>,
    pub(crate) first_fence: Option<First>,
    /// In 1/1024 of a logit.
    pub(crate) suspicion_max: i32,
    is_bookmarked: bool,
}

impl Tally {
    /// Takes an assessment in. A bookmark lasts until the suspicion is gone; a fence is counted, then released at once, as
    /// by an operator who found nothing.
    pub(crate) fn take(&mut self, assessment: &Assessment, watch: &mut Watch, now: Micros, here: First) {
        self.assessments += 1;
        self.suspicion_max = self.suspicion_max.max(assessment.suspicion);
        if assessment.suspicion == 0 {
            self.is_bookmarked = false;
        }
        if assessment.level >= Level::Bookmark && !self.is_bookmarked {
            self.is_bookmarked = true;
            self.bookmarks += 1;
            self.first_bookmark.get_or_insert(here);
        }
        if assessment.level == Level::Fence {
            self.fences += 1;
            self.first_fence.get_or_insert(here);
            self.is_bookmarked = false;
            watch.rest(now);
        }
    }
}

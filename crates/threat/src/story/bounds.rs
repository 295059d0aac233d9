//! Sizes and times of stories, in one place.

/// An hour, in seconds.
pub(super) const HOUR: i64 = 3_600;
/// A day, in seconds.
pub(super) const DAY: i64 = 86_400;

/// Pairs of a finding and an entity that are remembered.
pub(super) const PAIRS_MAX: usize = 200_000;
/// Kinds of findings that are remembered.
pub(super) const SIGNATURES_MAX: usize = 20_000;
/// After how long the past counts for half, in seconds.
pub(super) const HALF_LIFE: i64 = 21 * DAY;
/// After how long what isn't seen any more is forgotten, in seconds.
pub(super) const FORGOTTEN: i64 = 60 * DAY;

/// Stories that are kept.
pub(super) const STORIES_MAX: usize = 1_024;
/// Of those that nobody was told of, so many of the weightiest stay however many others come: a flood of light ones pushes out none that is about to be
/// told. And for how long after their last finding, in seconds: as long as any reaches.
pub(super) const SPARED_MAX: usize = 64;
pub(super) const SPARED: i64 = 21 * DAY;
/// Bursts of one story.
pub(super) const BURSTS_MAX: usize = 96;
/// Findings of one burst.
pub(super) const FINDINGS_MAX: usize = 24;
/// Entities of one story.
pub(super) const ENTITIES_MAX: usize = 64;
/// Kinds of findings of one story, and of what else was seen meanwhile.
pub(super) const KINDS_MAX: usize = 128;
/// Records that are named for each kind of finding.
pub(super) const EVIDENCE_EACH: usize = 8;
/// Of them, those of the first moments; the rest is for the times when it came back.
pub(super) const EVIDENCE_FIRST: usize = 4;
/// After so many seconds of silence the next record of a kind is worth naming again.
pub(super) const EPISODE: i64 = 120;
/// Stories that one took in, which are named.
pub(super) const MERGED_MAX: usize = 32;

/// What happens on one entity within this many seconds is taken for one deed, which several rules notice.
pub(super) const BURST: i64 = 120;
/// Points from which a finding carries a story; what weighs less stands beside one.
pub(super) const NOTABLE: f64 = 4.0;
/// Points from which a burst is so unusual that another one at the same time is no chance.
pub(super) const STRIKING: f64 = 12.0;
/// Points from which people are told of a story.
pub(super) const TOLD: f64 = 40.0;
/// How long before a story begins what else was seen on its entities belongs beside it, in seconds.
pub(super) const BEFORE: i64 = HOUR;
/// How far around a story lighter ones may be its parts, in seconds, and how many of them are shown.
pub(super) const AROUND: i64 = 2 * DAY;
pub(super) const AROUND_MAX: usize = 8;

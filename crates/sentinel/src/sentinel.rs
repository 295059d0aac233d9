//! The detector of one volume: counts what passes, and every now and then asks the model.
//!
//! One assessment rarely says enough. Suspicion is a cumulative sum (Page, Biometrika 1954): every assessment adds its
//! score less a drift, and the sum doesn't fall below zero. Ordinary work, whose scores are low, keeps it there; an attack
//! raises it with every assessment. When it last left zero also tells when the attack began.

use crate::Micros;
use crate::content::{Class, Look};
use crate::counters::{Count, Counters, ONE};
use crate::features::{Features, at, features};
use crate::model::Model;
use crate::onset::{Entry, Timeline};
use crate::recent::Recent;
use crate::signals::Signals;

/// An assessment follows so many written blocks, ...
const ASSESS_BLOCKS: u32 = 128;
/// ... or so long a time, if anything was changed in it: one second.
const ASSESS_MICROS: Micros = 1_000_000;
/// A single assessment adds at most this to the suspicion, so that one alone decides nothing.
const SCORE_MOST: i32 = 4 << 10;
/// The score where nothing suspicious happened lately; the model isn't asked.
const SCORE_CALM: i32 = -4 << 10;
/// Suspicion doesn't grow beyond this multiple of what fences, so that it can fall again.
const SUSPICION_TIMES_MOST: i32 = 3;
/// Blocks of the disk's head: its first MiB.
const HEAD_BLOCKS: u64 = 256;
/// Most blocks that one clearing request counts for.
const CLEAR_BLOCKS_MOST: u64 = 1 << 16;
/// Fewer suspicious blocks than this share of what is written to free space, and a few, are everyday work beside it.
const OTHERS_SHARE: u64 = 128;
const OTHERS_FEW: u64 = 16 * ONE;
/// More cleared blocks than so many times what was written aren't the originals of copies.
const TRIMMED_TIMES_MOST: u64 = 64;
/// So many cleared blocks bring the next assessment as near as one written block: a disk is cleared in an instant.
const CLEARED_PER_WRITTEN: u32 = 32;
/// An onset is placed this much before what was first found suspicious: what comes before the first suspicious block of an
/// attack (a directory, a journal) reaches the disk within seconds of it.
const ONSET_MARGIN_MICROS: Micros = 3_000_000;

/// What is known of a block before it is overwritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Former {
    /// The kind of bytes it holds.
    pub class: Class,
    /// Whether it holds stored bytes at all.
    pub is_stored: bool,
    /// Whether it holds the very bytes that are written, which look random: nothing is changed then.
    pub is_same: bool,
    /// Seconds since it was written, if known.
    pub age_seconds: Option<u32>,
}

/// A block that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// What the new bytes look like.
    pub look: Look,
    /// What was there before.
    pub former: Former,
}

/// How a range is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clear {
    /// It reads as zeros.
    Zero,
    /// It is given back.
    Trim,
}

/// What an assessment calls for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    #[default]
    Calm,
    /// Keeping a moment from before it.
    Bookmark,
    /// Stopping it.
    Fence,
}

/// The outcome of an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// What it calls for.
    pub level: Level,
    /// What the model said, in 1/1024 of a logit.
    pub score: i32,
    /// The suspicion after it, in the same unit.
    pub suspicion: i32,
    /// When what is suspected began. The present, if nothing is.
    pub onset: Micros,
    /// Why; empty while the level is calm.
    pub signals: Signals,
    /// Whether all that is suspicious are random-looking blocks in free space, and that what was read was trimmed: whoever can tell which
    /// files are gone knows better.
    pub is_only_new: bool,
}

/// The detector of one volume. About 0.9 MiB: keep it in a box.
#[derive(Clone, Debug)]
pub struct Sentinel {
    pub(crate) counters: Counters,
    pub(crate) timeline: Timeline,
    recent: Recent,
    pub(crate) suspicion: i32,
    /// Until when the suspicion was zero.
    pub(crate) calm_until: Micros,
    assessed: Micros,
    written_since: u32,
    changed_since: u32,
    next_write: u64,
    next_read: u64,
    next_replaced: u64,
}

const _: () = assert!(size_of::<Sentinel>() <= 1 << 20);

impl Default for Sentinel {
    fn default() -> Self {
        Self::new()
    }
}

impl Sentinel {
    /// A detector that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            counters: Counters::new(),
            timeline: Timeline::new(),
            recent: Recent::new(),
            suspicion: 0,
            calm_until: 0,
            assessed: 0,
            written_since: 0,
            changed_since: 0,
            next_write: u64::MAX,
            next_read: u64::MAX,
            next_replaced: u64::MAX,
        }
    }

    /// `count` blocks from `first` on are read.
    pub fn read(&mut self, now: Micros, first: u64, count: u32) {
        let again = self.recent.note(first, count, now);
        let counters = &mut self.counters;
        counters.add(Count::Read, count);
        counters.add(Count::ReadRequests, 1);
        counters.add(Count::ReadAgain, again);
        if first == self.next_read {
            counters.add(Count::NextReads, 1);
        }
        self.next_read = first + u64::from(count);
    }

    /// Blocks from `first` on are written. Those that stay the same don't count, not even as ordinary work: a restore over whole files, or a
    /// refreshed disk, looks like an attack otherwise, and an attacker could hide among them.
    pub fn write(&mut self, now: Micros, first: u64, blocks: &[Written]) {
        let mut count = 0_u32;
        for (block, written) in (first..).zip(blocks) {
            if written.former.is_same {
                self.refresh(now, block, written);
                continue;
            }
            count = count.saturating_add(1);
            self.block(now, block, written);
        }
        let is_next = first == self.next_write;
        self.next_write = first + blocks.len() as u64;
        if count == 0 {
            return;
        }
        let counters = &mut self.counters;
        counters.add(Count::Written, count);
        counters.add(Count::WriteRequests, 1);
        if count <= 2 {
            counters.add(Count::SmallWrites, 1);
        }
        if is_next {
            counters.add(Count::NextWrites, 1);
        }
        self.written_since = self.written_since.saturating_add(count);
        self.changed_since = self.changed_since.saturating_add(count);
    }

    /// A block is written as it was. The age by which it is known then is no longer that of its bytes: whoever encrypts it next must not gain by
    /// having done that.
    fn refresh(&mut self, now: Micros, block: u64, written: &Written) {
        if !self.is_hot(now, block, &written.former) {
            self.recent.refresh(block, now);
        }
    }

    /// Whether a block's bytes were written in the last minute.
    fn is_hot(&self, now: Micros, block: u64, former: &Former) -> bool {
        former.age_seconds.is_some_and(|age| age < 60) && !self.recent.is_refreshed(block, now)
    }

    fn block(&mut self, now: Micros, block: u64, written: &Written) {
        let read_ticks = self.recent.take(block, now);
        let new = written.look.class;
        let is_random = new >= Class::Mixed;
        let counters = &mut self.counters;
        match new {
            Class::Random => {
                counters.add(Count::Random, 1);
                counters.add(
                    Count::RandomDistinct,
                    u32::from(written.look.distinct).saturating_sub(128),
                );
            }
            Class::Mixed => counters.add(Count::Mixed, 1),
            Class::Armoured => counters.add(Count::Armoured, 1),
            Class::Constant => counters.add(Count::Constant, 1),
            _ => {}
        }
        let former = &written.former;
        if !former.is_stored {
            counters.add(if is_random { Count::RandomNew } else { Count::OtherNew }, 1);
            return;
        }
        counters.add(Count::Replaced, 1);
        if self.is_hot(now, block, former) {
            self.counters.add(Count::ReplacedHot, 1);
        } else {
            self.replaced(block, written, read_ticks);
        }
        let counters = &mut self.counters;
        if former.age_seconds.is_some_and(|age| age >= 600) {
            counters.add(Count::ReplacedOld, 1);
        }
        match (former.class.randomness(), new.randomness()) {
            (Some(before), Some(after)) if after >= before + 2 => counters.add(Count::Flipped, 1),
            (Some(before), Some(after)) if before >= after + 2 => counters.add(Count::Unflipped, 1),
            _ => {}
        }
    }

    /// A block whose former version isn't hot is replaced.
    fn replaced(&mut self, block: u64, written: &Written, read_ticks: Option<u16>) {
        let (new, before) = (written.look.class, written.former.class);
        let is_random = new >= Class::Mixed;
        let counters = &mut self.counters;
        if let Some(ticks) = read_ticks {
            counters.add(Count::ReadReplaced, 1);
            counters.add(Count::ReadReplacedDelay, u32::from(ticks).saturating_add(1).ilog2());
            if block != self.next_replaced {
                counters.add(Count::ReadReplacedRuns, 1);
            }
            self.next_replaced = block + 1;
            if is_random {
                counters.add(Count::ReadReplacedRandom, 1);
            }
            if before >= Class::Mixed && is_random {
                counters.add(Count::ReadReplacedAlike, 1);
            } else if before == new {
                counters.add(Count::ReadReplacedKept, 1);
            }
        } else if is_random {
            counters.add(Count::Overrun, 1);
        }
        if new == Class::Armoured && !matches!(before, Class::Armoured | Class::Unknown) {
            counters.add(Count::FlippedArmoured, 1);
        }
        if new == Class::Constant && !matches!(before, Class::Constant | Class::Unknown) {
            counters.add(Count::Wiped, 1);
        }
        if block < HEAD_BLOCKS && (is_random || new == Class::Constant) && before != new {
            counters.add(Count::HeadDestroyed, 1);
        }
    }

    /// `count` blocks from `first` on are cleared, of which `stored` held bytes.
    pub fn clear(&mut self, now: Micros, first: u64, count: u64, stored: u64, how: Clear) {
        let taken = self.recent.take_range(first, count, now).min(CLEAR_BLOCKS_MOST) as u32;
        let stored = stored.min(count).min(CLEAR_BLOCKS_MOST) as u32;
        let counted = count.min(CLEAR_BLOCKS_MOST) as u32;
        let counters = &mut self.counters;
        match how {
            Clear::Trim => {
                counters.add(Count::Trimmed, counted);
                counters.add(Count::TrimmedRead, taken);
                counters.add(Count::TrimmedStored, stored);
            }
            Clear::Zero => {
                counters.add(Count::Constant, counted);
                counters.add(Count::Wiped, stored);
            }
        }
        if stored > 0 && first < HEAD_BLOCKS {
            counters.add(Count::HeadDestroyed, stored.min(HEAD_BLOCKS as u32));
        }
        self.changed_since = self.changed_since.saturating_add(counted);
        self.written_since = self.written_since.saturating_add(stored / CLEARED_PER_WRITTEN);
    }

    /// The client asked for everything to be made durable.
    pub fn flush(&mut self) {
        self.counters.add(Count::Flushes, 1);
    }

    /// Whether an assessment is due.
    #[must_use]
    pub const fn is_due(&self, now: Micros) -> bool {
        self.written_since >= ASSESS_BLOCKS
            || (self.changed_since > 0 && now.saturating_sub(self.assessed) >= ASSESS_MICROS)
    }

    /// Assesses what happened, if that is due.
    pub fn assess<B: AsRef<[u8]>>(&mut self, now: Micros, model: &Model<B>) -> Option<Assessment> {
        self.assess_at(now, model, 100)
    }

    /// The same, where `percent` of the model's suspicion is enough to bookmark and to fence.
    pub fn assess_at<B: AsRef<[u8]>>(&mut self, now: Micros, model: &Model<B>, percent: u32) -> Option<Assessment> {
        // What is assessed must be in the windows, also where little was written in an instant.
        if self.counters.is_slice_over(now) || self.is_due(now) {
            self.end_slice(now);
        }
        if !self.is_due(now) {
            if self.suspicion == 0 && self.changed_since == 0 {
                // What is calm stays so as long as nothing is changed.
                self.calm_until = self.calm_until.max(now);
            }
            return None;
        }
        (self.written_since, self.changed_since, self.assessed) = (0, 0, now);
        let score = if self.has_evidence() {
            model.score(&self.features())
        } else {
            SCORE_CALM
        };
        let step = score.clamp(-SCORE_MOST, SCORE_MOST) - model.drift();
        let most = model.fence_from().saturating_mul(SUSPICION_TIMES_MOST);
        self.suspicion = self.suspicion.saturating_add(step).clamp(0, most.max(0));
        if self.suspicion == 0 {
            self.calm_until = now;
        }
        let level = match self.suspicion {
            suspicion if suspicion >= scaled(model.fence_from(), percent) => Level::Fence,
            suspicion if suspicion >= scaled(model.bookmark_from(), percent) => Level::Bookmark,
            _ => Level::Calm,
        };
        let (onset, signals) = match level {
            Level::Calm => (now, Signals::default()),
            _ => (self.onset(now), Signals::of(&self.counters)),
        };
        Some(Assessment {
            level,
            score,
            suspicion: self.suspicion,
            onset,
            signals,
            is_only_new: level > Level::Calm && self.is_only_new(),
        })
    }

    /// What the model is shown now. For the trainer; [`Self::assess`] does the same.
    #[must_use]
    pub fn features(&self) -> Features {
        features(&self.counters)
    }

    /// The suspicion after the newest assessment, in 1/1024 of a logit; never below zero.
    #[must_use]
    pub const fn suspicion(&self) -> i32 {
        self.suspicion
    }

    /// Takes what happened so far for explained: neither suspicion nor windows hold it against what comes next. What is
    /// usual for the volume stays.
    pub fn rest(&mut self, now: Micros) {
        self.suspicion = 0;
        self.calm_until = now;
        self.counters.forget_all_but_baseline();
        self.recent.clear();
    }

    fn onset(&self, now: Micros) -> Micros {
        let first = self.timeline.onset(now).min(self.calm_until);
        first.saturating_sub(ONSET_MARGIN_MICROS)
    }

    fn end_slice(&mut self, now: Micros) {
        let counters = &self.counters;
        let suspicious = SUSPICIOUS.iter().map(|count| counters.in_slice(*count)).sum();
        let written = counters.in_slice(Count::Written);
        if suspicious > 0 || written > 0 {
            self.timeline.note(Entry {
                began: counters.slice_began,
                suspicious,
                written,
            });
        }
        self.counters.end_slice(now);
    }

    /// Whether hardly anything was suspicious in the last half minute and the last 16 MiB but random-looking blocks in free space, and that what
    /// had been read was trimmed. What goes from the start of the disk says nothing here: files lie there as elsewhere, and whoever asks has an eye on
    /// superblocks.
    fn is_only_new(&self) -> bool {
        let windows = [1, 5].map(|index| self.counters.windows.get(index));
        windows.into_iter().flatten().all(|window| {
            let all: u64 = SUSPICIOUS.iter().map(|count| at(window, *count)).sum();
            let harmless = [Count::RandomNew, Count::TrimmedRead, Count::HeadDestroyed];
            let others = all - harmless.iter().map(|count| at(window, *count)).sum::<u64>();
            let [new, trimmed] = [Count::RandomNew, Count::TrimmedStored].map(|count| at(window, count));
            others <= new / OTHERS_SHARE + OTHERS_FEW && trimmed <= new.saturating_mul(TRIMMED_TIMES_MOST)
        })
    }

    /// The cheap first stage: whether anything suspicious happened in the last 2 MiB or half a minute.
    fn has_evidence(&self) -> bool {
        let windows = [1, 4].map(|index| self.counters.windows.get(index));
        let sum = |window| SUSPICIOUS.iter().map(|count| at(window, *count)).sum::<u64>();
        windows.into_iter().flatten().any(|window| sum(window) >= ONE)
    }
}

/// So many per cent of a threshold; not less than the least suspicion, unless the threshold is: none at all is calm.
#[must_use]
pub fn scaled(threshold: i32, percent: u32) -> i32 {
    let scaled = i64::from(threshold) * i64::from(percent) / 100;
    i32::try_from(scaled).unwrap_or(i32::MAX).max(threshold.min(1))
}

/// Counts of blocks that an attack might have caused. A block may be in several.
const SUSPICIOUS: [Count; 8] = [
    Count::ReadReplacedRandom,
    Count::Flipped,
    Count::FlippedArmoured,
    Count::Wiped,
    Count::Overrun,
    Count::RandomNew,
    Count::TrimmedRead,
    Count::HeadDestroyed,
];

#[cfg(test)]
mod tests {
    extern crate std;
    use std::boxed::Box;

    use super::*;

    /// Random bytes, written over what may be the same.
    const fn written(is_same: bool, age_seconds: u32) -> Written {
        Written {
            look: Look {
                class: Class::Random,
                distinct: 160,
            },
            former: Former {
                class: Class::Random,
                is_stored: true,
                is_same,
                age_seconds: Some(age_seconds),
            },
        }
    }

    #[test]
    fn whoever_writes_blocks_as_they_were_before_encrypting_them_gains_nothing() {
        let suspicious = |steps: &[(bool, u32)]| {
            let mut sentinel = Box::new(Sentinel::new());
            let mut now = 0;
            for (is_same, age) in steps {
                now += 30_000_000;
                sentinel.read(now, 5000, 100);
                sentinel.write(now + 1000, 5000, &[written(*is_same, *age); 100]);
            }
            sentinel.counters.in_slice(Count::ReadReplacedRandom)
        };
        assert_eq!(suspicious(&[(false, 9999)]), 100);
        assert_eq!(suspicious(&[(false, 30)]), 0, "what is hot is everyday work");
        assert_eq!(suspicious(&[(true, 9999), (false, 30)]), 100);
        assert_eq!(suspicious(&[(true, 9999), (true, 30), (true, 30), (false, 30)]), 100);
        // Of its own blocks nobody can make older ones.
        assert_eq!(suspicious(&[(false, 30), (true, 30), (false, 30)]), 0);
    }

    #[test]
    fn blocks_that_stay_the_same_neither_count_nor_hide_others() {
        let seen = |blocks: &[Written]| {
            let mut sentinel = Box::new(Sentinel::new());
            sentinel.read(0, 5000, 1000);
            sentinel.write(1000, 5000, blocks);
            sentinel
        };
        let (same, other) = (written(true, 1000), written(false, 1000));
        let all_same = seen(&[same; 1000]);
        assert!(!all_same.is_due(Micros::MAX));
        let (mut one, mut hidden) = (seen(&[other]), seen(&[[same; 999].as_slice(), &[other]].concat()));
        for sentinel in [&mut one, &mut hidden] {
            assert!(sentinel.is_due(2_000_000));
            sentinel.end_slice(2_000_000);
        }
        assert_eq!(one.features(), hidden.features());
    }

    #[test]
    fn files_at_the_start_of_the_disk_may_go_but_nothing_is_written_over_them() {
        let is_only_new = |head: fn(&mut Sentinel)| {
            let mut sentinel = Box::new(Sentinel::new());
            sentinel.read(0, 0, 200);
            let mut new = written(false, 0);
            new.former = Former::default();
            sentinel.write(1000, 5000, &[new; 300]);
            head(&mut sentinel);
            sentinel.end_slice(2_000_000);
            sentinel.is_only_new()
        };
        assert!(is_only_new(|sentinel| sentinel.clear(2000, 0, 200, 200, Clear::Trim)));
        assert!(!is_only_new(|sentinel| sentinel.write(
            2000,
            0,
            &[written(false, 9999); 200]
        )));
    }
}

//! The sentinel with what it found that nobody acted on yet. Everything under one lock, which a request takes once.

use std::sync::Arc;

use sentinel::{Assessment, Level, Micros, Sentinel, Signals, scaled};
use volume::Sequence;

use crate::landmarks::Landmarks;
use crate::model::OwnedModel;
use crate::reads::Gathered;
use crate::same::Sameness;
use crate::trail::Trail;

/// The sensitivity of a guard that nobody changed.
pub(crate) const USUAL_PERCENT: u32 = 100;

/// What is found out at once, beside the sentinel, may have begun so much earlier.
pub(crate) const ONSET_MARGIN_MICROS: Micros = 3_000_000;
/// So long after an examination began, or after something was held back for the first time, files have to tell again: ten seconds.
const TOLD_FOR_MICROS: Micros = 10_000_000;

/// Something that must be acted upon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suspect {
    pub(crate) assessment: Assessment,
    /// In per cent of what fences.
    pub(crate) percent: u32,
    /// The generation of the watch in which it was found.
    pub(crate) generation: u64,
}

/// The sentinel under its lock.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) sentinel: Box<Sentinel>,
    pub(crate) trail: Trail,
    pub(crate) model: Arc<OwnedModel>,
    /// The newest time seen: threads bring theirs out of order.
    newest: Micros,
    /// Since when suspicion is zero.
    pub(crate) zero_since: Option<Micros>,
    /// What the next tick must act upon.
    pub(crate) pending: Option<Suspect>,
    /// Whether a verdict is acted upon at once.
    pub(crate) is_armed: bool,
    /// Counts what explained all that was suspected: verdicts from before it are void.
    pub(crate) generation: u64,
    pub(crate) assessments: u64,
    /// Whether something was seen since the last time that it was saved.
    pub(crate) is_changed: bool,
    /// What was read since it was last written down: of the volume, and of the fork that clients are diverted to.
    pub(crate) reads: [Gathered; 2],
    /// Where partitions and file systems begin.
    pub(crate) landmarks: Landmarks,
    /// Whether blocks that seem to be written as they were really are.
    pub(crate) sameness: Sameness,
    /// Blocks written since files were last examined by which content could have been lost.
    pub(crate) hints: u32,
    /// Which files lost their content, in words.
    pub(crate) lost_files: Option<String>,
    /// When the examination began by which files tell that random bytes in free space harm nobody, and the last batch that it saw; `None` if the
    /// newest one tells otherwise.
    pub(crate) files_told: Option<(Micros, Sequence)>,
    /// What would have been fenced if they didn't, and since when.
    pub(crate) held_back: Option<(Assessment, Micros)>,
    /// Whether reads are gathered.
    pub(crate) keeps_reads: bool,
    /// Per cent of the model's suspicion that bookmark and fence.
    pub(crate) sensitivity_percent: u32,
}

impl Watch {
    pub(crate) fn new(sentinel: Box<Sentinel>, trail: Trail, model: Arc<OwnedModel>, now: Micros) -> Self {
        Self {
            sentinel,
            trail,
            model,
            newest: now,
            zero_since: Some(now),
            pending: None,
            is_armed: false,
            generation: 0,
            assessments: 0,
            is_changed: false,
            reads: Default::default(),
            landmarks: Landmarks::default(),
            sameness: Sameness::default(),
            hints: 0,
            lost_files: None,
            files_told: None,
            held_back: None,
            keeps_reads: false,
            sensitivity_percent: USUAL_PERCENT,
        }
    }

    /// The time, never earlier than one seen before.
    pub(crate) fn time(&mut self, now: Micros) -> Micros {
        self.newest = self.newest.max(now);
        self.newest
    }

    /// Sees that blocks were read: of the volume, or of the fork that clients are diverted to.
    pub(crate) fn read(&mut self, now: Micros, first: u64, blocks: u32, is_diverted: bool) {
        self.sentinel.read(now, first, blocks);
        let [volume, fork] = &mut self.reads;
        if self.keeps_reads {
            (if is_diverted { fork } else { volume }).note(first, blocks);
        }
    }

    /// Assesses, if that is due. Returns what must be acted upon at once; only one caller gets it.
    pub(crate) fn assess(&mut self, now: Micros) -> Option<Suspect> {
        let mut assessment = self.sentinel.assess_at(now, &*self.model, self.sensitivity_percent)?;
        self.assessments += 1;
        if assessment.suspicion == 0 {
            self.zero_since.get_or_insert(now);
        } else {
            self.zero_since = None;
        }
        let since = self.held_back.take().map_or(now, |(_, since)| since);
        let is_held_back = assessment.level == Level::Fence && assessment.is_only_new && self.do_files_tell(now, since);
        self.held_back = is_held_back.then_some((assessment, since));
        match assessment.level {
            Level::Calm => return None,
            Level::Fence if is_held_back => assessment.level = Level::Bookmark,
            _ => {}
        }
        let suspect = self.suspect(assessment);
        self.pending = Some(self.pending.map_or(suspect, |pending| pending.joined(suspect)));
        if assessment.level == Level::Fence && self.is_armed {
            self.is_armed = false;
            return self.pending.take();
        }
        None
    }

    fn suspect(&self, assessment: Assessment) -> Suspect {
        Suspect {
            assessment: Assessment {
                onset: self.sameness.onset(self.newest, assessment.onset),
                ..assessment
            },
            percent: self.suspicion_percent(),
            generation: self.generation,
        }
    }

    /// Whether files tell that random bytes in free space, suspected since `since`, harm nobody. They have to do so again and again, unless
    /// something else shows that an attack is under way.
    fn do_files_tell(&self, now: Micros, since: Micros) -> bool {
        let is_usual = self.sensitivity_percent == USUAL_PERCENT;
        let is_fresh = |(told, _): (Micros, _)| now.saturating_sub(told.max(since)) < TOLD_FOR_MICROS;
        is_usual && self.files_told.is_some_and(is_fresh)
    }

    /// What was held back, if files don't tell any more that it harms nobody. What they told holds as long as no batch follows the `newest` one.
    pub(crate) fn no_longer_held_back(&mut self, now: Micros, newest: Sequence) -> Option<Suspect> {
        let (assessment, since) = self.held_back?;
        if let Some((told, seen)) = &mut self.files_told
            && *seen == newest
        {
            *told = now;
        }
        if self.do_files_tell(now, since) {
            return None;
        }
        self.held_back = None;
        Some(self.suspect(assessment))
    }

    /// Takes what is suspected for explained.
    pub(crate) fn rest(&mut self, now: Micros) {
        let now = self.time(now);
        self.sentinel.rest(now);
        self.zero_since = Some(now);
        self.pending = None;
        self.landmarks = Landmarks::default();
        self.sameness = Sameness::default();
        self.lost_files = None;
        self.forget_files();
        self.generation += 1;
    }

    /// What files told counts no more, nor what was held back because of it.
    pub(crate) fn forget_files(&mut self) {
        (self.files_told, self.held_back) = (None, None);
    }

    /// What something beside the sentinel found, which began at `onset`: so suspicious in per cent, if the sentinel isn't more.
    pub(crate) fn suspect_beside(&mut self, now: Micros, level: Level, onset: Micros, percent: u32) -> Suspect {
        // The episode that begins now must not end because all was calm before.
        self.zero_since = self.zero_since.map(|_| now);
        let mut suspect = self.suspect(Assessment {
            level,
            score: 0,
            suspicion: self.sentinel.suspicion(),
            onset,
            signals: Signals::default(),
            is_only_new: false,
        });
        suspect.percent = suspect.percent.max(percent);
        suspect
    }

    /// Suspicion in per cent of what fences.
    pub(crate) fn suspicion_percent(&self) -> u32 {
        let most = i64::from(scaled(self.model.fence_from(), self.sensitivity_percent).max(1));
        u32::try_from(i64::from(self.sentinel.suspicion()) * 100 / most).unwrap_or(u32::MAX)
    }
}

impl Suspect {
    /// The newer one, with the highest level and the earliest onset of both.
    fn joined(self, newer: Self) -> Self {
        let mut joined = newer;
        joined.assessment.level = newer.assessment.level.max(self.assessment.level);
        joined.assessment.onset = newer.assessment.onset.min(self.assessment.onset);
        joined.percent = newer.percent.max(self.percent);
        joined
    }
}

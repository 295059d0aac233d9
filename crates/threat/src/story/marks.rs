//! "False positive", said by people: one finding on one entity, for a time, by name, and taken back at any time.

use serde::{Deserialize, Serialize};

use super::bounds::{DAY, HOUR};
use crate::alert::Finder;
use crate::entity::EntityId;

/// Marks at most: whoever needs more has a rule to change.
const MARKS_MAX: usize = 4_096;
/// For how long a mark holds at most, in seconds, and at least.
const SECONDS_MAX: i64 = 365 * DAY;
const SECONDS_MIN: i64 = HOUR;
/// Characters of a reason.
const BECAUSE_MAX: usize = 500;

/// The number of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MarkId(pub u64);

/// A finding that is no sign of an attack on one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its number.
    pub id: MarkId,
    /// What found it.
    pub finder: Finder,
    /// What was found, in a few words.
    pub title: String,
    /// On whom.
    pub entity: EntityId,
    /// Who said so.
    pub by: String,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// Until when.
    pub until: i64,
    /// Findings that it has held back: they are in no story, and nobody is told of them.
    pub kept_out: u64,
    /// Why they are no sign of an attack, in the words of who said so.
    #[serde(default)]
    pub because: String,
    /// When it held something back last, in seconds since 1970.
    #[serde(default)]
    pub last: Option<i64>,
    /// Whether it holds back what is critical on tier 0, too: only if that was said.
    #[serde(default)]
    pub even_grave: bool,
}

/// That findings are no sign of an attack, said by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dismissal<'a> {
    /// Who says so.
    pub by: &'a str,
    /// Why.
    pub because: &'a str,
    /// When, in seconds since 1970.
    pub now: i64,
    /// For how long, in seconds: from an hour to a year.
    pub seconds: i64,
    /// Whether it's meant for what is critical on tier 0, too.
    pub even_grave: bool,
}

/// All marks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Marks {
    marks: Vec<Mark>,
    next: u64,
}

impl Marks {
    /// Adds a mark, or prolongs the one that is there. None if there are too many.
    pub(super) fn add(
        &mut self,
        finder: &Finder,
        title: &str,
        entity: EntityId,
        said: &Dismissal<'_>,
    ) -> Option<MarkId> {
        self.marks.retain(|mark| mark.until > said.now);
        let until = said.now.saturating_add(said.seconds.clamp(SECONDS_MIN, SECONDS_MAX));
        let same = self
            .marks
            .iter_mut()
            .find(|mark| mark.finder == *finder && mark.entity == entity);
        if let Some(mark) = same {
            mark.until = mark.until.max(until);
            mark.even_grave |= said.even_grave;
            return Some(mark.id);
        }
        if self.marks.len() >= MARKS_MAX {
            return None;
        }
        self.next += 1;
        self.marks.push(Mark {
            id: MarkId(self.next),
            finder: finder.clone(),
            title: title.to_owned(),
            entity,
            by: said.by.to_owned(),
            since: said.now,
            until,
            kept_out: 0,
            because: said.because.chars().take(BECAUSE_MAX).collect(),
            last: None,
            even_grave: said.even_grave,
        });
        Some(MarkId(self.next))
    }

    pub(super) fn revoke(&mut self, id: MarkId) -> Option<Mark> {
        let place = self.marks.iter().position(|mark| mark.id == id)?;
        Some(self.marks.remove(place))
    }

    /// Whether an alert is kept out: every mark is of one finding on one entity, and a finding on several is kept out only if it's marked on
    /// each of them. What is grave, critical on tier 0, is kept out only by marks that were meant for that. Logs may come late: what happened
    /// before a mark was made is kept out too.
    pub(super) fn keep_out(&mut self, finder: &Finder, entities: &[EntityId], is_grave: bool, now: i64) -> bool {
        let holds = |mark: &Mark| mark.finder == *finder && now < mark.until && (mark.even_grave || !is_grave);
        if self.marks.is_empty() || entities.is_empty() {
            return false;
        }
        let marked = |entity: &EntityId| self.marks.iter().any(|mark| mark.entity == *entity && holds(mark));
        if !entities.iter().all(marked) {
            return false;
        }
        for mark in self
            .marks
            .iter_mut()
            .filter(|mark| entities.contains(&mark.entity) && holds(mark))
        {
            mark.kept_out += 1;
            mark.last = Some(now);
        }
        true
    }

    pub(super) fn all(&self) -> &[Mark] {
        &self.marks
    }

    pub(super) fn merged(&mut self, lost: EntityId, kept: EntityId) {
        for mark in self.marks.iter_mut().filter(|mark| mark.entity == lost) {
            mark.entity = kept;
        }
    }
}

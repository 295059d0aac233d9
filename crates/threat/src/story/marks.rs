//! "False positive", said by people: one finding on one entity, for a time, by name, and taken back at any time.

use serde::{Deserialize, Serialize};

use super::bounds::DAY;
use crate::alert::Finder;
use crate::entity::EntityId;

/// Marks at most: whoever needs more has a rule to change.
const MARKS_MAX: usize = 4_096;
/// Days for which a mark holds at most.
const DAYS_MAX: i64 = 365;

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
    /// Alerts that it has kept out of stories.
    pub kept_out: u64,
}

/// All marks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Marks {
    marks: Vec<Mark>,
    next: u64,
}

impl Marks {
    /// Adds a mark for some days, or prolongs the one that is there. None if there are too many.
    pub(super) fn add(
        &mut self,
        finder: &Finder,
        title: &str,
        entity: EntityId,
        by: &str,
        now: i64,
        days: i64,
    ) -> Option<MarkId> {
        self.marks.retain(|mark| mark.until > now);
        let until = now + days.clamp(1, DAYS_MAX) * DAY;
        let same = self
            .marks
            .iter_mut()
            .find(|mark| mark.finder == *finder && mark.entity == entity);
        if let Some(mark) = same {
            mark.until = mark.until.max(until);
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
            by: by.to_owned(),
            since: now,
            until,
            kept_out: 0,
        });
        Some(MarkId(self.next))
    }

    pub(super) fn revoke(&mut self, id: MarkId) -> bool {
        let before = self.marks.len();
        self.marks.retain(|mark| mark.id != id);
        self.marks.len() < before
    }

    /// Whether an alert is kept out: every mark is of one finding on one entity, and a finding on several is kept out only if it's marked on
    /// each of them.
    pub(super) fn keep_out(&mut self, finder: &Finder, entities: &[EntityId], now: i64) -> bool {
        let holds = |mark: &Mark| mark.finder == *finder && mark.since <= now && now < mark.until;
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

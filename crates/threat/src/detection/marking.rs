//! "False positive", said of a story or of one finding.

use thiserror::Error;

use super::Detection;
use crate::alert::{Finder, Level};
use crate::entity::EntityId;
use crate::story::{Dismissal, Mark, MarkId, StoryId, on_tier_zero};

/// A finding that is said to be no sign of an attack.
#[derive(Debug, Clone, Copy)]
pub struct Dismissed<'a> {
    /// What found it.
    pub finder: &'a Finder,
    /// What was found, in a few words.
    pub title: &'a str,
    /// How bad it is by itself.
    pub level: Level,
    /// Everybody whom it concerns.
    pub entities: &'a [EntityId],
}

/// Why nothing was marked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotMarked {
    /// There is no such story.
    #[error("there is no story `{0}`")]
    NoStory(u64),
    /// It concerns nobody: a mark would silence the rule everywhere.
    #[error("nobody is known whom it concerns, so that a mark would silence the rule everywhere")]
    Nobody,
    /// It is critical on tier 0, and the mark isn't meant for that.
    #[error("`{what}` is critical, and `{who}` is of tier 0: whoever has it has everything")]
    Grave {
        /// What was found.
        what: String,
        /// On whom.
        who: String,
    },
    /// There are too many marks.
    #[error("there are too many marks: a rule that needs so many is to be changed")]
    Full,
}

impl Detection {
    /// Has what carries a story counted as ordinary from now on, on those who take part; the story goes.
    ///
    /// # Errors
    /// When there is no such story, when it concerns nobody, when marks for it weren't meant for what is critical on tier 0, and when there are too many marks.
    pub fn mark_story(&mut self, id: StoryId, said: &Dismissal<'_>) -> Result<Vec<MarkId>, NotMarked> {
        if !said.even_grave
            && let Some((what, who)) = self.stories.grave(id, &self.directory)
        {
            return Err(self.grave(&what, who));
        }
        let made = self.stories.mark_false_positive(id, said);
        let made = made.ok_or(NotMarked::NoStory(id.0))?;
        if !made.is_empty() {
            return Ok(made);
        }
        let is_nobodys = self.story(id).is_some_and(|story| story.entities.is_empty());
        Err(if is_nobodys { NotMarked::Nobody } else { NotMarked::Full })
    }

    /// Has a finding counted as ordinary from now on where all whom it concerns are the same.
    ///
    /// # Errors
    /// When it concerns nobody, when the mark isn't meant for what is critical on tier 0, and when there are too many marks.
    pub fn mark_finding(&mut self, found: &Dismissed<'_>, said: &Dismissal<'_>) -> Result<Vec<MarkId>, NotMarked> {
        if found.entities.is_empty() {
            return Err(NotMarked::Nobody);
        }
        if !said.even_grave
            && found.level == Level::Critical
            && let Some(who) = on_tier_zero(found.entities, &self.directory)
        {
            return Err(self.grave(found.title, who));
        }
        let add = |entity: &EntityId| self.stories.mark(found.finder, found.title, *entity, said);
        let made: Option<Vec<MarkId>> = found.entities.iter().map(add).collect();
        made.ok_or(NotMarked::Full)
    }

    /// All marks. Those that have ended are there until another is made.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        self.stories.marks()
    }

    /// Takes a mark back. Gives it, if there was one.
    pub fn unmark(&mut self, id: MarkId) -> Option<Mark> {
        self.stories.revoke_mark(id)
    }

    fn grave(&self, what: &str, who: EntityId) -> NotMarked {
        NotMarked::Grave {
            what: what.to_owned(),
            who: self.directory.name(who).to_owned(),
        }
    }
}

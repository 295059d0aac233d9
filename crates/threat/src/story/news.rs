//! What a finding tells people who know its story already.
//!
//! Whoever was told that an attack is under way isn't helped by one more line for each of its steps: they look at the story. A line of its own is
//! for what changes what they do next. Everything else is added to the line that told of the story; no finding is left out anywhere.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::bounds::{BURST, DAY};
use super::incident::{Finding, Incident};
use super::tactic::Tactic;
use crate::alert::Level;
use crate::entity::{Directory, EntityId, Tier};

/// After so many seconds in which nothing was found for a story, whatever comes is told by itself: nobody looks at it any more.
const QUIET: i64 = DAY;
/// People and machines that something was told of within a burst, at most: what has no room is no reason to be silent.
const LATELY_MAX: usize = 64;

/// What a finding is to people who may have been told of its story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The same was found on the same within the hour.
    Again,
    /// Something that wasn't found there before, and changes nothing for whoever knows the story.
    More,
    /// Something to know.
    New(New),
}

/// Why something is told that belongs to a story which people know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum New {
    /// Nobody was told of the story before.
    Story,
    /// The attacker is after something else than before.
    Tactic(Tactic),
    /// Somebody or something of a kind takes part that didn't before.
    Tier(Tier),
    /// It is critical by itself.
    Critical,
    /// Nobody whom it concerns was in the story: it was joined by its rarity or its time.
    Elsewhere,
    /// The story was over for a day.
    Resumed,
    /// Somebody said of a finding of this story that it is no sign of an attack: the rest has to stand by itself.
    Doubted,
}

impl New {
    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Story => "nobody was told of it before".to_owned(),
            Self::Tactic(tactic) => format!("a step of another kind: {}", tactic.words()),
            Self::Tier(tier) => format!("for the first time on: {}", tier.words()),
            Self::Critical => "critical by itself".to_owned(),
            Self::Elsewhere => "on nobody who was part of the story".to_owned(),
            Self::Resumed => "after a day without any".to_owned(),
            Self::Doubted => "a finding of the story was marked as no sign of an attack".to_owned(),
        }
    }
}

/// What people know of a story.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Known {
    tactics: BTreeSet<Tactic>,
    tiers: BTreeSet<Tier>,
    /// On whom something was told lately, when, and how bad it was.
    lately: BTreeMap<EntityId, (i64, Level)>,
    /// Whether somebody marked a finding of it.
    doubted: bool,
}

impl Known {
    /// Somebody said of a finding that it is no sign of an attack.
    pub(super) const fn doubt(&mut self) {
        self.doubted = true;
    }

    /// People are told of the story: of all that is in it.
    pub(super) fn told(&mut self, incident: &Incident, finding: &Finding<'_>, directory: &Directory) {
        self.tactics
            .extend(incident.kinds.values().flat_map(|kind| &kind.tactics));
        self.tiers.extend(tiers(incident.entities.keys(), directory));
        self.note(finding, incident.level());
    }

    /// A finding is told by itself.
    pub(super) fn note(&mut self, finding: &Finding<'_>, level: Level) {
        self.lately.retain(|_, (time, _)| (finding.time - *time).abs() <= BURST);
        for entity in finding.entities {
            if self.lately.len() < LATELY_MAX || self.lately.contains_key(entity) {
                let (_, worst) = self.lately.entry(*entity).or_insert((finding.time, level));
                *worst = level.max(*worst);
            }
        }
    }

    /// Two stories turned out to be one: people know what they know of both.
    pub(super) fn absorb(&mut self, other: Self) {
        self.tactics.extend(other.tactics);
        self.tiers.extend(other.tiers);
        self.lately.extend(other.lately);
        self.doubted |= other.doubted;
    }

    /// What is new in a finding for whoever was told of the story, if it is worth a line of its own; that is known then. `last` is when the story's last finding
    /// was, `members` are those who took part before.
    pub(super) fn learn(
        &mut self,
        finding: &Finding<'_>,
        last: i64,
        members: &BTreeSet<EntityId>,
        directory: &Directory,
    ) -> Option<New> {
        let level = finding.alert.level;
        if level < Level::High {
            return None;
        }
        let tactics = Tactic::of_tags(&finding.alert.attack);
        let tiers = tiers(finding.entities, directory);
        // Techniques serve several tactics: the furthest says how far the attack has come.
        let tactic = tactics.last().filter(|tactic| !self.tactics.contains(tactic));
        let tier = tiers.iter().find(|tier| !self.tiers.contains(tier));
        let new = if self.doubted {
            Some(New::Doubted)
        } else if !finding.entities.iter().any(|entity| members.contains(entity)) {
            Some(New::Elsewhere)
        } else if finding.time - last > QUIET {
            Some(New::Resumed)
        } else if let Some(tactic) = tactic {
            Some(New::Tactic(*tactic))
        } else if self.is_same_deed(finding) {
            None
        } else if let Some(tier) = tier {
            Some(New::Tier(*tier))
        } else {
            (level == Level::Critical).then_some(New::Critical)
        };
        if new.is_some() {
            self.tactics.extend(tactics);
            self.tiers.extend(tiers);
            self.note(finding, level);
        }
        new
    }

    /// Whether something as bad was told of one of these people and machines a moment ago: rules that notice one deed.
    fn is_same_deed(&self, finding: &Finding<'_>) -> bool {
        finding.entities.iter().any(|entity| {
            let told = self.lately.get(entity);
            told.is_some_and(|(time, worst)| (finding.time - time).abs() <= BURST && *worst >= finding.alert.level)
        })
    }
}

/// The tiers of some entities. Whoever has vCenter has the hypervisors, and the other way round: they are one.
fn tiers<'a>(entities: impl IntoIterator<Item = &'a EntityId>, directory: &Directory) -> BTreeSet<Tier> {
    let of = |id: &EntityId| {
        directory
            .get(*id)
            .map(|entity| entity.tiers.clone())
            .unwrap_or_default()
    };
    let one = |tier| match tier {
        Tier::Vcenter => Tier::Hypervisor,
        other => other,
    };
    entities.into_iter().flat_map(of).map(one).collect()
}

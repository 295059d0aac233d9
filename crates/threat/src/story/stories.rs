//! Takes alerts one after the other and keeps the stories that they make.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bounds::{
    BEFORE, BURST, ENTITIES_MAX, HOUR, KINDS_MAX, NOTABLE, PAIRS_MAX, SPARED, SPARED_MAX, STORIES_MAX, STRIKING, TOLD,
};
use super::incident::{Finding, Incident, StoryId};
use super::joining::{Striking, belongs};
use super::marks::{Dismissal, Mark, MarkId, Marks};
use super::news::{New, News};
use super::rarity::{Rarities, Rarity, SignatureId};
use super::view::{self, Story};
use super::weight;
use crate::alert::{Alert, Finder, Level};
use crate::entity::{Directory, EntityId};
use crate::event::Origin;
use crate::recent::Recent;

/// An address that more people than these came from joins nobody: a proxy, or the organisation's own gateway.
const CROWD_OVER: usize = 8;

/// All stories, what is usual, and marks. The same alerts in the same order give the same stories. Saved and restored together with the
/// [`Directory`] that it was used with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stories {
    rarities: Rarities,
    incidents: Vec<Incident>,
    next: u64,
    striking: Striking,
    marks: Marks,
    /// The number of the directory's next merge that is to be followed.
    merges: u64,
    /// Who came from an address.
    crowds: Recent<EntityId, BTreeSet<EntityId>>,
}

/// What an alert did to a story.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Which story it is.
    pub story: StoryId,
    /// What happened to it.
    pub kind: ChangeKind,
    /// What it weighs now.
    pub score: f64,
    /// The gravest level of its findings.
    pub level: Level,
    /// Whether people are told of it.
    pub told: bool,
    /// What the finding tells whoever knows the story.
    pub news: News,
}

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taken {
    /// Somebody marked it as no sign of an attack: nobody is told.
    HeldBack,
    /// It belongs to no story.
    Alone,
    /// It belongs to a story.
    Joined(Change),
}

impl Taken {
    /// What it did to a story, if it belongs to one.
    #[must_use]
    pub const fn change(self) -> Option<Change> {
        match self {
            Self::Joined(change) => Some(change),
            Self::HeldBack | Self::Alone => None,
        }
    }
}

/// What happened to a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It began.
    Began,
    /// It has one more finding.
    Grew,
    /// It passed what people are told of.
    Told,
}

impl Default for Stories {
    fn default() -> Self {
        Self::new()
    }
}

impl Stories {
    /// No stories yet, and nothing learnt.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rarities: Rarities::new(),
            incidents: Vec::new(),
            next: 1,
            striking: Striking::default(),
            marks: Marks::default(),
            merges: 0,
            crowds: Recent::new(PAIRS_MAX),
        }
    }

    /// Takes an alert: learns who is who from it, weighs it by what was before, and joins it into a story if it's notable.
    pub fn take(&mut self, alert: &Alert, directory: &mut Directory) -> Taken {
        let nowhere = Origin {
            source: "?".into(),
            record: 0,
        };
        let origin = alert.evidence.last().unwrap_or(&nowhere);
        let parties = directory.learn_facts(&alert.facts, alert.time.as_second(), origin);
        let believed = directory.clock();
        let now = believed.now;
        self.rarities.begin(believed);
        self.follow_merges(directory);
        self.striking.begin(now);
        let mut entities: Vec<EntityId> = [parties.actor, parties.target, parties.machine, parties.from]
            .into_iter()
            .flatten()
            .collect();
        entities.sort_unstable();
        entities.dedup();
        let is_grave = alert.level == Level::Critical && on_tier_zero(&entities, directory).is_some();
        if self.marks.keep_out(&alert.finder, &entities, is_grave, now) {
            return Taken::HeldBack;
        }
        if let (Some(from), Some(actor)) = (parties.from, parties.actor.or(parties.target)) {
            let crowd = self.crowds.see(&from, now, BTreeSet::new);
            if crowd.len() <= CROWD_OVER {
                crowd.insert(actor);
            }
        }
        let signature = self.rarities.signature(&alert.finder, now);
        let (primary, rarity, fresh) = self.judge(signature, &entities, now, origin, directory);
        let points = weight::points(alert.level, &rarity);
        if !fresh || points < NOTABLE {
            self.stand_beside(signature, &alert.finder, &entities, now, origin);
            return Taken::Alone;
        }
        let finding = Finding {
            signature,
            points,
            time: now,
            primary,
            entities: &entities,
            rarity,
            alert,
        };
        Taken::Joined(self.tell(&finding, directory))
    }

    /// Stories from the weightiest to the lightest: those that people are told of, and below them the others.
    #[must_use]
    pub fn incidents(&self, directory: &Directory) -> Vec<Story> {
        let mut incidents: Vec<&Incident> = self.incidents.iter().collect();
        incidents.sort_by(|a, b| {
            b.told
                .is_some()
                .cmp(&a.told.is_some())
                .then(b.score.total_cmp(&a.score))
                .then(a.id.cmp(&b.id))
        });
        incidents
            .into_iter()
            .map(|incident| self.view(incident, directory))
            .collect()
    }

    /// One story.
    #[must_use]
    pub fn incident(&self, id: StoryId, directory: &Directory) -> Option<Story> {
        let incident = self.incidents.iter().find(|incident| incident.is_called(id))?;
        Some(self.view(incident, directory))
    }

    /// Takes what concerns one entity out of a story into a story of its own, which begins again to reach from there.
    pub fn split(&mut self, id: StoryId, entity: EntityId, directory: &Directory) -> Option<StoryId> {
        let place = self.incidents.iter().position(|incident| incident.id == id)?;
        let incident = self.incidents.get_mut(place)?;
        if incident.entities.len() < 2 || !incident.entities.contains_key(&entity) {
            return None;
        }
        let new = StoryId(self.next);
        self.next += 1;
        let part = incident.split(new, entity);
        weigh(incident, directory);
        self.incidents.push(part);
        if let Some(part) = self.incidents.last_mut() {
            weigh(part, directory);
        }
        self.make_room();
        Some(new)
    }

    /// Says that a story is no attack: its findings on its entities are kept out, and the story goes, unless no mark can be made. Gives the
    /// marks; none if there is no such story.
    pub fn mark_false_positive(&mut self, id: StoryId, said: &Dismissal<'_>) -> Option<Vec<MarkId>> {
        let place = self.incidents.iter().position(|incident| incident.is_called(id))?;
        let incident = self.incidents.get(place)?;
        let marks = &mut self.marks;
        let pairs = incident
            .kinds
            .values()
            .flat_map(|kind| kind.entities.iter().map(move |entity| (kind, *entity)));
        let made: Vec<MarkId> = pairs
            .filter_map(|(kind, entity)| marks.add(&kind.finder, &kind.title, entity, said))
            .collect();
        if !made.is_empty() {
            self.incidents.swap_remove(place);
        }
        Some(made)
    }

    /// What of a story is critical on tier 0: what was found, and on whom.
    #[must_use]
    pub fn grave(&self, id: StoryId, directory: &Directory) -> Option<(Arc<str>, EntityId)> {
        let incident = self.incidents.iter().find(|incident| incident.is_called(id))?;
        let mut critical = incident.kinds.values().filter(|kind| kind.level == Level::Critical);
        critical.find_map(|kind| Some((Arc::clone(&kind.title), on_tier_zero(&kind.entities, directory)?)))
    }

    /// Keeps one finding on one entity out of stories. None if there are too many marks.
    pub fn mark(&mut self, finder: &Finder, title: &str, entity: EntityId, said: &Dismissal<'_>) -> Option<MarkId> {
        let is_of = |incident: &Incident| {
            let mut kinds = incident.kinds.values();
            kinds.any(|kind| kind.finder == *finder && kind.entities.contains(&entity))
        };
        for incident in self.incidents.iter_mut().filter(|incident| is_of(incident)) {
            incident.known.doubt();
        }
        self.marks.add(finder, title, entity, said)
    }

    /// All marks, and how much each has kept out. Those that have ended are there until another is made.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        self.marks.all()
    }

    /// Takes a mark back. Gives it, if there was one.
    pub fn revoke_mark(&mut self, id: MarkId) -> Option<Mark> {
        self.marks.revoke(id)
    }

    /// Takes over what is kept of entities that turned out to be others.
    fn follow_merges(&mut self, directory: &Directory) {
        let (merges, next) = directory.merges_from(self.merges);
        self.merges = next;
        for (lost, kept) in merges {
            self.rarities.merged(lost, kept);
            self.marks.merged(lost, kept);
            for incident in &mut self.incidents {
                incident.merged_entity(lost, kept);
            }
        }
    }

    /// The rarity of a finding where it's rarest, and whether it's the first there in this hour.
    fn judge(
        &mut self,
        signature: SignatureId,
        entities: &[EntityId],
        now: i64,
        origin: &Origin,
        directory: &Directory,
    ) -> (EntityId, Rarity, bool) {
        let nobody = [EntityId(0)];
        let entities = if entities.is_empty() { &nobody } else { entities };
        let mut best: Option<(EntityId, Rarity, bool)> = None;
        for entity in entities {
            let known = directory.get(*entity).map_or(now, |entity| entity.first);
            let seen = self.rarities.see(signature, *entity, known, now, origin);
            let better = best.is_none_or(|(_, rarity, fresh)| (seen.fresh, seen.rarity.bits) > (fresh, rarity.bits));
            if better {
                best = Some((*entity, seen.rarity, seen.fresh));
            }
        }
        let (entity, mut rarity, fresh) = best.unwrap_or((EntityId(0), Rarity::default(), false));
        // To be rare on one of several is less rare than on one.
        rarity.bits = (rarity.bits - (entities.len() as f64).log2()).max(0.0);
        (entity, rarity, fresh)
    }

    fn view(&self, incident: &Incident, directory: &Directory) -> Story {
        let mut story = view::story(incident, directory);
        story.around = view::around(incident, &self.incidents, directory);
        story
    }

    fn tell(&mut self, finding: &Finding<'_>, directory: &Directory) -> Change {
        let joining: Vec<EntityId> = finding
            .entities
            .iter()
            .copied()
            .filter(|entity| !self.is_crowd(*entity))
            .collect();
        let burst = self.striking_burst(finding);
        let striking = &self.striking;
        let places = self
            .incidents
            .iter()
            .enumerate()
            .filter(|(_, incident)| belongs(incident, finding, &joining, burst, striking));
        let mut places: Vec<usize> = places.map(|(place, _)| place).collect();
        // The oldest takes the others in.
        places.sort_by_key(|place| self.incidents.get(*place).map(|incident| incident.id));
        let began = places.is_empty();
        let mut incident = self.take_out(&places, finding.time);
        let members: BTreeSet<EntityId> = incident.entities.keys().copied().collect();
        let was_striking = burst.is_some();
        let (before, was_told) = (incident.last, incident.told.is_some());
        let is_fresh = incident.is_fresh(finding);
        let points = incident.take(finding);
        if points >= STRIKING {
            if !was_striking || incident.striking < finding.time - BURST {
                self.striking.add(finding.time);
            }
            incident.striking = incident.striking.max(finding.time);
        }
        for entity in finding.entities.iter().filter(|entity| !members.contains(entity)) {
            self.look_back(&mut incident, *entity, finding.time);
        }
        weigh(&mut incident, directory);
        let tells = !was_told && incident.score >= TOLD;
        if tells {
            incident.told = Some(finding.time);
            incident.are_told(finding, directory);
        }
        let news = match (was_told, is_fresh) {
            (false, _) => {
                if !tells && finding.alert.level >= Level::High {
                    incident.known.note(finding, finding.alert.level);
                }
                News::New(New::Story)
            }
            (true, false) => News::Again,
            (true, true) => incident
                .known
                .learn(finding, before, &members, directory)
                .map_or(News::More, News::New),
        };
        let kind = match (tells, began) {
            (true, _) => ChangeKind::Told,
            (false, true) => ChangeKind::Began,
            (false, false) => ChangeKind::Grew,
        };
        let change = Change {
            story: incident.id,
            kind,
            score: incident.score,
            level: incident.level(),
            told: incident.told.is_some(),
            news,
        };
        self.incidents.push(incident);
        self.make_room();
        change
    }

    /// When the burst began that a finding is part of, if that is striking with it.
    fn striking_burst(&self, finding: &Finding<'_>) -> Option<i64> {
        if finding.points >= STRIKING {
            return Some(finding.time);
        }
        let bursts = self.incidents.iter().flat_map(|incident| &incident.bursts);
        let mut near =
            bursts.filter(|burst| burst.entity == finding.primary && (finding.time - burst.since).abs() <= BURST);
        near.find(|burst| burst.points() + finding.points / 2.0 >= STRIKING)
            .map(|burst| burst.since)
    }

    fn take_out(&mut self, places: &[usize], now: i64) -> Incident {
        let ids: Vec<StoryId> = places
            .iter()
            .filter_map(|place| self.incidents.get(*place))
            .map(|incident| incident.id)
            .collect();
        let (mut taken, left): (Vec<Incident>, Vec<Incident>) = self
            .incidents
            .drain(..)
            .partition(|incident| ids.contains(&incident.id));
        self.incidents = left;
        taken.sort_by_key(|incident| incident.id);
        let mut taken = taken.into_iter();
        let Some(mut incident) = taken.next() else {
            let id = StoryId(self.next);
            self.next += 1;
            return Incident::new(id, now);
        };
        for other in taken {
            incident.absorb(other);
        }
        incident
    }

    /// What was seen on an entity shortly before it became part of a story.
    fn look_back(&self, incident: &mut Incident, entity: EntityId, now: i64) {
        for (signature, last, origin) in self.rarities.lately(entity, now - BEFORE, KINDS_MAX) {
            let finder = self
                .rarities
                .finder(signature)
                .filter(|_| !incident.kinds.contains_key(&signature));
            if let Some(finder) = finder {
                incident.beside(entity, signature, finder, last, &origin);
            }
        }
    }

    /// An alert that carries no story is counted with the story that is under way on its entities, if one is.
    fn stand_beside(
        &mut self,
        signature: SignatureId,
        finder: &Finder,
        entities: &[EntityId],
        now: i64,
        origin: &Origin,
    ) {
        for incident in self
            .incidents
            .iter_mut()
            .rev()
            .filter(|incident| now - incident.last <= HOUR)
        {
            for entity in entities {
                if incident.entities.contains_key(entity) {
                    if !incident.repeat(signature, now, *entity, origin) {
                        incident.beside(*entity, signature, finder, now, origin);
                    }
                    return;
                }
            }
        }
    }

    fn is_crowd(&self, entity: EntityId) -> bool {
        self.crowds.get(&entity).is_some_and(|crowd| crowd.len() > CROWD_OVER)
    }

    /// Too many stories: those go that nobody was told of, but for the weightiest of them, and of all the oldest.
    fn make_room(&mut self) {
        if self.incidents.len() <= STORIES_MAX {
            return;
        }
        let now = self.incidents.iter().map(|incident| incident.last).max().unwrap_or(0);
        let is_untold = |incident: &&Incident| incident.told.is_none() && incident.last >= now - SPARED;
        let mut scores: Vec<f64> = self
            .incidents
            .iter()
            .filter(is_untold)
            .map(|incident| incident.score)
            .collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let more_than = scores.get(SPARED_MAX).copied().unwrap_or(0.0);
        let is_spared = |incident: &Incident| is_untold(&incident) && incident.score > more_than;
        let order = |incident: &Incident| (incident.told.is_some(), is_spared(incident), incident.last);
        let places = self.incidents.iter().enumerate();
        if let Some((place, _)) = places.min_by_key(|(_, incident)| order(incident)) {
            self.incidents.remove(place);
        }
    }
}

/// The first of some entities that is of tier 0.
pub(crate) fn on_tier_zero<'a>(
    entities: impl IntoIterator<Item = &'a EntityId>,
    directory: &Directory,
) -> Option<EntityId> {
    let is_of_tier_zero = |id: &EntityId| {
        let entity = directory.get(*id);
        entity.is_some_and(|entity| entity.tiers.iter().any(|tier| tier.is_tier_zero()))
    };
    entities.into_iter().copied().find(is_of_tier_zero)
}

fn weigh(incident: &mut Incident, directory: &Directory) {
    let tiers = |id: &EntityId| {
        directory
            .get(*id)
            .map(|entity| entity.tiers.clone())
            .unwrap_or_default()
    };
    let tiers: BTreeSet<_> = incident.entities.keys().take(ENTITIES_MAX).flat_map(tiers).collect();
    incident.weigh(tiers.iter().any(|tier| tier.is_tier_zero()), !tiers.is_empty());
}

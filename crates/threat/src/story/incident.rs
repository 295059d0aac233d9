//! One story as it is kept: bursts of findings on entities, and what else was seen there.
//!
//! Invariants: everything is bounded by [`bounds`](super::bounds); what has to go is what weighs least; a kind of finding counts once in
//! the score, with its weightiest burst.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bounds::{
    BURST, BURSTS_MAX, ENTITIES_MAX, EPISODE, EVIDENCE_EACH, EVIDENCE_FIRST, FINDINGS_MAX, HOUR, KINDS_MAX, MERGED_MAX,
};
use super::news::Known;
use super::rarity::{Rarity, SignatureId};
use super::tactic::{Tactic, steps_in_order};
use crate::alert::{Finder, Level};
use crate::entity::{Directory, EntityId};
use crate::event::Origin;

/// What each further finding of the same kind of step counts in a burst, as a share of the one before: rules that notice the same deed are
/// no independent witnesses. And each further step of another kind.
const SAME_STEP: f64 = 0.5;
const OTHER_STEP: f64 = 0.8;
/// What each further tactic in order adds to the score, as a share of it, and what is at stake.
const EACH_STEP_IN_ORDER: f64 = 0.15;
const TIER_ZERO: f64 = 0.5;
const TIER_OTHER: f64 = 0.2;

/// The number of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoryId(pub u64);

/// What one alert brings to a story.
#[derive(Debug, Clone)]
pub(super) struct Finding<'a> {
    pub(super) signature: SignatureId,
    pub(super) points: f64,
    pub(super) time: i64,
    /// The entity on which it's rarest, and all of them.
    pub(super) primary: EntityId,
    pub(super) entities: &'a [EntityId],
    pub(super) rarity: Rarity,
    pub(super) alert: &'a crate::alert::Alert,
}

/// A story.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Incident {
    pub(super) id: StoryId,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) bursts: Vec<Burst>,
    pub(super) entities: BTreeMap<EntityId, Touched>,
    pub(super) kinds: BTreeMap<SignatureId, Kind>,
    #[serde(with = "crate::recent::pairs")]
    pub(super) meanwhile: BTreeMap<(EntityId, SignatureId), Beside>,
    pub(super) score: f64,
    /// When the score first passed what people are told of.
    pub(super) told: Option<i64>,
    /// What people know of it then.
    #[serde(default)]
    pub(super) known: Known,
    pub(super) alerts: u64,
    pub(super) merged: Vec<StoryId>,
    /// When the last burst happened that is too unusual for chance; 0 for never.
    pub(super) striking: i64,
}

/// Findings on one entity at one time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Burst {
    pub(super) entity: EntityId,
    pub(super) since: i64,
    /// The weightiest first.
    parts: Vec<Part>,
    points: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    signature: SignatureId,
    /// A finding's frequency counts beside the finding itself.
    volume: bool,
    tactics: Vec<Tactic>,
    points: f64,
}

/// An entity's part in a story.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Touched {
    pub(super) points: f64,
    pub(super) last: i64,
    pub(super) level: Level,
}

impl Touched {
    fn add(&mut self, other: Self) {
        self.points += other.points;
        self.last = self.last.max(other.last);
        self.level = self.level.max(other.level);
    }
}

/// A kind of finding in a story.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kind {
    pub(super) finder: Finder,
    pub(super) title: Arc<str>,
    pub(super) level: Level,
    pub(super) attack: Vec<Box<str>>,
    pub(super) tactics: Vec<Tactic>,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) count: u64,
    pub(super) points: f64,
    pub(super) words: String,
    /// How rare it was where it was rarest.
    pub(super) rarity: Rarity,
    pub(super) rarest: EntityId,
    pub(super) entities: BTreeSet<EntityId>,
    pub(super) evidence: Vec<Origin>,
}

/// A kind of finding beside a story.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Beside {
    pub(super) finder: Finder,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) count: u64,
    pub(super) evidence: Vec<Origin>,
}

impl Burst {
    fn new(entity: EntityId, since: i64) -> Self {
        Self {
            entity,
            since,
            parts: Vec::new(),
            points: 0.0,
        }
    }

    /// The weight of findings that are one deed: the first whole, the others less and less.
    pub(super) const fn points(&self) -> f64 {
        self.points
    }

    fn add(&mut self, part: Part) {
        let same = self
            .parts
            .iter_mut()
            .find(|own| own.signature == part.signature && own.volume == part.volume);
        if let Some(own) = same {
            own.points = own.points.max(part.points);
        } else if self.parts.len() < FINDINGS_MAX {
            self.parts.push(part);
        }
        self.parts.sort_by(|a, b| b.points.total_cmp(&a.points));
        self.points = weigh(&self.parts.iter().collect::<Vec<_>>());
    }
}

/// The weight of findings of one deed, the weightiest first.
fn weigh(parts: &[&Part]) -> f64 {
    let mut seen: BTreeMap<&[Tactic], i32> = BTreeMap::new();
    let mut sum = 0.0;
    for (all, part) in (0..).zip(parts) {
        let same = seen.entry(&part.tactics).or_insert(0);
        sum += part.points * SAME_STEP.powi(*same) * OTHER_STEP.powi(all - *same);
        *same += 1;
    }
    sum
}

impl Incident {
    pub(super) fn new(id: StoryId, time: i64) -> Self {
        Self {
            id,
            first: time,
            last: time,
            bursts: Vec::new(),
            entities: BTreeMap::new(),
            kinds: BTreeMap::new(),
            meanwhile: BTreeMap::new(),
            score: 0.0,
            told: None,
            known: Known::default(),
            alerts: 0,
            merged: Vec::new(),
            striking: 0,
        }
    }

    /// Whether this number means it: its own, or that of a story that turned out to be this one.
    pub(super) fn is_called(&self, id: StoryId) -> bool {
        self.id == id || self.merged.contains(&id)
    }

    /// Whether a finding is of a kind or on somebody that the story didn't have, or comes after an hour in which the same wasn't seen.
    pub(super) fn is_fresh(&self, finding: &Finding<'_>) -> bool {
        let before = self.kinds.get(&finding.signature).map(|kind| kind.last);
        before.is_none_or(|last| finding.time - last > HOUR)
            || finding
                .entities
                .iter()
                .any(|entity| !self.entities.contains_key(entity))
    }

    /// People are told of all of it, because of a finding.
    pub(super) fn are_told(&mut self, finding: &Finding<'_>, directory: &Directory) {
        let mut known = std::mem::take(&mut self.known);
        known.told(self, finding, directory);
        self.known = known;
    }

    /// Takes a finding in. Gives the points of the burst that it's part of.
    pub(super) fn take(&mut self, finding: &Finding<'_>) -> f64 {
        self.first = self.first.min(finding.time);
        self.last = self.last.max(finding.time);
        self.alerts += 1;
        self.add_kind(finding);
        for entity in finding.entities {
            self.touch(
                *entity,
                Touched {
                    points: finding.points,
                    last: finding.time,
                    level: finding.alert.level,
                },
            );
        }
        let near = |burst: &&mut Burst| burst.entity == finding.primary && (finding.time - burst.since).abs() <= BURST;
        let part = Part {
            signature: finding.signature,
            volume: finding.rarity.burst_of.is_some(),
            tactics: Tactic::of_tags(&finding.alert.attack),
            points: finding.points,
        };
        if let Some(burst) = self.bursts.iter_mut().find(near) {
            burst.add(part);
            return burst.points();
        }
        let mut burst = Burst::new(finding.primary, finding.time);
        burst.add(part);
        let points = burst.points();
        self.bursts.push(burst);
        self.drop_the_lightest_burst();
        points
    }

    /// Another of a kind that the story has already.
    pub(super) fn repeat(&mut self, signature: SignatureId, time: i64, entity: EntityId, origin: &Origin) -> bool {
        let Some(kind) = self
            .kinds
            .get_mut(&signature)
            .filter(|kind| kind.entities.contains(&entity))
        else {
            return false;
        };
        if is_worth_naming(&kind.evidence, time - kind.last) {
            name(&mut kind.evidence, origin);
        }
        kind.count += 1;
        kind.last = kind.last.max(time);
        self.last = self.last.max(time);
        self.alerts += 1;
        true
    }

    /// What is seen on the story's entities without being notable.
    pub(super) fn beside(
        &mut self,
        entity: EntityId,
        signature: SignatureId,
        finder: &Finder,
        time: i64,
        origin: &Origin,
    ) {
        if self.meanwhile.len() >= KINDS_MAX && !self.meanwhile.contains_key(&(entity, signature)) {
            return;
        }
        let beside = self.meanwhile.entry((entity, signature)).or_insert_with(|| Beside {
            finder: finder.clone(),
            first: time,
            last: time,
            count: 0,
            evidence: Vec::new(),
        });
        if is_worth_naming(&beside.evidence, time - beside.last) {
            name(&mut beside.evidence, origin);
        }
        beside.count += 1;
        beside.first = beside.first.min(time);
        beside.last = beside.last.max(time);
    }

    /// Takes another story in.
    pub(super) fn absorb(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.alerts += other.alerts;
        self.striking = self.striking.max(other.striking);
        self.told = match (self.told, other.told) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        self.known.absorb(other.known);
        self.bursts.extend(other.bursts);
        while self.bursts.len() > BURSTS_MAX {
            self.drop_the_lightest_burst();
        }
        for (entity, touched) in other.entities {
            self.touch(entity, touched);
        }
        for (signature, kind) in other.kinds {
            self.absorb_kind(signature, kind);
        }
        for (key, beside) in other.meanwhile {
            if self.meanwhile.len() < KINDS_MAX {
                self.meanwhile.entry(key).or_insert(beside);
            }
        }
        self.merged.push(other.id);
        self.merged.extend(other.merged);
        self.merged.truncate(MERGED_MAX);
    }

    /// Takes what concerns one entity out.
    pub(super) fn split(&mut self, id: StoryId, entity: EntityId) -> Self {
        let mut part = Self::new(id, self.last);
        let (going, staying): (Vec<Burst>, Vec<Burst>) =
            self.bursts.drain(..).partition(|burst| burst.entity == entity);
        (part.bursts, self.bursts) = (going, staying);
        part.entities.extend(self.entities.remove_entry(&entity));
        for (signature, kind) in &mut self.kinds {
            if kind.entities.remove(&entity) {
                let entities = BTreeSet::from([entity]);
                part.kinds.insert(
                    *signature,
                    Kind {
                        entities,
                        ..kind.clone()
                    },
                );
            }
        }
        self.kinds.retain(|_, kind| !kind.entities.is_empty());
        let (going, staying) = std::mem::take(&mut self.meanwhile)
            .into_iter()
            .partition(|((other, _), _)| *other == entity);
        (part.meanwhile, self.meanwhile) = (going, staying);
        part.first = part.kinds.values().map(|kind| kind.first).min().unwrap_or(self.first);
        part.alerts = part.kinds.values().map(|kind| kind.count).sum();
        part.told = self.told;
        part.known.clone_from(&self.known);
        part
    }

    /// An entity turned out to be another.
    pub(super) fn merged_entity(&mut self, lost: EntityId, kept: EntityId) {
        let Some(touched) = self.entities.remove(&lost) else {
            return;
        };
        self.entities.entry(kept).or_default().add(touched);
        for burst in self.bursts.iter_mut().filter(|burst| burst.entity == lost) {
            burst.entity = kept;
        }
        for kind in self.kinds.values_mut() {
            if kind.entities.remove(&lost) {
                kind.entities.insert(kept);
            }
            if kind.rarest == lost {
                kind.rarest = kept;
            }
        }
        let keys: Vec<_> = self
            .meanwhile
            .keys()
            .filter(|(entity, _)| *entity == lost)
            .copied()
            .collect();
        for key in keys {
            if let Some(beside) = self.meanwhile.remove(&key) {
                self.meanwhile.entry((kept, key.1)).or_insert(beside);
            }
        }
    }

    /// Weighs the story anew: each kind of finding once, where it weighs most; more if its steps follow each other as those of attacks do,
    /// and if there is much at stake.
    pub(super) fn weigh(&mut self, tier_zero: bool, other_tier: bool) {
        let mut bursts: Vec<&Burst> = self.bursts.iter().collect();
        bursts.sort_by(|a, b| {
            b.points()
                .total_cmp(&a.points())
                .then(a.since.cmp(&b.since))
                .then(a.entity.cmp(&b.entity))
        });
        let mut counted: BTreeSet<(SignatureId, bool)> = BTreeSet::new();
        let mut sum = 0.0;
        for burst in bursts {
            let new: Vec<&Part> = burst
                .parts
                .iter()
                .filter(|part| counted.insert((part.signature, part.volume)))
                .collect();
            sum += weigh(&new);
        }
        let steps = self.steps_in_order().saturating_sub(1);
        let stake = 1.0
            + if tier_zero {
                TIER_ZERO
            } else if other_tier {
                TIER_OTHER
            } else {
                0.0
            };
        self.score = sum * EACH_STEP_IN_ORDER.mul_add(steps as f64, 1.0) * stake;
    }

    /// The gravest level of its findings.
    pub(super) fn level(&self) -> Level {
        self.kinds.values().map(|kind| kind.level).max().unwrap_or_default()
    }

    fn steps_in_order(&self) -> usize {
        let mut kinds: Vec<&Kind> = self.kinds.values().collect();
        kinds.sort_by_key(|kind| kind.first);
        let tactics: Vec<Tactic> = kinds.iter().flat_map(|kind| kind.tactics.iter().copied()).collect();
        steps_in_order(&tactics)
    }

    /// Adds to an entity's part. Where there is no room for another, the one goes on which least weighs.
    fn touch(&mut self, entity: EntityId, touched: Touched) {
        if self.entities.len() >= ENTITIES_MAX && !self.entities.contains_key(&entity) {
            let weights = self.entities.iter().map(|(id, part)| (*id, part.points));
            match weights.min_by(|a, b| a.1.total_cmp(&b.1)) {
                Some((lightest, points)) if points < touched.points => self.entities.remove(&lightest),
                _ => return,
            };
        }
        self.entities.entry(entity).or_default().add(touched);
    }

    /// Whether there is room for a kind of finding: where there is none, the lightest goes if it weighs less.
    fn has_room(&mut self, signature: SignatureId, points: f64) -> bool {
        if self.kinds.len() < KINDS_MAX || self.kinds.contains_key(&signature) {
            return true;
        }
        let weights = self.kinds.iter().map(|(id, kind)| (*id, kind.points));
        match weights.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((lightest, least)) if least < points => self.kinds.remove(&lightest).is_some(),
            _ => false,
        }
    }

    fn add_kind(&mut self, finding: &Finding<'_>) {
        let alert = finding.alert;
        if !self.has_room(finding.signature, finding.points) {
            return;
        }
        let kind = self.kinds.entry(finding.signature).or_insert_with(|| Kind {
            finder: alert.finder.clone(),
            title: Arc::clone(&alert.title),
            level: alert.level,
            attack: alert.attack.iter().take(8).cloned().collect(),
            tactics: Tactic::of_tags(&alert.attack),
            first: finding.time,
            last: finding.time,
            count: 0,
            points: 0.0,
            words: alert.words.chars().take(400).collect(),
            rarity: finding.rarity,
            rarest: finding.primary,
            entities: BTreeSet::new(),
            evidence: Vec::new(),
        });
        let is_named = is_worth_naming(&kind.evidence, finding.time - kind.last);
        kind.first = kind.first.min(finding.time);
        kind.last = kind.last.max(finding.time);
        kind.count += alert.count.max(1);
        kind.level = kind.level.max(alert.level);
        if finding.points > kind.points {
            kind.points = finding.points;
            kind.rarity = finding.rarity;
            kind.rarest = finding.primary;
        }
        for entity in finding.entities {
            if kind.entities.len() < ENTITIES_MAX {
                kind.entities.insert(*entity);
            }
        }
        let named = alert.evidence.iter().filter(|_| is_named);
        named.for_each(|origin| name(&mut kind.evidence, origin));
    }

    fn absorb_kind(&mut self, signature: SignatureId, other: Kind) {
        if !self.has_room(signature, other.points) {
            return;
        }
        let kind = match self.kinds.entry(signature) {
            Entry::Occupied(kind) => kind.into_mut(),
            Entry::Vacant(none) => {
                none.insert(other);
                return;
            }
        };
        kind.first = kind.first.min(other.first);
        kind.last = kind.last.max(other.last);
        kind.count += other.count;
        kind.level = kind.level.max(other.level);
        if other.points > kind.points {
            kind.points = other.points;
            kind.rarity = other.rarity;
            kind.rarest = other.rarest;
        }
        let room = ENTITIES_MAX.saturating_sub(kind.entities.len());
        kind.entities.extend(other.entities.into_iter().take(room));
        for origin in other.evidence {
            name(&mut kind.evidence, &origin);
        }
    }

    fn drop_the_lightest_burst(&mut self) {
        if self.bursts.len() <= BURSTS_MAX {
            return;
        }
        let weights = self.bursts.iter().map(Burst::points).enumerate();
        if let Some((lightest, _)) = weights.min_by(|a, b| a.1.total_cmp(&b.1)) {
            self.bursts.swap_remove(lightest);
        }
    }
}

/// Whether a record is named of those that are: the first few, and then the first of each time when it came back, so that the first moments don't
/// take the place of later ones.
const fn is_worth_naming(evidence: &[Origin], silence: i64) -> bool {
    evidence.len() < EVIDENCE_FIRST || silence >= EPISODE
}

/// Names one more record, if there is room.
fn name(evidence: &mut Vec<Origin>, origin: &Origin) {
    if evidence.len() < EVIDENCE_EACH && !evidence.contains(origin) {
        evidence.push(origin.clone());
    }
}

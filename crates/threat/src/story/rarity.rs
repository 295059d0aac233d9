//! How rare a finding is for an entity, given all that was found before.
//!
//! Time is cut into hours. Of each finding and entity it is known in how many hours it came; of each finding in how many hours of all entities
//! together, and on how many days at this hour of the day, so that what comes each night is no surprise at night. The probability that
//! it comes in this hour is the entity's own share, drawn towards that of all while the entity is young; its negative logarithm, in bits,
//! is the rarity. The present hour is judged by the hours before it alone.

use serde::{Deserialize, Serialize};

use super::bounds::{DAY, FORGOTTEN, HALF_LIFE, HOUR, PAIRS_MAX, SIGNATURES_MAX};
use crate::alert::Finder;
use crate::entity::EntityId;
use crate::event::Origin;
use crate::recent::Recent;
use crate::steady::Believed;

/// How many hours of an entity's own past weigh as much as what all others do.
const BORROWED_HOURS: f64 = 2.0;
/// After how many hours what was learnt counts as much as what is assumed.
const HALF_LEARNT_HOURS: f64 = 12.0;
/// A finding's number within one hour from which its frequency is looked at, and how much busier than ever before it must be.
const VOLUME_LEAST: u32 = 16;
const VOLUME_TIMES: u32 = 2;
/// Bits for each doubling of the busiest hour so far.
const BITS_PER_DOUBLING: f64 = 2.0;

/// The number of a kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct SignatureId(pub(super) u32);

/// How rare a finding is, compared with what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Rarity {
    /// Minus the binary logarithm of its probability in this hour.
    pub bits: f64,
    /// How much of the judgement is learnt: 0 at first, 1 in the end.
    pub learnt: f64,
    /// In how many earlier hours it came on this entity; hours long ago count less.
    pub own_hours: f64,
    /// Of how many.
    pub of_hours: f64,
    /// In how many earlier hours it came on all entities together.
    pub all_hours: f64,
    /// How often it has come in this hour, if that is far more than ever before; else none.
    pub burst_of: Option<u32>,
    /// The most in any hour before.
    pub busiest: u32,
}

/// What is known of findings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rarities {
    ids: Recent<Finder, SignatureId>,
    finders: Recent<SignatureId, Finder>,
    next: u32,
    pairs: Recent<(EntityId, SignatureId), Habit>,
    spreads: Recent<SignatureId, Spread>,
    entities: Recent<EntityId, i64>,
    began: Option<i64>,
    expired: i64,
}

/// One finding on one entity.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Habit {
    hours: Fading,
    /// The hour that is counted now, its count, and the most of any before.
    hour: i64,
    count: u32,
    busiest: u32,
    origin: Origin,
}

/// One finding on all entities.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Spread {
    hours: Fading,
    entities: u32,
    /// For each hour of the day the last 64 days at which it came then, the present one in the lowest bit.
    days: Vec<u64>,
    day: i64,
}

/// A sum in which the past fades.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Fading {
    sum: f64,
    at: i64,
}

/// What [`Rarities::see`] found.
pub(super) struct Seen {
    pub(super) rarity: Rarity,
    /// Whether it's the first of this hour, or its frequency is a finding by itself.
    pub(super) fresh: bool,
}

impl Rarities {
    pub(super) fn new() -> Self {
        Self {
            ids: Recent::new(SIGNATURES_MAX),
            finders: Recent::new(SIGNATURES_MAX),
            next: 1,
            pairs: Recent::new(PAIRS_MAX),
            spreads: Recent::new(SIGNATURES_MAX),
            entities: Recent::new(PAIRS_MAX),
            began: None,
            expired: 0,
        }
    }

    /// Since when is learnt: since the directory has seen events, for hours without any finding are learnt from too. Not before the times
    /// began that hang together with the present ones.
    pub(super) const fn begin(&mut self, believed: Believed) {
        self.began = Some(believed.began);
    }

    pub(super) fn signature(&mut self, finder: &Finder, now: i64) -> SignatureId {
        let next = self.next;
        let id = *self.ids.see(finder, now, || SignatureId(next));
        self.finders.see(&id, now, || finder.clone());
        self.next += u32::from(id.0 == next);
        id
    }

    pub(super) fn finder(&self, signature: SignatureId) -> Option<&Finder> {
        self.finders.get(&signature)
    }

    /// Judges a finding by what was before, then learns it. `known` is when the entity was first seen in any event.
    pub(super) fn see(
        &mut self,
        signature: SignatureId,
        entity: EntityId,
        known: i64,
        now: i64,
        origin: &Origin,
    ) -> Seen {
        self.expire(now);
        let began = self.began.unwrap_or(now);
        let first = (*self.entities.see(&entity, now, || now)).min(known).max(began);
        let hour = now.div_euclid(HOUR);
        let (own_age, age) = (hours_between(first, now), hours_between(began, now));
        let all = (age * self.entities.len() as f64).max(1.0);
        let entities = self.entities.len() as f64;
        let spread = self.spreads.see(&signature, now, Spread::default);
        let all_hours = spread.hours.at(now);
        let share = (all_hours + 0.5) / (all + 1.0);
        let nightly = spread.share_at_this_hour(began, now) * f64::from(spread.entities) / entities;
        let mut new_entity = false;
        let habit = self.pairs.see(&(entity, signature), now, || {
            new_entity = true;
            Habit::new(origin)
        });
        let own_hours = habit.hours.at(now);
        let probability = ((own_hours + BORROWED_HOURS * share) / (own_age + BORROWED_HOURS))
            .max(nightly)
            .min(1.0);
        let mut rarity = Rarity {
            bits: -probability.log2(),
            learnt: age / (age + HALF_LEARNT_HOURS),
            own_hours,
            of_hours: own_age,
            all_hours,
            burst_of: None,
            busiest: habit.busiest,
        };
        habit.origin = origin.clone();
        spread.entities += u32::from(new_entity);
        if habit.hour != hour || habit.count == 0 {
            habit.begin(hour);
            // Two hours that take turns are no habit: only hours that are later than all before are learnt.
            if habit.hours.is_behind(hour) {
                habit.hours.add(now);
                spread.hours.add(now);
                spread.mark(now);
            }
            return Seen { rarity, fresh: true };
        }
        habit.count = habit.count.saturating_add(1);
        let busiest = habit.busiest.max(1);
        let many =
            habit.count >= VOLUME_LEAST && habit.count.is_power_of_two() && habit.count / VOLUME_TIMES >= busiest;
        if many {
            rarity.bits = BITS_PER_DOUBLING * (f64::from(habit.count) / f64::from(busiest)).log2();
            rarity.burst_of = Some(habit.count);
        }
        Seen { rarity, fresh: many }
    }

    /// What was last seen on an entity since a second: findings and the newest record of each.
    pub(super) fn lately(&self, entity: EntityId, since: i64, max: usize) -> Vec<(SignatureId, i64, Origin)> {
        let from = (entity, SignatureId(0));
        let to = (entity, SignatureId(u32::MAX));
        let habits = self.pairs.range(from, to).filter(|(_, last, _)| *last >= since);
        habits
            .take(max)
            .map(|((_, signature), last, habit)| (*signature, last, habit.origin.clone()))
            .collect()
    }

    /// Takes over what was learnt of an entity that turned out to be another.
    pub(super) fn merged(&mut self, lost: EntityId, kept: EntityId) {
        let (from, to) = ((lost, SignatureId(0)), (lost, SignatureId(u32::MAX)));
        let moved: Vec<_> = self
            .pairs
            .range(from, to)
            .map(|(key, last, habit)| (*key, last, habit.clone()))
            .collect();
        for (key, last, habit) in moved {
            self.pairs.remove(&key);
            let own = self.pairs.see(&(kept, key.1), last, || habit.clone());
            own.busiest = own.busiest.max(habit.busiest);
            own.hours.sum = own.hours.sum.max(habit.hours.sum);
        }
        if let Some(first) = self.entities.remove(&lost) {
            let own = self.entities.see(&kept, first, || first);
            *own = (*own).min(first);
        }
    }

    fn expire(&mut self, now: i64) {
        if now < self.expired.saturating_add(DAY) {
            return;
        }
        self.expired = now;
        self.ids.expire(now - FORGOTTEN);
        self.finders.expire(now - FORGOTTEN);
        self.pairs.expire(now - FORGOTTEN);
        self.spreads.expire(now - FORGOTTEN);
        self.entities.expire(now - FORGOTTEN);
    }
}

impl Rarity {
    /// What is unusual, compared with what.
    #[must_use]
    pub fn words(&self, entity: &str) -> String {
        if let Some(count) = self.burst_of {
            return format!(
                "{count} times within the hour on {entity}, where the busiest hour so far had {}",
                self.busiest
            );
        }
        let hours = self.of_hours.round();
        if self.learnt < 0.5 {
            return format!("too little is known of {entity} yet to say how unusual it is there");
        }
        let own = self.own_hours.round();
        let there = match own {
            0.0 => format!("never before on {entity} in {hours} hours"),
            _ => format!("in {own} of {hours} hours on {entity}"),
        };
        match self.all_hours.round() {
            0.0 => format!("{there}, nor anywhere else"),
            all => format!("{there}, in {all} hours of all machines and people together"),
        }
    }
}

impl Habit {
    fn new(origin: &Origin) -> Self {
        Self {
            hours: Fading::default(),
            hour: i64::MIN,
            count: 0,
            busiest: 0,
            origin: origin.clone(),
        }
    }

    fn begin(&mut self, hour: i64) {
        self.busiest = self.busiest.max(self.count);
        self.hour = hour;
        self.count = 1;
    }
}

impl Spread {
    /// On which share of the days before it came at this hour of the day: none if that was once only, which is no habit.
    fn share_at_this_hour(&self, began: i64, now: i64) -> f64 {
        let days = now.div_euclid(DAY) - began.div_euclid(DAY);
        let Some(seen) = self.days.get(hour_of_day(now)) else {
            return 0.0;
        };
        let shift = u32::try_from(now.div_euclid(DAY) - self.day).unwrap_or(0);
        // The present day is left out.
        let before = seen.checked_shl(shift).unwrap_or(0) & !1;
        match before.count_ones() {
            0 | 1 => 0.0,
            count => f64::from(count) / (days.clamp(1, 63) as f64 + 1.0),
        }
    }

    fn mark(&mut self, now: i64) {
        let day = now.div_euclid(DAY);
        if self.days.is_empty() {
            self.days = vec![0; 24];
            self.day = day;
        }
        if let Ok(shift) = u32::try_from(day - self.day) {
            for seen in &mut self.days {
                *seen = seen.checked_shl(shift).unwrap_or(0);
            }
            self.day = day;
        }
        if let Some(seen) = self.days.get_mut(hour_of_day(now)) {
            *seen |= 1;
        }
    }
}

impl Fading {
    fn at(&self, now: i64) -> f64 {
        let age = (now - self.at).max(0) as f64;
        self.sum * (-age / HALF_LIFE as f64).exp2()
    }

    /// Whether the hour is later than all that were added.
    fn is_behind(&self, hour: i64) -> bool {
        self.sum <= 0.0 || hour > self.at.div_euclid(HOUR)
    }

    fn add(&mut self, now: i64) {
        self.sum = self.at(now) + 1.0;
        self.at = self.at.max(now);
    }
}

fn hour_of_day(now: i64) -> usize {
    usize::try_from(now.rem_euclid(DAY) / HOUR).unwrap_or(0)
}

/// Whole hours, of which those long ago count less, as in [`Fading`].
fn hours_between(from: i64, to: i64) -> f64 {
    let hours = (to.div_euclid(HOUR) - from.div_euclid(HOUR)).max(0) as f64;
    let mean = HALF_LIFE as f64 / HOUR as f64 / std::f64::consts::LN_2;
    mean * (1.0 - (-hours / mean).exp())
}

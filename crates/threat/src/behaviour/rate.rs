//! How often within an hour: against one's own busiest hour, and against that of all others.
//!
//! Says nothing before the organisation has been watched for three days. Who is new is compared with the others alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::metric::{METRICS, Metric, Words};
use crate::entity::EntityId;
use crate::recent::Recent;
use crate::steady::Believed;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const COUNTERS_MAX: usize = 200_000;
/// Different things that are told apart within an hour.
const DIFFERENT_MAX: usize = 512;
const FORGOTTEN: i64 = 45 * DAY;
const LEARNT_SECONDS: i64 = 3 * DAY;
/// How many times one's own busiest hour, and that of all others, must be passed.
const OWN_TIMES: u32 = 3;
const OTHERS_TIMES: u32 = 2;
/// By how much the memory of a busiest hour fades with each day: half in a month.
const FADES_PER_DAY: f64 = 0.977;

/// All counters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rates {
    counters: Recent<(Metric, EntityId), Counter>,
    began: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Counter {
    hour: i64,
    count: u32,
    different: BTreeSet<u64>,
    /// The most within an hour before this one, fading, and as of which day.
    busiest: f64,
    day: i64,
    hours: u32,
    told: u32,
    /// The count at which the others were last looked at: the next look is a quarter later, for there may be many of them.
    looked: u32,
}

impl Rates {
    pub(super) fn new() -> Self {
        Self {
            counters: Recent::new(COUNTERS_MAX),
            began: None,
        }
    }

    pub(super) fn see(
        &mut self,
        words: &Words,
        subject: EntityId,
        different: Option<u64>,
        now: i64,
        name: &str,
    ) -> Option<Finding> {
        let metric = words.metric;
        let began = self.began.unwrap_or(now);
        let counter = self.counters.see(&(metric, subject), now, || Counter::new(now));
        counter.count_one(different, now);
        let (count, busiest, told, hours) = (counter.count, counter.busiest_at(now), counter.told, counter.hours);
        let looked = counter.looked;
        // Again only when it has doubled.
        let due = count >= words.least
            && count >= told.saturating_mul(2)
            && f64::from(count) >= busiest * f64::from(OWN_TIMES);
        if !due || now - began < LEARNT_SECONDS || count < looked.saturating_add(looked / 4) {
            return None;
        }
        counter.looked = count;
        let (others, most) = self.others(metric, subject, now);
        if f64::from(count) < most * f64::from(OTHERS_TIMES) {
            return None;
        }
        if let Some(counter) = self.counters.peek_mut(&(metric, subject)) {
            counter.told = count;
        }
        let own = match hours {
            0 => format!("{name} never did before"),
            hours => format!("the busiest of {hours} such hours of {name} had {busiest:.0}"),
        };
        let compared = match others {
            0 => String::new(),
            others => format!(", and that of {others} others {most:.0}"),
        };
        let (before, after) = words.did;
        Some(Finding {
            model: words.model,
            title: words.title,
            level: words.level,
            attack: words.attack,
            words: format!("{name} {before} {count} {after} within the hour; {own}{compared}"),
            count: u64::from(count),
        })
    }

    pub(super) fn merged(&mut self, lost: EntityId, kept: EntityId) {
        for Words { metric, .. } in &METRICS {
            let metric = *metric;
            let Some(other) = self.counters.remove(&(metric, lost)) else {
                continue;
            };
            let counter = self.counters.see(&(metric, kept), other.hour * HOUR, || other.clone());
            counter.busiest = counter.busiest.max(other.busiest);
            counter.hours = counter.hours.max(other.hours);
        }
    }

    /// Since when is learnt: not before the times began that hang together with the present ones.
    pub(super) fn begin(&mut self, believed: Believed) {
        let began = self.began.get_or_insert(believed.now);
        *began = (*began).max(believed.began.min(believed.now));
    }

    pub(super) fn expire(&mut self, now: i64) {
        self.counters.expire(now - FORGOTTEN);
    }

    /// How many others are counted, and the busiest hour that any of them had before this one.
    fn others(&self, metric: Metric, subject: EntityId, now: i64) -> (usize, f64) {
        let all = self.counters.range((metric, EntityId(0)), (metric, EntityId(u64::MAX)));
        let others = all.filter(|((_, other), _, counter)| {
            *other != subject && (counter.hours > 0 || counter.hour < now.div_euclid(HOUR))
        });
        others.fold((0, 0.0), |(count, most), (_, _, counter)| {
            (count + 1, f64::max(most, counter.before(now)))
        })
    }
}

impl Counter {
    fn new(now: i64) -> Self {
        Self {
            hour: now.div_euclid(HOUR),
            count: 0,
            different: BTreeSet::new(),
            busiest: 0.0,
            day: now.div_euclid(DAY),
            hours: 0,
            told: 0,
            looked: 0,
        }
    }

    fn count_one(&mut self, different: Option<u64>, now: i64) {
        let hour = now.div_euclid(HOUR);
        if hour != self.hour {
            // An hour that was told isn't what is usual from now on: an attack must not teach that attacks are.
            let ordinary = if self.told > 0 {
                f64::from(self.told).min(self.busiest_at(now) * 2.0)
            } else {
                f64::from(self.count)
            };
            self.busiest = self.busiest_at(now).max(ordinary);
            self.day = now.div_euclid(DAY);
            self.hours = self.hours.saturating_add(1);
            self.hour = hour;
            self.count = 0;
            self.told = 0;
            self.looked = 0;
            self.different.clear();
        }
        match different {
            Some(thing) if self.different.len() < DIFFERENT_MAX => {
                self.count += u32::from(self.different.insert(thing))
            }
            Some(_) => {}
            None => self.count = self.count.saturating_add(1),
        }
    }

    fn busiest_at(&self, now: i64) -> f64 {
        let days = (now.div_euclid(DAY) - self.day).clamp(0, 3_650);
        self.busiest * FADES_PER_DAY.powi(i32::try_from(days).unwrap_or(i32::MAX))
    }

    /// The most of any hour before the present.
    fn before(&self, now: i64) -> f64 {
        let last = if self.hour < now.div_euclid(HOUR) {
            f64::from(self.count)
        } else {
            0.0
        };
        self.busiest_at(now).max(last)
    }
}

//! Which story a finding belongs to.
//!
//! Three reasons, each with its limit. The same entity: the weightier a story is there, the longer it reaches. The same rare finding on
//! another entity within minutes: one tool at work. And two bursts so unusual that, at the rate at which such bursts come, they hardly
//! happen at the same time by chance.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::bounds::{DAY, HOUR};
use super::incident::{Finding, Incident, Touched};
use crate::alert::Level;

/// A story of no weight on an entity reaches for as long as its level says; each so many points double that.
const POINTS_PER_DOUBLING: f64 = 12.0;
/// How close the same rare finding on another entity must be, in seconds, and how rare, in points.
const SAME_FINDING: i64 = 600;
const SAME_FINDING_POINTS: f64 = 6.0;
/// How improbable a chance meeting of two striking bursts must be to be taken for none, how close they must be however rare they are, and
/// for how long the rate must have been watched, in seconds.
const CHANCE: f64 = 0.05;
const MEETING: i64 = 900;
const WATCHED: i64 = DAY;
/// Striking bursts are counted over these many days, and at most these many of them.
const COUNTED_DAYS: i64 = 14;
const COUNTED_MAX: usize = 512;

/// When striking bursts happened.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Striking {
    times: VecDeque<i64>,
    began: Option<i64>,
}

impl Striking {
    pub(super) fn begin(&mut self, now: i64) {
        self.began.get_or_insert(now);
    }

    pub(super) fn add(&mut self, now: i64) {
        self.times.push_back(now);
        while self.times.len() > COUNTED_MAX || self.times.front().is_some_and(|time| *time < now - COUNTED_DAYS * DAY)
        {
            self.times.pop_front();
        }
    }

    /// Whether something striking within so many seconds of another is too improbable for chance.
    fn no_chance(&self, seconds: i64, now: i64) -> bool {
        let learnt = (now - self.began.unwrap_or(now)).min(COUNTED_DAYS * DAY);
        if learnt < WATCHED || seconds > MEETING {
            return false;
        }
        // One more than was seen: what never happened isn't impossible.
        let rate = (self.times.len() + 1) as f64 / learnt as f64;
        seconds.max(1) as f64 * rate < CHANCE
    }
}

/// Whether a finding belongs to a story. `joining` are those of its entities that may join at all; `burst` is when the finding's burst
/// began, if that is striking.
pub(super) fn belongs(
    incident: &Incident,
    finding: &Finding<'_>,
    joining: &[crate::entity::EntityId],
    burst: Option<i64>,
    striking: &Striking,
) -> bool {
    let same_entity = joining.iter().any(|entity| {
        let touched = incident.entities.get(entity);
        touched.is_some_and(|touched| (finding.time - touched.last).abs() <= reach(touched))
    });
    if same_entity {
        return true;
    }
    let kind = incident.kinds.get(&finding.signature);
    let same_finding = kind.is_some_and(|kind| {
        finding.points >= SAME_FINDING_POINTS
            && kind.points >= SAME_FINDING_POINTS
            && (finding.time - kind.last).abs() <= SAME_FINDING
    });
    if same_finding {
        return true;
    }
    burst.is_some_and(|since| {
        incident.striking > 0 && striking.no_chance((since - incident.striking).abs(), finding.time)
    })
}

/// For how long a story reaches on an entity, in seconds. What is only unusual doesn't reach beyond the day; what is grave does, since an
/// attacker who takes three weeks is one attacker.
fn reach(touched: &Touched) -> i64 {
    let (least, most) = match touched.level {
        Level::Informational | Level::Low => (HOUR, 3 * HOUR),
        Level::Medium => (HOUR, DAY),
        Level::High => (DAY / 2, 10 * DAY),
        Level::Critical => (3 * DAY, 21 * DAY),
    };
    let reach = least as f64 * (touched.points / POINTS_PER_DOUBLING).min(20.0).exp2();
    (reach as i64).min(most)
}

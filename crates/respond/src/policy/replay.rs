//! Trying policies out on alerts of the past: what would have been done, and when. Nothing is done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde::Serialize;

use super::Policies;
use super::recent::InMemory;
use super::vocabulary::Decision;
use crate::action::{self, ActionKind};
use crate::alert::{Alert, AlertId};
use crate::error::Error;
use crate::incident::Incident;
use crate::time::Time;

/// How an action would have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It would have run at once.
    AtOnce,
    /// It would have waited for an approval, as the policy says.
    Approval,
    /// It would have waited, because it would have been too much.
    Limit,
}

/// What would have been done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// When.
    pub time: Time,
    /// The policy.
    pub policy: String,
    /// What.
    pub action: ActionKind,
    /// The same in words.
    pub text: String,
    /// Because of which alert.
    pub alert: AlertId,
    /// That alert in a few words.
    pub because: String,
    /// How it would have gone on.
    pub outcome: Outcome,
}

/// What was done so far, in the replay.
#[derive(Debug, Default)]
struct Done {
    marks: BTreeMap<String, Time>,
    by_policy: BTreeMap<String, Vec<Time>>,
    fences: Vec<(Time, String)>,
}

/// Runs policies against alerts of the past, oldest first, with their incidents as they are now.
///
/// # Errors
/// When an alert can't be read.
pub fn replay(
    policies: &Policies,
    alerts: impl IntoIterator<Item = Result<(Alert, Option<Incident>), Error>>,
    zone: &TimeZone,
) -> Result<Vec<Replayed>, Error> {
    let (recent, mut done, mut replayed) = (InMemory::default(), Done::default(), Vec::new());
    for alert in alerts {
        let (alert, incident) = alert?;
        let time = alert.noticed.time;
        for decision in policies.decide(&alert, incident.as_ref(), &recent, time, zone)? {
            let mark = action::mark(&decision.action, &alert, incident.as_ref());
            let last = done.marks.get(&mark);
            if last.is_some_and(|last| time.millis_since(*last) < decision.cooldown_millis) {
                continue;
            }
            let outcome = done.outcome(time, &decision);
            done.note(time, mark, &decision, outcome);
            replayed.push(Replayed {
                time,
                text: decision.action.text(),
                policy: decision.policy,
                action: decision.action,
                alert: alert.id,
                because: alert.noticed.title.clone(),
                outcome,
            });
        }
    }
    Ok(replayed)
}

impl Done {
    fn outcome(&self, now: Time, decision: &Decision) -> Outcome {
        if let Some(limit) = decision.limit {
            let times = self.by_policy.get(&decision.policy).map_or(&[][..], Vec::as_slice);
            let count = times
                .iter()
                .filter(|time| now.millis_since(**time) < limit.within_millis)
                .count();
            if count >= limit.most as usize {
                return Outcome::Limit;
            }
        }
        if let ActionKind::Fence { volume, .. } = &decision.action {
            let is_recent = |time: Time| now.millis_since(time) < action::FENCES_WITHIN_MILLIS;
            let fenced: BTreeSet<&str> = self
                .fences
                .iter()
                .filter(|(time, fenced)| is_recent(*time) && fenced != volume)
                .map(|(_, fenced)| fenced.as_str())
                .collect();
            if fenced.len() >= decision.fences_most {
                return Outcome::Limit;
            }
        }
        match decision.approval {
            Some(_) => Outcome::Approval,
            None => Outcome::AtOnce,
        }
    }

    fn note(&mut self, now: Time, mark: String, decision: &Decision, outcome: Outcome) {
        self.marks.insert(mark, now);
        if outcome != Outcome::AtOnce {
            return;
        }
        self.by_policy.entry(decision.policy.clone()).or_default().push(now);
        if let ActionKind::Fence { volume, .. } = &decision.action {
            self.fences.push((now, volume.clone()));
        }
    }
}

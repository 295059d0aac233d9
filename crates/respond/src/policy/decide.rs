//! What policies decide on an alert: pure but for what [`Recent`] remembers.

use std::fmt;

use jiff::tz::TimeZone;

use super::recent::Recent;
use super::vocabulary::{Counted, Decision, Policy, Target, When};
use super::{Glob, Policies};
use crate::alert::Alert;
use crate::error::Error;
use crate::incident::Incident;
use crate::time::Time;

/// Actions that one alert leads to at most.
const DECISIONS_MAX: usize = 4096;

impl Policies {
    /// What is to be done about an alert, in the order of the policies. `now` is the alert's newest time, `zone` the site's time zone.
    ///
    /// # Errors
    /// When `recent` can't remember.
    pub fn decide(
        &self,
        alert: &Alert,
        incident: Option<&Incident>,
        recent: &dyn Recent,
        now: Time,
        zone: &TimeZone,
    ) -> Result<Vec<Decision>, Error> {
        let mut decisions = Vec::new();
        for policy in self.all.iter().filter(|policy| policy.is_enabled) {
            if policy.when.unmet(alert, incident, now, zone).is_some() {
                continue;
            }
            if let Some(count) = policy.when.count {
                let Some(key) = key(count.of, alert) else { continue };
                if recent.note(&policy.name, &key, now, count)? < count.least {
                    continue;
                }
            }
            self.decisions(policy, alert, incident, &mut decisions);
        }
        decisions.truncate(DECISIONS_MAX);
        Ok(decisions)
    }

    fn decisions(&self, policy: &Policy, alert: &Alert, incident: Option<&Incident>, decisions: &mut Vec<Decision>) {
        let because = format!("policy `{}`: {}", policy.name, alert.noticed.title);
        for step in &policy.then {
            let mut decided = |action| {
                decisions.push(Decision {
                    policy: policy.name.clone(),
                    action,
                    because: because.clone(),
                    approval: policy.approval,
                    limit: policy.limit,
                    cooldown_millis: policy.cooldown_millis,
                    fences_most: self.known.fences_most(),
                });
            };
            if step.what.volume().is_none() {
                decided(step.what.clone());
                continue;
            }
            for volume in self.targets(&step.on, alert, incident) {
                decided(step.what.on(&volume));
            }
        }
    }

    /// The volumes that a step concerns.
    fn targets(&self, on: &Target, alert: &Alert, incident: Option<&Incident>) -> Vec<String> {
        let own = alert.noticed.volume.as_ref();
        let all = &self.known.volumes;
        match on {
            Target::Volume => own.into_iter().cloned().collect(),
            Target::Incident => incident.map_or_else(Vec::new, |incident| incident.volumes.clone()),
            Target::All => all.clone(),
            Target::Others => all.iter().filter(|name| Some(*name) != own).cloned().collect(),
            Target::Named(glob) => all.iter().filter(|name| glob.fits(name)).cloned().collect(),
        }
    }
}

/// What is counted of an alert; nothing if it has none.
fn key(of: Counted, alert: &Alert) -> Option<String> {
    match of {
        // Noticed again, it counts again.
        Counted::Alerts => Some(format!("{}#{}", alert.id, alert.count)),
        Counted::Volumes => alert.noticed.volume.clone(),
        Counted::Hosts => alert.noticed.host.clone(),
        Counted::Identities => alert.noticed.identity.clone(),
    }
}

/// A condition that isn't met, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet(String);

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl When {
    /// The first condition that an alert doesn't meet; the count aside, which needs the past.
    #[must_use]
    pub fn unmet(&self, alert: &Alert, incident: Option<&Incident>, now: Time, zone: &TimeZone) -> Option<Unmet> {
        let noticed = &alert.noticed;
        if !self.layers.is_empty() && !self.layers.contains(&noticed.layer) {
            return Some(Unmet(format!("its layer is `{}`", word(&noticed.layer))));
        }
        if !self.kinds.is_empty() && !self.kinds.iter().any(|glob| glob.fits(&noticed.kind)) {
            return Some(Unmet(format!("its kind is `{}`", noticed.kind)));
        }
        if self.severity.is_some_and(|least| noticed.severity < least) {
            return Some(Unmet(format!("its severity is `{}`", word(&noticed.severity))));
        }
        let score = incident.map_or(0, |incident| incident.score);
        if self.score.is_some_and(|least| score < least) {
            return Some(Unmet(format!("its incident scores {score}")));
        }
        let named = [
            ("volume", &self.volumes, &noticed.volume),
            ("host", &self.hosts, &noticed.host),
            ("identity", &self.identities, &noticed.identity),
        ];
        for (what, globs, name) in named {
            if let Some(unmet) = unnamed(what, globs, name.as_deref()) {
                return Some(unmet);
            }
        }
        let hours = self.hours.as_ref().filter(|hours| !hours.hold(now, zone))?;
        Some(Unmet(format!("it wasn't {hours}")))
    }
}

fn unnamed(what: &str, globs: &[Glob], name: Option<&str>) -> Option<Unmet> {
    if globs.is_empty() {
        return None;
    }
    match name {
        None => Some(Unmet(format!("it names no {what}"))),
        Some(name) if globs.iter().any(|glob| glob.fits(name)) => None,
        Some(name) => Some(Unmet(format!("its {what} is `{name}`"))),
    }
}

/// A word of the vocabulary as it is written.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

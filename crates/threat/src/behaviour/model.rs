//! All models behind one step: an event in, alerts out.

use serde::{Deserialize, Serialize};

use super::aspect::{ASPECTS, Aspect};
use super::finding::Finding;
use super::metric::METRICS;
use super::novelty::Novelties;
use super::places::{Places, place_of};
use super::rate::Rates;
use super::silence::Silences;
use super::travel::Travels;
use crate::alert::Alert;
use crate::entity::{Directory, EntityId, Parties};
use crate::event::{Activity, Event, Outcome};

const DAY: i64 = 86_400;

/// What is usual. Saved and restored with serde; the same events in the same order give the same alerts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Behaviour {
    novelties: Novelties,
    rates: Rates,
    travels: Travels,
    silences: Silences,
    /// The number of the directory's next merge that is to be followed.
    merges: u64,
    expired: i64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::new()
    }
}

impl Behaviour {
    /// Nothing is usual yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            novelties: Novelties::new(),
            rates: Rates::new(),
            travels: Travels::new(),
            silences: Silences::new(),
            merges: 0,
            expired: 0,
        }
    }

    /// Judges an event by those before it, then learns it. `parties` is what [`Directory::learn`] gave for it just before.
    pub fn take(&mut self, event: &Event, parties: &Parties, directory: &Directory, places: &dyn Places) -> Vec<Alert> {
        self.follow_merges(directory);
        let believed = directory.clock();
        let now = believed.now;
        self.rates.begin(believed);
        if now >= self.expired.saturating_add(DAY) {
            self.expire(now);
        }
        let mut findings = Vec::new();
        let place = place_of(event, places);
        let person = parties.actor.or(parties.target);
        let signed_in = event.facts.activity == Activity::SignIn && event.facts.outcome == Outcome::Success;
        if let Some(person) = person.filter(|_| signed_in) {
            let novelties = &self.novelties;
            let is_habit = |network: &str| novelties.is_habit(Aspect::Network, person, network);
            findings.extend(self.travels.see(person, &place, now, directory.name(person), is_habit));
        }
        for aspect in ASPECTS {
            if let Some((subject, value)) = aspect.of(event, parties, &place) {
                let name = if subject == EntityId(0) {
                    "the organisation"
                } else {
                    directory.name(subject)
                };
                let shown = match (aspect, parties.machine) {
                    (Aspect::Machine, Some(machine)) => directory.name(machine),
                    _ => value.as_str(),
                };
                findings.extend(self.novelties.see(aspect, subject, &value, now, (name, shown)));
            }
        }
        for words in &METRICS {
            if let Some((subject, different)) = words.metric.of(event, parties) {
                findings.extend(self.rates.see(words, subject, different, now, directory.name(subject)));
            }
        }
        let mut alerts: Vec<Alert> = findings.into_iter().map(|finding| finding.alert(event)).collect();
        if let Some(machine) = parties.machine {
            self.silences.see(event, machine, now, believed.middle);
        }
        if self.silences.is_due(believed.middle) {
            alerts.extend(self.silent(event, believed.middle, directory));
        }
        alerts
    }

    /// Takes over what is kept of entities that turned out to be others.
    fn follow_merges(&mut self, directory: &Directory) {
        let (merges, next) = directory.merges_from(self.merges);
        self.merges = next;
        for (lost, kept) in merges {
            self.novelties.merged(lost, kept);
            self.rates.merged(lost, kept);
            self.travels.merged(lost, kept);
            self.silences.merged(lost, kept);
        }
    }

    /// Alerts of machines that are silent at the time of an event of another machine, which is their evidence.
    fn silent(&mut self, event: &Event, now: i64, directory: &Directory) -> Vec<Alert> {
        let alert = |machine: EntityId, finding: Finding| {
            let mut alert = finding.alert(event);
            alert.facts = crate::event::Facts::default();
            alert.facts.machine = directory
                .get(machine)
                .map(|entity| entity.names.clone())
                .unwrap_or_default();
            alert
        };
        self.silences
            .check(now, directory)
            .into_iter()
            .map(|silent| alert(silent.machine, silent.finding))
            .collect()
    }

    fn expire(&mut self, now: i64) {
        self.expired = now;
        self.novelties.expire(now);
        self.rates.expire(now);
        self.travels.expire(now);
        self.silences.expire(now);
    }
}

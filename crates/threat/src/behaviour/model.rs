//! All models behind one step: an event in, alerts out.

use serde::{Deserialize, Serialize};

use super::aspect::{ASPECTS, Aspect, PLACES, administration};
use super::finding::Finding;
use super::metric::METRICS;
use super::novelty::Novelties;
use super::places::{Located, Places, operator, place_of};
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
        let located = if is_sign_in(event) {
            place_of(event, places)
        } else {
            Located::default()
        };
        let mut findings = self.way(event, parties, &located, now, directory);
        findings.extend(self.news(&ASPECTS, event, parties, &located, now, directory));
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

    /// The same of where sign-ins come from, and of nothing else: for whoever gives in nothing but sign-ins, among which pauses and counts would
    /// mean nothing.
    pub fn take_sign_in(
        &mut self,
        event: &Event,
        parties: &Parties,
        directory: &Directory,
        places: &dyn Places,
    ) -> Vec<Alert> {
        if !is_sign_in(event) {
            return Vec::new();
        }
        self.follow_merges(directory);
        let now = directory.clock().now;
        if now >= self.expired.saturating_add(DAY) {
            self.expire(now);
        }
        let located = place_of(event, places);
        let mut findings = self.way(event, parties, &located, now, directory);
        findings.extend(self.news(&PLACES, event, parties, &located, now, directory));
        findings.into_iter().map(|finding| finding.alert(event)).collect()
    }

    /// The way from where the person was before.
    fn way(
        &mut self,
        event: &Event,
        parties: &Parties,
        located: &Located,
        now: i64,
        directory: &Directory,
    ) -> Vec<Finding> {
        let Some(person) = parties.actor.or(parties.target).filter(|_| is_sign_in(event)) else {
            return Vec::new();
        };
        let novelties = &self.novelties;
        let is_habit = |network: &str| novelties.is_habit(Aspect::Network, person, operator(network));
        let finding = self
            .travels
            .see(person, &located.place, now, directory.name(person), is_habit);
        finding.into_iter().collect()
    }

    /// What somebody does for the first time.
    fn news(
        &mut self,
        aspects: &[Aspect],
        event: &Event,
        parties: &Parties,
        located: &Located,
        now: i64,
        directory: &Directory,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for aspect in aspects {
            let Some((subject, value)) = aspect.of(event, parties, located) else {
                continue;
            };
            let name = if subject == EntityId(0) {
                "the organisation"
            } else {
                directory.name(subject)
            };
            let shown = match (aspect, parties.machine) {
                (Aspect::Machine, Some(machine)) => directory.name(machine).to_owned(),
                _ => aspect.shown(&value, located),
            };
            let finding = self.novelties.see(*aspect, subject, &value, now, (name, &shown));
            findings.extend(finding.filter(|_| aspect.is_news(located)).map(|finding| {
                match administration(event.facts.activity) {
                    Some(attack) if *aspect == Aspect::AdminAction => Finding {
                        part: Some(value),
                        attack,
                        ..finding
                    },
                    _ => finding,
                }
            }));
        }
        findings
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

fn is_sign_in(event: &Event) -> bool {
    event.facts.activity == Activity::SignIn && event.facts.outcome == Outcome::Success
}

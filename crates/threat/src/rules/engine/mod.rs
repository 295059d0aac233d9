//! Events in, alerts out: the rules of one event, then the correlations of several.

mod detector;
mod words;

use std::sync::Arc;

use jiff::Timestamp;

use super::choices::{Choices, Exception};
use super::correlation::{Correlator, Fired, Limits, NotRestored, Plan};
use super::load::{Loaded, Refused};
use super::rule::Rule;
use crate::alert::{Alert, Finder};
use crate::event::Event;
use detector::Hit;
pub use detector::{Detector, Hits};

/// How rules are evaluated.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which rules are on, exceptions and placeholders.
    pub choices: Choices,
    /// Groups that correlations remember at most, over all of them. Those touched longest ago go first.
    pub groups_max: usize,
    /// Events that correlations remember at most, over all groups.
    pub entries_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            choices: Choices::default(),
            groups_max: 50_000,
            entries_max: 300_000,
        }
    }
}

/// Rules at work.
///
/// Finding what each event fulfils by itself ([`Detector`]) needs no order and can be shared by threads; correlations are fed by one.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Rule>,
    refused: Vec<Refused>,
    remarks: Vec<Refused>,
    settings: Settings,
    /// By the number of a rule: whether it raises alerts.
    tells: Vec<bool>,
    detector: Arc<Detector>,
    correlator: Correlator,
}

/// What became of saved state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Groups of events that were taken in.
    pub groups: usize,
    /// Groups whose correlation is gone, asks for something else now, or that there was no room for.
    pub dropped: usize,
}

impl Engine {
    /// An engine that remembers nothing yet.
    #[must_use]
    pub fn new(loaded: Loaded, settings: Settings) -> Self {
        let Loaded {
            mut rules,
            mut refused,
            remarks,
        } = loaded;
        let choices = &settings.choices;
        let plan = Plan::new(&rules, &|rule| choices.is_off(rule));
        let mut tells: Vec<bool> = Vec::with_capacity(rules.len());
        for (number, rule) in rules.iter().enumerate() {
            tells.push(choices.tells(rule) && !plan.silent.contains(&number));
        }
        let wanted = |number: usize| tells.get(number) == Some(&true) || plan.feeds.contains_key(&number);
        let (detector, broken) = Detector::new(&mut rules, choices, &wanted);
        for (number, reason) in broken {
            if let Some(rule) = rules.get(number) {
                refused.push(Refused {
                    file: rule.file.clone(),
                    line: rule.line,
                    title: Some((&*rule.title).into()),
                    id: Some((&*rule.id).into()),
                    reason: format!("with its placeholders: {reason}"),
                    hint: "check the values of its placeholders in the configuration".to_owned(),
                });
            }
        }
        let limits = Limits {
            groups_max: settings.groups_max,
            entries_max: settings.entries_max,
        };
        Self {
            correlator: Correlator::new(Arc::new(plan), limits),
            rules,
            refused,
            remarks,
            settings,
            tells,
            detector: Arc::new(detector),
        }
    }

    /// All that the rules find when this event has happened. Events may come in any order; correlations go by their times.
    pub fn evaluate(&mut self, event: &Event, found: &mut Vec<Alert>) {
        let hits = self.detector.detect(event);
        self.conclude(event, hits, found);
    }

    /// The part that threads can share: [`Detector::detect`] for each event, then [`Engine::conclude`].
    #[must_use]
    pub fn detector(&self) -> Arc<Detector> {
        self.detector.clone()
    }

    /// Makes alerts of what an event fulfils by itself, and feeds the correlations with it.
    pub fn conclude(&mut self, event: &Event, hits: Hits, found: &mut Vec<Alert>) {
        let mut fired = Vec::new();
        for hit in hits.0 {
            self.correlator.feed(hit.rule, event, &mut fired);
            if self.tells.get(hit.rule) == Some(&true) {
                found.extend(self.alert(event, hit));
            }
        }
        for fired in fired {
            found.extend(self.correlated(event, fired));
        }
    }

    fn alert(&self, event: &Event, hit: Hit) -> Option<Alert> {
        let rule = self.rules.get(hit.rule)?;
        Some(Alert {
            time: event.time,
            finder: Finder::Rule(rule.id.clone()),
            title: rule.title.clone(),
            level: rule.level,
            attack: rule.attack.clone(),
            words: words::of_hit(rule, &hit.matched),
            logsource: event.logsource,
            facts: event.facts.kept(),
            matched: hit.matched,
            evidence: vec![event.origin.clone()],
            count: 1,
        })
    }

    fn correlated(&self, event: &Event, fired: Fired) -> Option<Alert> {
        let correlation = self.correlator.plan.correlations.get(fired.correlation)?;
        let rule = self.rules.get(correlation.rule)?;
        let told = self.tells.get(correlation.rule) == Some(&true);
        let excepted = || {
            self.detector.is_excepted(correlation.rule, &|exception| {
                exception.holds_for_group(event, &fired.group)
            })
        };
        if !told || excepted() {
            return None;
        }
        Some(Alert {
            time: Timestamp::from_microsecond(fired.time).unwrap_or(event.time),
            finder: Finder::Correlation(rule.id.clone()),
            title: rule.title.clone(),
            level: rule.level,
            attack: rule.attack.clone(),
            words: words::of_correlation(rule, correlation, &fired),
            logsource: event.logsource,
            facts: event.facts.kept(),
            matched: fired.group,
            evidence: fired.evidence,
            count: fired.count,
        })
    }

    /// The rules, in the order in which they were loaded.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule by its identifier.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| &*rule.id == id)
    }

    /// The rules that raise alerts by themselves: they are on, and not only there for correlations.
    pub fn telling(&self) -> impl Iterator<Item = &Rule> {
        let rules = self.rules.iter().zip(&self.tells);
        rules.filter(|(_, tells)| **tells).map(|(rule, _)| rule)
    }

    /// Documents that weren't loaded.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// What is odd about documents that were.
    #[must_use]
    pub fn remarks(&self) -> &[Refused] {
        &self.remarks
    }

    /// How it was made.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The exceptions, and how often each kept a rule from hitting since this engine was made.
    pub fn exceptions(&self) -> impl Iterator<Item = (&Exception, u64)> {
        self.detector.exceptions()
    }

    /// Groups of events that correlations let go of for want of room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.correlator.forgotten
    }

    /// What correlations remember, as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        self.correlator.save(&self.rules)
    }

    /// Takes in what [`Engine::snapshot`] of this or another engine gave: each correlation what the one of the same identifier remembered.
    ///
    /// # Errors
    ///
    /// [`NotRestored`] if the bytes aren't such a snapshot; then nothing has changed.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Restored, NotRestored> {
        let (groups, dropped) = self.correlator.restore(bytes, &self.rules)?;
        Ok(Restored { groups, dropped })
    }

    /// Goes on where another engine is, after rules were loaded anew.
    pub fn go_on_from(&mut self, other: &Self) -> Restored {
        // What was saved a moment ago can be read.
        self.restore(&other.snapshot())
            .unwrap_or(Restored { groups: 0, dropped: 0 })
    }

    /// Forgets all events.
    pub fn forget(&mut self) {
        self.correlator = Correlator::new(self.correlator.plan.clone(), self.correlator.limits());
    }

    /// Correlations that aren't evaluated since they lead back to themselves.
    pub(crate) fn circular(&self) -> &[usize] {
        &self.correlator.plan.circular
    }
}

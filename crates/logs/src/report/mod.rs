//! What a search found, for people and programs: JSON, CSV, one page of HTML, a layer for the ATT&CK Navigator. Everything that comes from logs is
//! escaped for where it goes.

mod csv;
mod json;
mod navigator;
mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use threat::alert::{Alert, Finder, Level};
use threat::event::{Handle, Logsource};
use threat::rules::{Engine, Inputs, coverage};

pub use csv::csv;
pub use json::{json, json_of_alert};
pub use navigator::{navigator, technique};
pub use page::page;

use crate::scan::Outcome;

/// What a report is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What was found.
    pub outcome: &'a Outcome,
    /// The rules that were used.
    pub rules: &'a AtWork,
    /// When it was made.
    pub made: Timestamp,
    /// The program with its version.
    pub program: &'a str,
}

/// Rules in a search, and how many of them could have fired.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct AtWork {
    /// Rules that were loaded.
    pub loaded: usize,
    /// Those that would raise alerts.
    pub telling: usize,
    /// Of those, the ones that could fire on these logs.
    pub able: usize,
    /// Documents that are no rules, or that can't be used.
    pub refused: usize,
}

impl AtWork {
    /// Of an engine after a search.
    #[must_use]
    pub fn of(engine: &Engine, outcome: &Outcome) -> Self {
        let possible: Vec<Logsource> = outcome.seen.sources().map(|(source, _)| source).collect();
        let inputs = Inputs {
            possible: &possible,
            seen: Some(&outcome.seen),
        };
        let unable: std::collections::HashSet<Arc<str>> =
            coverage(engine, &inputs).into_iter().map(|rule| rule.rule).collect();
        let telling: Vec<_> = engine.telling().collect();
        Self {
            loaded: engine.rules().len(),
            telling: telling.len(),
            able: telling.iter().filter(|rule| !unable.contains(&rule.id)).count(),
            refused: engine.refused().len(),
        }
    }
}

/// The logs that events were of, as rules name them, the most frequent first, each with its number of events.
#[must_use]
pub fn sources(outcome: &Outcome) -> Vec<(String, u64)> {
    let mut sources: Vec<_> = outcome
        .seen
        .sources()
        .map(|(source, events)| (source.in_words(), events))
        .collect();
    sources.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    sources
}

/// A level's name as Sigma has it.
#[must_use]
pub const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Informational => "informational",
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
        Level::Critical => "critical",
    }
}

/// The identifier of what found something.
#[must_use]
pub fn finder_id(finder: &Finder) -> &str {
    match finder {
        Finder::Rule(id) | Finder::Correlation(id) | Finder::Behaviour(id) => id,
    }
}

/// The name by which an account or machine is shown: the first one that the log has.
#[must_use]
pub fn shown(handles: &[Handle]) -> &str {
    handles.first().map_or("", |handle| &handle.name)
}

/// The person that an alert is about: who did it, else whom it was done to.
#[must_use]
pub fn person(alert: &Alert) -> &str {
    match shown(&alert.facts.actor) {
        "" => shown(&alert.facts.target),
        actor => actor,
    }
}

/// The machine that an alert is about.
#[must_use]
pub fn machine(alert: &Alert) -> &str {
    shown(&alert.facts.machine)
}

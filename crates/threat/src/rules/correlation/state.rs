//! What all correlations remember, and how a hit of a rule moves through them.

use std::collections::HashMap;
use std::sync::Arc;

use super::CHAIN_MAX;
use super::group::{Counted, Entry, Group};
use super::judge::{is_possible, judge};
use super::plan::{Correlation, Key, Plan};
use crate::alert::EVIDENCE_MAX;
use crate::event::{Event, Origin};
use crate::rules::fields::Fields;

/// Characters of a value that groups and counts tell apart.
const VALUE_MAX: usize = 512;

/// Entries from which a group is large.
const LARGE: usize = 64;

/// How much correlations remember.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) groups_max: usize,
    pub(crate) entries_max: usize,
}

/// The correlations of a set of rules and what they remember.
#[derive(Debug)]
pub(crate) struct Correlator {
    pub(crate) plan: Arc<Plan>,
    limits: Limits,
    pub(super) groups: HashMap<GroupKey, Group>,
    pub(super) entries: usize,
    pub(super) puts: u64,
    /// Groups that were let go of to make room.
    pub(crate) forgotten: u64,
}

/// Which correlation, and the values that make the group, in lower case.
pub(super) type GroupKey = (usize, Box<[Box<str>]>);

/// A correlation that is fulfilled.
#[derive(Debug, Clone)]
pub(crate) struct Fired {
    /// Its place in the plan.
    pub(crate) correlation: usize,
    /// Of the last event of the window, in microseconds since 1970.
    pub(crate) time: i64,
    /// The fields that make the group and their values.
    pub(crate) group: Vec<(Box<str>, Box<str>)>,
    /// What was counted or computed.
    pub(crate) value: f64,
    /// Events of the window.
    pub(crate) count: u64,
    /// At most [`EVIDENCE_MAX`] of their records, the oldest first.
    pub(crate) evidence: Vec<Origin>,
}

/// What is put into a correlation: a hit of a rule, or the firing of another correlation.
struct Cause<'a> {
    fields: Fields<'a>,
    origin: &'a Origin,
    time: i64,
    /// Set if it is the firing of another.
    fired: Option<&'a Fired>,
}

impl Correlator {
    pub(crate) fn new(plan: Arc<Plan>, limits: Limits) -> Self {
        Self {
            plan,
            limits,
            groups: HashMap::new(),
            entries: 0,
            puts: 0,
            forgotten: 0,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Lets a hit of a rule move through the correlations.
    pub(crate) fn feed(&mut self, rule: usize, event: &Event, found: &mut Vec<Fired>) {
        let plan = self.plan.clone();
        let Some(fed) = plan.feeds.get(&rule) else {
            return;
        };
        let first = found.len();
        let cause = Cause {
            fields: Fields::of(event),
            origin: &event.origin,
            time: event.time.as_microsecond(),
            fired: None,
        };
        for &(at, source) in fed {
            self.put(&plan, at, source, &cause, found);
        }
        let mut next = first;
        for _ in 0..CHAIN_MAX {
            let until = found.len();
            for child in found.get(next..until).unwrap_or_default().to_vec() {
                let Some(fed) = plan
                    .correlations
                    .get(child.correlation)
                    .and_then(|correlation| plan.feeds.get(&correlation.rule))
                else {
                    continue;
                };
                let cause = Cause {
                    fields: Fields::of(event),
                    origin: &event.origin,
                    time: child.time,
                    fired: Some(&child),
                };
                for &(at, source) in fed {
                    self.put(&plan, at, source, &cause, found);
                }
            }
            next = until;
            if next == found.len() {
                break;
            }
        }
    }

    fn put(&mut self, plan: &Plan, at: usize, source: u16, cause: &Cause<'_>, found: &mut Vec<Fired>) {
        let Some(correlation) = plan.correlations.get(at) else {
            return;
        };
        // An event that lacks a field of the group belongs to none.
        let Some(shown) = correlation
            .group_by
            .iter()
            .map(|key| cause.value(key, source))
            .collect::<Option<Box<[Box<str>]>>>()
        else {
            return;
        };
        let value = match correlation.counted(source, cause) {
            Ok(value) => value,
            Err(Missing) => return,
        };
        let key = (at, shown.iter().map(|value| value.to_lowercase().into()).collect());
        self.make_room(&key);
        self.puts += 1;
        let group = self.groups.entry(key).or_default();
        group.touched = self.puts;
        group.shown = shown;
        let before = group.entries.len();
        let entry = Entry {
            time: cause.time,
            source,
            value,
            origin: cause.origin.clone(),
            behind: cause
                .fired
                .map(|fired| fired.evidence.clone().into())
                .unwrap_or_default(),
        };
        let place = group.put(entry, correlation.window, correlation.entries_max());
        self.entries = (self.entries + group.entries.len()).saturating_sub(before);
        if let Some(fired) = fulfilled(at, correlation, group, place) {
            group.told = Some(fired.time);
            found.push(fired);
        }
    }

    /// Lets go of the older half of the largest group if there are too many entries, so that a flood takes its room from itself; and of the groups
    /// that were touched longest ago, a tenth at a time, if there are too many groups or all are small.
    fn make_room(&mut self, wanted: &GroupKey) {
        let full = self.groups.len() >= self.limits.groups_max && !self.groups.contains_key(wanted);
        if !full && (self.entries < self.limits.entries_max || self.halve_the_largest()) {
            return;
        }
        let mut touched: Vec<u64> = self.groups.values().map(|group| group.touched).collect();
        touched.sort_unstable();
        let Some(&until) = touched.get(touched.len() / 10) else {
            return;
        };
        let before = self.groups.len();
        self.groups.retain(|_, group| group.touched > until);
        self.entries = self.groups.values().map(|group| group.entries.len()).sum();
        self.forgotten += u64::try_from(before - self.groups.len()).unwrap_or(0);
    }

    /// False: no group is large.
    fn halve_the_largest(&mut self) -> bool {
        let largest = self.groups.values_mut().max_by_key(|group| group.entries.len());
        let Some(largest) = largest.filter(|group| group.entries.len() >= LARGE) else {
            return false;
        };
        let gone = largest.halve();
        self.entries = self.entries.saturating_sub(gone);
        true
    }
}

/// The first window with the entry at `place` in it that fulfils the correlation and wasn't told.
fn fulfilled(at: usize, correlation: &Correlation, group: &Group, place: usize) -> Option<Fired> {
    if !is_possible(correlation, group.different()) {
        return None;
    }
    for (first, behind) in group.windows(place, correlation.window) {
        let end = group.entries.get(behind.checked_sub(1)?)?.time;
        if group.was_told(end, correlation.window) {
            continue;
        }
        let entries = group.entries.range(first..behind);
        if let Some(value) = judge(correlation, entries.clone()) {
            let names = correlation.group_by.iter().map(|key| key.name.clone());
            return Some(Fired {
                correlation: at,
                time: end,
                group: names.zip(group.shown.iter().cloned()).collect(),
                value,
                count: u64::try_from(behind - first).unwrap_or(u64::MAX),
                evidence: evidence(entries),
            });
        }
    }
    None
}

/// The records of a window, the oldest first. If they are too many, the last is among them.
fn evidence<'a>(entries: impl DoubleEndedIterator<Item = &'a Entry>) -> Vec<Origin> {
    let mut entries = entries;
    let last = entries.next_back();
    let mut origins: Vec<Origin> = Vec::new();
    let all = entries.flat_map(records);
    for origin in all.take(EVIDENCE_MAX * 4) {
        if origins.len() + 1 < EVIDENCE_MAX && !origins.contains(origin) {
            origins.push(origin.clone());
        }
    }
    for origin in last.into_iter().flat_map(records) {
        if origins.len() < EVIDENCE_MAX && !origins.contains(origin) {
            origins.push(origin.clone());
        }
    }
    origins
}

fn records(entry: &Entry) -> impl Iterator<Item = &Origin> {
    let own = entry.behind.is_empty().then_some(&entry.origin);
    entry.behind.iter().chain(own)
}

/// A field whose value is counted or added up isn't there.
struct Missing;

impl Correlation {
    /// What is counted or added up of an event.
    fn counted(&self, source: u16, cause: &Cause<'_>) -> Result<Option<Counted>, Missing> {
        use rsigma_parser::CorrelationType as Kind;
        match self.kind {
            Kind::EventCount | Kind::Temporal | Kind::TemporalOrdered => Ok(None),
            Kind::ValueCount => {
                let values: Option<Vec<String>> = self
                    .fields
                    .iter()
                    .map(|key| cause.value(key, source).map(|value| value.to_lowercase()))
                    .collect();
                Ok(Some(Counted::Text(values.ok_or(Missing)?.join("\u{1f}").into())))
            }
            _ => {
                let number = self
                    .fields
                    .first()
                    .and_then(|key| cause.value(key, source))
                    .and_then(|value| value.trim().parse().ok());
                number
                    .filter(|number: &f64| number.is_finite())
                    .map(|number| Some(Counted::Number(number)))
                    .ok_or(Missing)
            }
        }
    }
}

impl Cause<'_> {
    /// A field's value: of the group of the correlation that fired, else of the event.
    fn value(&self, key: &Key, source: u16) -> Option<Box<str>> {
        let field: &str = key.fields.get(usize::from(source)).map_or(&key.name, |field| field);
        if let Some(fired) = self.fired
            && let Some((_, value)) = fired
                .group
                .iter()
                .find(|(name, _)| **name == *field || *name == key.name)
        {
            return Some(value.clone());
        }
        let value = self.fields.text(field)?;
        Some(value.chars().take(VALUE_MAX).collect::<String>().into())
    }
}

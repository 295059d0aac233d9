//! What correlations remember, as bytes: for a restart, and to be carried over when rules are loaded anew.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::group::{Entry, Group};
use super::plan::Correlation;
use super::state::Correlator;
use crate::rules::rule::Rule;

/// The version of the form.
const VERSION: u32 = 1;
/// Bytes that are read at most.
const BYTES_MAX: usize = 512 << 20;

/// Why saved state wasn't restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRestored {
    /// It is larger than anything that was saved.
    #[error("{0} bytes are more than can have been saved")]
    TooLarge(usize),
    /// It isn't what was saved.
    #[error("the saved state of correlations can't be read: {0}")]
    Unreadable(String),
    /// It is of another version of this program.
    #[error("the saved state of correlations is of version {0}, this is version {VERSION}")]
    OtherVersion(u32),
}

#[derive(Serialize, Deserialize)]
struct Saved<G> {
    version: u32,
    correlations: Vec<SavedCorrelation<G>>,
}

/// What one correlation remembers. It goes to a rule of the same identifier that asks for the same.
#[derive(Serialize, Deserialize)]
struct SavedCorrelation<G> {
    rule: String,
    kind: String,
    window: i64,
    sources: Vec<String>,
    group_by: Vec<String>,
    groups: Vec<G>,
}

/// A group that is written: borrowed, since all entries together are most of what is remembered.
#[derive(Serialize)]
struct Written<'a> {
    shown: &'a [Box<str>],
    told: Option<i64>,
    touched: u64,
    entries: &'a VecDeque<Entry>,
}

/// The same, read.
#[derive(Deserialize)]
struct Read {
    shown: Box<[Box<str>]>,
    told: Option<i64>,
    touched: u64,
    entries: Vec<Entry>,
}

impl Correlator {
    /// All that is remembered.
    pub(crate) fn save(&self, rules: &[Rule]) -> Vec<u8> {
        let mut correlations: Vec<SavedCorrelation<Written<'_>>> = self
            .plan
            .correlations
            .iter()
            .map(|correlation| SavedCorrelation::of(correlation, rules))
            .collect();
        for ((at, _), group) in &self.groups {
            if let Some(saved) = correlations.get_mut(*at) {
                saved.groups.push(Written {
                    shown: &group.shown,
                    told: group.told,
                    touched: group.touched,
                    entries: &group.entries,
                });
            }
        }
        correlations.retain(|saved| !saved.groups.is_empty());
        for saved in &mut correlations {
            saved.groups.sort_by(|a, b| a.shown.cmp(b.shown));
        }
        let saved = Saved {
            version: VERSION,
            correlations,
        };
        // Strings, numbers and lists always have a JSON form; infinite numbers were never put in.
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    /// Takes in what was saved, as far as the same correlations are there. Returns how many groups were taken in, and how many not.
    pub(crate) fn restore(&mut self, bytes: &[u8], rules: &[Rule]) -> Result<(usize, usize), NotRestored> {
        if bytes.len() > BYTES_MAX {
            return Err(NotRestored::TooLarge(bytes.len()));
        }
        let saved: Saved<Read> =
            serde_json::from_slice(bytes).map_err(|error| NotRestored::Unreadable(error.to_string()))?;
        if saved.version != VERSION {
            return Err(NotRestored::OtherVersion(saved.version));
        }
        let plan = self.plan.clone();
        let own: Vec<SavedCorrelation<Read>> = plan
            .correlations
            .iter()
            .map(|correlation| SavedCorrelation::of(correlation, rules))
            .collect();
        let (mut taken, mut left) = (0, 0);
        for saved in saved.correlations {
            let same = own.iter().position(|own| saved.same(own));
            for group in saved.groups {
                let place = same.and_then(|at| Some((at, plan.correlations.get(at)?)));
                match place {
                    Some((at, correlation)) if self.take_in(at, correlation, &group) => taken += 1,
                    _ => left += 1,
                }
            }
        }
        Ok((taken, left))
    }

    fn take_in(&mut self, at: usize, correlation: &Correlation, saved: &Read) -> bool {
        let fits = saved.shown.len() == correlation.group_by.len()
            && saved
                .entries
                .iter()
                .all(|entry| usize::from(entry.source) < correlation.sources.len())
            && self.groups.len() < self.limits().groups_max
            && self.entries + saved.entries.len() <= self.limits().entries_max;
        if !fits {
            return false;
        }
        let mut group = Group {
            told: saved.told,
            touched: saved.touched,
            shown: saved.shown.clone(),
            ..Group::default()
        };
        for entry in &saved.entries {
            group.put(entry.clone(), correlation.window, correlation.entries_max());
        }
        self.puts = self.puts.max(saved.touched);
        self.entries += group.entries.len();
        let key = (
            at,
            saved.shown.iter().map(|value| value.to_lowercase().into()).collect(),
        );
        if let Some(replaced) = self.groups.insert(key, group) {
            self.entries = self.entries.saturating_sub(replaced.entries.len());
        }
        true
    }
}

impl<G> SavedCorrelation<G> {
    fn of(correlation: &Correlation, rules: &[Rule]) -> Self {
        Self {
            rule: rules
                .get(correlation.rule)
                .map(|rule| rule.id.to_string())
                .unwrap_or_default(),
            kind: correlation.kind.as_str().to_owned(),
            window: correlation.window,
            sources: correlation.sources.clone(),
            group_by: correlation.group_by.iter().map(|key| key.name.to_string()).collect(),
            groups: Vec::new(),
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.rule == other.rule
            && self.kind == other.kind
            && self.window == other.window
            && self.sources == other.sources
            && self.group_by == other.group_by
    }
}

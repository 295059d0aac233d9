//! What has happened to one group of a correlation: entries in the order of their times, not of their arrival.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::event::Origin;

/// Windows that are judged when something comes late: those that end with it and with the entries behind it.
const LATE_WINDOWS_MAX: usize = 16;

/// Entries that are kept however old they are: logs of several machines, or of several days, may come in turns.
const KEPT_MIN: usize = 16;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// In microseconds since 1970.
    pub(super) time: i64,
    /// Which of the correlation's sources.
    pub(super) source: u16,
    /// What is counted or added up.
    pub(super) value: Option<Counted>,
    pub(super) origin: Origin,
    /// Records behind it, if it is itself a correlation.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) behind: Box<[Origin]>,
}

/// A value that a correlation counts or adds up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Counted {
    /// Saved as its bits: as decimal digits it could come back as its neighbour.
    Number(#[serde(with = "bits")] f64),
    Text(Box<str>),
}

mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(number.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// The entries of one group.
///
/// Invariants: they are ordered by time, then by source; `texts` holds what they count, and nothing else.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) entries: VecDeque<Entry>,
    /// How often each text is counted: no window can have more different ones, which is told without going through the entries.
    pub(super) texts: HashMap<Box<str>, u32>,
    /// The end of the window that was told last.
    pub(super) told: Option<i64>,
    /// How many things had been put into any group when the last was put into this one.
    pub(super) touched: u64,
    /// The values that make the group, as the last event has them.
    pub(super) shown: Box<[Box<str>]>,
}

impl Group {
    /// Puts an entry where it belongs and lets go of what no window can hold any more. Returns its place.
    pub(super) fn put(&mut self, entry: Entry, window: i64, entries_max: usize) -> usize {
        let time = entry.time;
        let key = (entry.time, entry.source);
        // Nearly everything comes in order.
        let mut at = if self.entries.back().is_none_or(|last| (last.time, last.source) <= key) {
            self.entries.len()
        } else {
            self.entries.partition_point(|other| (other.time, other.source) <= key)
        };
        if let Some(Counted::Text(text)) = &entry.value {
            match self.texts.get_mut(text) {
                Some(times) => *times += 1,
                None => {
                    self.texts.insert(text.clone(), 1);
                }
            }
        }
        self.entries.insert(at, entry);
        let oldest = time.saturating_sub(window.saturating_mul(2));
        while self.entries.len() > KEPT_MIN && self.entries.front().is_some_and(|first| first.time < oldest) {
            let first = self.entries.pop_front();
            self.uncount(first);
            at = at.saturating_sub(1);
        }
        while self.entries.len() > entries_max {
            let distance = |other: Option<&Entry>| other.map_or(0, |other| other.time.abs_diff(time));
            let furthest = if distance(self.entries.front()) >= distance(self.entries.back()) {
                at = at.saturating_sub(1);
                self.entries.pop_front()
            } else {
                self.entries.pop_back()
            };
            self.uncount(furthest);
        }
        at
    }

    /// Lets go of the older half. Returns how many entries that were.
    pub(super) fn halve(&mut self) -> usize {
        let half = self.entries.len() / 2;
        for _ in 0..half {
            let first = self.entries.pop_front();
            self.uncount(first);
        }
        half
    }

    fn uncount(&mut self, gone: Option<Entry>) {
        let Some(Counted::Text(text)) = gone.and_then(|entry| entry.value) else {
            return;
        };
        if let Some(times) = self.texts.get_mut(&text) {
            *times -= 1;
            if *times == 0 {
                self.texts.remove(&text);
            }
        }
    }

    /// How many different texts the entries count.
    pub(super) fn different(&self) -> usize {
        self.texts.len()
    }

    /// The windows that hold the entry at this place, as places of their first and one past their last entry: one if it is the newest.
    pub(super) fn windows(&self, at: usize, window: i64) -> Vec<(usize, usize)> {
        let Some(time) = self.entries.get(at).map(|entry| entry.time) else {
            return Vec::new();
        };
        let behind = self
            .entries
            .partition_point(|entry| entry.time <= time.saturating_add(window));
        let mut ends: Vec<usize> = (at..behind).take(LATE_WINDOWS_MAX).collect();
        if let Some(last) = behind.checked_sub(1)
            && ends.last() != Some(&last)
        {
            ends.push(last);
        }
        let window = ends.into_iter().filter_map(|end| {
            let oldest = self.entries.get(end)?.time.saturating_sub(window);
            let first = self.entries.partition_point(|entry| entry.time < oldest);
            Some((first, end + 1))
        });
        window.collect()
    }

    /// Whether a window that ends then was told already, or one that it overlaps.
    pub(super) fn was_told(&self, end: i64, window: i64) -> bool {
        self.told
            .is_some_and(|told| told.abs_diff(end) <= window.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn different_texts_are_those_of_the_entries_whatever_comes_and_goes() {
        let mut group = Group::default();
        let mut seed = 1_u64;
        for _ in 0..2_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let entry = Entry {
                time: i64::try_from(seed >> 54).unwrap(),
                source: 0,
                value: Some(Counted::Text((seed >> 32 & 31).to_string().into())),
                origin: Origin {
                    source: "log".into(),
                    record: 1,
                },
                behind: Box::default(),
            };
            group.put(entry, 60, 24);
            if seed >> 40 & 15 == 0 {
                group.halve();
            }
            let texts: HashSet<_> = group.entries.iter().map(|entry| format!("{:?}", entry.value)).collect();
            assert_eq!(group.different(), texts.len());
        }
    }
}

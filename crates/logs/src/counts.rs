//! What couldn't be read or understood: counted by reason, with some samples, in bounded memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use threat::event::Origin;
use threat::input::Unreadable;

/// Reasons that are told apart. What comes after is counted together.
const REASONS_MAX: usize = 64;
/// Samples that are kept for each reason: the first ones, and then one at growing distances, so that a change of format shows.
const SAMPLES_MAX: usize = 4;
/// Characters of a sample.
pub(crate) const SAMPLE_CHARACTERS: usize = 200;
/// Characters of a reason.
const REASON_CHARACTERS: usize = 120;
/// The reason of everything once there are too many.
const OTHERS: &str = "other reasons";

/// What couldn't be read or understood, by reason.
///
/// Invariant: at most `REASONS_MAX` reasons and one for all others, each with at most `SAMPLES_MAX` samples.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    by_reason: BTreeMap<String, Tally>,
}

/// How often something couldn't be read for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// Some of them.
    pub samples: Vec<Sample>,
}

/// A piece that couldn't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Where it is.
    pub origin: Origin,
    /// Its reason in full.
    pub reason: String,
    /// Its beginning, without control characters.
    pub text: String,
}

impl Counts {
    /// Counts one piece.
    pub fn add(&mut self, origin: &Origin, reason: &str, text: &str) {
        let key = general(reason);
        let known = self.by_reason.contains_key(&key);
        let key = if known || self.by_reason.len() < REASONS_MAX {
            key
        } else {
            OTHERS.to_owned()
        };
        let tally = self.by_reason.entry(key).or_default();
        tally.count += 1;
        let place = sample_place(tally.count);
        let sample = || Sample {
            origin: origin.clone(),
            reason: printable(reason, REASON_CHARACTERS),
            text: printable(text, SAMPLE_CHARACTERS),
        };
        match place {
            Some(place) if place < tally.samples.len() => {
                if let Some(old) = tally.samples.get_mut(place) {
                    *old = sample();
                }
            }
            Some(_) => tally.samples.push(sample()),
            None => {}
        }
    }

    /// Counts what an input couldn't read.
    pub fn unreadable(&mut self, piece: &Unreadable) {
        self.add(&piece.origin, &piece.reason, &piece.sample);
    }

    /// Takes what others counted. Samples of those come behind the own ones, as far as there is room.
    pub fn merge(&mut self, other: Self) {
        for (reason, tally) in other.by_reason {
            let known = self.by_reason.contains_key(&reason);
            let key = if known || self.by_reason.len() < REASONS_MAX {
                reason
            } else {
                OTHERS.to_owned()
            };
            let own = self.by_reason.entry(key).or_default();
            own.count += tally.count;
            let room = SAMPLES_MAX.saturating_sub(own.samples.len());
            own.samples.extend(tally.samples.into_iter().take(room));
        }
    }

    /// How many pieces in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_reason.values().map(|tally| tally.count).sum()
    }

    /// The reasons, the most frequent first.
    #[must_use]
    pub fn by_count(&self) -> Vec<(&str, &Tally)> {
        let mut all: Vec<_> = self
            .by_reason
            .iter()
            .map(|(reason, tally)| (reason.as_str(), tally))
            .collect();
        all.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.count));
        all
    }
}

/// Which place the sample of a piece takes: the first ones all have one, later ones the last place at powers of two.
fn sample_place(count: u64) -> Option<usize> {
    let place = usize::try_from(count).ok()?.checked_sub(1)?;
    if place < SAMPLES_MAX {
        return Some(place);
    }
    count.is_power_of_two().then_some(SAMPLES_MAX - 1)
}

/// A reason without the values in it, which stand in backticks: pieces with the same reason are to be counted together.
fn general(reason: &str) -> String {
    let mut outside = true;
    let mut text = String::new();
    for part in reason.split('`') {
        text += if outside { part } else { "`..`" };
        outside = !outside;
    }
    printable(&text, REASON_CHARACTERS)
}

/// The beginning of a text, without characters that could command a terminal.
pub(crate) fn printable(text: &str, characters: usize) -> String {
    text.chars()
        .take(characters)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(record: u64) -> Origin {
        Origin {
            source: "log".into(),
            record,
        }
    }

    #[test]
    fn reasons_that_differ_in_their_values_are_one() {
        let mut counts = Counts::default();
        for number in 1..=1000 {
            counts.add(
                &origin(number),
                &format!("the time `{number}` isn't understood"),
                "\u{1b}[2Jtext",
            );
        }
        let all = counts.by_count();
        let [(reason, tally)] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert_eq!((*reason, tally.count), ("the time `..` isn't understood", 1000));
        let kept: Vec<u64> = tally.samples.iter().map(|sample| sample.origin.record).collect();
        assert_eq!(kept, [1, 2, 3, 512]);
        assert_eq!(tally.samples[0].text, " [2Jtext");
        assert_eq!(tally.samples[0].reason, "the time `1` isn't understood");
    }

    #[test]
    fn nothing_grows_with_what_hostile_lines_make_of_reasons() {
        let mut counts = Counts::default();
        for number in 0..10_000 {
            counts.add(&origin(number), &format!("reason {number}"), &"x".repeat(5000));
        }
        assert_eq!(counts.total(), 10_000);
        assert_eq!(counts.by_reason.len(), REASONS_MAX + 1);
        let longest = counts
            .by_reason
            .values()
            .flat_map(|tally| &tally.samples)
            .map(|sample| sample.text.len())
            .max();
        assert_eq!(longest, Some(SAMPLE_CHARACTERS));
        let mut sum = Counts::default();
        sum.merge(counts.clone());
        sum.merge(counts);
        assert_eq!(sum.total(), 20_000);
        assert!(sum.by_reason.len() <= REASONS_MAX + 1);
    }
}

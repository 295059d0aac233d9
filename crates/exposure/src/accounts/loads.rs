//! The values of rows: from which loads of breaches they come.

use std::collections::BTreeMap;

use super::BreachId;
use super::kind::{Erased, Kind};
use super::merge::Fold;
use super::table::{VALUE_BYTES_MAX, varint};

/// One import of a breach. Importing the breach again makes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LoadId(pub(crate) u32);

/// The most loads that fit into a value, five bytes each at most.
pub(crate) const LOADS_MAX: usize = VALUE_BYTES_MAX / 5;

/// Appends a sorted list, each number as its distance from the one before.
pub(crate) fn encode(numbers: impl Iterator<Item = u32>, value: &mut Vec<u8>) {
    let mut before = 0;
    for number in numbers {
        varint::put(value, u64::from(number.saturating_sub(before)));
        before = number;
    }
}

/// The numbers of a list.
pub(crate) fn decode(mut value: &[u8], numbers: &mut Vec<u32>) -> Result<(), &'static str> {
    let mut before = 0_u32;
    while !value.is_empty() {
        let distance = varint::take(&mut value).and_then(|distance| u32::try_from(distance).ok());
        before = distance
            .and_then(|distance| before.checked_add(distance))
            .ok_or("a list of loads is malformed")?;
        numbers.push(before);
    }
    Ok(())
}

/// Keeps what still counts, as the numbers that `as_breaches` wants.
#[derive(Debug)]
pub(crate) struct KeepLive<'a> {
    kind: Kind,
    /// The breach of every load that counts.
    live: &'a BTreeMap<LoadId, BreachId>,
    erased: &'a Erased,
    /// Values are lists of breaches instead of loads.
    as_breaches: bool,
    numbers: Vec<u32>,
}

impl<'a> KeepLive<'a> {
    /// For a table that takes the place of others.
    pub(crate) fn loads(kind: Kind, live: &'a BTreeMap<LoadId, BreachId>, erased: &'a Erased) -> Self {
        Self {
            kind,
            live,
            erased,
            as_breaches: false,
            numbers: Vec::new(),
        }
    }

    /// For an answer.
    pub(crate) fn breaches(kind: Kind, live: &'a BTreeMap<LoadId, BreachId>, erased: &'a Erased) -> Self {
        Self {
            as_breaches: true,
            ..Self::loads(kind, live, erased)
        }
    }
}

impl Fold for KeepLive<'_> {
    fn add(&mut self, value: &[u8]) -> Result<(), &'static str> {
        decode(value, &mut self.numbers)
    }

    fn end(&mut self, key: &[u8], value: &mut Vec<u8>) -> bool {
        if self.as_breaches {
            let breaches = self.numbers.iter().filter_map(|load| self.live.get(&LoadId(*load)));
            self.numbers = breaches.map(|breach| breach.0).collect();
        } else {
            self.numbers.retain(|load| self.live.contains_key(&LoadId(*load)));
        }
        self.numbers.sort_unstable();
        self.numbers.dedup();
        let is_kept = !self.numbers.is_empty() && !self.erased.owns(self.kind, key);
        if is_kept {
            encode(self.numbers.iter().copied(), value);
        }
        self.numbers.clear();
        is_kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back() {
        let numbers = [1, 2, 300, u32::MAX];
        let (mut value, mut back) = (Vec::new(), Vec::new());
        encode(numbers.into_iter(), &mut value);
        decode(&value, &mut back).unwrap();
        assert_eq!(back, numbers);
        assert!(decode(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], &mut back).is_err());
        assert!(decode(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1], &mut back).is_err());
    }

    #[test]
    fn loads_that_were_replaced_and_people_who_were_erased_fall_away() {
        let live = BTreeMap::from([(LoadId(3), BreachId(1)), (LoadId(4), BreachId(2))]);
        let erased = Erased::default();
        let mut fold = KeepLive::breaches(Kind::Domains, &live, &erased);
        let (mut first, mut second, mut value) = (Vec::new(), Vec::new(), Vec::new());
        encode([2, 4].into_iter(), &mut first);
        encode([3].into_iter(), &mut second);
        fold.add(&first).unwrap();
        fold.add(&second).unwrap();
        assert!(fold.end(b"example.com\0ann", &mut value));
        let mut breaches = Vec::new();
        decode(&value, &mut breaches).unwrap();
        assert_eq!(breaches, [1, 2]);
        value.clear();
        encode([2].into_iter(), &mut value);
        fold.add(&value.clone()).unwrap();
        assert!(!fold.end(b"example.com\0ann", &mut value));
        let erased = Erased([crate::address::Identity::of("ann@example.com")].into());
        let mut fold = KeepLive::loads(Kind::Domains, &live, &erased);
        fold.add(&second).unwrap();
        assert!(!fold.end(b"example.com\0ann", &mut value));
    }
}

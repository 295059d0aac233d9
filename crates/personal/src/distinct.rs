//! How many different values were seen, in bounded memory, without keeping the values.

use std::collections::BTreeSet;

/// Fingerprints kept; below as many different values the count is exact, beyond it is off by 3 % in one case of three.
const KEPT_MAX: usize = 1024;

/// The smallest fingerprints of the values seen: if the 1024th smallest of numbers spread evenly over 2^64 is `m`, there are about
/// 1023 * 2^64 / m of them (Bar-Yossef and others, "Counting distinct elements in a data stream", 2002).
///
/// It is never written anywhere: a fingerprint of a number with few digits can be guessed back.
#[derive(Clone, Default)]
pub struct Distinct {
    smallest: BTreeSet<u64>,
}

impl Distinct {
    /// Adds a value's fingerprint. True if it is known to be new.
    pub(crate) fn insert(&mut self, value: &[u8]) -> bool {
        let fingerprint = fingerprint(value);
        if self.smallest.len() < KEPT_MAX {
            return self.smallest.insert(fingerprint);
        }
        let Some(&largest) = self.smallest.last() else {
            return false;
        };
        if fingerprint >= largest || !self.smallest.insert(fingerprint) {
            return false;
        }
        self.smallest.pop_last();
        true
    }

    /// Whether a value is among those that are known to have been seen.
    pub(crate) fn contains(&self, value: &[u8]) -> bool {
        self.smallest.contains(&fingerprint(value))
    }

    /// Adds what another one saw.
    pub fn merge(&mut self, other: &Self) {
        self.smallest.extend(&other.smallest);
        while self.smallest.len() > KEPT_MAX {
            self.smallest.pop_last();
        }
    }

    /// Different values seen: exact up to 1023.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self.smallest.last() {
            Some(&largest) if self.smallest.len() >= KEPT_MAX && largest > 0 => {
                let count = (u128::from(u64::MAX) * (KEPT_MAX as u128 - 1)) / u128::from(largest);
                u64::try_from(count).unwrap_or(u64::MAX)
            }
            _ => self.smallest.len() as u64,
        }
    }
}

/// FNV-1a, and a finish that spreads it over all bits.
fn fingerprint(value: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in value {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

impl std::fmt::Debug for Distinct {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Distinct({})", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::Distinct;

    #[test]
    fn few_values_are_counted_exactly_and_many_nearly() {
        let mut distinct = Distinct::default();
        for number in 0..1000_u32 {
            assert!(distinct.insert(&number.to_le_bytes()));
            assert!(!distinct.insert(&number.to_le_bytes()));
        }
        assert_eq!(distinct.count(), 1000);
        // One in three is off by 3 %; the mean of many is not.
        let mut sum = 0;
        for group in 0..16_u32 {
            let mut distinct = Distinct::default();
            for number in 0..20_000_u32 {
                distinct.insert(format!("person{number}@{group}.example").as_bytes());
            }
            sum += distinct.count();
        }
        let mean = sum / 16;
        assert!((19_500..=20_500).contains(&mean), "{mean}");
    }

    #[test]
    fn merging_is_like_seeing_both() {
        let [mut left, mut right, mut both] = [Distinct::default(), Distinct::default(), Distinct::default()];
        for number in 0..5000_u32 {
            let value = number.to_le_bytes();
            if number % 3 == 0 {
                left.insert(&value)
            } else {
                right.insert(&value)
            };
            both.insert(&value);
        }
        left.merge(&right);
        assert_eq!(left.count(), both.count());
    }
}

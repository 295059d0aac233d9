//! How long a prefix of an identity may be so that whoever sends it is hidden among enough people.
//!
//! The smallest real bucket decides, not the mean: with 9.4 million identities and 14 bits the mean is 574, and the smallest of the
//! 16,384 buckets holds some 480.

use crate::address::Identity;

/// The longest prefix that is ever published, in bits: 2^20 buckets, as the public corpora have.
pub const BITS_MAX: u32 = 20;

/// How many identities each of the 2^[`BITS_MAX`] prefixes has: 4 MiB.
#[derive(Debug)]
pub struct Histogram {
    counts: Vec<u32>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self {
            counts: vec![0; 1 << BITS_MAX],
        }
    }

    /// Counts one more.
    pub fn add(&mut self, identity: Identity) {
        if let Some(count) = self.counts.get_mut(prefix_of(identity, BITS_MAX) as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// The longest prefix that leaves at least `hidden_among` identities in every bucket; `None` with fewer than that in all.
    #[must_use]
    pub fn hiding(mut self, hidden_among: u64) -> Option<Hiding> {
        let identities = self.counts.iter().map(|count| u64::from(*count)).sum();
        for bits in (0..=BITS_MAX).rev() {
            let fewest = self.counts.iter().copied().min().unwrap_or(0);
            if u64::from(fewest) >= hidden_among {
                return Some(Hiding {
                    bits,
                    identities,
                    fewest,
                });
            }
            // Neighbours share the prefix that is one bit shorter.
            let (pairs, _) = self.counts.as_chunks::<2>();
            self.counts = pairs.iter().map(|[left, right]| left.saturating_add(*right)).collect();
        }
        None
    }
}

/// A prefix that hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hiding {
    /// Its length in bits.
    pub bits: u32,
    /// Identities in all.
    pub identities: u64,
    /// Identities in the smallest bucket.
    pub fewest: u32,
}

/// The first `bits` bits of an identity, at most 32, as a number.
pub(super) fn prefix_of(identity: Identity, bits: u32) -> u32 {
    let [a, b, c, d, ..] = identity.0;
    u32::from_be_bytes([a, b, c, d])
        .checked_shr(32_u32.saturating_sub(bits))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many sizes, each with real hashes: no bucket is ever smaller than promised, and the prefix is as long as it can be.
    #[test]
    fn no_bucket_is_smaller_than_promised() {
        for (people, hidden_among) in [
            (400, 400),
            (799, 400),
            (5_000, 400),
            (60_000, 400),
            (60_000, 1),
            (60_000, 7),
        ] {
            let identities: Vec<Identity> = (0..people)
                .map(|number| Identity::of(&format!("person{number}@example.com")))
                .collect();
            let mut histogram = Histogram::new();
            identities.iter().for_each(|identity| histogram.add(*identity));
            let hiding = histogram.hiding(hidden_among).unwrap();
            assert_eq!(hiding.identities, people);
            let sizes = |bits: u32| {
                let mut sizes = vec![0_u64; 1 << bits];
                identities
                    .iter()
                    .for_each(|identity| sizes[prefix_of(*identity, bits) as usize] += 1);
                sizes.into_iter().min().unwrap()
            };
            assert_eq!(sizes(hiding.bits), u64::from(hiding.fewest));
            assert!(sizes(hiding.bits) >= hidden_among, "{people} people, {hiding:?}");
            assert!(
                sizes(hiding.bits + 1) < hidden_among,
                "{people} people, {hiding:?} could be longer"
            );
        }
    }

    #[test]
    fn too_few_people_are_not_hidden_at_all() {
        let mut histogram = Histogram::new();
        for number in 0..399 {
            histogram.add(Identity::of(&number.to_string()));
        }
        assert_eq!(histogram.hiding(400), None);
        assert_eq!(Histogram::new().hiding(1), None);
    }

    #[test]
    fn a_prefix_is_the_first_bits() {
        let identity = Identity([0xab; 20]);
        assert_eq!(prefix_of(identity, 0), 0);
        assert_eq!(prefix_of(identity, 1), 1);
        assert_eq!(prefix_of(identity, 12), 0xaba);
        assert_eq!(prefix_of(identity, 20), 0xababa);
    }
}

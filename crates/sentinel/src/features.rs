//! What the model is shown: for every window, shares in 1/1000 and sizes as logarithms.

use crate::counters::{Count, Counters, Counts, ONE, SPAN_NAMES, WINDOWS};

/// A window's features.
const PER_WINDOW: usize = SHARES.len() + LOGARITHMS.len() + MEANS.len();
/// Features in all.
pub const FEATURES: usize = PER_WINDOW * WINDOWS;

/// The features at one time, in the model's order. A share of next to nothing is -1.
pub type Features = [i16; FEATURES];

/// A share whose whole is too small to say anything.
const UNDEFINED: i16 = -1;

/// A whole below this is next to nothing: blocks, or requests.
const WHOLE_LEAST: u64 = 8;
/// Means are in tenths.
const MEAN_SCALE: u64 = 10;

/// A share: of what, and of which whole.
struct Share {
    name: &'static str,
    part: Count,
    whole: &'static [Count],
}

const fn share(name: &'static str, part: Count, whole: &'static [Count]) -> Share {
    Share { name, part, whole }
}

use Count as C;

const SHARES: [Share; 29] = [
    share("reads / accesses", C::Read, &[C::Read, C::Written]),
    share("read again / read", C::ReadAgain, &[C::Read]),
    share("sequential reads", C::NextReads, &[C::ReadRequests]),
    share("sequential writes", C::NextWrites, &[C::WriteRequests]),
    share("small writes", C::SmallWrites, &[C::WriteRequests]),
    share("random / written", C::Random, &[C::Written]),
    share("mixed / written", C::Mixed, &[C::Written]),
    share("armoured / written", C::Armoured, &[C::Written]),
    share("constant / written", C::Constant, &[C::Written, C::Constant]),
    share("replaced / written", C::Replaced, &[C::Written]),
    share("replaced old / written", C::ReplacedOld, &[C::Written]),
    share("replaced hot / written", C::ReplacedHot, &[C::Written]),
    share("read, replaced / written", C::ReadReplaced, &[C::Written]),
    share("read, replaced / read", C::ReadReplaced, &[C::Read]),
    share("read, replaced random / written", C::ReadReplacedRandom, &[C::Written]),
    share(
        "read, replaced random / read, replaced",
        C::ReadReplacedRandom,
        &[C::ReadReplaced],
    ),
    share("read, replaced alike / written", C::ReadReplacedAlike, &[C::Written]),
    share(
        "read, replaced kept / read, replaced",
        C::ReadReplacedKept,
        &[C::ReadReplaced],
    ),
    share("flipped / written", C::Flipped, &[C::Written]),
    share("flipped / replaced", C::Flipped, &[C::Replaced]),
    share("unflipped / replaced", C::Unflipped, &[C::Replaced]),
    share("flipped armoured / written", C::FlippedArmoured, &[C::Written]),
    share("wiped / written", C::Wiped, &[C::Written, C::Constant]),
    share("overrun / written", C::Overrun, &[C::Written]),
    share("random new / written", C::RandomNew, &[C::Written]),
    share("random new / read", C::RandomNew, &[C::Read, C::RandomNew]),
    share("trimmed read / read", C::TrimmedRead, &[C::Read]),
    share("trimmed read / trimmed", C::TrimmedRead, &[C::Trimmed]),
    share("trimmed stored / trimmed", C::TrimmedStored, &[C::Trimmed]),
];

const LOGARITHMS: [(&str, Count); 15] = [
    ("log written", C::Written),
    ("log write requests", C::WriteRequests),
    ("log read", C::Read),
    ("log random", C::Random),
    ("log replaced old", C::ReplacedOld),
    ("log read, replaced", C::ReadReplaced),
    ("log read, replaced random", C::ReadReplacedRandom),
    ("log flipped", C::Flipped),
    ("log flipped armoured", C::FlippedArmoured),
    ("log wiped", C::Wiped),
    ("log overrun", C::Overrun),
    ("log trimmed", C::Trimmed),
    ("log trimmed stored", C::TrimmedStored),
    ("log head destroyed", C::HeadDestroyed),
    ("log flushes", C::Flushes),
];

/// Means: of what, and over how many.
const MEANS: [(&str, Count, Count); 4] = [
    ("distinct of random", C::RandomDistinct, C::Random),
    ("run of read, replaced", C::ReadReplaced, C::ReadReplacedRuns),
    ("delay of read, replaced", C::ReadReplacedDelay, C::ReadReplaced),
    ("blocks a write", C::Written, C::WriteRequests),
];

/// A feature's name and window, for reports and for the trainer.
#[must_use]
pub fn feature_name(feature: usize) -> Option<(&'static str, &'static str)> {
    let window = SPAN_NAMES.get(feature / PER_WINDOW)?;
    let within = feature % PER_WINDOW;
    let shares = SHARES.iter().map(|share| share.name);
    let means = MEANS.iter().map(|mean| mean.0);
    let name = shares
        .chain(LOGARITHMS.iter().map(|logarithm| logarithm.0))
        .chain(means)
        .nth(within)?;
    Some((name, window))
}

/// Computes all features.
pub(crate) fn features(counters: &Counters) -> Features {
    let mut features = [UNDEFINED; FEATURES];
    for (window, out) in counters.windows.iter().zip(features.chunks_mut(PER_WINDOW)) {
        let shares = SHARES.iter().map(|share| share.of(window));
        let logarithms = LOGARITHMS.iter().map(|(_, count)| logarithm(at(window, *count)));
        let means = MEANS.iter().map(|(_, sum, number)| mean(window, *sum, *number));
        for (slot, value) in out.iter_mut().zip(shares.chain(logarithms).chain(means)) {
            *slot = value;
        }
    }
    features
}

pub(crate) fn at(window: &Counts, count: Count) -> u64 {
    window.get(count as usize).copied().unwrap_or(0)
}

impl Share {
    fn of(&self, window: &Counts) -> i16 {
        let whole: u64 = self.whole.iter().map(|count| at(window, *count)).sum();
        if whole < WHOLE_LEAST * ONE {
            return UNDEFINED;
        }
        (at(window, self.part).saturating_mul(1000) / whole).min(2000) as i16
    }
}

/// log2 of one more than the count, in 1/16.
fn logarithm(count: u64) -> i16 {
    let value = count / (ONE / 16) + 16;
    let whole = value.ilog2();
    let rest = if whole >= 4 { (value >> (whole - 4)) & 15 } else { 0 };
    ((whole - 4) * 16 + rest as u32) as i16
}

fn mean(window: &Counts, sum: Count, number: Count) -> i16 {
    let number = at(window, number);
    if number < 4 * ONE {
        return UNDEFINED;
    }
    (at(window, sum).saturating_mul(MEAN_SCALE) / number).min(i16::MAX as u64) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_grow_evenly() {
        assert_eq!(logarithm(0), 0);
        assert_eq!(logarithm(ONE), 16);
        assert_eq!(logarithm(3 * ONE), 32);
        assert_eq!(logarithm(1023 * ONE), 160);
        assert!(logarithm(u64::MAX) > 800);
    }

    #[test]
    fn every_feature_has_a_name() {
        assert_eq!(feature_name(0), Some(("reads / accesses", "2 s")));
        assert!((0..FEATURES).all(|feature| feature_name(feature).is_some()));
        assert_eq!(feature_name(FEATURES), None);
    }

    #[test]
    fn shares_of_next_to_nothing_are_undefined() {
        let mut counters = Counters::new();
        counters.add(Count::Written, 4);
        counters.add(Count::Random, 4);
        counters.end_slice(0);
        assert_eq!(features(&counters)[5], UNDEFINED);
        counters.add(Count::Written, 4);
        counters.end_slice(0);
        assert_eq!(features(&counters)[5], 500);
    }
}

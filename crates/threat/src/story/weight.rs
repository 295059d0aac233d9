//! What a finding weighs: its level, and how rare it is for whom it concerns.

use super::rarity::Rarity;
use crate::alert::Level;

/// Bits that a finding is taken to be worth as long as nothing has been learnt, and points per bit.
const fn scale(level: Level) -> (f64, f64) {
    match level {
        Level::Informational => (1.0, 0.6),
        Level::Low => (2.0, 0.8),
        Level::Medium => (5.0, 1.0),
        Level::High => (9.0, 1.5),
        Level::Critical => (14.0, 3.0),
    }
}

/// Bits that a finding is worth however often it has come: what is grave doesn't become harmless because it's frequent.
const fn least(level: Level) -> f64 {
    match level {
        Level::Informational | Level::Low => 0.0,
        Level::Medium => 1.0,
        Level::High => 3.0,
        Level::Critical => 8.0,
    }
}

/// The points of a finding. Until enough has been learnt its level decides alone, from then on its rarity, and in between both.
pub(super) fn points(level: Level, rarity: &Rarity) -> f64 {
    let (unlearnt, each) = scale(level);
    let bits = rarity.learnt * rarity.bits + (1.0 - rarity.learnt) * unlearnt;
    bits.max(least(level)) * each
}

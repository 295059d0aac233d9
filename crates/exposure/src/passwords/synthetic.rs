//! Records for tests: always the same for the same seed.

pub(super) use super::padding::splitmix;
use super::record::{Record, add_up};
use crate::hash::HashKind;

/// `rows` records in order, with counts distributed as in public corpora: most small, a few large.
pub(super) fn records(kind: HashKind, rows: u64, seed: u64) -> Vec<Record> {
    let mut state = seed;
    let mut next = || splitmix(&mut state);
    let mut records: Vec<Record> = (0..rows)
        .map(|_| Record {
            high: next(),
            middle: next(),
            low: if kind == HashKind::Sha1 { next() as u32 } else { 0 },
            count: count(next()),
        })
        .collect();
    records.sort_unstable();
    add_up(&mut records);
    records
}

/// Half of the counts are 1 or 2, one in a hundred is above 100.
fn count(random: u64) -> u32 {
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    (1.0 / (1.0 - share)).min(50_000_000.0) as u32
}

//! Rows that hide how many a range really has.

use super::record::{Record, add_up};
use super::{Padding, RangePrefix};
use crate::hash::HashKind;

/// A range of up to so many rows is filled up to at least so many, as the public API documents it.
const ROWS_MIN: usize = 800;
/// A larger range is filled up to a multiple of this.
const STEP: usize = 500;
/// Up to so many rows more, at random.
const SPREAD: u64 = 200;

/// Adds rows with count 0, in order.
pub(super) fn add(kind: HashKind, prefix: RangePrefix, padding: Padding, records: &mut Vec<Record>) {
    let mut state = padding.seed;
    let mut random = || splitmix(&mut state);
    let at_least = if records.len() <= ROWS_MIN {
        ROWS_MIN
    } else {
        records.len().next_multiple_of(STEP)
    };
    let wanted = at_least + (random() % (SPREAD + 1)) as usize;
    while records.len() < wanted {
        for _ in records.len()..wanted {
            records.push(Record {
                high: u64::from(prefix.number()) << 44 | random() >> 20,
                middle: random(),
                low: if kind == HashKind::Sha1 { random() as u32 } else { 0 },
                count: 0,
            });
        }
        records.sort_unstable();
        // A row that happens to be there already stays what it is.
        add_up(records);
    }
}

/// SplitMix64: the rows need to look random, not to be secret.
pub(super) fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ranges_have_800_to_1000_rows_and_large_ones_some_more_than_they_have() {
        let prefix = RangePrefix::new(0x12345).unwrap();
        for (real, expected) in [
            (0, 800..=1000),
            (799, 800..=1000),
            (1, 800..=1000),
            (2000, 2000..=2200),
            (2001, 2500..=2700),
        ] {
            let mut totals = std::collections::BTreeSet::new();
            for seed in 0..20 {
                let mut records: Vec<Record> = (0..real)
                    .map(|number| Record {
                        high: 0x12345 << 44 | number,
                        count: 3,
                        ..Record::default()
                    })
                    .collect();
                add(HashKind::Ntlm, prefix, Padding { seed }, &mut records);
                assert!(expected.contains(&records.len()), "{real}: {}", records.len());
                assert_eq!(records.iter().filter(|record| record.count > 0).count() as u64, real);
                assert!(
                    records
                        .iter()
                        .all(|record| record.prefix() == 0x12345 && record.low == 0)
                );
                assert!(records.is_sorted());
                totals.insert(records.len());
            }
            assert!(totals.len() > 5, "{totals:?}");
        }
    }
}

//! A trace as it would have been, had the guest encrypted its disk.
//!
//! Full-disk encryption changes neither the times nor the places of requests, and turns every block into random bytes: what was
//! recorded on a plain disk tells exactly what an encrypted one would have seen, but for the bytes' looks, which are those of
//! random bytes. (Zeroed and trimmed ranges stay what they are, as under dm-crypt with discards allowed.)

use sentinel::{Class, Look, Written};

use crate::chance::Chance;
use crate::trace::{Event, Record};

/// Turns everything written, and everything that was stored, into random bytes.
pub(crate) fn veil(record: &mut Record) {
    let Event::Write { first, blocks } = &mut record.event else {
        return;
    };
    let mut chance = Chance::new(*first ^ record.time);
    for Written { look, former } in blocks {
        *look = random_look(&mut chance);
        if former.is_stored {
            former.class = Class::Random;
        }
    }
}

/// What a look at random bytes shows: 256 bytes of which some are alike.
fn random_look(chance: &mut Chance) -> Look {
    let mut seen = [0_u64; 4];
    for _ in 0..32 {
        for byte in chance.next().to_le_bytes() {
            if let Some(word) = seen.get_mut(usize::from(byte >> 6)) {
                *word |= 1 << (byte & 63);
            }
        }
    }
    let distinct: u32 = seen.iter().map(|word| word.count_ones()).sum();
    let class = if distinct >= 147 { Class::Random } else { Class::Mixed };
    Look {
        class,
        distinct: distinct.min(255) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentinel::Former;

    #[test]
    fn everything_looks_random_and_nothing_else_changes() {
        let blocks = vec![
            Written {
                look: Look {
                    class: Class::Text,
                    distinct: 40
                },
                former: Former {
                    class: Class::Text,
                    is_stored: true,
                    age_seconds: Some(7),
                    ..Former::default()
                },
            };
            100
        ];
        let mut record = Record {
            time: 5,
            event: Event::Write { first: 9, blocks },
        };
        veil(&mut record);
        let Event::Write { first: 9, blocks } = record.event else {
            panic!()
        };
        let mean = blocks.iter().map(|block| u32::from(block.look.distinct)).sum::<u32>() / 100;
        assert!((160..=164).contains(&mean), "{mean}");
        assert!(
            blocks
                .iter()
                .all(|block| block.former.class == Class::Random && block.former.age_seconds == Some(7))
        );
    }
}

//! The sentinel: the first byte chooses what the rest are. A model's bytes, a saved state, or events in the order and
//! with the times that the fuzzer likes. Nothing may panic, and the suspicion stays within its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel::{Class, Clear, Former, Look, Micros, Model, Sentinel, Written};

fn model(bytes: &[u8]) {
    if let Ok(model) = Model::parse(bytes) {
        let _ = model.score(&Sentinel::new().features());
    }
}

fn saved(bytes: &[u8]) {
    let mut sentinel = Box::new(Sentinel::new());
    if sentinel.restore(1 << 42, 1000, bytes).is_ok() {
        drive(&mut sentinel, bytes);
    }
}

/// Twelve bytes an event: what, how many, when, where.
fn drive(sentinel: &mut Sentinel, bytes: &[u8]) {
    let model = Model::shipped();
    let mut now: Micros = 1 << 42;
    for event in bytes.chunks_exact(12).take(256) {
        let number =
            |range: core::ops::Range<usize>| event[range].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let (what, count) = (event[0], event[1]);
        // Mostly forward, by up to years; sometimes back.
        let step = number(2..5) << (event[5] % 32);
        now = if event[5] > 250 {
            now.saturating_sub(step)
        } else {
            now.saturating_add(step)
        };
        let first = number(6..12) << (what >> 4);
        let written = Written {
            look: Look::at(event),
            former: Former {
                class: Class::from_number(event[6]),
                is_stored: event[7] & 1 == 0,
                is_same: event[7] & 4 == 4,
                age_seconds: (event[7] & 2 == 0).then(|| u32::from(event[8]) << (event[9] % 24)),
            },
        };
        match what % 5 {
            0 => sentinel.read(now, first, u32::from(count) << (event[9] % 7)),
            1 => sentinel.write(now, first, &vec![written; usize::from(count)]),
            2 => sentinel.clear(now, first, number(8..12), number(9..12), Clear::Trim),
            3 => sentinel.clear(now, first, number(8..12), number(9..12), Clear::Zero),
            _ => sentinel.flush(),
        }
        if let Some(assessment) = sentinel.assess(now, &model) {
            assert!(assessment.suspicion >= 0);
            assert!(assessment.onset <= now, "{} {now}", assessment.onset);
            for finding in assessment.signals.iter() {
                assert!(finding.blocks <= finding.of && !finding.to_string().is_empty());
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0, rest)) => model(rest),
        Some((1, rest)) => saved(rest),
        Some((_, rest)) => drive(&mut Box::new(Sentinel::new()), rest),
        None => {}
    }
});

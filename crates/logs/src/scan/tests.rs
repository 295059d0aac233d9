//! Searches of small folders.

use std::fs;
use std::io::Write;
use std::path::Path;

use threat::event::Event;
use threat::rules::{Hits, Settings, load};

use super::*;

const RULES: &str = "\
title: A password was refused
id: 7d9a1f5e-8f53-4a0e-9d2c-6a3b1c0e4f11
name: refused
level: low
logsource: {product: linux}
detection: {words: ['Failed password'], condition: words}
---
title: Passwords tried out
id: 1b0e5a52-6f0c-4c7b-8a3d-2f9d7e6c5b22
level: high
tags: [attack.t1110]
correlation: {type: event_count, rules: [refused], timespan: 10m, condition: {gte: 5}, generate: true}
";

fn engine() -> Engine {
    let loaded = load([("rules.yml", RULES)]);
    assert!(loaded.refused.is_empty(), "{:?}", loaded.refused);
    Engine::new(loaded, Settings::default())
}

/// Files with lines of sshd among others, some of them packed.
fn write(folder: &Path, files: usize, lines: usize) {
    for file in 0..files {
        let mut text = String::new();
        for line in 0..lines {
            let (minute, second) = (line / 60 % 60, line % 60);
            let words = if line % 40 == 0 {
                "Failed password for root"
            } else {
                "Connection closed"
            };
            text += &format!(
                "Mar {:2} 10:{minute:02}:{second:02} web{file} sshd[{line}]: {words} from 10.0.0.{file} port 22 ssh2\n",
                file % 28 + 1
            );
        }
        text += "\u{1}\u{2} of no log\n";
        if file % 3 == 0 {
            let file = fs::File::create(folder.join(format!("{file:03}.gz"))).unwrap();
            let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap();
        } else {
            fs::write(folder.join(format!("{file:03}.log")), text).unwrap();
        }
    }
}

fn searched(folder: &Path, threads: usize) -> Outcome {
    let plan = Plan {
        threads,
        ..Plan::new(vec![folder.to_owned()])
    };
    scan(&plan, &mut engine(), &mut |_| true)
}

fn in_words(outcome: &Outcome) -> Vec<String> {
    outcome
        .alerts
        .iter()
        .map(|alert| format!("{} {:?} {} {:?}", alert.time, alert.finder, alert.count, alert.evidence))
        .collect()
}

#[test]
fn the_result_is_the_same_whatever_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 12, 2000);
    let one = searched(folder.path(), 1);
    assert_eq!((one.files, one.logs, one.records), (12, 12, 12 * 2001));
    let low = one
        .fired
        .iter()
        .find(|fired| fired.level == threat::alert::Level::Low)
        .unwrap();
    assert_eq!(low.count, 12 * 50);
    assert!(
        one.fired.iter().any(|fired| fired.level == threat::alert::Level::High),
        "{:?}",
        one.fired
    );
    for threads in [2, 8] {
        let many = searched(folder.path(), threads);
        assert_eq!(in_words(&many), in_words(&one));
        assert_eq!(many.records, one.records);
    }
}

#[test]
fn alerts_beyond_what_is_kept_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, 4000);
    let plan = Plan {
        alerts_per_rule_max: 10,
        ..Plan::new(vec![folder.path().to_owned()])
    };
    let outcome = scan(&plan, &mut engine(), &mut |_| true);
    let counted: u64 = outcome.fired.iter().map(|fired| fired.count).sum();
    assert!(outcome.fired.iter().any(|fired| fired.count == 200));
    assert_eq!(counted, outcome.alerts.len() as u64 + outcome.not_kept);
    assert!(outcome.alerts.len() <= 20);
}

#[test]
fn what_is_not_understood_and_what_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, 10);
    fs::write(folder.path().join("zeros"), [0; 5000]).unwrap();
    fs::write(folder.path().join("cut.gz"), [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1]).unwrap();
    let mut paths = vec![folder.path().to_owned()];
    paths.push(folder.path().join("missing"));
    let outcome = scan(&Plan::new(paths), &mut engine(), &mut |_| true);
    assert_eq!(outcome.problem_count, 3, "{:?}", outcome.problems);
    assert!(
        outcome.events + outcome.not_understood.total() >= 22,
        "{:?}",
        outcome.not_understood
    );
}

#[test]
fn a_reader_rests_while_what_it_read_waits_to_be_concluded() {
    const BATCHES: u64 = 200;
    let event = Event {
        time: jiff::Timestamp::UNIX_EPOCH,
        logsource: threat::event::Logsource {
            product: "linux",
            service: None,
            category: None,
        },
        fields: serde_json::json!({}),
        facts: threat::event::Facts::default(),
        origin: threat::event::Origin {
            source: "log".into(),
            record: 1,
        },
    };
    let board = Board::new(1);
    let put = std::sync::atomic::AtomicU64::new(0);
    let (mut taken, mut most) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..BATCHES {
                board.wait_for_room(0);
                board.put(0, number, vec![(event.clone(), Hits::default()); 128]);
                put.fetch_add(1, Ordering::Relaxed);
            }
            board.end_file(0, BATCHES, crate::Counts::default(), Vec::new());
        });
        loop {
            match board.take() {
                Detected::Batch(_) => {
                    taken += 1;
                    most = most.max(put.load(Ordering::Relaxed).saturating_sub(taken));
                    thread::sleep(std::time::Duration::from_micros(500));
                }
                Detected::Nothing => {}
                Detected::End => break,
            }
        }
    });
    assert_eq!(taken, BATCHES);
    assert!(most * 128 <= 4096 + 2 * 128, "{most} batches were held");
}

#[test]
fn a_search_can_be_given_up() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 20, 5_000);
    let outcome = scan(&Plan::new(vec![folder.path().to_owned()]), &mut engine(), &mut |_| {
        false
    });
    assert!(outcome.was_given_up);
    assert!(outcome.records < 20 * 5_001);
}

//! Floods: many alerts at once become few rows, fewer incidents and few records.

use std::time::Instant;

use respond::alert::{Layer, NewAlert, Severity};
use respond::ledger::verify;

use super::support::{Bench, about, fenced};

#[test]
fn ten_thousand_alerts_in_a_second_are_few_rows_and_one_incident() {
    let mut bench = Bench::new();
    let alerts: Vec<NewAlert> = (0..10_000)
        .map(|number| fenced(number / 10, &format!("disk-{}", number % 100)))
        .collect();
    for batch in alerts.chunks(4096) {
        bench.take(batch.to_vec());
    }
    let rows = bench.alerts();
    assert_eq!(rows.len(), 100);
    assert_eq!(rows.iter().map(|alert| alert.count).sum::<u64>(), 10_000);
    let incidents = bench.incidents();
    assert_eq!(
        (incidents.len(), incidents[0].volumes.len(), incidents[0].alerts),
        (1, 100, 100)
    );
    let records = verify(&bench.ledger, &[]).unwrap().records;
    assert!(records < 500, "{records}");
}

/// `cargo test -p respond --release -- --ignored --nocapture floods_are_measured`
#[test]
#[ignore = "a measurement"]
fn floods_are_measured() {
    let mut bench = Bench::new();
    let distinct: Vec<NewAlert> = (0..200_000)
        .map(|number| {
            let kind = format!("kind-{}", number / 1000);
            about(
                number / 20,
                Layer::Threat,
                &kind,
                Severity::ALL[number as usize % 5],
                &format!("disk-{}", number % 1000),
            )
        })
        .collect();
    let repeated: Vec<NewAlert> = (0..200_000)
        .map(|number| fenced(number / 20, &format!("disk-{}", number % 1000)))
        .collect();
    for (what, alerts) in [("distinct", distinct), ("repeated", repeated)] {
        let (count, began) = (alerts.len(), Instant::now());
        for batch in alerts.chunks(4096) {
            bench.take(batch.to_vec());
        }
        let rate = count as f64 / began.elapsed().as_secs_f64();
        eprintln!("{what}: {rate:.0} alerts/s, {} incidents", bench.incidents().len());
    }
    let began = Instant::now();
    let verification = verify(&bench.ledger, &[]).unwrap();
    eprintln!("verify: {} records in {:?}", verification.records, began.elapsed());
}

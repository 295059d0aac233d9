//! Floods: many alerts at once become few rows, fewer incidents and few records.

use std::time::Instant;

use respond::Page;
use respond::alert::{Filter, Layer, NewAlert, Severity};
use respond::ledger::verify;

use super::support::{Bench, about, at, fenced};

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

/// `cargo test -p respond --release -- --ignored --nocapture a_million`
#[test]
#[ignore = "a measurement"]
fn a_million_alerts_are_still_listed_in_a_moment() {
    let mut bench = Bench::new();
    for chunk in 0..250 {
        let alerts = (0..4000).map(|number| {
            let (kind, volume) = (format!("kind-{chunk}"), format!("disk-{}", number % 1000));
            let severity = if number % 1000 == 0 {
                Severity::High
            } else {
                Severity::Low
            };
            let millis = chunk * 700_000 + number / 1000;
            let mut noticed = about(millis, Layer::Threat, &kind, severity, &volume);
            noticed.host = Some(format!("host-{}", number / 4));
            noticed
        });
        bench.take(alerts.collect());
    }
    let with = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    for (what, filter) in [
        ("all", Filter::default()),
        ("volume", with(|filter| filter.volume = Some("disk-7".to_owned()))),
        ("severity", with(|filter| filter.severity = Some(Severity::High))),
        (
            "incident",
            with(|filter| filter.incident = Some(respond::incident::IncidentId(1))),
        ),
        (
            "layer that noticed nothing",
            with(|filter| filter.layer = Some(Layer::Drill)),
        ),
        ("since", with(|filter| filter.since = Some(at(249 * 700_000)))),
        (
            "text that isn't there",
            with(|filter| filter.text = Some("nowhere".to_owned())),
        ),
    ] {
        let began = Instant::now();
        let found = bench.ledger.alerts(&filter, Page::newest(100)).unwrap().len();
        eprintln!("{what}: {found} rows in {:?}", began.elapsed());
    }
    let began = Instant::now();
    let incidents = bench.incidents().len();
    eprintln!("incidents: {incidents} in {:?}", began.elapsed());
    let began = Instant::now();
    let counts = bench.ledger.counts(at(250 * 700_000)).unwrap();
    eprintln!(
        "counts: {} open in {:?}",
        counts.open_incidents.total(),
        began.elapsed()
    );
    let began = Instant::now();
    let records = verify(&bench.ledger, &[]).unwrap().records;
    eprintln!("verify: {records} records in {:?}", began.elapsed());
}

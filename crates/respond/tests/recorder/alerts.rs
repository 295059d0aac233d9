//! Recording, deduplication, filters and pages, rolling up.

use respond::alert::{self, Filter, Layer, Severity};
use respond::incident::IncidentId;
use respond::{Page, Time};

use super::support::{Bench, HOUR, MINUTE, SECOND, about, at, fenced};

#[test]
fn the_same_soon_after_is_counted_and_anything_else_is_a_row() {
    let mut bench = Bench::new();
    let suspicious = |millis| about(millis, Layer::Guard, "bookmarked", Severity::Medium, "disk");
    bench.take(vec![suspicious(0), suspicious(SECOND)]);
    bench.take(vec![suspicious(9 * MINUTE)]);
    let alerts = bench.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(
        (alerts[0].count, alerts[0].noticed.time, alerts[0].last),
        (3, at(0), at(9 * MINUTE))
    );
    assert_eq!(bench.kinds("alert/1"), ["alert.noticed", "alert.repeated"]);
    // Counted from the last time on, and only what is the same in everything.
    bench.take(vec![suspicious(18 * MINUTE)]);
    assert_eq!(bench.alerts().len(), 1);
    bench.take(vec![suspicious(29 * MINUTE)]);
    assert_eq!(bench.alerts().len(), 2, "not soon enough");
    let mut others = vec![suspicious(30 * MINUTE); 5];
    others[0].volume = Some("other".to_owned());
    others[1].host = Some("host".to_owned());
    others[2].identity = Some("person".to_owned());
    others[3].kind = "calmed".to_owned();
    others[4].layer = Layer::Threat;
    bench.take(others);
    assert_eq!(bench.alerts().len(), 7);
}

#[test]
fn one_finding_in_logs_hides_no_other_on_the_same_machine() {
    let mut bench = Bench::new();
    let found = |millis, title: &str| {
        let mut alert = about(millis, Layer::Threat, "finding", Severity::High, "disk");
        alert.title = title.to_owned();
        alert
    };
    bench.take(vec![found(0, "Remote-control tool"), found(SECOND, "Backups deleted")]);
    bench.take(vec![
        found(MINUTE, "Machines powered off"),
        found(2 * MINUTE, "Backups deleted"),
    ]);
    let alerts = bench.alerts();
    let told: Vec<_> = alerts
        .iter()
        .map(|alert| (&*alert.noticed.title, alert.count))
        .collect();
    let expected = [
        ("Machines powered off", 1),
        ("Backups deleted", 2),
        ("Remote-control tool", 1),
    ];
    assert_eq!(told, expected);
}

#[test]
fn severity_rises_and_never_falls() {
    let mut bench = Bench::new();
    let noticed = |millis, severity| about(millis, Layer::Threat, "log-on", severity, "disk");
    let taken = bench.take(vec![noticed(0, Severity::Low)]);
    assert!(taken.alerts[0].is_news);
    assert!(!bench.take(vec![noticed(1, Severity::Informational)]).alerts[0].is_news);
    assert!(bench.take(vec![noticed(2, Severity::High)]).alerts[0].is_news);
    let alerts = bench.alerts();
    assert_eq!(
        (alerts.len(), alerts[0].noticed.severity, alerts[0].count),
        (1, Severity::High, 3)
    );
    assert_eq!(alerts[0].incident, Some(IncidentId(1)), "severe enough by now");
    assert_eq!(bench.incident(1).alerts, 1, "the one alert, once");
}

#[test]
fn what_comes_after_an_incident_was_closed_is_news() {
    let mut bench = Bench::new();
    bench.take(vec![fenced(0, "disk")]);
    let person = respond::Actor::Person("ann".to_owned());
    let id = IncidentId(1);
    let close = |w: &mut respond::Writing<'_>| respond::incident::close(w, at(MINUTE), &person, id, true, "a test");
    bench.ledger.write(close).unwrap();
    let taken = bench.take(vec![fenced(2 * MINUTE, "disk")]);
    assert!(taken.alerts[0].is_news && taken.incidents[0].is_new, "{taken:?}");
    assert_eq!(bench.alerts().len(), 2);
}

#[test]
fn filters_and_pages_find_what_they_name() {
    let mut bench = Bench::new();
    for number in 0..30 {
        let layer = if number % 3 == 0 { Layer::Threat } else { Layer::Volume };
        let severity = Severity::ALL[number as usize % 5];
        let mut noticed = about(
            number * HOUR,
            layer,
            &format!("kind-{number}"),
            severity,
            &format!("v{}", number % 2),
        );
        noticed.host = (number % 10 == 0).then(|| "web".to_owned());
        noticed.identity = (number == 7).then(|| "ann@example.org".to_owned());
        bench.take(vec![noticed]);
    }
    let find = |filter: Filter| -> Vec<i64> {
        let alerts = bench.ledger.alerts(&filter, Page::newest(100)).unwrap();
        alerts.into_iter().map(|alert| alert.id.0).collect()
    };
    let all = Filter::default();
    assert_eq!(find(all.clone()).len(), 30);
    let with = |change: fn(&mut Filter)| {
        let mut filter = all.clone();
        change(&mut filter);
        find(filter)
    };
    assert_eq!(with(|filter| filter.volume = Some("v1".to_owned())).len(), 15);
    assert_eq!(with(|filter| filter.host = Some("web".to_owned())), [21, 11, 1]);
    assert_eq!(with(|filter| filter.identity = Some("ann@example.org".to_owned())), [8]);
    assert_eq!(with(|filter| filter.layer = Some(Layer::Threat)).len(), 10);
    assert_eq!(with(|filter| filter.severity = Some(Severity::Low)).len(), 24);
    assert_eq!(with(|filter| filter.severity = Some(Severity::High)).len(), 12);
    assert_eq!(
        with(|filter| filter.severity = Some(Severity::Critical)),
        [30, 25, 20, 15, 10, 5]
    );
    assert_eq!(with(|filter| filter.since = Some(at(28 * HOUR))), [30, 29]);
    assert_eq!(with(|filter| filter.until = Some(at(HOUR))), [2, 1]);
    assert_eq!(with(|filter| filter.text = Some("KIND-2 HAPP".to_owned())), [3]);
    assert_eq!(with(|filter| filter.incident = Some(IncidentId(99))), [0; 0]);
    let both = |filter: &mut Filter| {
        filter.host = Some("web".to_owned());
        filter.layer = Some(Layer::Volume);
        filter.severity = Some(Severity::Informational);
    };
    assert_eq!(with(both), [21, 11]);
    let first = bench.ledger.alerts(&all, Page::newest(12)).unwrap();
    let before = first.last().map(|alert| alert.id.0);
    let next = bench.ledger.alerts(&all, Page { before, most: 12 }).unwrap();
    assert_eq!((first[0].id.0, next[0].id.0, next.len()), (30, 18, 12));
}

#[test]
fn texts_without_end_are_cut() {
    let mut bench = Bench::new();
    let mut noticed = about(0, Layer::Threat, "k", Severity::Low, "disk");
    noticed.text = "\u{e4}".repeat(100_000);
    noticed.kind = "x".repeat(1000);
    noticed.facts.insert("all".to_owned(), "y".repeat(1_000_000).into());
    bench.take(vec![noticed]);
    let alert = bench.alerts().remove(0).noticed;
    assert!(
        alert.text.len() <= 8192 && alert.kind.len() == 64,
        "{}",
        alert.text.len()
    );
    assert!(alert.facts.contains_key("left_out"), "{:?}", alert.facts.keys());
}

#[test]
fn old_alerts_become_numbers_and_their_records_stay() {
    let mut bench = Bench::new();
    for day in 0..10 {
        bench.take(vec![about(
            day * 24 * HOUR,
            Layer::Volume,
            "damage",
            Severity::Low,
            "disk",
        )]);
    }
    let now = at(20 * 24 * HOUR);
    let before = at(4 * 24 * HOUR + HOUR);
    let roll_up = |bench: &mut Bench, most| bench.ledger.write(|w| alert::roll_up(w, now, before, most)).unwrap();
    assert_eq!(roll_up(&mut bench, 3), 3, "so many at a time");
    assert_eq!(roll_up(&mut bench, 3), 2);
    assert_eq!(roll_up(&mut bench, 3), 0);
    assert_eq!(bench.alerts().len(), 5);
    assert_eq!(bench.kinds("alert/1"), ["alert.noticed"]);
    assert_eq!(bench.kinds("ledger/alerts").len(), 2);
}

#[test]
fn a_number_is_given_once_also_when_everything_is_old() {
    let mut bench = Bench::new();
    let noticed = |day: i64| about(day * 24 * HOUR, Layer::Volume, "damage", Severity::Low, "disk");
    bench.take(vec![noticed(0)]);
    bench.take(vec![noticed(1)]);
    let now = at(500 * 24 * HOUR);
    let rolled_up = bench.ledger.write(|w| alert::roll_up(w, now, now, 100)).unwrap();
    assert_eq!(rolled_up, 1);
    bench.take(vec![noticed(501)]);
    assert_eq!(bench.alerts()[0].id.0, 3);
    assert_eq!(bench.kinds("alert/2"), ["alert.noticed"]);
}

#[test]
fn counts_are_kept_by_the_hour() {
    let mut bench = Bench::new();
    bench.take(vec![fenced(0, "a"), fenced(1, "a"), fenced(2, "b")]);
    bench.take(vec![about(30 * HOUR, Layer::Volume, "damage", Severity::Low, "c")]);
    let now = |hours: i64| -> Time { at(hours * HOUR) };
    let counts = bench.ledger.counts(now(1)).unwrap();
    assert_eq!((counts.alerts_last_day.critical, counts.attacks_stopped), (3, 2));
    assert_eq!(counts.open_incidents.critical, 1);
    let counts = bench.ledger.counts(now(31)).unwrap();
    assert_eq!((counts.alerts_last_day.critical, counts.alerts_last_day.low), (0, 1));
    assert_eq!(counts.attacks_stopped, 2);
    assert_eq!(bench.ledger.counts(now(24 * 32)).unwrap().attacks_stopped, 0);
}

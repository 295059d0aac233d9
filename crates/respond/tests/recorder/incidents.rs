//! Which alerts belong together, what they amount to, and what people do with them.

use respond::Actor;
use respond::alert::{Layer, Severity};
use respond::incident::{self, Filter, IncidentId, IncidentState};
use serde_json::json;

use super::support::{Bench, HOUR, MINUTE, SECOND, about, at, fenced};

fn ann() -> Actor {
    Actor::Person("ann".to_owned())
}

#[test]
fn alerts_about_the_same_volume_are_one_incident_with_what_came_before() {
    let mut bench = Bench::new();
    bench.take(vec![about(
        -10 * SECOND,
        Layer::Guard,
        "bookmarked",
        Severity::Medium,
        "disk",
    )]);
    assert!(bench.incidents().is_empty(), "not severe enough to open one");
    bench.take(vec![
        fenced(0, "disk"),
        about(0, Layer::Guard, "bookmarked", Severity::Medium, "other"),
    ]);
    bench.take(vec![about(
        20 * HOUR,
        Layer::Guard,
        "calmed",
        Severity::Informational,
        "disk",
    )]);
    let incident = bench.incident(1);
    assert_eq!(
        (incident.alerts, incident.severity, incident.state),
        (3, Severity::Critical, IncidentState::Open)
    );
    assert_eq!((incident.began, incident.updated), (at(-10 * SECOND), at(20 * HOUR)));
    assert_eq!(incident.volumes, ["disk"]);
    assert_eq!(incident.title, "fenced happened: `disk`");
    let of_incident = respond::alert::Filter {
        incident: Some(IncidentId(1)),
        ..respond::alert::Filter::default()
    };
    assert_eq!(
        bench
            .ledger
            .alerts(&of_incident, respond::Page::default())
            .unwrap()
            .len(),
        3
    );
    assert_eq!(bench.kinds("incident/1"), ["incident.opened", "incident.joined"]);
    bench.take(vec![fenced(50 * HOUR, "disk")]);
    assert_eq!(bench.incidents().len(), 2, "a day later it is another one");
}

#[test]
fn what_shares_a_host_or_a_person_belongs_together() {
    let mut bench = Bench::new();
    let mut log_on = about(0, Layer::Threat, "log-on", Severity::High, "disk");
    log_on.volume = None;
    log_on.host = Some("web".to_owned());
    log_on.identity = Some("ann".to_owned());
    let mut shell = about(MINUTE, Layer::Threat, "shell", Severity::Low, "disk");
    shell.host = Some("web".to_owned());
    bench.take(vec![log_on, shell]);
    bench.take(vec![fenced(HOUR, "disk")]);
    let incidents = bench.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0].alerts, 3);
    assert_eq!(
        (&incidents[0].hosts[..], &incidents[0].identities[..]),
        (&["web".to_owned()][..], &["ann".to_owned()][..])
    );
    assert_eq!(incidents[0].volumes, ["disk"]);
}

#[test]
fn what_logs_tell_of_one_story_is_one_incident_whatever_else_it_concerns() {
    let mut bench = Bench::new();
    let of_story = |millis, story: u64, host: &str| {
        let mut noticed = about(millis, Layer::Threat, "finding", Severity::High, "disk");
        noticed.volume = None;
        noticed.host = Some(host.to_owned());
        noticed.facts.insert("story".to_owned(), json!(story));
        noticed
    };
    bench.take(vec![of_story(0, 7, "web")]);
    bench.take(vec![of_story(8 * HOUR, 7, "esx01")]);
    bench.take(vec![of_story(9 * HOUR, 9, "till")]);
    // Weeks later, too: whoever takes their time is still the same.
    bench.take(vec![of_story(24 * 9 * HOUR, 7, "dc01")]);
    let hosts: Vec<_> = bench.incidents().into_iter().map(|incident| incident.hosts).collect();
    assert_eq!(hosts, [vec!["till"], vec!["dc01", "esx01", "web"]]);
}

#[test]
fn a_storm_over_many_volumes_is_one_incident_that_names_them() {
    let mut bench = Bench::new();
    for number in 0..50 {
        bench.take(vec![fenced(number * SECOND, &format!("disk-{number:02}"))]);
    }
    let incidents = bench.incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].volumes.len(), 50);
    assert_eq!(
        incidents[0].title,
        "fenced happened: `disk-00`, `disk-01`, `disk-02` and 47 others"
    );
    // Of another sort, or later: not the same storm.
    bench.take(vec![about(
        50 * SECOND,
        Layer::Volume,
        "damage",
        Severity::High,
        "elsewhere",
    )]);
    bench.take(vec![fenced(10 * MINUTE, "much-later")]);
    assert_eq!(bench.incidents().len(), 3);
}

#[test]
fn the_worst_incident_is_found_behind_any_number_of_milder_ones() {
    let mut bench = Bench::new();
    assert_eq!(bench.ledger.worst_incident().unwrap(), None);
    bench.take(vec![fenced(0, "disk")]);
    for number in 1..=150 {
        let volume = format!("other-{number}");
        let damage = about(2 * MINUTE * number, Layer::Volume, "damage", Severity::High, &volume);
        bench.take(vec![damage]);
    }
    assert_eq!(bench.incidents().len(), 151);
    let worst = bench.ledger.worst_incident().unwrap().unwrap();
    assert_eq!((worst.id, worst.score), (IncidentId(1), bench.incident(1).score));
    let close = |w: &mut respond::Writing<'_>| incident::close(w, at(HOUR), &ann(), IncidentId(1), false, "restored");
    bench.ledger.write(close).unwrap();
    assert_eq!(bench.ledger.worst_incident().unwrap().unwrap().id, IncidentId(151));
}

#[test]
fn drills_have_incidents_of_their_own() {
    let mut bench = Bench::new();
    bench.take(vec![fenced(0, "disk")]);
    let drill = |millis, kind, severity| about(millis, Layer::Drill, kind, severity, "disk");
    bench.take(vec![drill(HOUR, "drill-failed", Severity::High)]);
    let incidents = bench.incidents();
    assert_eq!(incidents.len(), 2);
    assert_eq!((incidents[0].alerts, incidents[1].alerts), (1, 1));
    bench.take(vec![drill(2 * HOUR, "drill-passed", Severity::Informational)]);
    assert_eq!(bench.incident(2).state, IncidentState::Recovered);
    assert_eq!(
        bench.incident(1).state,
        IncidentState::Open,
        "a drill proves nothing about an attack"
    );
    bench.take(vec![drill(3 * HOUR, "drill-failed", Severity::High)]);
    assert_eq!(bench.incident(2).state, IncidentState::Open);
    assert_eq!(
        bench.kinds("incident/2")[2..],
        ["incident.recovered", "incident.joined", "incident.reopened"]
    );
}

#[test]
fn an_incident_is_recovered_when_every_volume_is_back() {
    let mut bench = Bench::new();
    bench.take(vec![fenced(0, "a"), fenced(0, "b")]);
    let back = |millis, volume| about(millis, Layer::Guard, "rolled-back", Severity::Low, volume);
    bench.take(vec![back(HOUR, "a")]);
    assert_eq!(bench.incident(1).state, IncidentState::Open, "`b` isn't");
    bench.take(vec![back(2 * HOUR, "b")]);
    let recovered = bench.incident(1);
    assert_eq!((recovered.state, recovered.score), (IncidentState::Recovered, 10));
    bench.take(vec![fenced(3 * HOUR, "a")]);
    let again = bench.incident(1);
    assert_eq!(again.state, IncidentState::Open, "it goes on");
    assert!(again.score > 60, "{again:?}");
}

#[test]
fn a_score_is_the_sum_of_what_it_says() {
    let mut bench = Bench::new();
    bench.take(vec![fenced(0, "disk")]);
    let explained = |bench: &Bench, id| {
        let incident = bench.incident(id);
        let sum: u32 = incident.score_parts.iter().map(|part| part.points).sum();
        assert_eq!(sum, incident.score, "{incident:?}");
        assert!(
            incident
                .score_parts
                .is_sorted_by_key(|part| std::cmp::Reverse(part.points))
        );
        let words = incident.score_parts.into_iter().map(|part| part.because);
        (incident.score, words.collect::<Vec<_>>().join("; "))
    };
    let (first, words) = explained(&bench, 1);
    assert_eq!(
        words,
        "its worst alert is critical; encryption was recognised on 1 volume; no drill is known on `disk`: the way back isn't \
         proven; contained: the writes to `disk` are stopped"
    );
    // More volumes, another layer, and nothing that stops it.
    let mut threat = about(SECOND, Layer::Threat, "log-on", Severity::High, "disk");
    threat.host = Some("web".to_owned());
    let unstopped = about(SECOND, Layer::Guard, "would-fence", Severity::Critical, "second");
    bench.take(vec![threat, unstopped]);
    bench.take(vec![about(
        MINUTE,
        Layer::Drill,
        "drill-failed",
        Severity::High,
        "disk",
    )]);
    bench.take(vec![about(
        2 * MINUTE,
        Layer::Guard,
        "calmed",
        Severity::Informational,
        "disk",
    )]);
    let (second, words) = explained(&bench, 1);
    assert!(second > first, "{first} {second}");
    for text in [
        "nothing stops the writes to `second`",
        "it concerns 2 volumes",
        "2 layers noticed something: guard, threat",
        "the last drill on `disk` failed",
    ] {
        assert!(words.contains(text), "{words}");
    }
    bench.take(
        (0..60)
            .map(|number| {
                about(
                    3 * MINUTE,
                    Layer::Guard,
                    "would-fence",
                    Severity::Critical,
                    &format!("v{number}"),
                )
            })
            .collect(),
    );
    let mut exposed = about(3 * MINUTE, Layer::Exposure, "breach", Severity::High, "disk");
    exposed.identity = Some("ann".to_owned());
    bench.take(vec![exposed]);
    assert_eq!(explained(&bench, 1).0, incident::SCORE_MAX);
}

#[test]
fn people_acknowledge_assign_note_close_and_reopen() {
    let mut bench = Bench::new();
    bench.take(vec![fenced(0, "disk")]);
    let id = IncidentId(1);
    let bob = Actor::Person("bob".to_owned());
    let ledger = &mut bench.ledger;
    let acknowledged = ledger.write(|w| incident::acknowledge(w, at(1), &ann(), id)).unwrap();
    assert_eq!(
        (acknowledged.state, acknowledged.assigned),
        (IncidentState::Acknowledged, Some(ann()))
    );
    let again = ledger.write(|w| incident::acknowledge(w, at(2), &bob, id)).unwrap();
    assert_eq!(again.assigned, Some(ann()), "who has it keeps it");
    let assigned = ledger
        .write(|w| incident::assign(w, at(3), &ann(), id, Some(&bob)))
        .unwrap();
    assert_eq!(assigned.assigned, Some(bob.clone()));
    ledger
        .write(|w| incident::note(w, at(4), &bob, id, " found the way in "))
        .unwrap();
    ledger
        .write(|w| incident::recovered(w, at(5), &bob, id, "restored from the pin"))
        .unwrap();
    let closed = ledger
        .write(|w| incident::close(w, at(6), &bob, id, false, "dealt with"))
        .unwrap();
    assert_eq!((closed.state, closed.closed), (IncidentState::Closed, Some(at(6))));
    let refused = ledger
        .write(|w| incident::acknowledge(w, at(7), &ann(), id))
        .unwrap_err();
    assert!(
        refused.to_string().contains("`holdfast incidents reopen 1`"),
        "{refused}"
    );
    let reopened = ledger
        .write(|w| incident::reopen(w, at(8), &ann(), id, "it goes on"))
        .unwrap();
    assert_eq!((reopened.state, reopened.closed), (IncidentState::Open, None));
    assert!(
        ledger
            .write(|w| incident::reopen(w, at(8), &ann(), id, "twice"))
            .is_err()
    );
    assert!(ledger.write(|w| incident::note(w, at(9), &ann(), id, "  ")).is_err());
    assert!(
        ledger
            .write(|w| incident::note(w, at(9), &ann(), IncidentId(9), "x"))
            .is_err()
    );
    let kinds = bench.kinds("incident/1");
    let words: Vec<&str> = kinds.iter().map(|kind| kind.trim_start_matches("incident.")).collect();
    assert_eq!(
        words,
        [
            "opened",
            "acknowledged",
            "assigned",
            "noted",
            "recovered",
            "closed",
            "reopened"
        ]
    );
}

#[test]
fn incidents_are_found_by_what_they_concern() {
    let mut bench = Bench::new();
    bench.take(vec![fenced(0, "a")]);
    bench.take(vec![fenced(HOUR, "b")]);
    let id = IncidentId(1);
    bench
        .ledger
        .write(|w| incident::close(w, at(2 * HOUR), &ann(), id, true, "known work"))
        .unwrap();
    let find = |filter: Filter| -> Vec<i64> {
        let found = bench.ledger.incidents(&filter, respond::Page::default()).unwrap();
        found.into_iter().map(|incident| incident.id.0).collect()
    };
    assert_eq!(find(Filter::default()), [2, 1]);
    assert_eq!(
        find(Filter {
            open_only: true,
            ..Filter::default()
        }),
        [2]
    );
    assert_eq!(
        find(Filter {
            volume: Some("a".to_owned()),
            ..Filter::default()
        }),
        [1]
    );
    assert_eq!(
        find(Filter {
            volume: Some("a".to_owned()),
            open_only: true,
            ..Filter::default()
        }),
        [0; 0]
    );
    assert_eq!(
        find(Filter {
            since: Some(at(90 * MINUTE)),
            ..Filter::default()
        }),
        [1],
        "it was closed then"
    );
    assert_eq!(
        find(Filter {
            until: Some(at(MINUTE)),
            ..Filter::default()
        }),
        [1]
    );
    assert_eq!(
        find(Filter {
            host: Some("web".to_owned()),
            ..Filter::default()
        }),
        [0; 0]
    );
}

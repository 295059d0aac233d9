//! What is no news to whoever was told of a story is added to the alert that told of it, and nothing else about it is less.

use respond::Actor;
use respond::Page;
use respond::action;
use respond::alert::{ADDS_TO_STORY, Alert, AlertId, Filter, Layer, NewAlert, STORY, Severity, TELLS_STORY, Which};
use respond::incident::{self, IncidentId};
use respond::intake::{Rules, take_in};
use respond::policy::Policies;
use serde_json::json;

use super::support::{Bench, HOUR, MINUTE, at, fenced};

/// Something that logs show of story 7, with one of the facts that say what it is to whoever knows of it.
fn of_story(millis: i64, title: &str, fact: Option<&str>) -> NewAlert {
    let mut facts = serde_json::Map::new();
    facts.insert(STORY.to_owned(), json!(7));
    if let Some(fact) = fact {
        facts.insert(fact.to_owned(), json!(true));
    }
    NewAlert {
        time: at(millis),
        layer: Layer::Threat,
        kind: "finding".to_owned(),
        severity: Severity::High,
        volume: None,
        host: Some(title.to_owned()),
        identity: None,
        title: title.to_owned(),
        text: title.to_owned(),
        facts,
    }
}

fn told(millis: i64) -> NewAlert {
    of_story(millis, "attack", Some(TELLS_STORY))
}

fn added(millis: i64, title: &str) -> NewAlert {
    of_story(millis, title, Some(ADDS_TO_STORY))
}

fn list(bench: &Bench, which: Which) -> Vec<Alert> {
    let filter = Filter {
        which,
        ..Filter::default()
    };
    bench.ledger.alerts(&filter, Page::newest(100)).unwrap()
}

fn titles(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.noticed.title.as_str()).collect()
}

#[test]
fn what_is_no_news_is_no_line_but_a_part_of_the_one_that_told_of_the_story() {
    let mut bench = Bench::new();
    bench.take(vec![
        of_story(-MINUTE, "before", None),
        told(0),
        added(MINUTE, "driver"),
    ]);
    bench.take(vec![added(2 * MINUTE, "service"), of_story(3 * MINUTE, "news", None)]);
    assert_eq!(titles(&list(&bench, Which::Lines)), ["news", "attack", "before"]);
    assert_eq!(titles(&list(&bench, Which::PartsOf(AlertId(2)))), ["service", "driver"]);
    assert_eq!(list(&bench, Which::All).len(), 5);
    let head = bench.ledger.alert(AlertId(2)).unwrap().unwrap();
    assert_eq!((head.parts.count, head.count), (2, 1));
    assert_eq!(head.last_of_all(), at(2 * MINUTE));
    let incident = bench.incident(1);
    assert_eq!(
        (incident.alerts, incident.updated),
        (5, at(3 * MINUTE)),
        "the incident has all"
    );
    assert_eq!(incident.hosts, ["attack", "before", "driver", "news", "service"]);
    assert_eq!(bench.kinds("alert/3"), ["alert.noticed"], "and so have the records");
}

#[test]
fn a_part_that_is_noticed_again_counts_once() {
    let mut bench = Bench::new();
    bench.take(vec![told(0), added(MINUTE, "driver")]);
    bench.take(vec![added(4 * MINUTE, "driver")]);
    let head = bench.ledger.alert(AlertId(1)).unwrap().unwrap();
    assert_eq!((head.parts.count, head.last_of_all()), (1, at(4 * MINUTE)));
    assert_eq!(bench.ledger.alert(AlertId(2)).unwrap().unwrap().count, 2);
}

#[test]
fn policies_are_asked_about_a_part_by_itself() {
    let policies = "
        [[policy]]
        name = \"isolate\"
        when = { layer = \"threat\", host = \"dri*\", severity = \"high\" }
        then = [{ do = \"notify\" }]";
    let rules = Rules {
        policies: Policies::parse(policies, "test").unwrap(),
        ..Rules::default()
    };
    let mut bench = Bench::new();
    let alerts = vec![told(0), added(MINUTE, "service"), added(2 * MINUTE, "driver")];
    let taken = bench
        .ledger
        .write(|w| take_in(w, at(2 * MINUTE), &rules, alerts))
        .unwrap();
    assert_eq!(taken.actions.len(), 1);
    let actions = bench
        .ledger
        .actions(&action::Filter::default(), Page::newest(10))
        .unwrap();
    assert_eq!(actions[0].alert, Some(AlertId(3)));
}

#[test]
fn what_comes_after_somebody_was_done_with_it_stands_by_itself() {
    for is_closed in [true, false] {
        let mut bench = Bench::new();
        bench.take(vec![told(0)]);
        let (ann, id, now) = (Actor::Person("ann".to_owned()), IncidentId(1), at(MINUTE));
        let done = bench.ledger.write(|w| match is_closed {
            true => incident::close(w, now, &ann, id, false, "done"),
            false => incident::recovered(w, now, &ann, id, "restored"),
        });
        done.unwrap();
        bench.take(vec![added(2 * MINUTE, "driver")]);
        assert_eq!(titles(&list(&bench, Which::Lines)), ["driver", "attack"]);
    }
}

#[test]
fn while_somebody_looks_after_it_parts_are_added() {
    let mut bench = Bench::new();
    bench.take(vec![told(0)]);
    let ann = Actor::Person("ann".to_owned());
    bench
        .ledger
        .write(|w| incident::acknowledge(w, at(MINUTE), &ann, IncidentId(1)))
        .unwrap();
    bench.take(vec![added(2 * MINUTE, "driver"), fenced(3 * MINUTE, "disk")]);
    assert_eq!(titles(&list(&bench, Which::Lines)), ["fenced happened", "attack"]);
}

#[test]
fn a_part_of_a_story_that_nobody_was_told_of_is_a_line() {
    let mut bench = Bench::new();
    bench.take(vec![added(0, "driver")]);
    let mut other = told(MINUTE);
    other.facts.insert(STORY.to_owned(), json!(8));
    bench.take(vec![other, added(2 * MINUTE, "service")]);
    assert_eq!(titles(&list(&bench, Which::Lines)), ["service", "attack", "driver"]);
}

#[test]
fn old_parts_are_rolled_up_no_later_than_what_they_were_added_to() {
    let mut bench = Bench::new();
    bench.take(vec![
        told(0),
        added(5 * HOUR, "driver"),
        of_story(9 * HOUR, "news", None),
    ]);
    let rolled = |bench: &mut Bench, hour: i64| {
        let before = at(hour * HOUR);
        bench
            .ledger
            .write(|w| respond::alert::roll_up(w, before, before, 10))
            .unwrap()
    };
    assert_eq!(rolled(&mut bench, 2), 0, "its parts are newer");
    assert_eq!(rolled(&mut bench, 6), 2);
}

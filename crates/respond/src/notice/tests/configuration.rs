//! What a configuration that was read again does to what is told already, or waits.

use super::*;

#[test]
fn ways_that_are_gone_leave_dead_letters_and_groups_that_are_gone_leave_the_default() {
    let mut bench = Bench::new();
    let what = about("incident/1", Severity::High, "one").for_group(Some("nobody".to_owned()));
    bench.hear(minutes(0), &what);
    bench.advance_to(minutes(0));
    assert_eq!(bench.told().len(), 2, "the default group is told");
    bench.settings.ways.remove("pager");
    bench
        .ledger
        .write(|w| configured(w, minutes(1), &bench.settings))
        .unwrap();
    let states: Vec<NoticeState> = bench.all().iter().map(|notice| notice.state).collect();
    assert_eq!(states, [NoticeState::Waiting, NoticeState::Dead]);
}

#[test]
fn what_a_group_that_is_gone_has_not_answered_goes_to_the_default_and_is_due_no_more() {
    let mut bench = Bench::new();
    let night = bench.settings.groups["operators"].clone();
    bench.settings.groups.insert("night".to_owned(), night);
    for (subject, severity) in [("alert/1", Severity::High), ("alert/2", Severity::Low)] {
        bench.hear(
            minutes(0),
            &about(subject, severity, "one").for_group(Some("night".to_owned())),
        );
    }
    bench.advance_to(minutes(0));
    assert_eq!(bench.told().len(), 2);
    bench.settings.groups.remove("night");
    bench
        .ledger
        .write(|w| advance(w, minutes(10), &bench.settings))
        .unwrap();
    assert!(
        next(&bench.ledger, minutes(10)).unwrap() > Some(minutes(10)),
        "it isn't due any more"
    );
    assert_eq!(
        bench.told()[2..],
        [
            told(Telling::First, "mail", "anna"),
            told(Telling::First, "pager", "anna")
        ]
    );
    let ben = Actor::Local("ben".to_owned());
    bench
        .ledger
        .write(|w| acknowledge(w, minutes(11), &ben, "alert/1"))
        .unwrap();
    bench.advance_to(minutes(10_000));
    let last = bench.told().split_off(4);
    let acknowledged = |way| told(Telling::Acknowledged, way, "anna");
    assert_eq!(
        last,
        [
            acknowledged("mail"),
            acknowledged("pager"),
            told(Telling::Digest, "mail", "anna")
        ]
    );
}

#[test]
fn a_notice_that_could_not_be_sent_goes_to_the_address_that_was_set_right() {
    let mut bench = Bench::new();
    bench.hear(minutes(0), &about("incident/1", Severity::Medium, "one"));
    bench.advance_to(minutes(0));
    let id = bench.due(minutes(0), "mail")[0];
    bench.attempt(minutes(0), id, Err(NotTaken::Refused("550".to_owned())));
    let group = bench.settings.groups.get_mut("operators").unwrap();
    group.steps[0].to[0].address = "anna@example.com".to_owned();
    bench
        .ledger
        .write(|w| configured(w, minutes(1), &bench.settings))
        .unwrap();
    let anna = Actor::Person("anna".to_owned());
    bench.ledger.write(|w| retry(w, minutes(1), &anna, id)).unwrap();
    let due = bench.ledger.write(|w| attempting(w, id)).unwrap().unwrap();
    assert_eq!(due.address, "anna@example.com");
}

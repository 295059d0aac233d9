//! Clocks in the ledger.

use respond::case_file::clocks::{ClockState, Jurisdiction, Outcome, Stop, built_in, start_clocks, stop_clock};
use respond::{Error, Time};

use super::support::{Case, HOUR, MINUTE, at, london, person, said};

fn laws() -> Vec<Jurisdiction> {
    built_in().unwrap()
}

fn law(id: &str) -> Jurisdiction {
    laws().into_iter().find(|law| law.id == id).unwrap()
}

fn start(case: &mut Case, id: &str, aware: Option<Time>, determined: Option<Time>) -> Result<(), Error> {
    let incident = case.incident;
    let started = case
        .ledger
        .write(|w| start_clocks(w, at(HOUR), &person("ann"), incident, &law(id), aware, determined));
    started.map(drop)
}

fn stop(id: &str, millis: i64, why: Option<&str>) -> Stop {
    let (jurisdiction, duty) = id.split_once('/').unwrap();
    Stop {
        jurisdiction: jurisdiction.to_owned(),
        duty: duty.to_owned(),
        outcome: Outcome::Reported,
        time: at(millis),
        why: why.map(str::to_owned),
        reference: None,
    }
}

fn stopped(case: &mut Case, now: i64, stop: &Stop) -> Result<ClockState, Error> {
    let incident = case.incident;
    let written = case
        .ledger
        .write(|w| stop_clock(w, at(now), &person("ann"), incident, &laws(), &london(), stop));
    written.map(|clock| clock.state)
}

#[test]
fn clocks_start_with_awareness_and_stop_with_a_report() {
    let mut case = Case::new();
    for id in ["uk-gdpr", "nis2"] {
        start(&mut case, id, Some(at(0)), None).unwrap();
    }
    let ids: Vec<String> = case.clocks(&laws(), HOUR).into_iter().map(|clock| clock.id).collect();
    assert_eq!(
        ids,
        [
            "nis2/early-warning",
            "nis2/notification",
            "uk-gdpr/authority",
            "nis2/final-report",
            "nis2/recipients",
            "uk-gdpr/people"
        ]
    );
    assert_eq!(
        stopped(&mut case, 3 * HOUR, &stop("uk-gdpr/authority", 2 * HOUR, None)).unwrap(),
        ClockState::Reported
    );
    let clocks = case.clocks(&laws(), 100 * HOUR);
    let states: Vec<(&str, ClockState)> = clocks.iter().map(|clock| (clock.id.as_str(), clock.state)).collect();
    assert!(
        states.contains(&("nis2/early-warning", ClockState::Overdue)),
        "{states:?}"
    );
    assert_eq!(states.last().unwrap(), &("uk-gdpr/authority", ClockState::Reported));
    let kinds = case.kinds();
    assert_eq!(
        kinds.iter().filter(|kind| kind.starts_with("clock.")).count(),
        3,
        "{kinds:?}"
    );
}

#[test]
fn what_is_late_or_left_undone_needs_a_reason() {
    let mut case = Case::new();
    start(&mut case, "uk-gdpr", Some(at(0)), None).unwrap();
    let late = stop("uk-gdpr/authority", 73 * HOUR, None);
    assert!(
        said(stopped(&mut case, 80 * HOUR, &late))
            .contains("needs a reason (uk-gdpr/authority was due 2026-11-26T10:15:00Z)")
    );
    let explained = stop("uk-gdpr/authority", 73 * HOUR, Some("the office was cut off"));
    assert_eq!(
        stopped(&mut case, 80 * HOUR, &explained).unwrap(),
        ClockState::ReportedLate
    );
    let not_needed = Stop {
        outcome: Outcome::NotNeeded,
        ..stop("uk-gdpr/people", HOUR, None)
    };
    assert!(said(stopped(&mut case, 80 * HOUR, &not_needed)).contains("needs a reason"));
    let decided = Stop {
        why: Some("no high risk: counsel, 24 November".to_owned()),
        ..not_needed
    };
    assert_eq!(stopped(&mut case, 80 * HOUR, &decided).unwrap(), ClockState::NotNeeded);
}

#[test]
fn times_that_can_not_be_are_refused() {
    let mut case = Case::new();
    assert!(said(start(&mut case, "uk-gdpr", None, None)).contains("say when you became aware"));
    assert!(said(start(&mut case, "uk-gdpr", Some(at(2 * HOUR)), None)).contains("can't be in the future"));
    assert!(said(start(&mut case, "us-sec", Some(at(0)), Some(at(-MINUTE)))).contains("can't come before awareness"));
    assert!(said(stopped(&mut case, HOUR, &stop("uk-gdpr/authority", 0, None))).contains("start them first"));
    start(&mut case, "uk-gdpr", Some(at(0)), None).unwrap();
    assert!(said(stopped(&mut case, HOUR, &stop("uk-gdpr/authority", -1, None))).contains("is not between awareness"));
    assert!(
        said(stopped(&mut case, HOUR, &stop("uk-gdpr/nobody", 1, None)))
            .contains("has no duty `nobody`: there are authority, people")
    );
}

#[test]
fn a_decision_can_be_recorded_later_and_awareness_corrected() {
    let mut case = Case::new();
    start(&mut case, "us-sec", Some(at(0)), None).unwrap();
    assert_eq!(
        case.clocks(&laws(), HOUR).first().unwrap().state,
        ClockState::NotStarted
    );
    start(&mut case, "us-sec", None, Some(at(MINUTE))).unwrap();
    let clock = case.clocks(&laws(), HOUR).into_iter().next().unwrap();
    // Monday 10:16 and four business days: Friday.
    assert_eq!(clock.due.unwrap().to_string(), "2026-11-27T10:16:00Z");
    start(&mut case, "us-sec", Some(at(-MINUTE)), None).unwrap();
    assert_eq!(case.clocks(&laws(), HOUR).first().unwrap().due, clock.due);
}

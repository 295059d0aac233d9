//! Normalising against the labelled events of Panther's rules: by source, how many became events, and how many say what was done.
//!
//! `HOLDFAST_PANTHER=<folder> cargo test -p threat --test panther -- --nocapture` reads all rules under the folder. Without it, nothing is read.

mod cases;
#[path = "../common/folder.rs"]
mod folder;

use std::collections::BTreeMap;

use jiff::Timestamp;
use threat::event::{Activity, Event};
use threat::input::{Body, Record};
use threat::normalise::normalise_each;

use cases::Case;

/// Kinds of logs that are understood, by Panther's names.
const SOURCES: [&str; 8] = [
    "AWS.CloudTrail",
    "Azure.Audit",
    "Azure.MonitorActivity",
    "Duo.Administrator",
    "Duo.Authentication",
    "GSuite.ActivityEvent",
    "Okta.SystemLog",
    "OneLogin.Events",
];

/// What became of the cases of a source.
#[derive(Default)]
struct Tally {
    cases: usize,
    should_alert: usize,
    events: usize,
    /// Events that say what was done, and the names of logs that they were given.
    told: usize,
    services: BTreeMap<String, usize>,
    with_actor: usize,
    with_address: usize,
    others: BTreeMap<String, usize>,
    failures: Vec<String>,
}

#[test]
fn every_event_of_the_identity_sources_is_understood() {
    let Some(folder) = std::env::var_os("HOLDFAST_PANTHER") else {
        eprintln!("HOLDFAST_PANTHER names no folder: nothing is measured");
        return;
    };
    let cases = cases::read(folder.as_ref());
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for case in cases.iter().filter(|case| SOURCES.contains(&case.source.as_str())) {
        enter(tallies.entry(&case.source).or_default(), case);
    }
    let unparsed: usize = tallies.values().map(|tally| tally.failures.len()).sum();
    print(&tallies);
    assert_eq!(unparsed, 0);
}

/// The events of a case, or why there are none.
fn events(case: &Case) -> Result<Vec<Event>, String> {
    let mut events = Vec::new();
    let mut failure = None;
    let record = Record {
        body: Body::Document(case.log.clone()),
        origin: case.origin(),
    };
    normalise_each(record, Timestamp::UNIX_EPOCH, &mut |event| match event {
        Ok(event) => events.push(event),
        Err(error) => failure = Some(error.reason),
    });
    failure.map_or(Ok(events), Err)
}

fn enter(tally: &mut Tally, case: &Case) {
    tally.cases += 1;
    tally.should_alert += usize::from(case.should_alert);
    let events = match events(case) {
        Ok(events) => events,
        Err(reason) => return tally.failures.push(format!("{} `{}`: {reason}", case.file, case.name)),
    };
    for event in events {
        let service = event.logsource.service.unwrap_or_default();
        *tally
            .services
            .entry(format!("{}/{service}", event.logsource.product))
            .or_default() += 1;
        tally.events += 1;
        tally.with_actor += usize::from(!event.facts.actor.is_empty());
        tally.with_address += usize::from(event.facts.address.is_some());
        if event.facts.activity == Activity::Other {
            *tally.others.entry(case.action()).or_default() += 1;
        } else {
            tally.told += 1;
        }
    }
}

fn print(tallies: &BTreeMap<&str, Tally>) {
    eprintln!(
        "{:<22} {:>5} {:>6} {:>6} {:>5} {:>6} {:>7}",
        "source", "cases", "alert", "events", "told", "actor", "address"
    );
    for (source, tally) in tallies {
        eprintln!(
            "{source:<22} {:>5} {:>6} {:>6} {:>5} {:>6} {:>7}   {:?}",
            tally.cases,
            tally.should_alert,
            tally.events,
            tally.told,
            tally.with_actor,
            tally.with_address,
            tally.services
        );
    }
    for (source, tally) in tallies {
        eprintln!("{source}: other: {:?}", tally.others);
        tally
            .failures
            .iter()
            .for_each(|failure| eprintln!("{source}: not understood: {failure}"));
    }
}

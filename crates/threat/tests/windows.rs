//! Windows' events through reading and normalising. The folder of `HOLDFAST_EVTX` can have real logs, whose figures are then printed:
//!
//! ```text
//! HOLDFAST_EVTX=/folder cargo test --release -p threat --test windows -- --ignored --nocapture
//! ```

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::print_stdout, reason = "figures are for people")]

#[path = "common/folder.rs"]
mod folder;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use threat::event::{Activity, Event, HandleKind, Outcome};
use threat::input::{Body, Format, Record, Source, evtx, json};
use threat::normalise::normalise;

fn events(log: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    evtx::read(Cursor::new(log), &Source::from("log"), &mut |record| {
        events.push(normalise(record.unwrap(), Timestamp::UNIX_EPOCH).unwrap());
        true
    });
    events
}

/// See `tests/data/README.md`.
#[test]
fn a_stolen_directory_is_seen_in_the_application_log() {
    let events = events(include_bytes!("data/esent-ntds-copied.evtx"));
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event.fields["EventID"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [216, 325, 327, 327]);
    for event in &events {
        assert_eq!(event.logsource.service, Some("application"));
        assert_eq!(event.fields["Provider_Name"], "ESENT");
        assert!(event.facts.object.as_ref().unwrap().contains("ntds.dit"));
    }
    assert_eq!(events[1].facts.activity, Activity::FileWrite);
    assert_eq!(events[1].origin.record, 442_150);
}

#[test]
fn a_hidden_account_is_made_and_named() {
    let events = events(include_bytes!("data/security-account-made.evtx"));
    let made: Vec<_> = events
        .iter()
        .filter(|event| event.facts.activity == Activity::AccountCreation)
        .collect();
    assert_eq!(made.len(), 1);
    let facts = &made[0].facts;
    assert_eq!(facts.outcome, Outcome::Success);
    assert!(
        facts
            .target
            .iter()
            .any(|handle| handle.kind == HandleKind::Sam && handle.name.ends_with('$'))
    );
    assert!(facts.actor.iter().any(|handle| handle.kind == HandleKind::Sid));
}

/// Records held at a time: the system counts processor time in steps of some milliseconds, and these take many.
const BATCH: usize = 2048;

/// What a folder of logs came to.
#[derive(Default)]
struct Figures {
    bytes: u64,
    records: u64,
    events: u64,
    reading: Duration,
    normalising: Duration,
    unreadable: BTreeMap<String, u64>,
    not_understood: BTreeMap<String, u64>,
    no_service: BTreeMap<String, u64>,
    activities: BTreeMap<Activity, u64>,
}

#[test]
#[ignore = "needs a folder of real logs, named in HOLDFAST_EVTX"]
fn every_record_of_real_logs_becomes_an_event() {
    let folder = std::env::var("HOLDFAST_EVTX").expect("HOLDFAST_EVTX names a folder");
    let mut figures = Figures::default();
    for path in folder::files(Path::new(&folder), &["evtx", "json", "jsonl"]) {
        take_in(&path, &mut figures);
    }
    print(&figures);
    assert!(figures.records > 0);
    assert_eq!(figures.records, figures.events);
    assert!(figures.unreadable.is_empty(), "{:?}", figures.unreadable);
}

/// Reads a log in batches, so that reading and normalising can be told apart without looking at the clock for every record.
fn take_in(path: &Path, figures: &mut Figures) {
    let mut head = Vec::new();
    File::open(path)
        .unwrap()
        .take(Format::HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .unwrap();
    figures.bytes += path.metadata().unwrap().len();
    let source = Source::from(path.to_string_lossy().into_owned());
    let mut batch = Vec::new();
    let mut began = processor_time();
    let mut take = |record| {
        match record {
            Ok(record) => batch.push(record),
            Err(threat::input::Unreadable { reason, .. }) => *figures.unreadable.entry(reason).or_default() += 1,
        }
        if batch.len() >= BATCH {
            figures.reading += processor_time().saturating_sub(began);
            understand(&mut batch, figures);
            began = processor_time();
        }
        true
    };
    match Format::of(&head) {
        Format::Evtx => evtx::read(BufReader::new(File::open(path).unwrap()), &source, &mut take),
        Format::Json => json::read(BufReader::new(File::open(path).unwrap()), &source, &mut take).unwrap(),
        Format::Csv | Format::Lines => panic!("{} is neither", path.display()),
    }
    figures.reading += processor_time().saturating_sub(began);
    understand(&mut batch, figures);
}

fn understand(batch: &mut Vec<Record>, figures: &mut Figures) {
    let began = processor_time();
    for record in batch.drain(..) {
        figures.records += 1;
        let Body::Document(_) = &record.body else { continue };
        match normalise(record, Timestamp::UNIX_EPOCH) {
            Ok(event) => {
                figures.events += 1;
                *figures.activities.entry(event.facts.activity).or_default() += 1;
                if event.logsource.service.is_none() {
                    let channel = event
                        .fields
                        .get("Channel")
                        .map_or("none".to_owned(), ToString::to_string);
                    *figures.no_service.entry(channel).or_default() += 1;
                }
            }
            Err(error) => *figures.not_understood.entry(error.reason).or_default() += 1,
        }
    }
    figures.normalising += processor_time().saturating_sub(began);
}

fn print(figures: &Figures) {
    let per_second = |time: Duration| figures.events as f64 / time.as_secs_f64();
    println!(
        "{} bytes, {} records, {} events",
        figures.bytes, figures.records, figures.events
    );
    println!(
        "processor time: reading {:?} ({:.0}/s)",
        figures.reading,
        per_second(figures.reading)
    );
    println!(
        "normalising {:?} ({:.0}/s)",
        figures.normalising,
        per_second(figures.normalising)
    );
    println!("peak {} KiB", peak_kib());
    println!("unreadable {:?}", figures.unreadable);
    println!("not understood {:?}", figures.not_understood);
    println!("without a service, by channel {:?}", figures.no_service);
    println!("activities {:?}", figures.activities);
}

/// What this thread has had of a processor: others on the machine don't change it.
fn processor_time() -> Duration {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = figures.split(' ').next().and_then(|figure| figure.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default()
}

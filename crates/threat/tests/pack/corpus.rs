//! The pack on folders of real logs, which aren't part of the repository. Figures are printed, not asserted: they are of that corpus.
//!
//! ```text
//! HOLDFAST_EVTX_MITRE=/EVTX-to-MITRE-Attack cargo test --release -p threat --test pack -- --ignored --nocapture labelled
//! HOLDFAST_ORDINARY=/folder cargo test --release -p threat --test pack -- --ignored --nocapture ordinary
//! HOLDFAST_PANTHER=/panther-analysis cargo test --release -p threat --test pack -- --ignored --nocapture identity
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use jiff::Timestamp;
use threat::alert::{Alert, Level};
use threat::input::{Body, Record, Source, Unreadable, evtx, json};
use threat::normalise::normalise_each;
use threat::rules::Engine;

use super::cases::{self, Case};
use super::folder;

/// Endings of logs.
const LOGS: &[&str] = &["evtx", "json", "jsonl"];
/// Techniques whose files are of accounts that were made, changed, guessed or misused.
const ACCOUNT: [&str; 4] = ["T1098", "T1136", "T1110", "T1078"];

/// What the pack says of one log, on an engine that remembers nothing of others.
fn alerts(engine: &mut Engine, path: &Path) -> (u64, Vec<Alert>) {
    engine.forget();
    let (mut records, mut found) = (0, Vec::new());
    let source = Source::from(path.to_string_lossy().into_owned());
    let mut take = |record: Result<Record, Unreadable>| {
        records += 1;
        if let Ok(record) = record {
            evaluate(engine, record, &mut found);
        }
        true
    };
    let file = File::open(path).unwrap();
    if path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("evtx"))
    {
        evtx::read(file, &source, &mut take);
    } else {
        json::read(BufReader::new(file), &source, &mut take).unwrap();
    }
    (records, found)
}

fn evaluate(engine: &mut Engine, record: Record, found: &mut Vec<Alert>) {
    normalise_each(record, Timestamp::UNIX_EPOCH, &mut |event| {
        if let Ok(event) = event {
            engine.evaluate(&event, found);
        }
    });
}

/// `T1098.xxx-Account manipulation` is of T1098.
fn technique(path: &Path) -> Option<String> {
    let of = path.iter().filter_map(|part| part.to_str()).find(|part| {
        part.starts_with('T')
            && part
                .get(1..5)
                .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
    })?;
    of.get(..5).map(str::to_owned)
}

#[derive(Default)]
struct Count {
    files: u32,
    detected: u32,
    named: u32,
}

impl Count {
    fn add(&mut self, detected: bool, named: bool) {
        self.files += 1;
        self.detected += u32::from(detected);
        self.named += u32::from(named);
    }
}

#[test]
#[ignore = "needs a folder of labelled logs, named in HOLDFAST_EVTX_MITRE"]
fn labelled_logs_are_detected_at_medium_or_higher() {
    let folder = std::env::var("HOLDFAST_EVTX_MITRE").expect("HOLDFAST_EVTX_MITRE names a folder");
    let mut engine = super::engine();
    let mut by_technique: BTreeMap<String, Count> = BTreeMap::new();
    let (mut all, mut account) = (Count::default(), Count::default());
    for path in folder::files(Path::new(&folder), LOGS) {
        let (_, found) = alerts(&mut engine, &path);
        let telling: Vec<&Alert> = found.iter().filter(|alert| alert.level >= Level::Medium).collect();
        let technique = technique(&path);
        let wanted = technique.as_deref().unwrap_or("-").to_lowercase();
        let named = telling
            .iter()
            .any(|alert| alert.attack.iter().any(|tag| tag.starts_with(&wanted)));
        let detected = !telling.is_empty();
        if !detected {
            println!("nothing: {}", path.display());
        }
        all.add(detected, named);
        if ACCOUNT.iter().any(|of| technique.as_deref() == Some(of)) {
            account.add(detected, named);
        }
        by_technique
            .entry(technique.unwrap_or_else(|| "none".to_owned()))
            .or_default()
            .add(detected, named);
    }
    for (technique, count) in &by_technique {
        println!(
            "{technique}: {} of {} files, {} with this technique",
            count.detected, count.files, count.named
        );
    }
    for (name, count) in [("account misuse", &account), ("all", &all)] {
        println!(
            "{name}: {} of {} files at medium or higher, {} with their technique",
            count.detected, count.files, count.named
        );
    }
    assert!(all.files > 0, "no logs in {folder}");
}

#[test]
#[ignore = "needs a folder of ordinary logs, named in HOLDFAST_ORDINARY"]
fn ordinary_logs_are_nearly_silent() {
    let folder = std::env::var("HOLDFAST_ORDINARY").expect("HOLDFAST_ORDINARY names a folder");
    let mut engine = super::engine();
    let mut titles: BTreeMap<(Level, String), u64> = BTreeMap::new();
    let (mut records, mut files) = (0, 0);
    for path in folder::files(Path::new(&folder), LOGS) {
        let (of_log, found) = alerts(&mut engine, &path);
        records += of_log;
        files += 1;
        for alert in found {
            *titles.entry((alert.level, alert.title.to_string())).or_default() += 1;
        }
    }
    for ((level, title), times) in &titles {
        println!("{level:?} {times}x {title}");
    }
    for level in [Level::Low, Level::Medium, Level::High, Level::Critical] {
        let times: u64 = titles
            .iter()
            .filter(|((of, _), _)| *of == level)
            .map(|(_, times)| times)
            .sum();
        println!("{level:?}: {times} alerts");
    }
    println!("{records} records in {files} files");
    assert!(files > 0, "no logs in {folder}");
}

/// Kinds of logs that the pack has rules for, by Panther's names.
const IDENTITY: [&str; 8] = [
    "AWS.CloudTrail",
    "Azure.Audit",
    "Azure.MonitorActivity",
    "Duo.Administrator",
    "Duo.Authentication",
    "GSuite.ActivityEvent",
    "Okta.SystemLog",
    "OneLogin.Events",
];

/// Titles of what is told of one event at medium or higher.
fn told(engine: &mut Engine, case: &Case) -> Vec<String> {
    engine.forget();
    let mut found = Vec::new();
    let record = Record {
        body: Body::Document(case.log.clone()),
        origin: case.origin(),
    };
    evaluate(engine, record, &mut found);
    found
        .iter()
        .filter(|alert| alert.level >= Level::Medium)
        .map(|alert| alert.title.to_string())
        .collect()
}

#[test]
#[ignore = "needs Panther's rules with their tests, in a folder named in HOLDFAST_PANTHER"]
fn labelled_events_of_identity_services_are_told_apart() {
    let folder = std::env::var("HOLDFAST_PANTHER").expect("HOLDFAST_PANTHER names a folder");
    let mut engine = super::engine();
    let mut by_source: BTreeMap<String, [u32; 4]> = BTreeMap::new();
    for case in cases::read(Path::new(&folder))
        .iter()
        .filter(|case| IDENTITY.contains(&case.source.as_str()))
    {
        let titles = told(&mut engine, case);
        let [should, fired, should_not, fired_too] = by_source.entry(case.source.clone()).or_default();
        let (cases, counted) = if case.should_alert {
            (should, fired)
        } else {
            (should_not, fired_too)
        };
        *cases += 1;
        *counted += u32::from(!titles.is_empty());
        if case.should_alert == titles.is_empty() {
            println!(
                "{} {}: {} {titles:?}",
                if case.should_alert { "missed" } else { "told" },
                case.file,
                case.name
            );
        }
    }
    for (source, [should, fired, should_not, fired_too]) in &by_source {
        println!("{source}: {fired} of {should} that should alert, {fired_too} of {should_not} that should not");
    }
    assert!(!by_source.is_empty(), "no cases in {folder}");
}

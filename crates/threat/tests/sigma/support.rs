//! Rules and events for tests.

use jiff::Timestamp;
use serde_json::Value;
use threat::alert::{Alert, Finder};
use threat::event::{Event, Facts, Logsource, Origin};
use threat::rules::{Engine, Settings, load};

/// An event of `windows`, `process_creation`, at the beginning of 2026.
pub(crate) fn event(fields: Value) -> Event {
    at(0, fields)
}

/// The same, so many seconds later.
pub(crate) fn at(seconds: i64, fields: Value) -> Event {
    Event {
        time: Timestamp::from_second(1_767_225_600 + seconds).unwrap(),
        logsource: Logsource {
            product: "windows",
            service: Some("sysmon"),
            category: Some("process_creation"),
        },
        fields,
        facts: Facts::default(),
        origin: Origin {
            source: "test".into(),
            record: u64::try_from(seconds + 1_000_000).unwrap(),
        },
    }
}

/// An engine with these rules, all of which must load.
pub(crate) fn engine(rules: &str) -> Engine {
    engine_with(rules, Settings::default())
}

pub(crate) fn engine_with(rules: &str, settings: Settings) -> Engine {
    let loaded = load([("test.yml", rules)]);
    assert_eq!(loaded.refused, [], "{rules}");
    let engine = Engine::new(loaded, settings);
    assert_eq!(engine.refused(), []);
    engine
}

/// A rule around a detection: `detection` is indented by four spaces.
pub(crate) fn rule(detection: &str) -> String {
    format!("title: Test\nid: test\nlogsource:\n    product: windows\ndetection:\n{detection}\nlevel: high\n")
}

/// Whether a detection with a selection of these lines is fulfilled by an event.
pub(crate) fn selects(lines: &str, fields: Value) -> bool {
    let lines: String = lines.lines().map(|line| format!("        {line}\n")).collect();
    fulfils(&format!("    selection:\n{lines}    condition: selection"), fields)
}

/// Whether a detection is fulfilled by an event.
pub(crate) fn fulfils(detection: &str, fields: Value) -> bool {
    !alerts(&mut engine(&rule(detection)), &[event(fields)]).is_empty()
}

/// What is found when these events happen one after another.
pub(crate) fn alerts(engine: &mut Engine, events: &[Event]) -> Vec<Alert> {
    let mut found = Vec::new();
    for event in events {
        engine.evaluate(event, &mut found);
    }
    found
}

/// Identifiers of the rules that found something, in the order in which they did.
pub(crate) fn ids(alerts: &[Alert]) -> Vec<String> {
    let id = |alert: &Alert| match &alert.finder {
        Finder::Rule(id) | Finder::Correlation(id) | Finder::Behaviour(id) => id.to_string(),
    };
    alerts.iter().map(id).collect()
}

//! A text of rules and, behind a zero byte, events as lines of JSON: whatever both are, rules are loaded or refused with a reason and a line,
//! and those that are loaded can be evaluated, explained, saved and restored without end or panic.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use threat::event::{Event, Facts, Logsource, Origin};
use threat::rules::{Engine, FieldsSeen, Inputs, Settings, check, coverage, explain, load};

const SOURCE: Logsource = Logsource {
    product: "windows",
    service: Some("sysmon"),
    category: Some("process_creation"),
};

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let events = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let loaded = load([("a.yml", &*text)]);
    let lines = u32::try_from(text.lines().count()).unwrap().max(1);
    for refused in loaded.refused.iter().chain(&loaded.remarks) {
        assert!(
            !refused.reason.is_empty() && (1..=lines).contains(&refused.line),
            "{refused:?} of {lines}"
        );
    }
    for diagnostic in check("a.yml", &text) {
        assert!((1..=lines).contains(&diagnostic.line), "{diagnostic:?} of {lines}");
    }
    let settings = Settings {
        groups_max: 8,
        entries_max: 64,
        ..Settings::default()
    };
    let mut engine = Engine::new(loaded, settings);
    let mut seen = FieldsSeen::default();
    let mut found = Vec::new();
    for (number, line) in events.lines().take(16).enumerate() {
        let Ok(fields) = serde_json::from_str(line) else {
            continue;
        };
        let event = event(number, fields);
        seen.see(&event);
        let hits = found.len();
        engine.evaluate(&event, &mut found);
        for alert in &found[hits..] {
            assert!(!alert.evidence.is_empty() && alert.count > 0);
        }
        for rule in engine.rules().iter().take(4) {
            let told = found[hits..]
                .iter()
                .any(|alert| format!("{:?}", alert.finder).contains(&format!("Rule({:?})", rule.id)));
            let explained = explain(rule, &event, &engine.settings().choices.placeholders);
            assert!(explained.matched || !told, "{}: {explained}", rule.id);
        }
    }
    let _ = coverage(
        &engine,
        &Inputs {
            possible: &[SOURCE],
            seen: Some(&seen),
        },
    );
    let saved = engine.snapshot();
    engine.forget();
    assert_eq!(engine.restore(&saved).unwrap().dropped, 0);
    assert_eq!(engine.snapshot(), saved);
});

fn event(number: usize, fields: serde_json::Value) -> Event {
    // Out of order, as logs are.
    let seconds = i64::try_from(number).unwrap() * 7 % 5;
    Event {
        time: Timestamp::from_second(1_767_225_600 + seconds).unwrap(),
        logsource: SOURCE,
        fields,
        facts: Facts::default(),
        origin: Origin {
            source: "fuzz".into(),
            record: u64::try_from(number).unwrap(),
        },
    }
}

//! What is known, as it is saved: files that earlier versions wrote must be read, and those written now be read by them.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use jiff::Timestamp;
use serde_json::json;
use threat::detection::{Detection, Memory};
use threat::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Origin, Outcome};
use threat::rules::{Engine, Settings, load};

const RULES: &str = "
title: A program
id: a
level: high
logsource: { product: windows }
detection: { s: { Image|endswith: evil.exe }, condition: s }
---
title: Programs
id: b
correlation: { type: event_count, rules: [a], group-by: [User], timespan: 10m, condition: { gte: 5 } }
";

/// As it is written.
const SAVED: &str = include_str!("saved.json");
/// As it was written when records took links away and gave tiers at once.
const SAVED_BEFORE_DOUBTS: &str = include_str!("saved-before-doubts.json");
/// As it was written when correlations were a list of numbers.
const SAVED_IN_NUMBERS: &str = include_str!("saved-in-numbers.json");
/// As it was written before times that were left for others were remembered.
const SAVED_BEFORE: &str = include_str!("saved-before.json");

fn engine() -> Engine {
    Engine::new(load([("rules.yml", RULES)]), Settings::default())
}

/// After a sign-in, a refused one and a finding.
fn detection() -> Detection {
    let mut detection = Detection::new(engine());
    let handle = |kind, name| Handle::new(kind, name).unwrap();
    for (number, outcome) in [(0, Outcome::Success), (1, Outcome::Failure)] {
        let actor = match outcome {
            Outcome::Success => vec![
                handle(HandleKind::Sam, "acme\\anna"),
                handle(HandleKind::Mail, "anna@acme.example"),
            ],
            _ => vec![handle(HandleKind::User, "nobody")],
        };
        let event = Event {
            time: Timestamp::from_second(1_767_225_600 + number).unwrap(),
            logsource: Logsource {
                product: "windows",
                service: Some("security"),
                category: None,
            },
            fields: json!({"Image": "c:\\evil.exe", "User": "anna"}),
            facts: Facts {
                activity: Activity::SignIn,
                outcome,
                actor,
                machine: vec![
                    handle(HandleKind::Host, "pc1.acme.example"),
                    handle(HandleKind::Address, "192.0.2.1"),
                ],
                address: Some("203.0.113.7".parse().unwrap()),
                ..Facts::default()
            },
            origin: Origin {
                source: "test".into(),
                record: u64::try_from(number).unwrap() + 1,
            },
        };
        detection.take(&event, &mut |_| {});
    }
    detection
}

#[test]
fn it_is_written_as_it_always_was() {
    let written = serde_json::to_string(&detection().memory()).unwrap();
    assert_eq!(written, SAVED.trim_end());
}

#[test]
fn what_was_written_before_is_read_and_gone_on_from() {
    let before = detection();
    let names = |detection: &Detection| -> Vec<String> {
        let entities = detection.directory().entities();
        entities.map(|entity| entity.name().to_owned()).collect()
    };
    for saved in [SAVED, SAVED_BEFORE_DOUBTS, SAVED_IN_NUMBERS, SAVED_BEFORE] {
        let memory: Memory<'_> = serde_json::from_str(saved).unwrap();
        let restored = Detection::with_memory(engine(), memory);
        assert_eq!(restored.stories(), before.stories());
        assert_eq!(names(&restored), names(&before));
        if saved == SAVED {
            assert_eq!(serde_json::to_string(&restored.memory()).unwrap(), SAVED.trim_end());
        }
    }
}

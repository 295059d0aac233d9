//! A file of policies: whatever the text, it is policies or an error with a place in it, and policies can be explained, replayed and
//! asked without end or panic.

#![no_main]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use respond::Time;
use respond::alert::{Alert, AlertId, Layer, NewAlert, Parts, Severity};
use respond::policy::{self, InMemory, Known, Policies};

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    match Policies::parse(&text, "p.toml") {
        Ok(policies) => ask(&policies),
        Err(respond::Error::Policy {
            line, column, cause, ..
        }) => {
            let lines: Vec<&str> = text.split('\n').collect();
            let width = lines[line - 1].chars().count();
            assert!(
                column <= width + 1 && !cause.is_empty(),
                "line {line}, column {column}: {cause}"
            );
        }
        Err(other) => panic!("{other}"),
    }
});

fn ask(policies: &Policies) {
    let known = Known {
        volumes: ["disk", "db-1"].map(str::to_owned).to_vec(),
        ..Known::default()
    };
    let policies = policies.knowing(known);
    let _ = policies.warnings();
    for policy in policies.all() {
        assert!(!policy::explain(policy).is_empty());
    }
    let recent = InMemory::default();
    let alerts = (1..4).map(|number| alert(number, if number % 2 == 0 { "disk" } else { "db-1" }));
    for alert in alerts.clone() {
        let _ = policies.decide(&alert, None, &recent, alert.last, &TimeZone::UTC);
    }
    let _ = policy::replay(&policies, alerts.map(|alert| Ok((alert, None))), &TimeZone::UTC);
}

fn alert(number: i64, volume: &str) -> Alert {
    let time = Time::from_unix_millis(1_795_428_900_000 + 60_000 * number);
    Alert {
        id: AlertId(number),
        noticed: NewAlert {
            time,
            layer: Layer::Guard,
            kind: "fenced".to_owned(),
            severity: Severity::Critical,
            volume: Some(volume.to_owned()),
            host: Some("host".to_owned()),
            identity: None,
            title: "a title".to_owned(),
            text: "a text".to_owned(),
            facts: serde_json::Map::new(),
        },
        last: time,
        count: 1,
        incident: None,
        part_of: None,
        parts: Parts::default(),
    }
}

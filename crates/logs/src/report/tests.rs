//! Reports of alerts whose texts are hostile.

use std::sync::Arc;

use serde_json::Value;
use threat::event::{Facts, HandleKind, Origin};

use super::*;
use crate::scan::Fired;

const HOSTILE: &str = "<script>alert(\"1\")</script>\u{202e}\n=cmd";

fn alert(second: i64, level: Level, machine: &str) -> Alert {
    Alert {
        time: Timestamp::from_second(1_772_000_000 + second).unwrap(),
        finder: Finder::Rule("rule".into()),
        title: HOSTILE.into(),
        level,
        attack: Arc::new(["t1003.006".into(), "credential-access".into()]),
        words: HOSTILE.to_owned(),
        logsource: Logsource {
            product: "windows",
            service: Some("security"),
            category: None,
        },
        facts: Facts {
            machine: Handle::new(HandleKind::Host, machine).into_iter().collect(),
            actor: Handle::new(HandleKind::User, "=anna").into_iter().collect(),
            ..Facts::default()
        },
        matched: vec![("EventID".into(), "1".into())],
        evidence: vec![Origin {
            source: "a.evtx".into(),
            record: 7,
        }],
        count: 1,
    }
}

fn outcome() -> Outcome {
    Outcome {
        alerts: vec![alert(0, Level::High, HOSTILE), alert(60, Level::Medium, "dc1")],
        fired: vec![Fired {
            finder: Finder::Rule("rule".into()),
            title: HOSTILE.into(),
            level: Level::High,
            attack: Arc::new(["t1003.006".into(), "credential-access".into()]),
            count: 2,
        }],
        records: 10,
        ..Outcome::default()
    }
}

fn written(write: fn(&About<'_>, &mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let (outcome, rules) = (outcome(), AtWork::default());
    let mut bytes = Vec::new();
    let about = About {
        outcome: &outcome,
        rules: &rules,
        made: Timestamp::UNIX_EPOCH,
        program: "Holdfast",
    };
    write(&about, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_page_runs_nothing_that_a_log_says_and_loads_nothing() {
    let page = written(page);
    assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
    assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)"));
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src="));
    // A lane for each machine, one for the person.
    assert_eq!(page.matches("class=\"lane\"").count(), 3);
    assert!(
        page.contains("x=\"998.0\""),
        "the last alert stands at the end of its lane"
    );
}

#[test]
fn spreadsheets_calculate_nothing_that_a_log_says() {
    let csv = written(csv);
    let line = csv.lines().nth(1).unwrap();
    assert!(line.contains("\"'=anna\""), "{line}");
    assert!(line.contains("<script>alert(\"\"1\"\")"), "{line}");
    assert!(csv.ends_with("\"a.evtx\",\"7\"\r\n"));
}

#[test]
fn the_json_is_one_object() {
    let text = written(json);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(value["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(value["alerts"][0]["evidence"][0]["record"], 7);
    assert_eq!(value["fired"][0]["count"], 2);
    assert_eq!(value["read"]["records"], 10);
}

#[test]
fn techniques_are_coloured_in_the_navigator_and_tactics_left_out() {
    let (outcome, rules) = (outcome(), AtWork::default());
    let layer = navigator(&About {
        outcome: &outcome,
        rules: &rules,
        made: Timestamp::UNIX_EPOCH,
        program: "Holdfast",
    });
    assert_eq!(layer["versions"]["layer"], "4.5");
    let techniques = layer["techniques"].as_array().unwrap();
    assert_eq!(techniques.len(), 1);
    assert_eq!(
        (&techniques[0]["techniqueID"], &techniques[0]["score"]),
        (&Value::from("T1003.006"), &Value::from(2))
    );
}

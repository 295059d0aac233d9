//! Rules on and off, exceptions, reports of what can't fire, reloading, examples, explanations.

use serde_json::json;
use threat::event::{Event, Logsource};
use threat::rules::{
    Choices, Engine, Exception, FieldsSeen, Inputs, Reason, Settings, Severity, Status, check, coverage, example,
    explain, load,
};

use crate::support::{alerts, at, engine, engine_with, event, ids, rule};

const COUNT: &str = "title: A\nid: a\nlogsource: {product: windows}\nlevel: low\nstatus: test\ndetection: {s: {A: x}, condition: s}\n---\n\
                     title: Many\nid: many\nlevel: high\nstatus: stable\ncorrelation: {type: event_count, rules: [a], group-by: [User], timespan: 1m, condition: {gte: 2}}\n";

fn settings(choices: Choices) -> Settings {
    Settings {
        choices,
        ..Settings::default()
    }
}

fn x(seconds: i64, user: &str) -> Event {
    at(seconds, json!({"A": "x", "User": user}))
}

#[test]
fn a_rule_that_is_off_raises_no_alert_and_still_feeds_correlations() {
    let text = COUNT.replace("level: high\n", "level: high\ngenerate: true\n");
    let choices = Choices {
        off: vec!["a".to_owned()],
        ..Choices::default()
    };
    let mut engine = engine_with(&text, settings(choices));
    assert_eq!(ids(&alerts(&mut engine, &[x(0, "anna"), x(1, "anna")])), ["many"]);
    assert!(engine.telling().all(|rule| &*rule.id != "a"));
}

#[test]
fn a_correlation_that_is_off_leaves_its_rules_to_themselves() {
    let choices = Choices {
        off: vec!["many".to_owned()],
        ..Choices::default()
    };
    let mut engine = engine_with(COUNT, settings(choices));
    assert_eq!(ids(&alerts(&mut engine, &[x(0, "anna"), x(1, "anna")])), ["a", "a"]);
}

#[test]
fn rules_below_the_minimum_raise_alerts_only_if_they_are_switched_on() {
    let text = COUNT.replace("level: high\n", "level: high\ngenerate: true\n");
    for (level, status, on, expected) in [
        ("informational", Status::Experimental, "", vec!["a", "a", "many"]),
        ("medium", Status::Experimental, "", vec!["many"]),
        ("informational", Status::Stable, "", vec!["many"]),
        ("critical", Status::Stable, "a", vec!["a", "a"]),
    ] {
        let choices = Choices {
            minimum_level: serde_json::from_value(json!(level)).unwrap(),
            minimum_status: status,
            on: vec![on.to_owned()],
            ..Choices::default()
        };
        let mut engine = engine_with(&text, settings(choices));
        let mut found = ids(&alerts(&mut engine, &[x(0, "anna"), x(1, "anna")]));
        found.sort();
        assert_eq!(found, expected, "{level} {status:?}");
    }
}

/// The first block of this language in the documentation.
fn documented(language: &str) -> String {
    let text = include_str!("../../../../docs/sigma.md");
    let (_, behind) = text.split_once(&format!("```{language}\n")).unwrap();
    behind.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_configuration_of_the_documentation_is_one() {
    let all: toml::Table = documented("toml").parse().unwrap();
    let choices: Choices = all["rules"].clone().try_into().unwrap();
    let exception = &choices.exceptions[0];
    assert_eq!(exception.until.unwrap().to_string(), "2026-12-31");
    assert_eq!(choices.placeholders["domain_admins"], ["anna", "otto"]);
    let event = at(0, json!({"User": "acme\\SVC_Backup2"}));
    let mut engine = engine_with(
        "title: A\nid: a\nlogsource: {product: windows}\nlevel: high\nstatus: test\ndetection: {s: {User|contains: a}, condition: s}\n",
        settings(Choices {
            exceptions: vec![Exception {
                rule: "a".to_owned(),
                ..exception.clone()
            }],
            ..choices.clone()
        }),
    );
    assert_eq!(alerts(&mut engine, &[event]).len(), 0, "{exception:?}");
    let wrong = documented("toml").replace("because", "why");
    assert!(
        wrong.parse::<toml::Table>().unwrap()["rules"]
            .clone()
            .try_into::<Choices>()
            .is_err()
    );
}

#[test]
fn the_examples_of_the_documentation_can_be_read() {
    let examples = example::parse("documented", &documented("yaml")).unwrap();
    assert_eq!(examples.counts(), (1, 0));
}

fn excepted(rule: &str, until: &str) -> Exception {
    let until =
        format!(r#"{{"rule": "{rule}", "field": "User", "is": "svc_*", "until": "{until}", "because": "backup"}}"#);
    serde_json::from_str(&until).unwrap()
}

#[test]
fn an_exception_keeps_a_rule_from_hitting_and_is_counted() {
    let choices = Choices {
        off: vec!["many".to_owned()],
        exceptions: vec![excepted("a", "2026-12-31"), excepted("other", "2026-12-31")],
        ..Choices::default()
    };
    let mut engine = engine_with(COUNT, settings(choices));
    assert_eq!(
        alerts(&mut engine, &[x(0, "svc_backup"), x(1, "anna"), x(2, "SVC_other")]).len(),
        1
    );
    let used: Vec<u64> = engine.exceptions().map(|(_, used)| used).collect();
    assert_eq!(used, [2, 0]);
    assert_eq!(engine.settings().choices.unknown(engine.rules()), ["other"]);
}

#[test]
fn an_exception_ends_with_its_last_day() {
    let found = |until: &str| {
        let choices = Choices {
            off: vec!["many".to_owned()],
            exceptions: vec![excepted("*", until)],
            ..Choices::default()
        };
        // Events are of 2026-01-01.
        alerts(&mut engine_with(COUNT, settings(choices)), &[x(0, "svc_backup")]).len()
    };
    assert_eq!(found("2026-01-01"), 0);
    assert_eq!(found("2025-12-31"), 1);
}

#[test]
fn an_exception_of_a_correlation_looks_at_its_group() {
    let choices = Choices {
        exceptions: vec![excepted("many", "2026-12-31")],
        ..Choices::default()
    };
    let mut engine = engine_with(COUNT, settings(choices));
    assert_eq!(alerts(&mut engine, &[x(0, "svc_backup"), x(1, "svc_backup")]).len(), 0);
    assert_eq!(alerts(&mut engine, &[x(0, "anna"), x(1, "anna")]).len(), 1);
}

#[test]
fn a_new_engine_goes_on_where_the_old_one_was() {
    let mut old = engine(COUNT);
    assert_eq!(alerts(&mut old, &[x(0, "anna"), x(0, "otto")]).len(), 0);
    let more = format!(
        "{COUNT}---\ntitle: B\nid: b\nlogsource: {{product: windows}}\ndetection: {{s: {{B: x}}, condition: s}}\n"
    );
    let mut new = engine(&more);
    let restored = new.go_on_from(&old);
    assert_eq!((restored.groups, restored.dropped), (2, 0));
    assert_eq!(ids(&alerts(&mut new, &[x(30, "anna")])), ["many"]);
    let mut without = engine(COUNT);
    assert_eq!(
        alerts(&mut without, &[x(30, "anna")]).len(),
        0,
        "it is the snapshot that makes the difference"
    );
}

#[test]
fn numbers_that_are_added_up_survive_a_restart() {
    let text = COUNT
        .replace("event_count", "value_sum")
        .replace("{gte: 2}", "{gte: 0.30000000000000004, field: N}");
    let event = |seconds, number: f64| at(seconds, json!({"A": "x", "User": "anna", "N": number}));
    let mut old = engine(&text);
    assert_eq!(alerts(&mut old, &[event(0, 0.1)]).len(), 0);
    let mut new = engine(&text);
    new.go_on_from(&old);
    assert_eq!(new.snapshot(), old.snapshot());
    assert_eq!(alerts(&mut new, &[event(1, 0.2)]).len(), 1);
    assert_eq!(alerts(&mut engine(&text), &[event(1, 0.2)]).len(), 0);
}

#[test]
fn what_a_correlation_remembers_is_dropped_if_it_asks_for_something_else_now() {
    let mut old = engine(COUNT);
    alerts(&mut old, &[x(0, "anna")]);
    let mut new = engine(&COUNT.replace("timespan: 1m", "timespan: 2m"));
    assert_eq!(new.restore(&old.snapshot()).unwrap().dropped, 1);
}

#[test]
fn bytes_that_are_no_snapshot_are_refused() {
    let mut engine = engine(COUNT);
    assert!(engine.restore(b"{}").is_err());
    assert!(
        engine
            .restore(br#"{"version": 2, "correlations": []}"#)
            .unwrap_err()
            .to_string()
            .contains("version 2")
    );
}

#[test]
fn groups_beyond_the_limit_push_out_those_touched_longest_ago() {
    let limits = Settings {
        groups_max: 100,
        ..Settings::default()
    };
    let mut engine = engine_with(COUNT, limits);
    let events: Vec<Event> = (0..1000).map(|number| x(0, &format!("user{number}"))).collect();
    alerts(&mut engine, &events);
    assert!(engine.forgotten() >= 900, "{}", engine.forgotten());
    assert_eq!(
        ids(&alerts(&mut engine, &[x(1, "user999")])),
        ["many"],
        "the newest are still there"
    );
    assert_eq!(alerts(&mut engine, &[x(1, "user0")]).len(), 0);
}

#[test]
fn a_flood_of_events_takes_its_room_from_itself() {
    let limits = Settings {
        entries_max: 3_000,
        ..Settings::default()
    };
    let mut engine = engine_with(COUNT, limits);
    alerts(&mut engine, &[x(0, "quiet")]);
    for number in 0..10 {
        let flood: Vec<Event> = (0..800).map(|_| x(1, &format!("noisy{number}"))).collect();
        alerts(&mut engine, &flood);
    }
    assert_eq!(ids(&alerts(&mut engine, &[x(2, "quiet")])), ["many"]);
    assert_eq!(engine.forgotten(), 0);
}

#[test]
fn threads_share_the_rules_of_one_event() {
    let mut engine = engine(COUNT);
    let detector = engine.detector();
    let events = [x(0, "anna"), x(1, "anna")];
    let hits: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = events
            .iter()
            .map(|event| scope.spawn(|| detector.detect(event)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut found = Vec::new();
    for (event, hits) in events.iter().zip(hits) {
        engine.conclude(event, hits, &mut found);
    }
    assert_eq!(ids(&found), ["many"]);
}

const WINDOWS: Logsource = Logsource {
    product: "windows",
    service: Some("sysmon"),
    category: Some("process_creation"),
};

/// Why the only rule of a text can't fire, on events of these fields.
fn cannot(text: &str, seen: Option<&[serde_json::Value]>) -> Option<Reason> {
    let engine = engine(text);
    let mut fields = FieldsSeen::default();
    for event in seen.unwrap_or_default() {
        fields.see(&crate::support::event(event.clone()));
    }
    let inputs = Inputs {
        possible: &[WINDOWS],
        seen: seen.is_some().then_some(&fields),
    };
    let mut found = coverage(&engine, &inputs);
    assert!(found.len() <= 1);
    found.pop().map(|cannot| cannot.reason)
}

#[test]
fn a_rule_for_logs_that_no_input_has_can_t_fire() {
    let text = rule("    s:\n        A: x\n    condition: s");
    assert_eq!(cannot(&text, None), None);
    let other = text.replace("product: windows", "product: linux");
    assert_eq!(cannot(&other, None).unwrap().to_string(), "no input has logs of linux");
    assert_eq!(
        cannot(&text, Some(&[])).unwrap().to_string(),
        "no event of windows was seen"
    );
}

#[test]
fn a_rule_that_needs_a_field_that_no_event_has_can_t_fire() {
    let text = rule("    s:\n        A: x\n        B|contains: y\n    condition: s");
    let reason = cannot(&text, Some(&[json!({"A": 1}), json!({"A": 2})])).unwrap();
    assert_eq!(
        reason.to_string(),
        "none of 2 events of windows / sysmon / process_creation had `B`"
    );
    assert_eq!(cannot(&text, Some(&[json!({"A": 1, "B": 2})])), None);
}

#[test]
fn a_field_that_may_be_missing_keeps_no_rule_from_firing() {
    for detection in [
        "    s:\n        A: x\n    f:\n        B: y\n    condition: s and not f",
        "    s:\n        A: x\n    t:\n        B: y\n    condition: 1 of them",
        "    s:\n        A: x\n        B: null\n    condition: s",
        "    s:\n        A: x\n        B|exists: false\n    condition: s",
        "    s:\n        - B: y\n        - A: x\n    condition: s",
        "    s:\n        a.b.c: x\n    condition: s",
    ] {
        let seen = [json!({"A": 1, "a": {"b": [{"c": 1}]}})];
        assert_eq!(cannot(&rule(detection), Some(&seen)), None, "{detection}");
    }
    let needed = rule("    s:\n        A: x\n    f:\n        B: y\n    condition: all of them");
    assert!(cannot(&needed, Some(&[json!({"A": 1})])).is_some());
}

#[test]
fn a_rule_with_a_placeholder_that_nobody_gave_values_can_t_fire() {
    let text = rule("    s:\n        A|expand: '%admins%'\n    condition: s");
    assert_eq!(
        cannot(&text, None).unwrap().to_string(),
        "nobody says what `admins` stands for"
    );
    let either = rule("    s:\n        A|expand: '%admins%'\n    t:\n        A: x\n    condition: 1 of them");
    assert_eq!(cannot(&either, None), None);
}

#[test]
fn a_rule_that_compares_with_the_name_of_a_kind_of_thing_can_t_fire() {
    let text = rule("    s:\n        Initiatedby: 'UPN'\n        Status: Success\n    condition: s");
    let reason = cannot(&text, None).unwrap().to_string();
    assert_eq!(
        reason,
        "it compares `Initiatedby` with the word `UPN`, which stands for a kind of thing, not for a thing"
    );
    assert!(cannot(&rule("    s:\n        Host: '<hostname>'\n    condition: s"), None).is_some());
    for good in [
        "User: anna@upn.example",
        "CommandLine|contains: '<script>'",
        "A:\n            - UPN\n            - anna",
    ] {
        let good = rule(&format!("    s:\n        {good}\n    condition: s"));
        assert_eq!(cannot(&good, None), None, "{good}");
    }
}

#[test]
fn a_correlation_whose_rules_are_missing_or_can_t_fire_can_t_fire() {
    let missing = "title: T\nid: t\ncorrelation: {type: temporal, rules: [gone], timespan: 1m}\n";
    assert_eq!(
        cannot(missing, None).unwrap().to_string(),
        "it refers to `gone`, which isn't loaded"
    );
    let text = COUNT.replace("product: windows", "product: linux");
    let engine = engine(&text);
    let inputs = Inputs {
        possible: &[WINDOWS],
        seen: None,
    };
    let found: Vec<String> = coverage(&engine, &inputs)
        .iter()
        .map(|cannot| cannot.reason.to_string())
        .collect();
    assert_eq!(found, ["no input has logs of linux", "it needs `a`, which can't fire"]);
}

#[test]
fn an_explanation_says_field_by_field_what_was_wanted_and_what_is() {
    let engine = engine(&rule(
        "    s:\n        A|endswith: '\\cmd.exe'\n        B: x\n    f:\n        C|cased: Yes\n    condition: s and not f",
    ));
    let why = |fields| {
        explain(
            engine.rule("test").unwrap(),
            &event(fields),
            &engine.settings().choices.placeholders,
        )
    };
    let matched = why(json!({"A": "C:\\cmd.exe", "B": "x", "C": "yes"}));
    assert!(matched.matched);
    assert!(
        matched
            .to_string()
            .contains("+ `A` is `C:\\cmd.exe`; it is to end with"),
        "{matched}"
    );
    assert!(
        matched
            .to_string()
            .contains("- `C` is `yes`; but for its capitals it is to be `Yes`"),
        "{matched}"
    );
    let not = why(json!({"A": "C:\\cmd.exe"}));
    assert!(!not.matched);
    assert!(
        not.to_string().contains("- the event has no `B`, which is to be `x`"),
        "{not}"
    );
    let mut other = event(json!({"A": "C:\\cmd.exe", "B": "x"}));
    other.logsource.product = "linux";
    let other = explain(
        engine.rule("test").unwrap(),
        &other,
        &engine.settings().choices.placeholders,
    );
    assert!(!other.matched);
    assert!(
        other
            .to_string()
            .contains("the rule is for windows, the event is of linux"),
        "{other}"
    );
}

#[test]
fn a_check_names_line_reason_and_what_to_do() {
    let good = "title: A good rule\nid: 929a690e-bef0-4204-a928-ef5e620d6fcc\nstatus: test\ndescription: Finds what it finds, always\nauthor: us\n\
                date: 2026-01-01\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n    selection:\n        Image|endswith: \\a.exe\n    \
                condition: selection\nlevel: high\n";
    let found = check("a.yml", good);
    assert!(
        found.iter().all(|diagnostic| diagnostic.severity == Severity::Advice),
        "{found:?}"
    );
    let together = format!(
        "{good}---\ntitle: many\ncorrelation: {{type: event_count, rules: [x], timespan: 1h, condition: {{gte: 5}}}}\n"
    );
    let found = check("a.yml", &together);
    assert!(
        !found.iter().any(|found| found.reason.contains("group-by")),
        "one group for all is allowed: {found:?}"
    );
    let found = check("a.yml", &good.replace("endswith", "endwith"));
    assert_eq!((found[0].severity, found[0].line), (Severity::Error, 12));
    assert!(found[0].hint.contains("spelling"));
    let found = check(
        "a.yml",
        &good.replace("    condition", "    unused:\n        A: b\n    condition"),
    );
    assert_eq!((found[0].severity, found[0].line), (Severity::Warning, 13));
    assert!(found[0].reason.contains("`unused`"), "{found:?}");
    let found = check("a.yml", &good.replace("Image|endswith: \\a.exe", "User: UPN"));
    assert!(found[0].reason.contains("can't fire"), "{found:?}");
    let found = check("a.yml", &good.replace("level: high", "level: awful"));
    assert!(
        found
            .iter()
            .any(|diagnostic| diagnostic.line == 14 && diagnostic.reason.contains("awful")),
        "{found:?}"
    );
    let found = check(
        "a.yml",
        &format!("{good}---\n{}", good.replace("selection\n", "selection and other\n")),
    );
    assert!(
        found
            .iter()
            .any(|diagnostic| diagnostic.line > 15 && diagnostic.severity == Severity::Error),
        "{found:?}"
    );
}

#[test]
fn examples_that_say_nothing_useful_are_refused_with_their_line() {
    for (text, reason) in [
        (
            "examples:\n  - says: a\n    fires: true\n    records: [{line: x}]\n",
            "which `rule`",
        ),
        (
            "rule: a\nexamples:\n  - says: a\n    fires: true\n    records: []\n",
            "no records",
        ),
        (
            "rule: a\nexamples:\n  - says: a\n    fires: true\n    records: [{line: x, document: {}}]\n",
            "either",
        ),
        (
            "rule: a\nexamples:\n  - says: a\n    fires: true\n    records: [{line: x, repeat: 1000000}]\n",
            "too many",
        ),
        (
            "rule: a\nexamples:\n  - says: a\n    fires: true\n    record: [{line: x}]\n",
            "record",
        ),
    ] {
        let bad = example::parse("a.examples.yml", text).unwrap_err();
        assert!(bad.reason.contains(reason), "{text}: {bad}");
    }
}

#[test]
fn an_example_whose_record_isn_t_understood_fails() {
    let text = "rule: a\nexamples:\n  - says: A line of no source\n    fires: false\n    records: [{line: '%%%'}]\n";
    let examples = example::parse("a.examples.yml", text).unwrap();
    assert_eq!((examples.counts(), examples.rules()), ((0, 1), vec!["a"]));
    let mut engine = Engine::new(load([("a.yml", COUNT)]), Settings::default());
    let failures = example::run(&examples, &mut engine);
    assert_eq!(failures[0].says, "A line of no source");
    assert!(
        failures[0].reason.contains("record 1 isn't understood"),
        "{}",
        failures[0].reason
    );
}

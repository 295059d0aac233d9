//! Values, wildcards, nulls, keywords, lists and fields within fields.

use std::collections::BTreeMap;

use serde_json::json;
use threat::rules::{Choices, Settings};

use crate::support::{alerts, engine_with, event, fulfils, rule, selects};

#[test]
fn an_asterisk_stands_for_any_text() {
    assert!(selects("A: 'a*c'", json!({"A": "a, b and c"})));
    assert!(selects("A: 'a*c'", json!({"A": "ac"})));
    assert!(!selects("A: 'a*c'", json!({"A": "acd"})));
}

#[test]
fn a_question_mark_stands_for_one_character() {
    assert!(selects("A: 'a?c'", json!({"A": "abc"})));
    assert!(!selects("A: 'a?c'", json!({"A": "ac"})));
    assert!(!selects("A: 'a?c'", json!({"A": "abbc"})));
}

#[test]
fn a_backslash_makes_wildcards_of_themselves() {
    assert!(selects(r"A: 'a\*c'", json!({"A": "a*c"})));
    assert!(!selects(r"A: 'a\*c'", json!({"A": "abc"})));
    assert!(selects(r"A: 'a\?c'", json!({"A": "a?c"})));
    assert!(!selects(r"A: 'a\?c'", json!({"A": "abc"})));
}

#[test]
fn a_backslash_before_anything_else_is_a_backslash() {
    assert!(selects(r"A: 'C:\Windows\x'", json!({"A": r"c:\windows\X"})));
    assert!(selects(r"A: 'C:\\Windows'", json!({"A": r"C:\Windows"})));
    assert!(selects(r"A: '\\\\server\share'", json!({"A": r"\\server\share"})));
}

#[test]
fn two_backslashes_before_a_wildcard_are_a_backslash_and_a_wildcard() {
    assert!(selects(r"A: 'C:\\*'", json!({"A": r"C:\x"})));
    assert!(!selects(r"A: 'C:\\*'", json!({"A": r"C:*"}).clone()));
    assert!(!selects(r"A: 'C:\\*'", json!({"A": r"D:\x"})));
}

#[test]
fn null_wants_a_field_that_says_nothing() {
    assert!(selects("A: null", json!({"A": null})));
    assert!(selects("A: null", json!({"B": "x"})));
    assert!(!selects("A: null", json!({"A": "x"})));
    assert!(!selects("A: null", json!({"A": ""})));
}

#[test]
fn an_empty_value_wants_a_field_without_text() {
    assert!(selects("A: ''", json!({"A": ""})));
    assert!(!selects("A: ''", json!({"A": "x"})));
    assert!(!selects("A: ''", json!({"B": "x"})));
}

#[test]
fn numbers_are_equal_to_numbers_and_to_texts_of_them() {
    for value in [json!(4624), json!("4624"), json!(4624.0)] {
        assert!(selects("EventID: 4624", json!({"EventID": value})));
    }
    assert!(!selects("EventID: 4624", json!({"EventID": 46240})));
    assert!(selects("EventID: '4624'", json!({"EventID": 4624})));
}

#[test]
fn truth_values_are_equal_to_texts_of_them() {
    assert!(selects("A: true", json!({"A": true})));
    assert!(selects("A: true", json!({"A": "True"})));
    assert!(!selects("A: true", json!({"A": false})));
    assert!(selects("A: 'true'", json!({"A": true})));
}

#[test]
fn one_value_of_a_list_is_enough() {
    assert!(selects("A:\n    - x\n    - 'y*'", json!({"A": "yes"})));
    assert!(!selects("A:\n    - x\n    - 'y*'", json!({"A": "no"})));
}

#[test]
fn all_fields_of_a_mapping_are_wanted() {
    assert!(selects("A: x\nB: y", json!({"A": "x", "B": "y"})));
    assert!(!selects("A: x\nB: y", json!({"A": "x", "B": "z"})));
}

#[test]
fn one_mapping_of_a_list_of_mappings_is_enough() {
    let detection = "    selection:\n        - A: x\n          B: y\n        - C: z\n    condition: selection";
    assert!(fulfils(detection, json!({"A": "x", "B": "y"})));
    assert!(fulfils(detection, json!({"C": "z"})));
    assert!(!fulfils(detection, json!({"A": "x", "C": "y"})));
}

#[test]
fn keywords_are_looked_for_in_all_texts_of_an_event() {
    let detection = "    keywords:\n        - mimikatz\n        - 'evil * tool'\n    condition: keywords";
    assert!(fulfils(detection, json!({"A": {"B": ["x", "run Mimikatz now"]}})));
    assert!(fulfils(detection, json!({"A": "an evil little tool"})));
    assert!(!fulfils(detection, json!({"A": "mimi katz"})));
    assert!(
        !fulfils(detection, json!({"mimikatz": "x"})),
        "names of fields are no text"
    );
}

#[test]
fn an_alert_names_the_fields_and_texts_that_matched() {
    let text = rule(
        "    s:\n        A|contains: x\n        Gone: null\n    k:\n        - evil\n    f:\n        B: y\n    condition: s and k and not f",
    );
    let found = alerts(
        &mut engine_with(&text, Settings::default()),
        &[event(json!({"A": "xyz", "B": "z", "C": "an evil tool"}))],
    );
    let matched: Vec<(&str, &str)> = found[0]
        .matched
        .iter()
        .map(|(field, value)| (&**field, &**value))
        .collect();
    assert_eq!(matched, [("A", "xyz"), ("keyword", "an evil tool")]);
    assert_eq!(found[0].words, "Test: A is `xyz`, keyword is `an evil tool`.");
}

#[test]
fn keywords_that_are_numbers_are_texts() {
    let detection = "    keywords:\n        - 18456\n    condition: keywords";
    assert!(fulfils(detection, json!({"A": "Error: 18456, severity 14"})));
    assert!(fulfils(detection, json!({"EventID": 18456})));
    assert!(!fulfils(detection, json!({"A": "Error: 1845"})));
}

#[test]
fn keywords_and_mappings_may_stand_in_one_list() {
    let detection = "    selection:\n        - mimikatz\n        - A: x\n    condition: selection";
    assert!(fulfils(detection, json!({"B": "mimikatz"})));
    assert!(fulfils(detection, json!({"A": "x"})));
    assert!(!fulfils(detection, json!({"A": "y"})));
}

#[test]
fn a_dot_leads_into_a_field() {
    assert!(selects("a.b.c: x", json!({"a": {"b": {"c": "x"}}})));
    assert!(selects("a.b.c: x", json!({"a.b.c": "x"})));
    assert!(selects("a.b: x", json!({"a": [{"b": "y"}, {"b": "x"}]})));
    assert!(!selects("a.b: x", json!({"a": {"c": "x"}})));
}

#[test]
fn one_member_of_a_field_that_is_a_list_is_enough() {
    assert!(selects("A: x", json!({"A": ["y", "x"]})));
    assert!(!selects("A: x", json!({"A": ["y", "z"]})));
}

#[test]
fn names_of_fields_tell_capitals_apart() {
    assert!(!selects("image: x", json!({"Image": "x"})));
}

#[test]
fn expand_takes_what_a_placeholder_stands_for() {
    let rule = rule("    selection:\n        User|expand: '%admins%'\n    condition: selection");
    let placeholders = BTreeMap::from([("admins".to_owned(), vec!["anna".to_owned(), "svc_*".to_owned()])]);
    let choices = Choices {
        placeholders,
        ..Choices::default()
    };
    let settings = Settings {
        choices,
        ..Settings::default()
    };
    let mut engine = engine_with(&rule, settings);
    assert_eq!(alerts(&mut engine, &[event(json!({"User": "Anna"}))]).len(), 1);
    assert_eq!(alerts(&mut engine, &[event(json!({"User": "svc_backup"}))]).len(), 1);
    assert_eq!(alerts(&mut engine, &[event(json!({"User": "otto"}))]).len(), 0);
}

#[test]
fn a_placeholder_that_nobody_gave_values_hits_nothing() {
    let detection = "    selection:\n        User|expand: '%admins%'\n    condition: selection";
    // Not even an event that has a field of that name, or the placeholder itself as a text.
    assert!(!fulfils(detection, json!({"User": "anna", "admins": "anna"})));
    assert!(!fulfils(detection, json!({"User": "%admins%"})));
}

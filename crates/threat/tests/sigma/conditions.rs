//! Conditions over detections.

use serde_json::json;
use threat::rules::load;

use crate::support::{fulfils, rule};

const DETECTIONS: &str = "    sel_a:\n        A: x\n    sel_b:\n        B: x\n    filter:\n        F: x\n";

fn holds(condition: &str, fields: &[&str]) -> bool {
    let event = fields.iter().map(|field| ((*field).to_owned(), json!("x"))).collect();
    fulfils(
        &format!("{DETECTIONS}    condition: {condition}"),
        serde_json::Value::Object(event),
    )
}

#[test]
fn and_or_and_not_bind_in_this_order_from_the_loosest() {
    assert!(holds("sel_a or sel_b and not filter", &["A", "F"]));
    assert!(holds("sel_a or sel_b and not filter", &["B"]));
    assert!(!holds("sel_a or sel_b and not filter", &["B", "F"]));
}

#[test]
fn parentheses_bind_first() {
    assert!(!holds("(sel_a or sel_b) and not filter", &["A", "F"]));
    assert!(holds("(sel_a or sel_b) and not filter", &["A"]));
    assert!(holds("not (sel_a and (sel_b or filter))", &["A"]));
}

#[test]
fn one_of_a_pattern_is_enough_for_1_of() {
    assert!(holds("1 of sel_*", &["B"]));
    assert!(!holds("1 of sel_*", &["F"]));
    assert!(holds("any of sel_*", &["A"]));
}

#[test]
fn all_of_a_pattern_wants_each() {
    assert!(holds("all of sel_*", &["A", "B"]));
    assert!(!holds("all of sel_*", &["A", "F"]));
}

#[test]
fn some_of_a_pattern_are_counted() {
    assert!(holds("2 of them", &["A", "F"]));
    assert!(!holds("2 of them", &["A"]));
}

#[test]
fn them_are_all_detections() {
    assert!(holds("1 of them", &["F"]));
    assert!(holds("all of them", &["A", "B", "F"]));
    assert!(!holds("all of them", &["A", "B"]));
}

#[test]
fn them_leaves_out_detections_whose_names_begin_with_an_underscore() {
    let detection = "    a:\n        A: x\n    _b:\n        B: x\n    condition: all of them";
    assert!(fulfils(detection, json!({"A": "x"})));
    assert!(!fulfils(detection, json!({"B": "x"})));
}

#[test]
fn selectors_can_be_negated_and_combined() {
    assert!(holds("1 of sel_* and not 1 of filter*", &["A"]));
    assert!(!holds("1 of sel_* and not 1 of filter*", &["A", "F"]));
}

#[test]
fn one_of_a_list_of_conditions_is_enough() {
    let detection = format!("{DETECTIONS}    condition:\n        - sel_a and filter\n        - sel_b");
    assert!(fulfils(&detection, json!({"B": "x"})));
    assert!(fulfils(&detection, json!({"A": "x", "F": "x"})));
    assert!(!fulfils(&detection, json!({"A": "x"})));
}

#[test]
fn a_condition_that_names_no_detection_is_refused_with_its_line() {
    let text = rule(&format!("{DETECTIONS}    condition: sel_a and sel_c"));
    let loaded = load([("test.yml", text.as_str())]);
    assert!(
        loaded.refused[0].reason.contains("sel_c"),
        "{}",
        loaded.refused[0].reason
    );
    assert_eq!(loaded.refused[0].line, 12);
}

#[test]
fn counting_in_conditions_of_old_is_refused_with_what_to_do() {
    let text = rule(&format!("{DETECTIONS}    condition: sel_a | count() by User > 5"));
    let loaded = load([("test.yml", text.as_str())]);
    assert!(loaded.refused[0].hint.contains("correlation"), "{:?}", loaded.refused);
}

#[test]
fn conditions_nested_beyond_measure_are_refused() {
    let text = rule(&format!(
        "{DETECTIONS}    condition: {}sel_a{}",
        "(".repeat(1000),
        ")".repeat(1000)
    ));
    assert_eq!(load([("test.yml", text.as_str())]).refused.len(), 1);
}

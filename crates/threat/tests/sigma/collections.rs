//! Several rules in one text, filters, log sources, identifiers.

use serde_json::json;
use threat::event::Logsource;
use threat::rules::load;

use crate::support::{alerts, engine, event, ids};

const TWO: &str = "title: A\nid: a\nlogsource: {product: windows}\ndetection: {s: {A: x}, condition: s}\n---\n\
                   title: B\nid: b\nlogsource: {product: windows}\ndetection: {s: {B: x}, condition: s}\n";

#[test]
fn a_text_can_hold_several_rules() {
    let found = alerts(&mut engine(TWO), &[event(json!({"A": "x", "B": "x"}))]);
    assert_eq!(ids(&found), ["a", "b"]);
    assert_eq!(ids(&alerts(&mut engine(TWO), &[event(json!({"B": "x"}))])), ["b"]);
}

#[test]
fn what_is_global_holds_for_the_rules_behind_it_until_a_reset() {
    let text = "action: global\nlogsource: {product: windows}\nlevel: critical\n---\ntitle: A\nid: a\ndetection: {s: {A: x}, condition: s}\n---\n\
                action: reset\n---\ntitle: B\nid: b\nlogsource: {product: linux}\ndetection: {s: {A: x}, condition: s}\n";
    let mut engine = engine(text);
    assert_eq!(
        ids(&alerts(&mut engine, &[event(json!({"A": "x"}))])),
        ["a"],
        "b is for another product"
    );
    assert_eq!(engine.rule("a").unwrap().level, threat::alert::Level::Critical);
    assert_eq!(engine.rule("b").unwrap().level, threat::alert::Level::Informational);
}

#[test]
fn a_repetition_changes_the_rule_before_it() {
    let text = "title: A\nid: a\nlogsource: {product: windows}\ndetection: {s: {A: x}, condition: s}\n---\naction: repeat\nid: b\ndetection: {s: {A: y}}\n";
    let mut engine = engine(text);
    assert_eq!(ids(&alerts(&mut engine, &[event(json!({"A": "x"}))])), ["a"]);
    assert_eq!(ids(&alerts(&mut engine, &[event(json!({"A": "y"}))])), ["b"]);
}

#[test]
fn a_rule_is_for_the_logs_that_it_names_and_no_others() {
    let text = "title: A\nid: a\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {A: x}, condition: s}\n---\n\
                title: B\nid: b\nlogsource: {product: Windows, service: SYSMON}\ndetection: {s: {A: x}, condition: s}\n---\n\
                title: C\nid: c\nlogsource: {category: process_creation}\ndetection: {s: {A: x}, condition: s}\n---\n\
                title: D\nid: d\nlogsource: {product: windows, category: file_event}\ndetection: {s: {A: x}, condition: s}\n---\n\
                title: E\nid: e\nlogsource: {product: linux}\ndetection: {s: {A: x}, condition: s}\n";
    let mut engine = engine(text);
    assert_eq!(ids(&alerts(&mut engine, &[event(json!({"A": "x"}))])), ["a", "b", "c"]);
    let mut other = event(json!({"A": "x"}));
    other.logsource = Logsource {
        product: "windows",
        service: None,
        category: None,
    };
    assert_eq!(
        ids(&alerts(&mut engine, &[other])),
        Vec::<String>::new(),
        "an event of no category fits no rule that names one"
    );
}

#[test]
fn a_second_rule_with_the_same_identifier_is_refused() {
    let text = TWO.replace("id: b", "id: a");
    let loaded = load([("test.yml", text.as_str())]);
    assert_eq!(loaded.rules.len(), 1);
    assert!(
        loaded.refused[0].reason.contains("`A` (test.yml, line 1)"),
        "{}",
        loaded.refused[0].reason
    );
    assert_eq!(loaded.refused[0].title.as_deref(), Some("B"));
}

#[test]
fn rules_without_identifiers_are_told_apart_by_their_place() {
    let text = TWO.replace("id: a\n", "").replace("id: b\n", "");
    assert_eq!(
        ids(&alerts(&mut engine(&text), &[event(json!({"A": "x", "B": "x"}))])),
        ["test.yml#1", "test.yml#5"]
    );
}

#[test]
fn a_broken_rule_takes_no_other_along() {
    let text = format!("{TWO}---\ntitle: C\nlogsource: {{product: windows}}\n---\ntitle: [\n");
    let loaded = load([("test.yml", text.as_str())]);
    assert_eq!(loaded.rules.len(), 2);
    let told: Vec<(u32, bool)> = loaded
        .refused
        .iter()
        .map(|refused| (refused.line, refused.reason.contains("detection")))
        .collect();
    assert_eq!(told[0], (11, true));
    assert!(told[1].0 >= 14, "{told:?}");
}

const FILTER: &str = "---\ntitle: Not anna\nlogsource: {product: windows}\nfilter:\n    rules: [a]\n    selection: {User: anna}\n    condition: not selection\n";

#[test]
fn a_filter_is_laid_on_the_rules_that_it_names() {
    let text = format!("{TWO}{FILTER}");
    let mut engine = engine(&text);
    assert_eq!(
        ids(&alerts(
            &mut engine,
            &[event(json!({"A": "x", "B": "x", "User": "anna"}))]
        )),
        ["b"]
    );
    assert_eq!(
        ids(&alerts(&mut engine, &[event(json!({"A": "x", "User": "otto"}))])),
        ["a"]
    );
}

#[test]
fn a_filter_of_any_rule_is_laid_on_all_of_its_logs() {
    let text = format!("{TWO}{}", FILTER.replace("[a]", "any"));
    assert_eq!(
        alerts(
            &mut engine(&text),
            &[event(json!({"A": "x", "B": "x", "User": "anna"}))]
        )
        .len(),
        0
    );
    let text = format!(
        "{TWO}{}",
        FILTER
            .replace("[a]", "any")
            .replace("product: windows", "product: linux")
    );
    assert_eq!(
        load([("test.yml", text.as_str())]).remarks.len(),
        1,
        "it meets no rule, which is told"
    );
    assert_eq!(
        alerts(&mut engine(&text), &[event(json!({"A": "x", "User": "anna"}))]).len(),
        1
    );
}

#[test]
fn a_filter_may_stand_before_its_rules_and_name_them_by_name() {
    let filter = FILTER.replace("[a]", "[first]").replace("---\n", "");
    let text = format!("{filter}---\n{}", TWO.replace("id: a\n", "id: a\nname: first\n"));
    assert_eq!(
        alerts(&mut engine(&text), &[event(json!({"A": "x", "User": "anna"}))]).len(),
        0
    );
    assert_eq!(
        alerts(&mut engine(&text), &[event(json!({"A": "x", "User": "otto"}))]).len(),
        1
    );
}

#[test]
fn a_filter_s_detections_are_none_of_the_rule_s_own() {
    let rule = TWO.replace("condition: s}", "condition: all of *}");
    let filter = FILTER
        .replace("selection: {User: anna}", "s: {User: anna}")
        .replace("not selection", "not 1 of s*");
    let text = format!("{rule}{filter}");
    assert_eq!(
        ids(&alerts(&mut engine(&text), &[event(json!({"A": "x", "User": "otto"}))])),
        ["a"]
    );
    assert_eq!(
        alerts(&mut engine(&text), &[event(json!({"A": "x", "User": "anna"}))]).len(),
        0
    );
}

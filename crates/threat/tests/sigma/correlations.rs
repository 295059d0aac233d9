//! Correlations of every type, by the times of events.

use serde_json::{Value, json};
use threat::event::Event;
use threat::rules::load;

use crate::support::{alerts, at, engine, ids};

/// Base rules that hit on `K` being their name, and a correlation of these lines.
fn rules(correlation: &str) -> String {
    let mut text = String::new();
    for name in ["a", "b", "c"] {
        text.push_str(&format!(
            "title: {name}\nid: id-{name}\nname: {name}\nlogsource: {{product: windows}}\ndetection: {{s: {{K: {name}}}, condition: s}}\n---\n"
        ));
    }
    let lines: String = correlation.lines().map(|line| format!("    {line}\n")).collect();
    format!("{text}title: Together\nid: together\nlevel: high\ncorrelation:\n{lines}")
}

/// An event so many seconds after the beginning, that the rule `k` hits, of a user.
fn hit(seconds: i64, k: &str, user: &str) -> Event {
    at(seconds, json!({"K": k, "User": user}))
}

fn with(seconds: i64, k: &str, more: Value) -> Event {
    let mut event = at(seconds, more);
    event.fields["K"] = json!(k);
    event
}

fn fires(correlation: &str, events: &[Event]) -> usize {
    let found = ids(&alerts(&mut engine(&rules(correlation)), events));
    found.iter().filter(|id| *id == "together").count()
}

const COUNT: &str = "type: event_count\nrules: [a]\ngroup-by: [User]\ntimespan: 1m\ncondition: {gte: 3}";

#[test]
fn event_count_counts_events_of_a_group_within_the_timespan() {
    assert_eq!(
        fires(COUNT, &[hit(0, "a", "x"), hit(30, "a", "x"), hit(60, "a", "x")]),
        1
    );
    assert_eq!(
        fires(COUNT, &[hit(0, "a", "x"), hit(30, "a", "x"), hit(61, "a", "x")]),
        0,
        "too slow"
    );
    assert_eq!(
        fires(COUNT, &[hit(0, "a", "x"), hit(1, "a", "y"), hit(2, "a", "x")]),
        0,
        "of two groups"
    );
    assert_eq!(
        fires(COUNT, &[hit(0, "a", "x"), hit(1, "b", "x"), hit(2, "a", "x")]),
        0,
        "of another rule"
    );
}

#[test]
fn groups_take_no_notice_of_capitals() {
    assert_eq!(
        fires(COUNT, &[hit(0, "a", "Anna"), hit(1, "a", "ANNA"), hit(2, "a", "anna")]),
        1
    );
}

#[test]
fn an_event_that_lacks_a_field_of_the_group_belongs_to_none() {
    let none = |seconds| with(seconds, "a", json!({}));
    assert_eq!(fires(COUNT, &[none(0), none(1), none(2)]), 0);
    assert_eq!(
        fires(&COUNT.replace("group-by: [User]\n", ""), &[none(0), none(1), none(2)]),
        1,
        "without groups all are one"
    );
}

#[test]
fn a_group_is_told_once_within_a_timespan() {
    let events: Vec<Event> = (0..60).map(|second| hit(second, "a", "x")).collect();
    assert_eq!(fires(COUNT, &events), 1);
    let again: Vec<Event> = (0..200).map(|second| hit(second, "a", "x")).collect();
    assert_eq!(fires(COUNT, &again), 4, "at 2, 63, 124 and 185 seconds");
}

#[test]
fn what_comes_late_completes_the_window_that_it_belongs_to() {
    assert_eq!(
        fires(COUNT, &[hit(60, "a", "x"), hit(30, "a", "x"), hit(0, "a", "x")]),
        1
    );
    assert_eq!(
        fires(COUNT, &[hit(100, "a", "x"), hit(99, "a", "x"), hit(0, "a", "x")]),
        0,
        "of another time"
    );
    assert_eq!(
        fires(
            COUNT,
            &[
                hit(1000, "a", "x"),
                hit(0, "a", "x"),
                hit(1001, "a", "x"),
                hit(1, "a", "x"),
                hit(2, "a", "x")
            ]
        ),
        1
    );
}

#[test]
fn conditions_of_counts_take_every_comparison_and_ranges() {
    let events: Vec<Event> = (0..3).map(|second| hit(second, "a", "x")).collect();
    for (condition, is) in [
        ("gt: 2", 1),
        ("gt: 3", 0),
        ("eq: 3", 1),
        ("eq: 4", 0),
        ("lt: 2", 1),
        ("lte: 0", 0),
    ] {
        assert_eq!(fires(&COUNT.replace("gte: 3", condition), &events), is, "{condition}");
    }
    let range = COUNT.replace("gte: 3", "gte: 2, lt: 3");
    assert_eq!(fires(&range, &events), 1);
    assert_eq!(fires(&COUNT.replace("gte: 3", "gte: 4, lt: 9"), &events), 0);
    let neq = COUNT.replace("gte: 3", "neq: 1");
    assert_eq!(fires(&neq, &events[..1]), 0);
    assert_eq!(fires(&neq, &events[..2]), 1);
}

#[test]
fn a_count_may_be_of_several_rules_together() {
    let either = COUNT.replace("[a]", "[a, b]");
    assert_eq!(
        fires(&either, &[hit(0, "a", "x"), hit(1, "b", "x"), hit(2, "a", "x")]),
        1
    );
    assert_eq!(
        fires(&either, &[hit(0, "a", "x"), hit(1, "c", "x"), hit(2, "a", "x")]),
        0
    );
}

#[test]
fn value_count_counts_different_values() {
    let correlation = "type: value_count\nrules: [a]\ngroup-by: [User]\ntimespan: 1m\ncondition: {field: Host, gte: 3}";
    let on = |second, host| with(second, "a", json!({"User": "x", "Host": host}));
    assert_eq!(fires(correlation, &[on(0, "h1"), on(1, "h2"), on(2, "h3")]), 1);
    assert_eq!(
        fires(correlation, &[on(0, "h1"), on(1, "h2"), on(2, "H1"), on(3, "h2")]),
        0
    );
}

#[test]
fn value_count_of_several_fields_counts_their_combinations() {
    let correlation = "type: value_count\nrules: [a]\ntimespan: 1m\ncondition: {field: [Host, Port], gte: 3}";
    let on = |second, host, port| with(second, "a", json!({"Host": host, "Port": port}));
    assert_eq!(fires(correlation, &[on(0, "h1", 1), on(1, "h1", 2), on(2, "h2", 1)]), 1);
    assert_eq!(fires(correlation, &[on(0, "h1", 1), on(1, "h1", 2), on(2, "h1", 1)]), 0);
}

const TEMPORAL: &str = "type: temporal\nrules: [a, b]\ngroup-by: [User]\ntimespan: 1m";

#[test]
fn temporal_wants_all_rules_in_any_order() {
    assert_eq!(fires(TEMPORAL, &[hit(0, "b", "x"), hit(30, "a", "x")]), 1);
    assert_eq!(fires(TEMPORAL, &[hit(0, "a", "x"), hit(30, "a", "x")]), 0);
    assert_eq!(fires(TEMPORAL, &[hit(0, "a", "x"), hit(30, "b", "y")]), 0);
    assert_eq!(fires(TEMPORAL, &[hit(0, "a", "x"), hit(61, "b", "x")]), 0);
}

#[test]
fn temporal_with_a_number_wants_so_many_of_the_rules() {
    let two = "type: temporal\nrules: [a, b, c]\ngroup-by: [User]\ntimespan: 1m\ncondition: {gte: 2}";
    assert_eq!(fires(two, &[hit(0, "c", "x"), hit(30, "a", "x")]), 1);
    assert_eq!(fires(two, &[hit(0, "c", "x"), hit(30, "c", "x")]), 0);
}

#[test]
fn temporal_ordered_wants_the_rules_in_their_order() {
    let ordered = TEMPORAL.replace("temporal", "temporal_ordered");
    assert_eq!(fires(&ordered, &[hit(0, "a", "x"), hit(30, "b", "x")]), 1);
    assert_eq!(fires(&ordered, &[hit(0, "b", "x"), hit(30, "a", "x")]), 0);
}

#[test]
fn the_order_is_that_of_the_times_and_not_of_the_arrival() {
    let ordered = TEMPORAL
        .replace("temporal", "temporal_ordered")
        .replace("[a, b]", "[a, b, c]");
    assert_eq!(
        fires(&ordered, &[hit(20, "c", "x"), hit(10, "b", "x"), hit(0, "a", "x")]),
        1
    );
    assert_eq!(
        fires(&ordered, &[hit(20, "a", "x"), hit(10, "b", "x"), hit(0, "c", "x")]),
        0
    );
}

#[test]
fn an_order_may_name_a_rule_twice() {
    let ordered = TEMPORAL
        .replace("temporal", "temporal_ordered")
        .replace("[a, b]", "[a, b, a]");
    assert_eq!(
        fires(&ordered, &[hit(0, "a", "x"), hit(1, "b", "x"), hit(2, "a", "x")]),
        1
    );
    assert_eq!(
        fires(&ordered, &[hit(0, "a", "x"), hit(1, "a", "x"), hit(2, "b", "x")]),
        0
    );
}

#[test]
fn conditions_of_temporal_rules_may_be_boolean() {
    let correlation = "type: temporal\nrules: [a, b, c]\ngroup-by: [User]\ntimespan: 1m\ncondition: a and (b or c)";
    assert_eq!(fires(correlation, &[hit(0, "c", "x"), hit(1, "a", "x")]), 1);
    assert_eq!(fires(correlation, &[hit(0, "b", "x"), hit(1, "c", "x")]), 0);
}

#[test]
fn a_boolean_condition_may_want_a_rule_not_to_have_hit() {
    let correlation = "type: temporal\nrules: [a, b]\ngroup-by: [User]\ntimespan: 1m\ncondition: a and not b";
    assert_eq!(fires(correlation, &[hit(0, "a", "x")]), 1);
    assert_eq!(fires(correlation, &[hit(0, "b", "x"), hit(1, "a", "x")]), 0);
}

fn numbers(kind: &str, condition: &str, values: &[f64]) -> usize {
    let correlation =
        format!("type: {kind}\nrules: [a]\ngroup-by: [User]\ntimespan: 1m\ncondition: {{field: Bytes, {condition}}}");
    let events: Vec<Event> = (0..)
        .zip(values)
        .map(|(second, value)| with(second, "a", json!({"User": "x", "Bytes": value})))
        .collect();
    fires(&correlation, &events)
}

#[test]
fn value_sum_adds_up() {
    assert_eq!(numbers("value_sum", "gt: 100", &[60.0, 41.0]), 1);
    assert_eq!(numbers("value_sum", "gt: 100", &[60.0, 40.0]), 0);
}

#[test]
fn value_avg_is_the_mean() {
    assert_eq!(numbers("value_avg", "gte: 10", &[1.0, 9.0, 20.0]), 1);
    assert_eq!(numbers("value_avg", "gte: 11", &[1.0, 9.0, 20.0]), 0);
}

#[test]
fn thresholds_may_be_fractions_and_below_zero() {
    assert_eq!(numbers("value_avg", "gt: 0.5", &[0.6]), 1);
    assert_eq!(numbers("value_avg", "gt: 0.5", &[0.4]), 0);
    assert_eq!(numbers("value_sum", "lt: -3", &[-4.0]), 1);
    assert_eq!(numbers("value_sum", "lt: -3", &[-2.0]), 0);
}

#[test]
fn value_percentile_is_the_value_below_which_so_many_are() {
    assert_eq!(
        numbers(
            "value_percentile",
            "percentile: 90, gte: 90",
            &[1.0, 1.0, 100.0, 100.0, 100.0]
        ),
        1
    );
    assert_eq!(
        numbers(
            "value_percentile",
            "percentile: 10, gte: 90",
            &[1.0, 1.0, 100.0, 100.0, 100.0]
        ),
        0
    );
}

#[test]
fn value_median_is_the_value_in_the_middle() {
    assert_eq!(numbers("value_median", "gte: 50", &[1.0, 99.0, 60.0]), 1);
    assert_eq!(numbers("value_median", "gte: 60", &[1.0, 2.0, 100.0]), 0);
}

#[test]
fn what_is_no_number_isn_t_added_up() {
    let correlation = "type: value_sum\nrules: [a]\ntimespan: 1m\ncondition: {field: Bytes, gte: 0}";
    assert_eq!(
        fires(
            correlation,
            &[with(0, "a", json!({"Bytes": "many"})), with(1, "a", json!({}))]
        ),
        0
    );
    assert_eq!(fires(correlation, &[with(0, "a", json!({"Bytes": "12"}))]), 1);
}

#[test]
fn aliases_name_fields_that_are_called_differently() {
    let correlation = "type: temporal\nrules: [a, b]\naliases:\n  who:\n    a: User\n    id-b: TargetUser\ngroup-by: [who]\ntimespan: 1m";
    let b = |second, user: &str| with(second, "b", json!({"TargetUser": user, "User": "other"}));
    assert_eq!(fires(correlation, &[hit(0, "a", "x"), b(1, "x")]), 1);
    assert_eq!(fires(correlation, &[hit(0, "a", "x"), b(1, "y")]), 0);
}

#[test]
fn groups_may_be_of_members_of_lists() {
    let correlation = TEMPORAL.replace("[User]", "['target[0].id']");
    let of = |second, k, id: &str| with(second, k, json!({"target": [{"id": id}, {"id": "app"}]}));
    assert_eq!(fires(&correlation, &[of(0, "a", "x"), of(1, "b", "X")]), 1);
    assert_eq!(fires(&correlation, &[of(0, "a", "x"), of(1, "b", "y")]), 0);
    let first = TEMPORAL.replace("[User]", "[target.id]");
    assert_eq!(fires(&first, &[of(0, "a", "x"), of(1, "b", "x")]), 1);
    assert_eq!(fires(&first, &[of(0, "a", "x"), of(1, "b", "y")]), 0);
}

#[test]
fn rules_are_referred_to_by_identifier_or_name() {
    assert_eq!(
        fires(
            &COUNT.replace("[a]", "[id-a]"),
            &[hit(0, "a", "x"), hit(1, "a", "x"), hit(2, "a", "x")]
        ),
        1
    );
    assert_eq!(
        fires(
            &COUNT.replace("[a]", "[id-b]"),
            &[hit(0, "a", "x"), hit(1, "a", "x"), hit(2, "a", "x")]
        ),
        0
    );
}

fn chained() -> String {
    let first = rules(COUNT).replace("id: together", "id: many\nname: many");
    format!(
        "{first}---\ntitle: Then\nid: then\ncorrelation:\n    type: temporal_ordered\n    rules: [many, c]\n    group-by: [User]\n    timespan: 1h\n"
    )
}

#[test]
fn a_correlation_may_be_of_correlations() {
    let many = [hit(0, "a", "x"), hit(1, "a", "x"), hit(2, "a", "x")];
    let found = alerts(&mut engine(&chained()), &[&many[..], &[hit(600, "c", "x")]].concat());
    assert_eq!(ids(&found), ["then"]);
    assert_eq!(found[0].evidence.len(), 4, "the records of both");
    assert_eq!(
        alerts(&mut engine(&chained()), &[&many[..], &[hit(600, "c", "y")]].concat()).len(),
        0
    );
    assert_eq!(
        alerts(&mut engine(&chained()), &[&many[..2], &[hit(600, "c", "x")]].concat()).len(),
        0
    );
}

#[test]
fn correlations_that_lead_back_to_themselves_are_not_evaluated() {
    let text = "title: A\nid: a\ncorrelation: {type: event_count, rules: [b], timespan: 1m, condition: {gte: 1}}\n---\n\
                title: B\nid: b\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 1}}\n";
    let engine = engine(text);
    let inputs = threat::rules::Inputs {
        possible: &[],
        seen: None,
    };
    let reasons: Vec<String> = threat::rules::coverage(&engine, &inputs)
        .iter()
        .map(|cannot| cannot.reason.to_string())
        .collect();
    assert_eq!(reasons, ["it leads back to itself", "it leads back to itself"]);
}

#[test]
fn rules_of_a_correlation_raise_no_alerts_unless_it_says_generate() {
    let events = [hit(0, "a", "x"), hit(1, "b", "x")];
    assert_eq!(ids(&alerts(&mut engine(&rules(TEMPORAL)), &events)), ["together"]);
    let text = rules(TEMPORAL).replace("level: high\n", "level: high\ngenerate: true\n");
    assert_eq!(ids(&alerts(&mut engine(&text), &events)), ["id-a", "id-b", "together"]);
}

#[test]
fn an_alert_of_a_correlation_names_group_number_and_records() {
    let events = [hit(0, "a", "Anna"), hit(30, "a", "Anna"), hit(60, "a", "Anna")];
    let found = alerts(&mut engine(&rules(COUNT)), &events);
    assert_eq!(found[0].count, 3);
    assert_eq!(
        found[0].words,
        "Together: 3 events within 1 minute, where User is `Anna`."
    );
    let records: Vec<u64> = found[0].evidence.iter().map(|origin| origin.record).collect();
    assert_eq!(records, [1_000_000, 1_000_030, 1_000_060]);
    assert_eq!(found[0].time, events[2].time);
}

#[test]
fn correlations_that_ask_for_the_impossible_are_refused() {
    for (bad, reason) in [
        (COUNT.replace("condition: {gte: 3}", ""), "condition"),
        (COUNT.replace("event_count", "value_count"), "fields"),
        (COUNT.replace("event_count", "event_number"), "type"),
        (COUNT.replace("rules: [a]", "rules: []"), "no rules"),
        (COUNT.replace("timespan: 1m", "timespan: 1x"), "1x"),
        (COUNT.replace("timespan: 1m", "timespan: 9y"), "9y"),
        (format!("{COUNT}\nwindow: tumbling"), "window"),
        (TEMPORAL.replace("1m", "1m\ncondition: a and d"), "`d`"),
    ] {
        let text = rules(&bad);
        let loaded = load([("test.yml", text.as_str())]);
        assert_eq!(loaded.rules.len(), 3, "{bad}");
        assert!(
            loaded.refused[0].reason.contains(reason),
            "{bad}: {}",
            loaded.refused[0].reason
        );
    }
}

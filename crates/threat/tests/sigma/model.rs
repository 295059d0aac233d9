//! Correlations against the plainest reading of what they mean: all stretches of the timespan of all events of a group, looked at one by one.

use std::collections::BTreeSet;

use serde_json::json;
use threat::event::Event;

use crate::support::{at, engine, ids};

const SPAN: i64 = 60;

/// One thing that happened: when, which rule, whose, with which value.
#[derive(Clone, Debug)]
struct Happened {
    second: i64,
    rule: usize,
    user: usize,
    value: usize,
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

const RULES: [&str; 3] = ["a", "b", "c"];

fn text(kind: &str, condition: &str) -> String {
    let mut text = String::new();
    for name in RULES {
        text.push_str(&format!(
            "title: {name}\nid: {name}\nlogsource: {{product: windows}}\ndetection: {{s: {{K: {name}}}, condition: s}}\n---\n"
        ));
    }
    format!(
        "{text}title: T\nid: together\ncorrelation:\n    type: {kind}\n    rules: [a, b, c]\n    group-by: [User]\n    timespan: {SPAN}s\n{condition}"
    )
}

type Fulfils = fn(&[Happened]) -> bool;

fn many(window: &[Happened]) -> bool {
    window.len() >= 5
}

fn different(window: &[Happened]) -> bool {
    window
        .iter()
        .map(|happened| happened.value)
        .collect::<BTreeSet<_>>()
        .len()
        >= 4
}

fn all(window: &[Happened]) -> bool {
    window
        .iter()
        .map(|happened| happened.rule)
        .collect::<BTreeSet<_>>()
        .len()
        == 3
}

fn in_order(window: &[Happened]) -> bool {
    window.iter().any(|a| {
        a.rule == 0
            && window.iter().any(|b| {
                b.rule == 1 && b.second >= a.second && window.iter().any(|c| c.rule == 2 && c.second >= b.second)
            })
    })
}

fn total(window: &[Happened]) -> bool {
    window.iter().map(|happened| happened.value).sum::<usize>() > 20
}

const KINDS: [(&str, &str, Fulfils); 5] = [
    ("event_count", "    condition: {gte: 5}\n", many),
    ("value_count", "    condition: {gte: 4, field: V}\n", different),
    ("temporal", "", all),
    ("temporal_ordered", "", in_order),
    ("value_sum", "    condition: {gt: 20, field: V}\n", total),
];

/// The users of whom a stretch of the timespan fulfils the condition.
fn expected(all: &[Happened], fulfils: Fulfils) -> BTreeSet<String> {
    let found = all.iter().filter(|end| {
        let mut window: Vec<Happened> = all
            .iter()
            .filter(|other| other.user == end.user && (end.second - SPAN..=end.second).contains(&other.second))
            .cloned()
            .collect();
        window.sort_by_key(|happened| happened.second);
        fulfils(&window)
    });
    found.map(|end| format!("user{}", end.user)).collect()
}

/// The users of whom the engine says so, if things are told to it in this order.
fn found(kind: &str, condition: &str, all: &[Happened]) -> BTreeSet<String> {
    let mut engine = engine(&text(kind, condition));
    let mut found = Vec::new();
    for happened in all {
        let fields = json!({"K": RULES[happened.rule], "User": format!("user{}", happened.user), "V": happened.value});
        let event: Event = at(happened.second, fields);
        engine.evaluate(&event, &mut found);
    }
    let ids = ids(&found);
    let users = found
        .iter()
        .zip(ids)
        .filter(|(_, id)| id == "together")
        .map(|(alert, _)| alert.matched[0].1.to_string());
    users.collect()
}

fn happened(numbers: &mut Numbers, count: usize, users: usize) -> Vec<Happened> {
    (0..count)
        .map(|_| Happened {
            second: i64::try_from(numbers.below(count * 12)).unwrap(),
            rule: numbers.below(3),
            user: numbers.below(users),
            value: numbers.below(8),
        })
        .collect()
}

#[test]
fn correlations_find_what_the_plainest_reading_finds_in_whatever_order() {
    let mut numbers = Numbers(7);
    let (mut fulfilled, mut not) = (0, 0);
    for round in 0..120 {
        // As many as a group keeps however late things come.
        let all = happened(&mut numbers, 16, 2);
        for (kind, condition, fulfils) in KINDS {
            let expected = expected(&all, fulfils);
            fulfilled += expected.len();
            not += 2 - expected.len();
            assert_eq!(found(kind, condition, &all), expected, "round {round}, {kind}: {all:?}");
        }
    }
    assert!(fulfilled > 100 && not > 100, "{fulfilled} {not}");
}

#[test]
fn correlations_find_the_same_among_many_events_in_their_order() {
    let mut numbers = Numbers(11);
    for round in 0..20 {
        let mut all = happened(&mut numbers, 400, 12);
        all.sort_by_key(|happened| happened.second);
        for (kind, condition, fulfils) in KINDS {
            assert_eq!(
                found(kind, condition, &all),
                expected(&all, fulfils),
                "round {round}, {kind}"
            );
        }
    }
}

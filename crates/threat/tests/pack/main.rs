//! Holdfast's own rules: that each loads, is explained, and holds on its examples, which go through the normalisers like lines of a log.
//!
//! Folders of real logs are named in the environment; see `corpus.rs`.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::print_stdout, reason = "figures are for people")]

#[path = "../panther/cases.rs"]
#[expect(dead_code, reason = "another test asks for more of a case")]
mod cases;
mod corpus;
#[path = "../common/folder.rs"]
mod folder;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use threat::alert::Level;
use threat::rules::{Engine, Loaded, Settings, check, example, load, pack};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules/pack")
}

/// Files of the pack's folder by their path in it.
fn files() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for area in std::fs::read_dir(folder()).unwrap() {
        let area = area.unwrap().path();
        for file in std::fs::read_dir(&area).unwrap() {
            let file = file.unwrap().path();
            let name = file.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
            found.insert(name, std::fs::read_to_string(file).unwrap());
        }
    }
    found
}

fn loaded() -> Loaded {
    load(pack::RULES.iter().copied())
}

fn engine() -> Engine {
    Engine::new(loaded(), Settings::default())
}

#[test]
fn every_rule_of_the_folder_is_part_of_the_program() {
    let listed: BTreeSet<&str> = pack::RULES.iter().map(|(name, _)| *name).collect();
    let files = files();
    let rules: BTreeSet<&str> = files
        .keys()
        .map(String::as_str)
        .filter(|name| !name.ends_with(".examples.yml"))
        .collect();
    assert_eq!(listed, rules);
    assert_eq!(listed.len(), pack::RULES.len(), "a rule is listed twice");
}

#[test]
fn every_rule_loads_as_it_is_written() {
    let engine = engine();
    assert!(engine.refused().is_empty(), "{:#?}", engine.refused());
    assert!(engine.remarks().is_empty(), "{:#?}", engine.remarks());
    for (name, text) in pack::RULES {
        let mut told = check(name, text);
        // Hosts are counted over all of them: there is nothing that they could be grouped by.
        told.retain(|told| !told.reason.contains("requires 'group-by'"));
        assert!(told.is_empty(), "{name}: {told:#?}");
    }
}

#[test]
fn every_rule_is_in_the_documentation() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/threat-pack.md")).unwrap();
    for (name, _) in pack::RULES {
        let row = format!("`{}`", name.trim_end_matches(".yml"));
        assert!(page.contains(&row), "{row} isn't in docs/threat-pack.md");
    }
}

#[test]
fn every_rule_says_what_it_means_what_else_looks_like_it_and_which_technique_it_is() {
    let engine = engine();
    let mut ids = BTreeSet::new();
    for rule in engine.rules() {
        assert!(ids.insert(rule.id.clone()), "{} twice", rule.id);
        assert_eq!(rule.id.len(), 36, "{} of {} is no UUID", rule.id, rule.file);
        if rule.title.starts_with("Part of: ") {
            continue;
        }
        let file = &rule.file;
        assert!(rule.description.len() > 80, "{file} doesn't explain itself");
        assert!(!rule.false_positives.is_empty(), "{file} names no false positives");
        assert!(rule.level >= Level::Low, "{file} has no level");
        assert!(
            rule.attack.iter().any(|tag| tag.starts_with('t')),
            "{file} names no technique"
        );
    }
}

#[test]
fn every_rule_has_examples_on_which_it_fires_and_others_on_which_it_does_not() {
    let files = files();
    for (name, _) in pack::RULES {
        let beside = name.replace(".yml", ".examples.yml");
        let text = files.get(&beside).unwrap_or_else(|| panic!("{beside} is missing"));
        let (positive, negative) = example::parse(&beside, text).unwrap().counts();
        assert!(
            positive > 0 && negative > 0,
            "{beside}: {positive} positive, {negative} negative"
        );
    }
}

#[test]
fn every_example_holds() {
    let mut engine = engine();
    let mut failures = Vec::new();
    for (name, text) in files().iter().filter(|(name, _)| name.ends_with(".examples.yml")) {
        let examples = example::parse(name, text).unwrap();
        for failure in example::run(&examples, &mut engine) {
            failures.push(format!("{name}: {}: {}", failure.says, failure.reason));
        }
    }
    assert!(
        failures.is_empty(),
        "{} examples don't hold:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

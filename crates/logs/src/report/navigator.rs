//! A layer for the ATT&CK Navigator, format 4.5: each technique that was found, coloured by how often.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{About, level_name};

/// The version of ATT&CK whose technique numbers the rules use.
const ATTACK_VERSION: &str = "18";
/// Titles of rules in a technique's comment.
const TITLES_MAX: usize = 10;

/// The layer.
#[must_use]
pub fn navigator(about: &About<'_>) -> Value {
    let mut found: BTreeMap<String, (u64, Vec<String>)> = BTreeMap::new();
    for fired in &about.outcome.fired {
        for technique in fired.attack.iter().filter_map(|tag| technique(tag)) {
            let (count, titles) = found.entry(technique).or_default();
            *count += fired.count;
            if titles.len() < TITLES_MAX {
                titles.push(format!(
                    "{} ({}, {} times)",
                    fired.title,
                    level_name(fired.level),
                    fired.count
                ));
            }
        }
    }
    let most = found.values().map(|(count, _)| *count).max().unwrap_or(1);
    let techniques: Vec<_> = found
        .into_iter()
        .map(|(technique, (count, titles))| {
            json!({
                "techniqueID": technique,
                "score": count,
                "comment": titles.join("\n"),
                "enabled": true,
                "showSubtechniques": technique.contains('.'),
            })
        })
        .collect();
    json!({
        "name": "Alerts in logs",
        "versions": {"attack": ATTACK_VERSION, "navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": format!("{}, {}: {} records of {} files", about.program, about.made, about.outcome.records, about.outcome.files),
        "sorting": 3,
        "hideDisabled": false,
        "techniques": techniques,
        "gradient": {"colors": ["#ffe9a8", "#d9480f"], "minValue": 0, "maxValue": most},
        "legendItems": [],
    })
}

/// A technique's number as ATT&CK writes it, of a tag as Sigma does.
#[must_use]
pub fn technique(tag: &str) -> Option<String> {
    let number = tag.strip_prefix(['t', 'T'])?;
    let is_number = number.len() >= 4 && number.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    is_number.then(|| format!("T{number}"))
}

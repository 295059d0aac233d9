//! Placeholders of rules: `%name%` in values with the `expand` modifier, replaced by what the organisation says that it stands for.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaString, SigmaValue};

use super::load::guard::each_item;

/// Values that the placeholders of one item make at most.
const VALUES_MAX: usize = 10_000;
/// Stands before a value that nothing equals, in place of a placeholder without values.
const NOTHING: &str = "\u{1}";

/// The names of the placeholders in a text, in their order.
fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('%') {
        let Some((name, after)) = behind.split_once('%') else {
            break;
        };
        if !name.is_empty()
            && name
                .chars()
                .all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '.'))
        {
            names.push(name);
            rest = after;
        } else {
            rest = behind;
        }
    }
    names
}

/// The placeholders of an item that have no values.
pub(super) fn unknown(item: &DetectionItem, known: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    if !item.field.has_modifier(Modifier::Expand) {
        return BTreeSet::new();
    }
    let texts = item.values.iter().filter_map(|value| match value {
        SigmaValue::String(text) => Some(text.original.as_str()),
        _ => None,
    });
    let missing = texts
        .flat_map(names)
        .filter(|name| known.get(*name).is_none_or(Vec::is_empty));
    missing.map(str::to_owned).collect()
}

/// Whether a rule has placeholders.
pub(super) fn has_any(rule: &SigmaRule) -> bool {
    let mut any = false;
    for detection in rule.detection.named.values() {
        each_item(detection, &mut |item| any |= item.field.has_modifier(Modifier::Expand));
    }
    any
}

/// The rule with its placeholders replaced. Those without values are replaced by something that no field says.
pub(super) fn expand(rule: &SigmaRule, known: &BTreeMap<String, Vec<String>>) -> SigmaRule {
    let mut rule = rule.clone();
    for detection in rule.detection.named.values_mut() {
        in_detection(detection, known);
    }
    rule
}

fn in_detection(detection: &mut Detection, known: &BTreeMap<String, Vec<String>>) {
    match detection {
        Detection::AllOf(items) => items.iter_mut().for_each(|item| in_item(item, known)),
        Detection::AnyOf(inner) | Detection::And(inner) => {
            inner.iter_mut().for_each(|inner| in_detection(inner, known))
        }
        Detection::Keywords(_) => {}
        Detection::ArrayMatch { body, .. } => in_detection(body, known),
        Detection::Conditional { named, .. } => named.values_mut().for_each(|inner| in_detection(inner, known)),
    }
}

fn in_item(item: &mut DetectionItem, known: &BTreeMap<String, Vec<String>>) {
    if !item.field.has_modifier(Modifier::Expand) {
        return;
    }
    item.field.modifiers.retain(|modifier| *modifier != Modifier::Expand);
    let mut values = Vec::new();
    for value in &item.values {
        match value {
            SigmaValue::String(text) => {
                let expanded = texts(&text.original, known);
                values.extend(
                    expanded
                        .into_iter()
                        .map(|text| SigmaValue::String(SigmaString::new(&text))),
                );
            }
            other => values.push(other.clone()),
        }
    }
    values.truncate(VALUES_MAX);
    item.values = values;
}

/// A text with each of its placeholders replaced by each of their values.
fn texts(text: &str, known: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut expanded = vec![text.to_owned()];
    for name in names(text) {
        let Some(values) = known.get(name).filter(|values| !values.is_empty()) else {
            return vec![format!("{NOTHING}{text}")];
        };
        let placeholder = format!("%{name}%");
        expanded = expanded
            .iter()
            .flat_map(|text| values.iter().map(|value| text.replacen(&placeholder, value, 1)))
            .take(VALUES_MAX)
            .collect();
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_placeholder_takes_each_of_its_values() {
        let known = BTreeMap::from([
            ("a".to_owned(), vec!["1".to_owned(), "2".to_owned()]),
            ("b".to_owned(), vec!["x".to_owned()]),
        ]);
        assert_eq!(texts("%a%-%b%", &known), ["1-x", "2-x"]);
        assert_eq!(texts("50% of %a%", &known), ["50% of 1", "50% of 2"]);
        assert_eq!(texts("%c%", &known), ["\u{1}%c%"]);
    }
}

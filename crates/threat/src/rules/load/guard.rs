//! What is refused before the Sigma library sees it: conditions nested so deeply that parsing them could exhaust the stack, and values that
//! multiply when they are compiled.

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaValue};
use yaml_serde::{Mapping, Value};

/// Bytes of a condition.
const CONDITION_BYTES_MAX: usize = 8 << 10;
/// Parentheses within parentheses of a condition.
const CONDITION_DEPTH_MAX: u32 = 24;
/// `not` in a row.
const NEGATIONS_MAX: u32 = 4;
/// Values that the `windash` modifier makes of those of one rule.
const DASH_VARIANTS_MAX: u64 = 20_000;

/// Whether the conditions of a document can be parsed without harm.
pub(super) fn conditions(document: &Mapping) -> Result<(), String> {
    for section in ["detection", "correlation", "filter"] {
        let Some(Value::Mapping(section)) = document.get(section) else {
            continue;
        };
        nested_conditions(section, 0)?;
    }
    Ok(())
}

fn nested_conditions(section: &Mapping, depth: u32) -> Result<(), String> {
    if depth > CONDITION_DEPTH_MAX {
        return Err(format!("more than {CONDITION_DEPTH_MAX} mappings within each other"));
    }
    for (key, value) in section {
        match value {
            Value::String(text) if key.as_str() == Some("condition") => condition(text)?,
            Value::Sequence(texts) if key.as_str() == Some("condition") => {
                texts.iter().filter_map(Value::as_str).try_for_each(condition)?;
            }
            Value::Mapping(inner) => nested_conditions(inner, depth + 1)?,
            _ => {}
        }
    }
    Ok(())
}

fn condition(text: &str) -> Result<(), String> {
    if text.len() > CONDITION_BYTES_MAX {
        return Err(format!("the condition has more than {CONDITION_BYTES_MAX} bytes"));
    }
    let (mut depth, mut negations) = (0_u32, 0_u32);
    for word in text.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
        match word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        negations = match word {
            "not" => negations + 1,
            "(" => negations,
            _ => 0,
        };
        if depth > CONDITION_DEPTH_MAX || negations > NEGATIONS_MAX {
            return Err(format!(
                "the condition nests more than {CONDITION_DEPTH_MAX} parentheses or {NEGATIONS_MAX} `not`"
            ));
        }
    }
    Ok(())
}

/// Whether the values of a rule stay few when they are compiled.
pub(super) fn values(rule: &SigmaRule) -> Result<(), String> {
    let mut variants = 0_u64;
    for detection in rule.detection.named.values() {
        each_item(detection, &mut |item| {
            if !item.field.has_modifier(Modifier::WindAsh) {
                return;
            }
            for value in &item.values {
                if let SigmaValue::String(text) = value {
                    let dashes = text.original.matches('-').count();
                    let made = u32::try_from(dashes).ok().and_then(|dashes| 5_u64.checked_pow(dashes));
                    variants = variants.saturating_add(made.unwrap_or(u64::MAX));
                }
            }
        });
    }
    if variants > DASH_VARIANTS_MAX {
        return Err(format!(
            "`windash` would make {variants} values, more than {DASH_VARIANTS_MAX}"
        ));
    }
    Ok(())
}

/// Calls `with` for each item of a detection, those within others included.
pub(crate) fn each_item(detection: &Detection, with: &mut dyn FnMut(&DetectionItem)) {
    match detection {
        Detection::AllOf(items) => items.iter().for_each(with),
        Detection::AnyOf(inner) | Detection::And(inner) => inner.iter().for_each(|inner| each_item(inner, with)),
        Detection::Keywords(_) => {}
        Detection::ArrayMatch { body, .. } => each_item(body, with),
        Detection::Conditional { named, .. } => named.values().for_each(|inner| each_item(inner, with)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_could_exhaust_the_stack_are_refused() {
        for bad in [
            "(".repeat(25),
            "not ".repeat(5) + "a",
            "not (".repeat(5) + "a",
            "a or ".repeat(3000),
        ] {
            assert!(condition(&bad).is_err(), "{}", &bad[..10]);
        }
        for good in ["a and not (b or not (c and 1 of d*))", &"(a) or ".repeat(60)] {
            assert!(condition(good).is_ok());
        }
    }
}

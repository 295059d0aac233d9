//! Detections in which the Sigma library of this version sees something else than the specification, in words in which it sees the same.
//!
//! * `'|all'` without a field: it compares whole texts, where each value is to be looked for in all texts.
//! * Keywords that are numbers: it compares whole values, where they are to be found within texts.
//! * `base64offset`: the last character of its patterns depends on what follows the value, so it only finds values at the end of what was
//!   encoded.
//! * Wildcards: `wildcards` says how.

use std::collections::HashMap;

use rsigma_parser::{Detection, DetectionItem, FieldSpec, Modifier, SigmaString, SigmaValue};

use super::wildcards;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Rewrites all detections of a rule.
pub(super) fn rewrite(named: &mut HashMap<String, Detection>) {
    for detection in named.values_mut() {
        in_detection(detection, false);
    }
}

fn in_detection(detection: &mut Detection, in_list: bool) {
    match detection {
        Detection::AllOf(items) => {
            let mut kept = Vec::new();
            let mut parts = Vec::new();
            for item in std::mem::take(items) {
                match rewritten(item, in_list) {
                    Ok(part) => parts.push(part),
                    Err(item) => kept.push(item),
                }
            }
            if parts.is_empty() {
                *items = kept;
                return;
            }
            if !kept.is_empty() {
                parts.insert(0, Detection::AllOf(kept));
            }
            *detection = Detection::And(parts);
        }
        Detection::AnyOf(inner) | Detection::And(inner) => {
            inner.iter_mut().for_each(|inner| in_detection(inner, in_list))
        }
        Detection::Keywords(values) => values.iter_mut().for_each(|value| *value = as_text(value)),
        // Without a field, a member of the list itself is meant.
        Detection::ArrayMatch { body, .. } => in_detection(body, true),
        Detection::Conditional { named, .. } => named.values_mut().for_each(|inner| in_detection(inner, in_list)),
    }
}

/// A keyword as the text that is looked for.
fn as_text(value: &SigmaValue) -> SigmaValue {
    match value {
        SigmaValue::Integer(_) | SigmaValue::Float(_) | SigmaValue::Bool(_) => {
            SigmaValue::String(SigmaString::new(&value.to_string()))
        }
        other => other.clone(),
    }
}

/// An item in other words, or the item itself if it is understood.
fn rewritten(item: DetectionItem, in_list: bool) -> Result<Detection, DetectionItem> {
    let all = item.field.has_modifier(Modifier::All);
    let plain = item
        .field
        .modifiers
        .iter()
        .all(|modifier| matches!(modifier, Modifier::All | Modifier::Contains));
    if item.field.name.is_none() && !in_list && plain {
        let keywords = item.values.into_iter();
        return Ok(if all {
            Detection::And(
                keywords
                    .map(|value| Detection::Keywords(vec![as_text(&value)]))
                    .collect(),
            )
        } else {
            Detection::Keywords(keywords.map(|value| as_text(&value)).collect())
        });
    }
    if !item.field.has_modifier(Modifier::Base64Offset) || item.field.has_modifier(Modifier::Base64) {
        return wildcards::spelled_out(item);
    }
    let modifiers = &item.field.modifiers;
    let encoded: Vec<Vec<SigmaValue>> = item
        .values
        .iter()
        .filter_map(|value| patterns(value, modifiers))
        .collect();
    if encoded.is_empty() || encoded.len() != item.values.len() {
        return Err(item);
    }
    let left = modifiers.iter().copied().filter(|modifier| {
        !matches!(
            modifier,
            Modifier::Base64Offset | Modifier::Wide | Modifier::Utf16 | Modifier::Utf16be | Modifier::All
        )
    });
    let field = FieldSpec::new(item.field.name.clone(), left.collect());
    let one = |values: Vec<SigmaValue>| {
        let field = field.clone();
        Detection::AllOf(vec![DetectionItem { field, values }])
    };
    Ok(if all {
        Detection::And(encoded.into_iter().map(one).collect())
    } else {
        one(encoded.into_iter().flatten().collect())
    })
}

/// What a value looks like within an encoded text, behind a number of bytes that leaves the rest 0, 1 and 2 when divided by 3.
fn patterns(value: &SigmaValue, modifiers: &[Modifier]) -> Option<Vec<SigmaValue>> {
    let text = match value {
        SigmaValue::String(text) => text.as_plain().unwrap_or_else(|| text.original.clone()),
        SigmaValue::Integer(number) => number.to_string(),
        _ => return None,
    };
    let bytes: Vec<u8> = if modifiers.contains(&Modifier::Wide) {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    } else if modifiers.contains(&Modifier::Utf16be) {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    } else if modifiers.contains(&Modifier::Utf16) {
        [0xff, 0xfe]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect()
    } else {
        text.into_bytes()
    };
    let patterns = (0..3)
        .map(|before| encoded(&bytes, before))
        .filter(|pattern| !pattern.is_empty());
    Some(
        patterns
            .map(|pattern| SigmaValue::String(SigmaString::new(&pattern)))
            .collect(),
    )
}

/// The characters of base64 that depend on `bytes` alone, if so many bytes stand before them.
fn encoded(bytes: &[u8], before: usize) -> String {
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    // Characters have six bits: those that begin in the bytes before are left out.
    let skipped = (before * 8).next_multiple_of(6) - before * 8;
    let bits: Vec<u8> = bits.skip(skipped).collect();
    let characters = bits
        .chunks_exact(6)
        .map(|bits| bits.iter().fold(0_usize, |number, bit| number << 1 | usize::from(*bit)));
    characters
        .filter_map(|number| ALPHABET.get(number))
        .map(|character| char::from(*character))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_base64_hold_only_what_depends_on_the_value() {
        // Of `foobar`, `xfoobar` and `xxfoobar`, each with more behind it: Zm9vYmFyeHh4, eGZvb2Jhcnh4, eHhmb29iYXJ4.
        assert_eq!(encoded(b"foobar", 0), "Zm9vYmFy");
        assert_eq!(encoded(b"foobar", 1), "Zvb2Jhc");
        assert_eq!(encoded(b"foobar", 2), "mb29iYX");
        assert_eq!(encoded(b"", 1), "");
    }
}

//! Wildcards as regular expressions, where the Sigma library of this version sees something else than the specification.
//!
//! It takes the beginning for the end and the end for the beginning where a value of `startswith` or `endswith` has a wildcard, and none of
//! its wildcards stands for the end of a line, so that `begin*end` isn't found in a script of several lines.

use rsigma_parser::{Detection, DetectionItem, FieldSpec, Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};

/// An item whose values with wildcards are expressions, or the item itself if it has none.
pub(super) fn spelled_out(mut item: DetectionItem) -> Result<Detection, DetectionItem> {
    let is_known = |modifier: &Modifier| {
        matches!(
            modifier,
            Modifier::All | Modifier::Cased | Modifier::Contains | Modifier::StartsWith | Modifier::EndsWith
        )
    };
    if !item.field.modifiers.iter().all(is_known) || !item.values.iter().any(has_wildcards) {
        return Err(item);
    }
    let (wild, plain): (Vec<_>, Vec<_>) = std::mem::take(&mut item.values).into_iter().partition(has_wildcards);
    let has = |modifier| item.field.has_modifier(modifier);
    let mut modifiers = vec![Modifier::Re, Modifier::DotAll];
    if !has(Modifier::Cased) {
        modifiers.push(Modifier::IgnoreCase);
    }
    let from_start = !has(Modifier::Contains) && !has(Modifier::EndsWith);
    let to_end = !has(Modifier::Contains) && !has(Modifier::StartsWith);
    let all = has(Modifier::All);
    let field = FieldSpec::new(item.field.name.clone(), modifiers);
    let mut parts: Vec<Detection> = wild
        .iter()
        .filter_map(|value| expression(value, from_start, to_end))
        .map(|value| of(field.clone(), vec![value]))
        .collect();
    // Plain values stay as they are, each on its own: `all` of a single value would be refused.
    item.field.modifiers.retain(|modifier| *modifier != Modifier::All);
    if all {
        parts.extend(plain.into_iter().map(|value| of(item.field.clone(), vec![value])));
        return Ok(Detection::And(parts));
    }
    if !plain.is_empty() {
        parts.push(of(item.field, plain));
    }
    Ok(Detection::AnyOf(parts))
}

fn of(field: FieldSpec, values: Vec<SigmaValue>) -> Detection {
    Detection::AllOf(vec![DetectionItem { field, values }])
}

fn has_wildcards(value: &SigmaValue) -> bool {
    matches!(value, SigmaValue::String(text) if !text.is_plain())
}

fn expression(value: &SigmaValue, from_start: bool, to_end: bool) -> Option<SigmaValue> {
    let SigmaValue::String(text) = value else {
        return None;
    };
    let any = StringPart::Special(SpecialChar::WildcardMulti);
    // Any text before or behind is what an expression that isn't tied to an end means anyway, and is found faster without it.
    let mut parts = text.parts.as_slice();
    let (mut from_start, mut to_end) = (from_start, to_end);
    while let Some((_, rest)) = parts.split_first().filter(|(first, _)| **first == any) {
        (parts, from_start) = (rest, false);
    }
    to_end &= !parts.is_empty();
    while let Some((_, rest)) = parts.split_last().filter(|(last, _)| **last == any) {
        (parts, to_end) = (rest, false);
    }
    let mut pattern = String::new();
    pattern.push_str(if from_start { "^" } else { "" });
    for part in parts {
        match part {
            StringPart::Plain(text) => escape(text, &mut pattern),
            StringPart::Special(SpecialChar::WildcardMulti) => pattern.push_str(".*"),
            StringPart::Special(SpecialChar::WildcardSingle) => pattern.push('.'),
        }
    }
    pattern.push_str(if to_end { "$" } else { "" });
    Some(SigmaValue::String(SigmaString::from_raw(&pattern)))
}

/// The text as an expression that is nothing but this text.
fn escape(text: &str, pattern: &mut String) {
    for character in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, from_start: bool, to_end: bool) -> String {
        let value = SigmaValue::String(SigmaString::new(text));
        match expression(&value, from_start, to_end) {
            Some(SigmaValue::String(text)) => text.original,
            _ => String::new(),
        }
    }

    #[test]
    fn expressions_are_tied_to_the_ends_that_are_meant() {
        assert_eq!(pattern("a*b?", true, true), "^a.*b.$");
        assert_eq!(pattern(r"*\a.*", true, true), r"\\a\.");
        assert_eq!(pattern("8??", false, true), "8..$");
        assert_eq!(pattern("**", true, true), "");
    }
}

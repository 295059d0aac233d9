//! What a rule found, as a sentence.

use std::fmt::Write as _;

use rsigma_parser::CorrelationType;

use crate::rules::correlation::{Correlation, Fired};
use crate::rules::rule::Rule;

/// Fields that a sentence names.
const FIELDS_MAX: usize = 3;
/// Characters of a value in a sentence.
const VALUE_MAX: usize = 80;

pub(super) fn of_hit(rule: &Rule, matched: &[(Box<str>, Box<str>)]) -> String {
    let mut words = rule.title.to_string();
    pairs(&mut words, ": ", matched);
    words.push('.');
    words
}

pub(super) fn of_correlation(rule: &Rule, correlation: &Correlation, fired: &Fired) -> String {
    let mut words = format!("{}: ", rule.title);
    let value = number(fired.value);
    // Writing to a string doesn't fail.
    let _ = match correlation.kind {
        CorrelationType::EventCount => write!(words, "{} events", fired.count),
        CorrelationType::ValueCount => write!(words, "{value} different values of {}", field(correlation)),
        CorrelationType::Temporal => write!(words, "{value} of {} rules hit", correlation.sources.len()),
        CorrelationType::TemporalOrdered => write!(words, "{value} rules hit in this order"),
        CorrelationType::ValueSum => write!(words, "{} adds up to {value}", field(correlation)),
        CorrelationType::ValueAvg => write!(words, "{} is {value} on average", field(correlation)),
        CorrelationType::ValuePercentile => write!(
            words,
            "percentile {} of {} is {value}",
            correlation.percentile,
            field(correlation)
        ),
        CorrelationType::ValueMedian => write!(words, "the median of {} is {value}", field(correlation)),
    };
    let _ = write!(words, " within {}", span(correlation.window));
    pairs(&mut words, ", where ", &fired.group);
    words.push('.');
    words
}

fn field(correlation: &Correlation) -> String {
    let names: Vec<&str> = correlation.fields.iter().map(|key| &*key.name).collect();
    names.join(" and ")
}

fn number(number: f64) -> String {
    let text = format!("{number:.2}");
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

/// A span of microseconds: `15 minutes`.
fn span(microseconds: i64) -> String {
    let seconds = microseconds / 1_000_000;
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let unit = units
        .into_iter()
        .find(|(unit, _)| seconds >= *unit && seconds % unit == 0);
    let (unit, name) = unit.unwrap_or((1, "second"));
    let count = seconds / unit;
    if count == 1 {
        format!("1 {name}")
    } else {
        format!("{count} {name}s")
    }
}

fn pairs(words: &mut String, before: &str, pairs: &[(Box<str>, Box<str>)]) {
    for (at, (field, value)) in pairs.iter().take(FIELDS_MAX).enumerate() {
        words.push_str(if at == 0 { before } else { ", " });
        // A line of its own would pass for ours.
        let printable = |character: char| if character.is_control() { '\u{fffd}' } else { character };
        let short: String = value.chars().take(VALUE_MAX).map(printable).collect();
        let _ = write!(words, "{field} is `{short}`");
        if value.chars().nth(VALUE_MAX).is_some() {
            words.push_str("...");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_begins_no_line_and_commands_no_terminal() {
        let mut words = String::new();
        pairs(&mut words, ": ", &[("Image".into(), "a\u{1b}[2J\nNext: rest".into())]);
        assert_eq!(words, ": Image is `a\u{fffd}[2J\u{fffd}Next: rest`");
    }
}

//! Why a rule did or didn't match an event, field by field.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use rsigma_eval::{ConditionTrace, DetectionTrace, ItemTrace, MatchReason, MatcherKind, compile_rule, explain_rule};
use serde::Serialize;

use super::expand;
use super::fields::Fields;
use super::rule::{Body, Rule};
use crate::event::Event;

/// Lines of an explanation.
const LINES_MAX: usize = 2_000;
/// Characters of a value that are shown.
const VALUE_MAX: usize = 160;

/// Why a rule did or didn't match an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether it matched.
    pub matched: bool,
    /// The reasons, each with those that it stands on behind it.
    pub lines: Vec<Line>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How many reasons it stands under.
    pub depth: usize,
    /// Whether what it speaks of is so.
    pub holds: bool,
    /// What it says.
    pub words: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let mark = if line.holds { '+' } else { '-' };
            writeln!(
                formatter,
                "{:indent$}{mark} {}",
                "",
                line.words,
                indent = line.depth * 2
            )?;
        }
        Ok(())
    }
}

/// Why a rule matches an event, or doesn't. Placeholders stand for what `placeholders` says.
#[must_use]
pub fn explain(rule: &Rule, event: &Event, placeholders: &BTreeMap<String, Vec<String>>) -> Explanation {
    let mut telling = Telling::default();
    let source = event.logsource;
    let fits = rule.logsource.fits(&source);
    let words = format!(
        "the rule is for {}, the event is of {}",
        rule.logsource.in_words(),
        source.in_words()
    );
    telling.say(0, fits, words);
    let matched = match &rule.body {
        Body::Correlation(together) => {
            let words = format!("it is about several events: of {}", together.parsed.rules.join(", "));
            telling.say(0, false, words);
            false
        }
        Body::Detection(detection) => match compile_rule(&expand::expand(&detection.parsed, placeholders)) {
            Ok(compiled) => {
                let trace = explain_rule(&compiled, &Fields::of(event));
                for condition in &trace.conditions {
                    telling.condition(condition, 0);
                }
                trace.matched
            }
            Err(error) => {
                telling.say(
                    0,
                    false,
                    format!("it can't be evaluated with its placeholders: {error}"),
                );
                false
            }
        },
    };
    Explanation {
        matched: matched && fits,
        lines: telling.lines,
    }
}

#[derive(Default)]
struct Telling {
    lines: Vec<Line>,
}

impl Telling {
    fn say(&mut self, depth: usize, holds: bool, words: String) {
        if self.lines.len() < LINES_MAX {
            let words = words.chars().filter(|character| !character.is_control()).collect();
            self.lines.push(Line { depth, holds, words });
        }
    }

    fn condition(&mut self, trace: &ConditionTrace, depth: usize) {
        match trace {
            ConditionTrace::Selection {
                name,
                matched,
                detection,
            } => {
                self.say(depth, *matched, format!("`{name}`"));
                self.detection(detection, depth + 1);
            }
            ConditionTrace::And { matched, children } => {
                self.say(depth, *matched, "all of".to_owned());
                children.iter().for_each(|child| self.condition(child, depth + 1));
            }
            ConditionTrace::Or { matched, children } => {
                self.say(depth, *matched, "one of".to_owned());
                children.iter().for_each(|child| self.condition(child, depth + 1));
            }
            ConditionTrace::Not { matched, child } => {
                self.say(depth, *matched, "not".to_owned());
                self.condition(child, depth + 1);
            }
            ConditionTrace::Quantified {
                matched,
                need,
                got,
                branches,
                ..
            } => {
                self.say(
                    depth,
                    *matched,
                    format!("{got} of the {need} that are needed of {} detections", branches.len()),
                );
                for branch in branches {
                    self.say(depth + 1, branch.matched, format!("`{}`", branch.name));
                    self.detection(&branch.detection, depth + 2);
                }
            }
        }
    }

    fn detection(&mut self, trace: &DetectionTrace, depth: usize) {
        match trace {
            DetectionTrace::AllOf { items, .. } => items.iter().for_each(|item| self.item(item, depth)),
            DetectionTrace::AnyOf { matched, branches } => {
                self.say(depth, *matched, "one of".to_owned());
                branches.iter().for_each(|branch| self.detection(branch, depth + 1));
            }
            DetectionTrace::And { matched, branches } => {
                self.say(depth, *matched, "all of".to_owned());
                branches.iter().for_each(|branch| self.detection(branch, depth + 1));
            }
            DetectionTrace::Keywords { item, .. } => self.item(item, depth),
            DetectionTrace::ArrayMatch {
                field,
                quantifier,
                matched,
                member_count,
                matched_count,
                members,
                ..
            } => {
                let words = format!("{matched_count} of {member_count} members of `{field}`, wanted: {quantifier}");
                self.say(depth, *matched, words);
                members
                    .iter()
                    .for_each(|member| self.detection(&member.detection, depth + 1));
            }
            DetectionTrace::Conditional { condition, .. } => self.condition(condition, depth),
            DetectionTrace::Other { kind, matched } => self.say(depth, *matched, kind.clone()),
        }
    }

    fn item(&mut self, item: &ItemTrace, depth: usize) {
        let wanted = wanted(item);
        let words = match (&item.field, item.reason) {
            (None, MatchReason::Matched) => format!("a text of the event {wanted}"),
            (None, _) => format!("no text of the event {wanted}"),
            (Some(field), MatchReason::FieldAbsent) => format!("the event has no `{field}`, which {wanted}"),
            (Some(field), reason) => {
                let mut words = match &item.actual {
                    Some(actual) => format!("`{field}` is `{}`", short(actual)),
                    None => format!("the event has no `{field}`"),
                };
                // Writing to a string doesn't fail.
                let _ = match reason {
                    MatchReason::Matched => write!(words, "; it {wanted}"),
                    MatchReason::CaseMismatch => write!(words, "; but for its capitals it {wanted}"),
                    _ => write!(words, "; wanted: it {wanted}"),
                };
                words
            }
        };
        self.say(depth, item.matched, words);
    }
}

/// What a matcher asks for, as the end of a sentence.
fn wanted(item: &ItemTrace) -> String {
    let pattern = item.pattern.as_deref().unwrap_or("a value of the rule");
    let pattern: String = pattern.chars().take(VALUE_MAX).collect();
    match item.matcher {
        MatcherKind::Exact | MatcherKind::Bool => format!("is to be `{pattern}`"),
        MatcherKind::Contains => format!("is to contain `{pattern}`"),
        MatcherKind::StartsWith => format!("is to begin with `{pattern}`"),
        MatcherKind::EndsWith => format!("is to end with `{pattern}`"),
        MatcherKind::Regex => format!("is to match the expression `{pattern}`"),
        MatcherKind::OneOf => format!("is to be like one of `{pattern}`"),
        MatcherKind::Cidr => format!("is to be an address of `{pattern}`"),
        MatcherKind::Numeric => format!("is to be a number {pattern}"),
        MatcherKind::Exists => format!("is to be there or not: `{pattern}`"),
        MatcherKind::FieldRef => format!("is to be compared with the field `{pattern}`"),
        MatcherKind::Null => "is to say nothing".to_owned(),
        MatcherKind::Expand => format!("is to be what the placeholder `{pattern}` stands for"),
        MatcherKind::Timestamp => format!("is to be a time with `{pattern}`"),
        MatcherKind::Keyword => format!("is to have `{pattern}`"),
    }
}

fn short(value: &serde_json::Value) -> String {
    let whole = match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    whole.chars().take(VALUE_MAX).collect()
}

//! What is wrong with a rule, in which line, and what to do: for those who write rules.

use std::collections::{BTreeMap, HashSet};

use rsigma_parser::{ConditionExpr, LintRule, Severity as LintSeverity, lint_yaml_str};
use serde::Serialize;

use super::coverage::hindered;
use super::load::{Refused, documents, load};
use super::rule::{Body, Detection, Rule};

/// Diagnostics of one text.
const DIAGNOSTICS_MAX: usize = 500;

/// Something about a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: u32,
    /// Whether the rule works all the same.
    pub severity: Severity,
    /// What is wrong, as a fragment.
    pub reason: String,
    /// What to do; empty if the reason says it.
    pub hint: String,
}

/// How bad something about a rule is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The rule isn't loaded.
    Error,
    /// The rule may not do what was meant.
    Warning,
    /// The rule works; others will find it harder to use.
    Advice,
}

/// All that is wrong with the rules of a text, the worst first, then in the order of lines. Empty if nothing is.
#[must_use]
pub fn check(file: &str, text: &str) -> Vec<Diagnostic> {
    let loaded = load([(file, text)]);
    let said = |severity: Severity| {
        move |refused: &Refused| Diagnostic {
            line: refused.line,
            severity,
            reason: refused.reason.clone(),
            hint: refused.hint.clone(),
        }
    };
    let mut found: Vec<Diagnostic> = loaded.refused.iter().map(said(Severity::Error)).collect();
    found.extend(loaded.remarks.iter().map(said(Severity::Warning)));
    for rule in &loaded.rules {
        if let Body::Detection(detection) = &rule.body {
            found.extend(of_detection(rule, detection, text));
        }
    }
    let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1);
    let known: HashSet<u32> = found.iter().map(|diagnostic| diagnostic.line).collect();
    for document in documents::read(text).into_iter().flatten() {
        // Of a document that is made of several, lines can't be told.
        let whole = if document.merged {
            yaml_serde::to_string(&document.value).ok()
        } else {
            None
        };
        for warning in lint_yaml_str(whole.as_deref().unwrap_or(&document.text)) {
            // Version 2.1 allows it: everything is one group then.
            if warning.rule == LintRule::MissingGroupBy {
                continue;
            }
            let severity = match warning.severity {
                LintSeverity::Error | LintSeverity::Warning => Severity::Warning,
                _ => Severity::Advice,
            };
            let offset = warning
                .span
                .filter(|_| whole.is_none())
                .map_or(0, |span| span.start_line);
            let line = document.line.saturating_add(offset);
            // What keeps the rule from loading was said already, with more words.
            if severity == Severity::Advice || !known.contains(&line) {
                found.push(Diagnostic {
                    line: line.min(last),
                    severity,
                    reason: warning.message,
                    hint: warning.fix.map(|fix| fix.title).unwrap_or_default(),
                });
            }
        }
    }
    found.truncate(DIAGNOSTICS_MAX);
    found.sort_by(|a, b| (a.severity, a.line, &a.reason).cmp(&(b.severity, b.line, &b.reason)));
    found.dedup();
    found
}

/// What is odd about a rule that was loaded.
fn of_detection(rule: &Rule, detection: &Detection, text: &str) -> Vec<Diagnostic> {
    let detections = &detection.parsed.detection;
    let mut unused: Vec<&String> = detections.named.keys().collect();
    unused
        .retain(|name| !name.starts_with('_') && !detections.conditions.iter().any(|condition| uses(condition, name)));
    unused.sort();
    let behind = |name: &str| {
        let lines = (1_u32..)
            .zip(text.lines())
            .skip_while(|(number, _)| *number < rule.line);
        let mut here = lines.filter(|(_, line)| {
            line.trim_start()
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(':'))
        });
        here.next().map_or(rule.line, |(number, _)| number)
    };
    let mut found: Vec<Diagnostic> = unused
        .into_iter()
        .map(|name| Diagnostic {
            line: behind(name),
            severity: Severity::Warning,
            reason: format!("the condition doesn't use `{name}`"),
            hint: "use it in the condition, or remove it".to_owned(),
        })
        .collect();
    if let Some(reason) = hindered(detection, &BTreeMap::new()) {
        found.push(Diagnostic {
            line: behind("detection"),
            severity: Severity::Warning,
            reason: format!("it can't fire: {reason}"),
            hint: "write what logs really say, or give the placeholder its values in the configuration".to_owned(),
        });
    }
    found
}

/// Whether a condition has to do with a detection.
fn uses(condition: &ConditionExpr, name: &str) -> bool {
    match condition {
        ConditionExpr::And(inner) | ConditionExpr::Or(inner) => inner.iter().any(|inner| uses(inner, name)),
        ConditionExpr::Not(inner) => uses(inner, name),
        ConditionExpr::Identifier(used) => used == name,
        ConditionExpr::Selector { pattern, .. } => pattern.matches_detection_name(name),
    }
}

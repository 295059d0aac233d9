//! Why a document wasn't loaded, in which line, and what to do.

use std::sync::Arc;

use serde::Serialize;
use yaml_serde::Value;

use super::documents::{Broken, Document};
use crate::rules::rule::Rule;

/// Characters of a reason that are kept.
const REASON_MAX: usize = 400;

/// A document that wasn't loaded, or that is odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The text that it is in.
    pub file: Arc<str>,
    /// The line of what is wrong, as far as it can be told, else of the document's beginning; from 1.
    pub line: u32,
    /// What the rule finds, if it says.
    pub title: Option<Box<str>>,
    /// Its identifier, if it has one.
    pub id: Option<Box<str>>,
    /// What is wrong, as a fragment.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// A document while it is loaded.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) file: Arc<str>,
    pub(super) line: u32,
    title: Option<Box<str>>,
    id: Option<Box<str>>,
    /// For finding lines.
    text: Arc<str>,
}

impl Source {
    pub(super) fn of(file: &Arc<str>, document: &Document) -> Self {
        let said = |key: &str| document.value.get(key).and_then(Value::as_str).map(Into::into);
        Self {
            file: file.clone(),
            line: document.line,
            title: said("title"),
            id: said("id"),
            text: document.text.as_str().into(),
        }
    }

    pub(super) fn broken(file: &Arc<str>, broken: &Broken) -> Self {
        Self {
            file: file.clone(),
            line: broken.line,
            title: None,
            id: None,
            text: "".into(),
        }
    }

    pub(super) fn of_rule(rule: &Rule) -> Self {
        Self {
            file: rule.file.clone(),
            line: rule.line,
            title: Some((&*rule.title).into()),
            id: Some((&*rule.id).into()),
            text: "".into(),
        }
    }

    /// The identifier of its rule, or one made of its place.
    pub(super) fn identifier(&self, given: Option<&str>) -> Arc<str> {
        match given.map(str::trim) {
            Some(given) if !given.is_empty() => given.into(),
            _ => format!("{}#{}", self.file, self.line).into(),
        }
    }

    pub(super) fn refused(self, reason: String, hint: String) -> Refused {
        let line = self.line.saturating_add(offset(&self.text, &reason));
        Refused {
            file: self.file,
            line,
            title: self.title,
            id: self.id,
            reason: reason
                .chars()
                .filter(|character| *character != '\u{1}')
                .take(REASON_MAX)
                .collect(),
            hint,
        }
    }
}

/// How many lines behind the document's first the trouble is: where the first thing that the reason quotes stands, or the condition that it
/// speaks of.
fn offset(text: &str, reason: &str) -> u32 {
    let line_of = |part: &str| text.lines().position(|line| line.contains(part));
    let quoted = |mark: char| {
        reason
            .split(mark)
            .skip(1)
            .step_by(2)
            .filter(|part| part.len() > 1)
            .find_map(line_of)
    };
    let last = reason
        .rsplit(": ")
        .next()
        .filter(|word| !word.contains(' ') && *word != reason);
    let key = || {
        let lower = reason.to_lowercase();
        [
            "condition",
            "timespan",
            "timeframe",
            "correlation",
            "detection",
            "logsource",
            "filter",
        ]
        .into_iter()
        .filter(|key| lower.contains(key))
        .find_map(|key| line_of(&format!("{key}:")))
    };
    let found = quoted('`')
        .or_else(|| quoted('\''))
        .or_else(|| quoted('"'))
        .or_else(|| last.and_then(line_of))
        .or_else(key);
    found.and_then(|found| u32::try_from(found).ok()).unwrap_or(0)
}

/// Parts of reasons, in lower case, with what to do; the first that is found counts.
const HINTS: &[(&str, &str)] = &[
    ("its identifier", "remove one of the two, or give one a new identifier"),
    (
        "unknown modifier",
        "check the spelling: modifiers are `contains`, `startswith`, `endswith`, `all`, `re`, `cidr`, `base64offset`, ...",
    ),
    (
        "not a value modifier",
        "write the opposite as a detection of its own, and `and not` it in the condition",
    ),
    ("conflicting modifiers", "keep one of the modifiers, or write two lines"),
    ("modifier", "see docs/sigma.md for what modifiers take"),
    ("missing required field 'title'", "add `title:`"),
    (
        "missing required field 'detection'",
        "add `detection:` with a selection and a `condition:`",
    ),
    (
        "missing required field 'condition'",
        "add `condition: selection` under `detection:`",
    ),
    ("missing required field", "add it"),
    ("unknown detection", "name a detection that stands under `detection:`"),
    ("unknown identifier", "name a detection that stands under `detection:`"),
    (
        "condition",
        "combine names of detections with `and`, `or`, `not`, `1 of`, `all of`; what counts events is a correlation",
    ),
    (
        "regex",
        "Rust's regular expressions have no look-around and no back references: rewrite it without",
    ),
    ("cidr", "write a network as `10.0.0.0/8`"),
    (
        "timespan",
        "write it as a number and one of `s`, `m`, `h`, `d`, `w`, `M`",
    ),
    (
        "timeframe",
        "add `timespan:`, a number and one of `s`, `m`, `h`, `d`, `w`, `M`",
    ),
    ("correlation", "see docs/sigma.md for what correlations are made of"),
    (
        "level",
        "levels are `informational`, `low`, `medium`, `high` and `critical`",
    ),
    (
        "status",
        "statuses are `stable`, `test`, `experimental`, `deprecated` and `unsupported`",
    ),
    ("windash", "write fewer dashes in the value, or list the spellings"),
    ("placeholder", "give the placeholder its values in the configuration"),
];

/// What to do about a reason.
pub(super) fn hint(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    HINTS
        .iter()
        .find(|(part, _)| reason.contains(part))
        .map_or("compare it with the Sigma specification", |(_, hint)| hint)
}

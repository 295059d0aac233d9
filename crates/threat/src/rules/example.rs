//! Examples beside a rule: raw records on which it must fire, and those on which it must not.
//!
//! ```yaml
//! rule: 7d3b2c1a-...            # the rule under test; an example can name another by `rule:`
//! examples:
//!   - says: An agent resets the password of an administrator
//!     fires: true               # at least once; false: never; a number: exactly that often
//!     records:                  # in the order in which they come in
//!       - line: "<14>1 {received} esx01 Hostd - - - ..."
//!         repeat: 3             # `{received}` and `{n}` are replaced in each repetition
//!         every: 2s
//!       - document: {eventType: user.session.start, published: "2026-03-02T09:00:00Z"}
//! ```
//!
//! Records go through the normaliser like those of a log, so an example also shows that the rule's fields are filled from real lines.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::engine::Engine;
use crate::alert::{Alert, Finder};
use crate::event::Origin;
use crate::input::{Body, Record};
use crate::normalise::normalise;

/// Bytes of a file of examples that are read at most.
const BYTES_MAX: usize = 4 << 20;
/// Records of one example at most, repetitions included.
const RECORDS_MAX: u32 = 20_000;
/// When the first record of an example came in if it doesn't say: 2026-01-05 12:00 UTC, a Monday.
const RECEIVED: i64 = 1_767_614_400;

/// The examples of a rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// The identifier of the rule under test.
    rule: Option<String>,
    examples: Vec<Example>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    says: String,
    fires: Fires,
    rule: Option<String>,
    #[serde(default, deserialize_with = "from_text")]
    received: Option<Timestamp>,
    records: Vec<Raw>,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    never: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Fires {
    Whether(bool),
    Times(u64),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    line: Option<String>,
    document: Option<Value>,
    #[serde(default, deserialize_with = "from_text")]
    received: Option<Timestamp>,
    origin: Option<String>,
    #[serde(default = "once")]
    repeat: u32,
    #[serde(default, deserialize_with = "from_text")]
    every: Option<SignedDuration>,
}

const fn once() -> u32 {
    1
}

/// A time or span as `jiff` reads them.
fn from_text<'de, D: Deserializer<'de>, T: std::str::FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = text
        .parse()
        .map_err(|_| serde::de::Error::custom(format!("`{text}` isn't a time or span")))?;
    Ok(Some(read))
}

/// Why a file of examples can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {reason}")]
pub struct BadExamples {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, as a fragment.
    pub reason: String,
}

/// An example that doesn't hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the example says.
    pub says: String,
    /// What happened instead.
    pub reason: String,
}

impl Examples {
    /// How many examples there are: those on which a rule must fire, and those on which it must not.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let fires = |example: &&Example| !matches!(example.fires, Fires::Whether(false) | Fires::Times(0));
        let positive = self.examples.iter().filter(fires).count();
        (positive, self.examples.len() - positive)
    }

    /// Identifiers of the rules under test, each once.
    #[must_use]
    pub fn rules(&self) -> Vec<&str> {
        let named = self
            .examples
            .iter()
            .filter_map(|example| example.rule.as_deref().or(self.rule.as_deref()));
        let mut rules: Vec<&str> = named.collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

/// Reads a file of examples.
///
/// # Errors
///
/// [`BadExamples`] if the text isn't of this form, names no rule or has too many records.
pub fn parse(file: &str, text: &str) -> Result<Examples, BadExamples> {
    let bad = |line: usize, reason: String| BadExamples {
        file: file.to_owned(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        reason,
    };
    if text.len() > BYTES_MAX {
        return Err(bad(1, format!("more than {BYTES_MAX} bytes")));
    }
    let examples: Examples = yaml_serde::from_str(text)
        .map_err(|error| bad(error.location().map_or(1, |place| place.line()), error.to_string()))?;
    let line_of = |says: &str| text.lines().position(|line| line.contains(says)).map_or(1, |at| at + 1);
    for example in &examples.examples {
        let wrong = if example.rule.is_none() && examples.rule.is_none() {
            Some("it doesn't say which `rule` it is an example of")
        } else if example.records.is_empty() {
            Some("it has no records")
        } else if example
            .records
            .iter()
            .any(|raw| raw.line.is_some() == raw.document.is_some())
        {
            Some("a record is either a `line` or a `document`")
        } else if example.records.iter().map(|raw| u64::from(raw.repeat)).sum::<u64>() > u64::from(RECORDS_MAX) {
            Some("it has too many records")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            return Err(bad(line_of(&example.says), format!("`{}`: {wrong}", example.says)));
        }
    }
    Ok(examples)
}

/// Tries all examples, each on an engine that remembers nothing. Returns those that don't hold.
pub fn run(examples: &Examples, engine: &mut Engine) -> Vec<Failure> {
    let mut failures = Vec::new();
    for example in &examples.examples {
        let rule = example.rule.as_deref().or(examples.rule.as_deref()).unwrap_or_default();
        if let Err(reason) = one(example, rule, engine) {
            failures.push(Failure {
                says: example.says.clone(),
                reason,
            });
        }
    }
    engine.forget();
    failures
}

fn one(example: &Example, rule: &str, engine: &mut Engine) -> Result<(), String> {
    engine.forget();
    for named in [rule]
        .into_iter()
        .chain(example.also.iter().chain(&example.never).map(String::as_str))
    {
        if engine.rule(named).is_none() {
            return Err(format!("no rule `{named}` is loaded"));
        }
    }
    let mut found = Vec::new();
    let mut received = example
        .received
        .unwrap_or(Timestamp::from_second(RECEIVED).unwrap_or(Timestamp::UNIX_EPOCH));
    for (number, raw) in (1_u64..).zip(&example.records) {
        received = raw.received.unwrap_or(received);
        received = raw.feed(number, received, engine, &mut found)?;
    }
    let times = |id: &str| found.iter().filter(|alert| is_of(alert, id)).count();
    let count = times(rule);
    let holds = match example.fires {
        Fires::Whether(fires) => fires == (count > 0),
        Fires::Times(times) => u64::try_from(count) == Ok(times),
    };
    if !holds {
        return Err(format!("`{rule}` fired {count} times; {}", what_fired(&found)));
    }
    if let Some(missing) = example.also.iter().find(|id| times(id) == 0) {
        return Err(format!("`{missing}` didn't fire; {}", what_fired(&found)));
    }
    match example.never.iter().find(|id| times(id) > 0) {
        Some(extra) => Err(format!("`{extra}` fired")),
        None => Ok(()),
    }
}

fn is_of(alert: &Alert, id: &str) -> bool {
    matches!(&alert.finder, Finder::Rule(rule) | Finder::Correlation(rule) if **rule == *id)
}

fn what_fired(found: &[Alert]) -> String {
    let mut titles: Vec<&str> = found.iter().map(|alert| &*alert.title).collect();
    titles.sort_unstable();
    titles.dedup();
    titles.truncate(8);
    if titles.is_empty() {
        "nothing fired".to_owned()
    } else {
        format!("these fired: {}", titles.join(", "))
    }
}

impl Raw {
    /// Gives the record to the engine as often as it says. Returns when the next came in.
    fn feed(
        &self,
        number: u64,
        received: Timestamp,
        engine: &mut Engine,
        found: &mut Vec<Alert>,
    ) -> Result<Timestamp, String> {
        let every = self.every.unwrap_or(SignedDuration::from_secs(1));
        let mut at = received;
        for n in 0..self.repeat {
            let record = Record {
                body: self.body(n, at)?,
                origin: Origin {
                    source: self.origin.as_deref().unwrap_or("example").into(),
                    record: number * 100_000 + u64::from(n),
                },
            };
            let event =
                normalise(record, at).map_err(|error| format!("record {number} isn't understood: {}", error.reason))?;
            engine.evaluate(&event, found);
            at = at
                .checked_add(every)
                .map_err(|_| format!("record {number} is repeated beyond the end of time"))?;
        }
        Ok(at)
    }

    fn body(&self, n: u32, at: Timestamp) -> Result<Body, String> {
        let filled = |text: &str| {
            text.replace("{received}", &at.to_string())
                .replace("{n}", &n.to_string())
        };
        match (&self.line, &self.document) {
            (Some(line), _) => Ok(Body::Line(filled(line))),
            (None, Some(Value::String(text))) => {
                let document = serde_json::from_str(&filled(text));
                document
                    .map(Body::Document)
                    .map_err(|error| format!("a document isn't JSON: {error}"))
            }
            (None, Some(document)) => {
                let mut document = document.clone();
                fill(&mut document, &filled);
                Ok(Body::Document(document))
            }
            (None, None) => Err("a record is empty".to_owned()),
        }
    }
}

/// Replaces what stands for the repetition in all texts. Nested as deeply as the YAML reader allows.
fn fill(value: &mut Value, filled: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) if text.contains('{') => *text = filled(text),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, filled)),
        Value::Object(values) => values.values_mut().for_each(|value| fill(value, filled)),
        _ => {}
    }
}

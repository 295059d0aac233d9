//! Every loaded rule that can't fire on these inputs, and why. A rule that is silent since nothing happens and one that could never have fired
//! look the same from outside; here they are told apart.

mod possible;
mod seen;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::correlation::{CHAIN_MAX, Names};
use super::engine::Engine;
use super::rule::{Body, Detection, Rule, Status};
use crate::event::Logsource;
use possible::{Hindrances, Judge};
pub use seen::FieldsSeen;
use seen::Seen;

/// Names in one reason.
const NAMES_MAX: usize = 12;

/// What rules are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Kinds of logs that the inputs can have.
    pub possible: &'a [Logsource],
    /// Fields that events really had, if anybody looked. Rules for logs of which no event was seen aren't blamed for their fields.
    pub seen: Option<&'a FieldsSeen>,
}

/// A rule that can't fire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CannotFire {
    /// Its identifier.
    pub rule: Arc<str>,
    /// What it would find.
    pub title: Arc<str>,
    /// Why it can't.
    pub reason: Reason,
}

/// Why a rule can't fire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// No input is of the logs that it is for.
    NoSuchLog {
        /// Those that it is for.
        wanted: String,
    },
    /// Inputs could have such logs, but no event of them was seen.
    LogNeverSeen {
        /// Those that it is for.
        wanted: String,
    },
    /// It needs fields that no event of its logs had.
    FieldsNeverSeen {
        /// The fields.
        fields: Vec<String>,
        /// The log that was looked at.
        log: String,
        /// How many of its events were seen.
        events: u64,
    },
    /// It needs placeholders that nobody gave values.
    Placeholders {
        /// Their names.
        names: Vec<String>,
    },
    /// It compares fields with the name of a kind of thing instead of a thing. A suspicion: a log could really say so.
    Literals {
        /// The fields, each with what it is compared with.
        fields: Vec<(String, String)>,
    },
    /// It refers to rules that aren't loaded.
    MissingRules {
        /// As it refers to them.
        references: Vec<String>,
    },
    /// It needs rules that can't fire themselves.
    RulesCannotFire {
        /// As it refers to them.
        references: Vec<String>,
    },
    /// It leads back to itself through the rules that it refers to.
    Circular,
    /// Its own author says that it can't work.
    Unsupported,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| {
            names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::NoSuchLog { wanted } => write!(formatter, "no input has logs of {wanted}"),
            Self::LogNeverSeen { wanted } => write!(formatter, "no event of {wanted} was seen"),
            Self::FieldsNeverSeen { fields, log, events } => {
                write!(formatter, "none of {events} events of {log} had {}", list(fields))
            }
            Self::Placeholders { names } => write!(formatter, "nobody says what {} stands for", list(names)),
            Self::Literals { fields } => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(field, value)| format!("`{field}` with the word `{value}`"))
                    .collect();
                write!(
                    formatter,
                    "it compares {}, which stands for a kind of thing, not for a thing",
                    fields.join(", ")
                )
            }
            Self::MissingRules { references } => {
                write!(formatter, "it refers to {}, which isn't loaded", list(references))
            }
            Self::RulesCannotFire { references } => {
                write!(formatter, "it needs {}, which can't fire", list(references))
            }
            Self::Circular => formatter.write_str("it leads back to itself"),
            Self::Unsupported => formatter.write_str("its author marked it as unsupported"),
        }
    }
}

/// Every rule of an engine that can't fire on these inputs, in the order in which they were loaded.
#[must_use]
pub fn coverage(engine: &Engine, inputs: &Inputs<'_>) -> Vec<CannotFire> {
    let rules = engine.rules();
    let mut reasons: HashMap<usize, Reason> = HashMap::new();
    for (number, rule) in rules.iter().enumerate() {
        if let Body::Detection(detection) = &rule.body
            && let Some(reason) = of_detection(rule, detection, engine, inputs)
        {
            reasons.insert(number, reason);
        }
    }
    for number in engine.circular() {
        reasons.insert(*number, Reason::Circular);
    }
    of_correlations(rules, &mut reasons);
    let found = rules.iter().enumerate().filter_map(|(number, rule)| {
        Some(CannotFire {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            reason: reasons.remove(&number)?,
        })
    });
    found.collect()
}

fn of_detection(rule: &Rule, detection: &Detection, engine: &Engine, inputs: &Inputs<'_>) -> Option<Reason> {
    if rule.status == Status::Unsupported {
        return Some(Reason::Unsupported);
    }
    let wanted = rule.logsource.in_words();
    if !inputs.possible.iter().any(|source| rule.logsource.fits(source)) {
        return Some(Reason::NoSuchLog { wanted });
    }
    let placeholders = &engine.settings().choices.placeholders;
    let Some(seen) = inputs.seen else {
        return hindered(detection, placeholders);
    };
    let mut first = None;
    for (source, seen) in seen.of(|source| rule.logsource.fits(source)) {
        let hindrances = hindrances(detection, placeholders, Some(seen))?;
        first.get_or_insert_with(|| reason(hindrances, source.in_words(), seen.events));
    }
    Some(first.unwrap_or(Reason::LogNeverSeen { wanted }))
}

/// Why a rule can't fire whatever the logs.
pub(super) fn hindered(detection: &Detection, placeholders: &BTreeMap<String, Vec<String>>) -> Option<Reason> {
    hindrances(detection, placeholders, None).map(|hindrances| reason(hindrances, String::new(), 0))
}

/// What keeps a rule from firing on a kind of log, if anything does.
fn hindrances(
    detection: &Detection,
    placeholders: &BTreeMap<String, Vec<String>>,
    seen: Option<&Seen>,
) -> Option<Hindrances> {
    let mut judge = Judge {
        seen,
        placeholders,
        hindrances: Hindrances::default(),
    };
    let fires = judge.can_fire(&detection.parsed);
    (!fires).then_some(judge.hindrances)
}

/// The reason that is told of what hinders a rule: the one that somebody can do something about goes first.
fn reason(hindrances: Hindrances, log: String, events: u64) -> Reason {
    if !hindrances.placeholders.is_empty() {
        return Reason::Placeholders {
            names: hindrances.placeholders.into_iter().take(NAMES_MAX).collect(),
        };
    }
    if !hindrances.literals.is_empty() && hindrances.fields.is_empty() {
        return Reason::Literals {
            fields: hindrances.literals.into_iter().take(NAMES_MAX).collect(),
        };
    }
    Reason::FieldsNeverSeen {
        fields: hindrances.fields.into_iter().take(NAMES_MAX).collect(),
        log,
        events,
    }
}

/// Correlations can't fire if what they need isn't loaded or can't fire. Those of correlations take another round each.
fn of_correlations(rules: &[Rule], reasons: &mut HashMap<usize, Reason>) {
    let names = Names::of(rules);
    // Longer chains are reported as circles.
    for _ in 0..=CHAIN_MAX {
        let before = reasons.len();
        for (number, rule) in rules.iter().enumerate() {
            let Body::Correlation(together) = &rule.body else {
                continue;
            };
            if reasons.contains_key(&number) {
                continue;
            }
            let references: BTreeSet<&String> = together.parsed.rules.iter().collect();
            let missing = |reference: &&&String| names.called(reference).is_empty();
            let dead = |reference: &&&String| {
                let numbers = names.called(reference);
                !numbers.is_empty() && numbers.iter().all(|number| reasons.contains_key(number))
            };
            let listed =
                |chosen: Vec<&&String>| chosen.into_iter().take(NAMES_MAX).map(|name| (*name).clone()).collect();
            let missing: Vec<&&String> = references.iter().filter(missing).collect();
            let dead: Vec<&&String> = references.iter().filter(dead).collect();
            let needs_all = together.needs_all();
            let silent = missing.len() + dead.len();
            if silent == 0 || (!needs_all && silent < references.len()) {
                continue;
            }
            let reason = if missing.is_empty() {
                Reason::RulesCannotFire {
                    references: listed(dead),
                }
            } else {
                Reason::MissingRules {
                    references: listed(missing),
                }
            };
            reasons.insert(number, reason);
        }
        if reasons.len() == before {
            return;
        }
    }
}

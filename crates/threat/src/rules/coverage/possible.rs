//! Whether a condition can be fulfilled at all, given that some of its items can't.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Modifier, Quantifier, SigmaRule, SigmaString, SigmaValue,
};

use super::seen::Seen;
use crate::rules::expand;

/// What keeps items from being fulfilled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hindrances {
    /// Fields that were never seen.
    pub(super) fields: BTreeSet<String>,
    /// Placeholders without values.
    pub(super) placeholders: BTreeSet<String>,
    /// Fields and what they are compared with, where that is the name of a kind of thing instead of a thing.
    pub(super) literals: BTreeSet<(String, String)>,
}

/// Whether something can be true, and whether it can be false.
#[derive(Clone, Copy)]
struct Can {
    hold: bool,
    fail: bool,
}

const EITHER: Can = Can { hold: true, fail: true };
const NEVER: Can = Can {
    hold: false,
    fail: true,
};
const ALWAYS: Can = Can {
    hold: true,
    fail: false,
};

fn all(parts: impl Iterator<Item = Can>) -> Can {
    parts.fold(ALWAYS, |all, part| Can {
        hold: all.hold && part.hold,
        fail: all.fail || part.fail,
    })
}

fn any(parts: impl Iterator<Item = Can>) -> Can {
    parts.fold(NEVER, |any, part| Can {
        hold: any.hold || part.hold,
        fail: any.fail && part.fail,
    })
}

/// What a rule is compared with.
pub(super) struct Judge<'a> {
    /// Fields that were seen. None if nobody looked.
    pub(super) seen: Option<&'a Seen>,
    pub(super) placeholders: &'a BTreeMap<String, Vec<String>>,
    pub(super) hindrances: Hindrances,
}

impl Judge<'_> {
    /// Whether an event can fulfil the rule. What hinders it is collected.
    pub(super) fn can_fire(&mut self, rule: &SigmaRule) -> bool {
        let named: HashMap<&str, Can> = rule
            .detection
            .named
            .iter()
            .map(|(name, detection)| (name.as_str(), self.detection(detection)))
            .collect();
        let conditions = rule
            .detection
            .conditions
            .iter()
            .map(|condition| condition_can(condition, &named));
        any(conditions).hold
    }

    fn detection(&mut self, detection: &Detection) -> Can {
        match detection {
            Detection::AllOf(items) => all(items.iter().map(|item| self.item(item))),
            Detection::AnyOf(inner) => any(inner.iter().map(|inner| self.detection(inner))),
            Detection::And(inner) => all(inner.iter().map(|inner| self.detection(inner))),
            Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => EITHER,
        }
    }

    fn item(&mut self, item: &DetectionItem) -> Can {
        let unknown = expand::unknown(item, self.placeholders);
        if !unknown.is_empty() && unknown.len() >= item.values.len() {
            self.hindrances.placeholders.extend(unknown);
            return NEVER;
        }
        let Some(field) = &item.field.name else {
            return EITHER;
        };
        if let Some(seen) = self.seen
            && !seen.has(field)
        {
            let can = without_field(item);
            if !can.hold {
                self.hindrances.fields.insert(field.clone());
            }
            return can;
        }
        let every = item.field.has_modifier(Modifier::All);
        let literal = |value: &SigmaValue| match value {
            SigmaValue::String(text) => is_kind(text).then(|| text.original.clone()),
            _ => None,
        };
        let literals: Vec<String> = item.values.iter().filter_map(literal).collect();
        // Part of a text may well be such a word.
        let parts = [
            Modifier::Contains,
            Modifier::StartsWith,
            Modifier::EndsWith,
            Modifier::FieldRef,
            Modifier::Re,
        ];
        let compares = !parts.into_iter().any(|modifier| item.field.has_modifier(modifier));
        if compares && !literals.is_empty() && (every || literals.len() == item.values.len()) {
            self.hindrances
                .literals
                .extend(literals.into_iter().map(|value| (field.clone(), value)));
            return NEVER;
        }
        EITHER
    }
}

/// What an item is for an event that lacks its field.
fn without_field(item: &DetectionItem) -> Can {
    let says = |wanted: bool| {
        item.values
            .iter()
            .any(|value| matches!(value, SigmaValue::Bool(is) if *is == wanted))
    };
    if item.field.has_modifier(Modifier::Exists) {
        return if says(false) { ALWAYS } else { NEVER };
    }
    if item.field.has_modifier(Modifier::Neq) || item.field.has_modifier(Modifier::FieldRef) {
        return NEVER;
    }
    // Such a value is all that is asked for, or one of several.
    if item.values.iter().any(|value| matches!(value, SigmaValue::Null)) {
        EITHER
    } else {
        NEVER
    }
}

/// Kinds of things, in the words of documentation. Logs have the things instead: `anna@acme.example`, never `UPN`.
const KINDS: &[&str] = &[
    "upn",
    "userprincipalname",
    "user principal name",
    "username",
    "user name",
    "fqdn",
    "ip address",
    "ipaddress",
    "hostname",
    "host name",
    "email address",
    "your domain",
    "domain name",
    "account name",
    "tbd",
    "todo",
    "changeme",
    "placeholder",
    "xxx",
    "string",
    "value",
];

/// Whether a value is the name of a kind of thing, or in the brackets in which documentation puts one: `<hostname>`.
fn is_kind(text: &SigmaString) -> bool {
    let Some(plain) = text.as_plain() else {
        return false;
    };
    let plain = plain.trim().to_lowercase();
    let bracketed = plain.strip_prefix('<').and_then(|inner| inner.strip_suffix('>'));
    let words = bracketed.is_some_and(|inner| {
        inner.len() > 2
            && inner
                .chars()
                .all(|character| character.is_alphabetic() || matches!(character, ' ' | '_' | '-'))
    });
    words || KINDS.contains(&plain.as_str())
}

fn condition_can(condition: &ConditionExpr, named: &HashMap<&str, Can>) -> Can {
    match condition {
        ConditionExpr::And(inner) => all(inner.iter().map(|inner| condition_can(inner, named))),
        ConditionExpr::Or(inner) => any(inner.iter().map(|inner| condition_can(inner, named))),
        ConditionExpr::Not(inner) => {
            let can = condition_can(inner, named);
            Can {
                hold: can.fail,
                fail: can.hold,
            }
        }
        ConditionExpr::Identifier(name) => named.get(name.as_str()).copied().unwrap_or(EITHER),
        ConditionExpr::Selector { quantifier, pattern } => {
            let matching = named
                .iter()
                .filter(|(name, _)| pattern.matches_detection_name(name))
                .map(|(_, can)| *can);
            match quantifier {
                Quantifier::Any => any(matching),
                Quantifier::All => all(matching),
                Quantifier::Count(count) => {
                    let count = usize::try_from(*count).unwrap_or(usize::MAX);
                    Can {
                        hold: matching.filter(|can| can.hold).count() >= count,
                        fail: true,
                    }
                }
            }
        }
    }
}

//! What an organisation wants of its rules: which are on, from which level, where they are excepted, and what placeholders stand for.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fields::Fields;
use super::rule::{Rule, Status};
use crate::alert::Level;
use crate::event::Event;

/// Choices about rules, as a table of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// Rules below it raise no alerts. They still feed correlations.
    pub minimum_level: Level,
    /// Rules that are less mature raise no alerts. They still feed correlations.
    pub minimum_status: Status,
    /// Identifiers of rules that raise no alerts. A correlation that is off isn't evaluated at all; another rule still feeds correlations.
    pub off: Vec<String>,
    /// Identifiers of rules that raise alerts whatever their level and status. `off` goes before.
    pub on: Vec<String>,
    /// Where rules are not to hit.
    pub exceptions: Vec<Exception>,
    /// What `%name%` stands for in rules with the `expand` modifier.
    pub placeholders: BTreeMap<String, Vec<String>>,
}

/// Events that a rule is not to hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The rule's identifier; `*` for all rules.
    pub rule: String,
    /// The field that is looked at. Of a correlation, one that it groups by.
    pub field: String,
    /// What the field says, whatever its capitals; `*` stands for any text. `\*` is an asterisk.
    pub is: String,
    /// The last day on which it holds, by the time of the event, in UTC. Without it, it holds for ever.
    #[serde(
        default,
        deserialize_with = "day",
        serialize_with = "written",
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Date>,
    /// Why, for whoever reads it next year.
    pub because: String,
}

impl Choices {
    /// Whether a rule raises alerts.
    pub(crate) fn tells(&self, rule: &Rule) -> bool {
        if self.is_off(rule) {
            return false;
        }
        let chosen = self.on.iter().any(|id| **id == *rule.id);
        chosen || (rule.level >= self.minimum_level && rule.status >= self.minimum_status)
    }

    pub(crate) fn is_off(&self, rule: &Rule) -> bool {
        self.off.iter().any(|id| **id == *rule.id)
    }

    /// Identifiers that are named here and that no rule has.
    #[must_use]
    pub fn unknown<'a>(&'a self, rules: &[Rule]) -> Vec<&'a str> {
        let ids: std::collections::HashSet<&str> = rules.iter().map(|rule| &*rule.id).collect();
        let excepted = self
            .exceptions
            .iter()
            .map(|exception| &exception.rule)
            .filter(|id| *id != "*");
        let named = self.off.iter().chain(&self.on).chain(excepted);
        named.map(String::as_str).filter(|id| !ids.contains(id)).collect()
    }
}

impl Exception {
    /// Whether it holds for a hit of a rule on an event.
    pub(crate) fn holds(&self, event: &Event) -> bool {
        self.is_current(event)
            && Fields::of(event)
                .text(&self.field)
                .is_some_and(|value| like(&self.is, &value))
    }

    /// Whether it holds for a correlation over a group.
    pub(crate) fn holds_for_group(&self, event: &Event, group: &[(Box<str>, Box<str>)]) -> bool {
        self.is_current(event)
            && group
                .iter()
                .any(|(field, value)| **field == *self.field && like(&self.is, value))
    }

    fn is_current(&self, event: &Event) -> bool {
        self.until
            .is_none_or(|until| Offset::UTC.to_datetime(event.time).date() <= until)
    }
}

/// Whether a text is like a pattern in which `*` stands for any text, whatever the capitals.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let text = text.to_lowercase();
    let mut parts: Vec<String> = vec![String::new()];
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if matches!(characters.peek(), Some('*' | '\\')) => {
                let escaped = characters.next();
                parts
                    .iter_mut()
                    .last()
                    .into_iter()
                    .for_each(|part| part.extend(escaped));
            }
            '*' => parts.push(String::new()),
            other => parts
                .iter_mut()
                .last()
                .into_iter()
                .for_each(|part| part.extend(other.to_lowercase())),
        }
    }
    let Some((first, rest)) = parts.split_first() else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else {
        return text == *first;
    };
    let Some(mut left) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for part in middle {
        match left.split_once(part.as_str()) {
            Some((_, behind)) => left = behind,
            None if part.is_empty() => {}
            None => return false,
        }
    }
    left.ends_with(last.as_str())
}

/// A day as TOML writes one, with or without quotes.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    struct Visitor;

    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Option<Date>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a day such as 2026-12-31")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            text.parse()
                .map(Some)
                .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(self)
        }

        // A date without quotes arrives as a table of one text.
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            match map.next_entry::<String, String>()? {
                Some((_, text)) => self.visit_str(&text),
                None => Err(serde::de::Error::invalid_length(0, &self)),
            }
        }
    }

    deserializer.deserialize_any(Visitor)
}

fn written<S: Serializer>(day: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.collect_str(day),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_exceptions_mean_what_they_say() {
        for (pattern, text, is) in [
            ("svc_backup", "SVC_Backup", true),
            ("svc_backup", "svc_backup2", false),
            ("svc_*", "svc_backup", true),
            ("*\\\\agent.exe", "C:\\x\\Agent.exe", true),
            ("a*b*c", "a--b--c", true),
            ("a*b*c", "a--c--b", false),
            ("a*a", "a", false),
            ("a\\*c", "a*c", true),
            ("a\\*c", "abc", false),
            ("*", "", true),
        ] {
            assert_eq!(like(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn a_day_of_an_exception_is_read_from_json_and_a_bad_one_is_refused() {
        let read = |until: &str| {
            serde_json::from_str::<Exception>(&format!(
                r#"{{"rule": "r", "field": "f", "is": "v", "because": "b", "until": {until}}}"#
            ))
        };
        assert_eq!(read("\"2026-12-31\"").unwrap().until.unwrap().to_string(), "2026-12-31");
        assert!(read("\"2026-13-31\"").is_err());
        assert_eq!(read("null").unwrap().until, None);
    }
}

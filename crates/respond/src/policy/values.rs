//! Values of a file of policies, each parsed where it stands, so that errors name its place.

use jiff::tz::TimeZone;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::glob::Glob;
use super::hours;

/// The longest span, in milliseconds: a year.
const SPAN_MILLIS_MAX: i64 = 366 * 86_400_000;
/// Values that a list has at most.
const LIST_MAX: usize = 64;

/// A value that reads itself from a text; the error says what was expected.
pub(super) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OneOrMore<T>(pub(super) Vec<T>);

// Derived, this would need `T: Default`.
impl<T> Default for OneOrMore<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: FromText> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values(std::marker::PhantomData))
    }
}

struct Values<T>(std::marker::PhantomData<T>);

impl<'de, T: FromText> Visitor<'de> for Values<T> {
    type Value = OneOrMore<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(OneOrMore(vec![T::from_text(text).map_err(E::custom)?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(One(value)) = list.next_element()? {
            if values.len() == LIST_MAX {
                return Err(A::Error::custom(format!("a list has at most {LIST_MAX} values")));
            }
            values.push(value);
        }
        if values.is_empty() {
            return Err(A::Error::custom(
                "an empty list fits nothing; leave the key out if it doesn't matter",
            ));
        }
        Ok(OneOrMore(values))
    }
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct One<T>(pub(super) T);

impl<'de, T: FromText> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::from_text(&text).map(Self).map_err(D::Error::custom)
    }
}

impl FromText for Glob {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

/// A span of time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) i64);

impl FromText for Span {
    fn from_text(text: &str) -> Result<Self, String> {
        millis(text).map(Self).ok_or_else(|| {
            format!("`{text}` is not a span of time of a second to a year; write it like `90s`, `10m`, `2h` or `7d`")
        })
    }
}

/// `1h30m` in milliseconds.
fn millis(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, next) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let unit = match unit {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = next.trim_start();
    }
    let millis = seconds.checked_mul(1000)?;
    (1000..=SPAN_MILLIS_MAX).contains(&millis).then_some(millis)
}

/// From and until a time of day, in minutes after midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DaySpan(pub(super) (u32, u32));

impl FromText for DaySpan {
    fn from_text(text: &str) -> Result<Self, String> {
        let span = hours::span(text);
        span.map(Self)
            .ok_or_else(|| format!("`{text}` is not a span of a day; write it like `22:00-06:00`"))
    }
}

/// A day of the week, Monday being 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day(pub(super) usize);

impl FromText for Day {
    fn from_text(text: &str) -> Result<Self, String> {
        let day = hours::weekday(text);
        day.map(Self)
            .ok_or_else(|| format!("`{text}` is no weekday; expected mon, tue, wed, thu, fri, sat or sun"))
    }
}

impl FromText for TimeZone {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::get(text).map_err(|_| {
            format!("`{text}` is no time zone that this machine knows; expected a name like `Europe/London` or `UTC`")
        })
    }
}

/// A name of a policy, a target, a command or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl FromText for Name {
    fn from_text(text: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name =
            text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fits);
        if is_name {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "`{text}` can't be a name; expected 1 to 64 letters, digits, `-`, `_` or `.`"
        ))
    }
}

/// A word of the vocabulary, as `serde` knows it.
pub(super) fn vocabulary<T: for<'de> Deserialize<'de>>(text: &str, what: &str, words: &str) -> Result<T, String> {
    let value = serde_json::Value::String(text.to_owned());
    serde_json::from_value(value).map_err(|_| format!("`{text}` is no {what}; expected {words}"))
}

impl FromText for crate::alert::Layer {
    fn from_text(text: &str) -> Result<Self, String> {
        vocabulary(text, "layer", "volume, guard, drill, exposure, threat or respond")
    }
}

impl FromText for crate::alert::Severity {
    fn from_text(text: &str) -> Result<Self, String> {
        vocabulary(text, "severity", "informational, low, medium, high or critical")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_others_refused() {
        for (text, expected) in [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("1d", 86_400_000),
            ("10min", 600_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "0s",
            "10",
            "m",
            "1.5h",
            "-1h",
            "2y",
            "367d",
            "99999999999999999999s",
            "999999999999999999w",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}

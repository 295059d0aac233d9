//! What mappings of text have in common: cutting, names and addresses, and the making of an event.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Context;
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Outcome};

/// Fields of a record at most. What is behind them is only in its text.
pub(crate) const FIELDS_MAX: usize = 512;

/// An event in the making.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) fields: Map<String, Value>,
    pub(crate) facts: Facts,
}

impl Draft {
    /// Sets a field unless the value is empty.
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        if !value.is_empty() && self.fields.len() < FIELDS_MAX {
            self.fields.insert(name.to_owned(), Value::from(value));
        }
    }

    /// The same unless the field is there already.
    pub(crate) fn put_new(&mut self, name: &str, value: &str) {
        if !self.fields.contains_key(name) {
            self.put(name, value);
        }
    }

    /// Adds a document's own fields, each unless one of its name is there already.
    pub(crate) fn keep(&mut self, document: Value) {
        if let Value::Object(own) = document {
            for (name, value) in own {
                self.fields.entry(name).or_insert(value);
            }
        }
    }

    /// A field's text; empty if it isn't there.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn did(&mut self, activity: Activity, outcome: Outcome) -> &mut Self {
        self.facts.activity = activity;
        self.facts.outcome = outcome;
        self
    }

    pub(crate) fn by(&mut self, name: &str) -> &mut Self {
        self.facts.actor = account(name);
        self
    }

    pub(crate) fn to(&mut self, name: &str) -> &mut Self {
        self.facts.target = account(name);
        self
    }

    pub(crate) fn from(&mut self, place: &str) -> &mut Self {
        self.facts.address = address(place);
        self
    }

    pub(crate) fn with(&mut self, object: &str) -> &mut Self {
        self.facts.object = some(object);
        self
    }

    pub(crate) fn event(self, time: Timestamp, logsource: Logsource, context: &Context) -> Event {
        context
            .clone()
            .event(time, logsource, Value::Object(self.fields), self.facts)
    }
}

pub(crate) const fn logsource(
    product: &'static str,
    service: Option<&'static str>,
    category: Option<&'static str>,
) -> Logsource {
    Logsource {
        product,
        service,
        category,
    }
}

/// The text unless it says nothing.
pub(crate) fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text != "-").then(|| text.to_owned())
}

/// The beginning of a text for a message to people.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars()
        .take(40)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

/// The part behind a mark.
pub(crate) fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, after)| after)
}

/// The part between two marks.
pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    after(text, start)?.split_once(end).map(|(between, _)| between)
}

/// The first word, and what is behind it.
pub(crate) fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

/// An address, whatever brackets, zone or port is about it; IPv4 in IPv6 as IPv4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches(['<', '>', '"', '\'', '(', ')']);
    let text = text
        .strip_prefix('[')
        .and_then(|text| text.split_once(']'))
        .map_or(text, |(text, _)| text);
    let text = text.split_once('%').map_or(text, |(text, _)| text);
    let found: Option<IpAddr> = text.parse().ok().or_else(|| {
        let (address, port) = text.rsplit_once([':', '/'])?;
        port.parse::<u16>().ok()?;
        address.parse().ok()
    });
    found.map(|address| address.to_canonical())
}

/// An account by the form of its name: `anna`, `ACME\anna` or `anna@acme.example`.
pub(crate) fn account(name: &str) -> Vec<Handle> {
    let name = name.trim().trim_matches(['\'', '"', '<', '>']);
    let kind = if name.contains('\\') {
        HandleKind::Sam
    } else if name.contains('@') {
        HandleKind::Mail
    } else {
        HandleKind::User
    };
    Handle::new(kind, name).into_iter().collect()
}

/// A machine by its name or address.
pub(crate) fn machine(name: &str) -> Vec<Handle> {
    let handle = match address(name) {
        Some(address) => Handle::new(HandleKind::Address, &address.to_string()),
        None => Handle::new(HandleKind::Host, name),
    };
    handle.into_iter().collect()
}

/// `name=value` pairs between blanks. Values with blanks stand in quotes, in which a backslash takes the next letter for itself.
pub(crate) fn pairs(text: &str) -> Vec<(&str, Cow<'_, str>)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while found.len() < FIELDS_MAX {
        let Some((name, tail)) = rest.split_once('=') else {
            break;
        };
        // Words without a value before the name aren't part of it.
        let name = name.rsplit(char::is_whitespace).next().unwrap_or(name);
        let (value, tail) = value(tail);
        if !name.is_empty() {
            found.push((name, value));
        }
        rest = tail.trim_start();
    }
    found
}

fn value(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, tail) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        return (Cow::Borrowed(value), tail);
    };
    let mut escaped = false;
    let end = quoted.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    let (value, tail) = end.and_then(|end| quoted.split_at_checked(end)).unwrap_or((quoted, ""));
    let tail = tail.strip_prefix('"').unwrap_or(tail);
    (unescaped(value), tail)
}

/// Only quotes and backslashes are escaped by anybody; a path of Windows that isn't escaped stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if text.contains("\\\"") || text.contains("\\\\") {
        Cow::Owned(text.replace("\\\\", "\\").replace("\\\"", "\""))
    } else {
        Cow::Borrowed(text)
    }
}

/// The columns of a line of CSV.
pub(crate) fn columns(line: &str) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    let mut rest = line;
    while found.len() < FIELDS_MAX {
        let (column, tail) = column(rest);
        found.push(column);
        match tail.split_once(',') {
            Some((_, tail)) => rest = tail,
            None => break,
        }
    }
    found
}

fn column(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (column, tail) = text.split_at_checked(end).unwrap_or((text, ""));
        return (Cow::Borrowed(column), tail);
    };
    let mut end = 0;
    loop {
        let Some(tail) = quoted.get(end..) else {
            return (Cow::Borrowed(quoted), "");
        };
        let Some(quote) = tail.find('"') else {
            return (Cow::Borrowed(quoted), "");
        };
        end += quote;
        if quoted.get(end + 1..).is_some_and(|tail| tail.starts_with('"')) {
            end += 2;
            continue;
        }
        let (column, tail) = quoted.split_at_checked(end).unwrap_or((quoted, ""));
        let column = if column.contains("\"\"") {
            Cow::Owned(column.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(column)
        };
        return (column, tail.strip_prefix('"').unwrap_or(tail));
    }
}

/// What stands at a path of a document, whether its names are nested or written with dots.
pub(crate) fn at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = document.get(path) {
        return Some(found);
    }
    let (first, rest) = path.split_once('.')?;
    at(document.get(first)?, rest)
}

/// The text at a path: of a list its first; empty if there is none.
pub(crate) fn text_at<'a>(document: &'a Value, path: &str) -> &'a str {
    match at(document, path) {
        Some(Value::String(text)) => text,
        Some(Value::Array(list)) => list.first().and_then(Value::as_str).unwrap_or_default(),
        _ => "",
    }
}

/// The first text of several paths that isn't empty; empty if there is none.
pub(crate) fn first_at<'a>(document: &'a Value, paths: &[&str]) -> &'a str {
    paths
        .iter()
        .map(|path| text_at(document, path))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// A whole number at a path, also if it is written as text.
pub(crate) fn number_at(document: &Value, path: &str) -> Option<i64> {
    match at(document, path)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::event::Origin;
    use crate::input::{Body, Record};
    use crate::normalise::NotUnderstood;

    pub(crate) fn origin(record: u64) -> Origin {
        Origin {
            source: "test".into(),
            record,
        }
    }

    pub(crate) fn received() -> Timestamp {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    pub(crate) fn try_line(line: &str) -> Result<Event, NotUnderstood> {
        let record = Record {
            body: Body::Line(line.to_owned()),
            origin: origin(1),
        };
        super::super::normalise(record, received())
    }

    /// What a line means through the whole table of sources.
    pub(crate) fn line(line: &str) -> Event {
        try_line(line).unwrap()
    }

    /// The same of a JSON document.
    pub(crate) fn document(text: &str) -> Event {
        let record = Record {
            body: Body::Document(serde_json::from_str(text).unwrap()),
            origin: origin(1),
        };
        super::super::normalise(record, received()).unwrap()
    }

    pub(crate) fn names(handles: &[Handle]) -> Vec<&str> {
        handles.iter().map(|handle| handle.name.as_str()).collect()
    }

    /// `product/service/category`, with `-` for what isn't there.
    pub(crate) fn source(event: &Event) -> String {
        let Logsource {
            product,
            service,
            category,
        } = event.logsource;
        format!("{product}/{}/{}", service.unwrap_or("-"), category.unwrap_or("-"))
    }

    /// The activity and outcome, then actor, target, machine, address and object.
    pub(crate) fn told(event: &Event) -> String {
        let facts = &event.facts;
        let list = |handles: &[Handle]| names(handles).join(",");
        format!(
            "{:?} {:?} by={} to={} on={} from={} with={}",
            facts.activity,
            facts.outcome,
            list(&facts.actor),
            list(&facts.target),
            list(&facts.machine),
            facts.address.map(|address| address.to_string()).unwrap_or_default(),
            facts.object.as_deref().unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_quoted_values_with_blanks_and_escaped_quotes() {
        let found = pairs(r#"date=2019-05-10 msg="a \"b\" c" user="ACME\anna" empty="" word last="x"#);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (*name, &**value)).collect();
        assert_eq!(
            found,
            [
                ("date", "2019-05-10"),
                ("msg", r#"a "b" c"#),
                ("user", r"ACME\anna"),
                ("empty", ""),
                ("last", "x")
            ]
        );
    }

    #[test]
    fn columns_have_quotes_with_commas_and_doubled_quotes() {
        assert_eq!(columns(r#"1,"a, ""b""",,"#), ["1", r#"a, "b""#, "", ""]);
        assert_eq!(columns(r#""unended, x"#), ["unended, x"]);
    }

    #[test]
    fn addresses_lose_brackets_zones_and_ports() {
        for text in [
            "10.0.0.1",
            "<10.0.0.1>",
            "::ffff:10.0.0.1",
            "10.0.0.1:443",
            "10.0.0.1/51022",
            "[::ffff:10.0.0.1]:80",
        ] {
            assert_eq!(address(text), "10.0.0.1".parse().ok(), "{text}");
        }
        assert_eq!(address("fe80::1%eth0"), "fe80::1".parse().ok());
        assert_eq!(address("N/A"), None);
    }
}

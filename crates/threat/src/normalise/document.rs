//! Looking into the JSON documents of cloud services, whose writers disagree on capitals, times and notation.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{Context, NotUnderstood};
use crate::event::{Activity, Handle, HandleKind, Place};

/// What a service does, by what it means: names in lower case with commas between them, in which a `*` stands for anything. The first that
/// fits counts.
pub(crate) type Activities = &'static [(Activity, &'static str)];

/// Longest name of a field that is made of a document's own words.
const NAME_MAX: usize = 256;
/// Fields that one object of a document becomes at most.
const LEAVES_MAX: usize = 512;
/// Levels of an object that are looked into.
const DEPTH_MAX: usize = 12;

/// What a path of names, with dots between them, leads to. Names are tried as they are written, then without regard to capitals: the same
/// record has `userPrincipalName` from one interface of a service and `UserPrincipalName` from the other.
pub(crate) fn at<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(document, |value, name| {
        let object = value.as_object()?;
        object.get(name).or_else(|| {
            object
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        })
    })
}

/// The text that a path leads to, unless it is empty.
pub(crate) fn text<'a>(document: &'a Value, path: &str) -> Option<&'a str> {
    at(document, path)?.as_str().filter(|text| !text.is_empty())
}

/// The first text of several paths.
pub(crate) fn first<'a>(document: &'a Value, paths: &[&str]) -> Option<&'a str> {
    paths.iter().find_map(|path| text(document, path))
}

/// What a path leads to as text, if it is a text, a number or a truth value.
pub(crate) fn scalar(document: &Value, path: &str) -> Option<String> {
    plain(at(document, path)?)
}

/// A value as text, if it is one, a number or a truth value.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The elements of the array that a path leads to, or none.
pub(crate) fn elements<'a>(document: &'a Value, path: &str) -> &'a [Value] {
    at(document, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The value of the element that has this name, in a list of `{name, value}` whichever capitals and words it is written with.
pub(crate) fn named<'a>(list: &'a [Value], name: &str) -> Option<&'a Value> {
    list.iter()
        .find(|element| {
            first(element, &["name", "key", "displayName"]).is_some_and(|found| found.eq_ignore_ascii_case(name))
        })
        .and_then(|element| at(element, "value").or_else(|| at(element, "newValue")))
}

/// Gives the names of a document's own level the capitals that rules expect.
pub(crate) fn respell(object: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        if object.contains_key(*name) {
            continue;
        }
        let other = object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
        if let Some(value) = other.and_then(|other| object.remove(&other)) {
            object.insert((*name).to_owned(), value);
        }
    }
}

/// Reads the JSON that is kept as text under these names.
pub(crate) fn unfold(object: &mut Map<String, Value>, names: &[&str]) {
    for (_, value) in object
        .iter_mut()
        .filter(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
    {
        if let Some(parsed) = value.as_str().and_then(json) {
            *value = parsed;
        }
    }
}

/// The object or array that a text is in JSON, if it is.
pub(crate) fn json(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// An object or array as text with its quotes bare, which is how rules look into what a service gives in pieces.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string().replace("\\\"", "\""),
    }
}

/// Enters the leaves of an object as fields `prefix.name.name`, and the object as text under `prefix`. Leaves of the same name, as of an
/// array's elements, become one array.
pub(crate) fn flatten(prefix: &str, value: Value, fields: &mut Map<String, Value>) {
    if !value.is_object() && !value.is_array() {
        fields.insert(prefix.to_owned(), value);
        return;
    }
    let mut leaves = Leaves {
        fields,
        left: LEAVES_MAX,
    };
    leaves.enter(prefix, &value, DEPTH_MAX);
    fields.insert(prefix.to_owned(), Value::String(written(&value)));
}

struct Leaves<'a> {
    fields: &'a mut Map<String, Value>,
    left: usize,
}

impl Leaves<'_> {
    fn enter(&mut self, name: &str, value: &Value, depth: usize) {
        if self.left == 0 || depth == 0 || name.len() > NAME_MAX {
            return;
        }
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    self.enter(&format!("{name}.{key}"), value, depth - 1);
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    self.enter(name, element, depth - 1);
                }
            }
            leaf => {
                self.left -= 1;
                join(self.fields, name, leaf.clone());
            }
        }
    }
}

/// Enters a value beside those that the field has already.
fn join(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match fields.get_mut(name) {
        None => {
            fields.insert(name.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(there) => *there = Value::Array(vec![there.take(), value]),
    }
}

/// Enters the values of a list of `{name, value}` as fields `prefix.name`.
pub(crate) fn spread(prefix: &str, list: &[Value], fields: &mut Map<String, Value>) {
    for element in list.iter().take(LEAVES_MAX) {
        if let Some(name) = first(element, &["name", "key", "displayName"]).filter(|name| name.len() <= NAME_MAX)
            && let Some(value) = at(element, "value").or_else(|| at(element, "newValue"))
        {
            join(fields, &format!("{prefix}.{name}"), value.clone());
        }
    }
}

/// A document with further members, which come in the place of those that it has of the same names.
pub(crate) fn with(document: Value, extra: Map<String, Value>) -> Value {
    match document {
        Value::Object(mut object) => {
            object.extend(extra);
            Value::Object(object)
        }
        other => other,
    }
}

/// What a service's own name of an action means.
pub(crate) fn activity(table: Activities, name: &str) -> Activity {
    let name = name.trim().to_lowercase();
    table
        .iter()
        .find(|(_, patterns)| patterns.split(',').any(|pattern| fits(pattern.trim_start(), &name)))
        .map_or(Activity::Other, |(activity, _)| *activity)
}

/// Whether a pattern fits a name: its pieces between `*` one behind the other, the first at the beginning, the last at the end.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((begin, tail)) = pattern.split_once('*') else {
        return name == pattern;
    };
    let (middle, end) = tail.rsplit_once('*').unwrap_or(("", tail));
    name.strip_prefix(begin)
        .and_then(|rest| {
            middle
                .split('*')
                .try_fold(rest, |rest, piece| Some(rest.split_once(piece)?.1))
        })
        .is_some_and(|rest| rest.ends_with(end))
}

/// When it happened: by the first of the paths that leads anywhere, else when it came in. A text without any digit is no time: shippers
/// write `-`, `null` or dots where they have none.
pub(crate) fn time(document: &Value, paths: &[&str], context: &Context) -> Result<Timestamp, NotUnderstood> {
    let Some(value) = paths
        .iter()
        .find_map(|path| at(document, path).filter(|value| says_time(value)))
    else {
        return Ok(context.received);
    };
    instant(value).ok_or_else(|| NotUnderstood {
        reason: format!(
            "the time `{}` isn't understood",
            value.to_string().chars().take(40).collect::<String>()
        ),
    })
}

fn says_time(value: &Value) -> bool {
    match value {
        Value::String(text) => text.bytes().any(|byte| byte.is_ascii_digit()),
        Value::Null => false,
        _ => true,
    }
}

/// A time as services write it: ISO 8601, with UTC where no zone is named, or seconds and their fractions since 1970.
pub(crate) fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => since_1970(number.as_i64().or_else(|| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole seconds are enough, and the conversion saturates"
            )]
            number.as_f64().map(|seconds| seconds as i64)
        })?),
        Value::String(text) => {
            let text = text.trim();
            let bare = text.strip_suffix(" UTC").unwrap_or(text);
            text.parse()
                .ok()
                .or_else(|| utc(bare.parse().ok()?))
                .or_else(|| utc(DateTime::strptime("%m/%d/%Y %I:%M:%S %p", bare).ok()?))
                .or_else(|| since_1970(bare.parse().ok()?))
        }
        _ => None,
    }
}

fn utc(civil: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// Seconds, or thousandths, or millionths, whichever lies between 1973 and 5138.
fn since_1970(number: i64) -> Option<Timestamp> {
    match number.unsigned_abs() {
        0..100_000_000_000 => Timestamp::from_second(number).ok(),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(number).ok(),
        _ => Timestamp::from_microsecond(number).ok(),
    }
}

/// The address that a text begins with; ports and further addresses behind it are left out.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.split(',').next()?.trim();
    let bare = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next()?,
        None => text,
    };
    let parsed: Option<IpAddr> = bare.parse().ok();
    parsed
        .or_else(|| bare.rsplit_once(':')?.0.parse().ok())
        .map(|address| address.to_canonical())
}

/// Handles of one account, of those names that say something.
pub(crate) fn handles(names: &[(HandleKind, Option<&str>)]) -> Vec<Handle> {
    let mut handles = Vec::with_capacity(names.len());
    for (kind, name) in names {
        if let Some(handle) = name.and_then(|name| Handle::new(*kind, name))
            && !handles.contains(&handle)
        {
            handles.push(handle);
        }
    }
    handles
}

/// What kind of name of an account a text is.
pub(crate) fn kind_of_account(name: &str) -> HandleKind {
    if name.contains('@') {
        HandleKind::Mail
    } else if name.starts_with("arn:") {
        HandleKind::Arn
    } else if name.starts_with("S-1-") {
        HandleKind::Sid
    } else if name.contains('\\') {
        HandleKind::Sam
    } else if is_guid(name) {
        HandleKind::ProviderId
    } else {
        HandleKind::User
    }
}

/// The same where names that are only displayed stand too: those with a blank and of no other form.
pub(crate) fn kind_of_person(name: &str) -> HandleKind {
    match kind_of_account(name) {
        HandleKind::User if name.contains(' ') => HandleKind::DisplayName,
        kind => kind,
    }
}

/// A name of an account with the kind that its form tells, as [`handles`] takes it.
pub(crate) fn by_form(name: Option<&str>) -> (HandleKind, Option<&str>) {
    (name.map_or(HandleKind::User, kind_of_account), name)
}

/// Whether a text is 32 hexadecimal digits in the groups that Microsoft's identifiers have.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(index, character)| match index {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        })
}

/// The one handle that a name of whatever kind gives.
pub(crate) fn account(name: Option<&str>) -> Vec<Handle> {
    handles(&[by_form(name)])
}

/// Where an address is, of a document's own words.
pub(crate) fn place(
    country: Option<&str>,
    city: Option<&str>,
    latitude: Option<&Value>,
    longitude: Option<&Value>,
) -> Place {
    let degrees = |value: Option<&Value>, most: f64| {
        let value = value?;
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
        (number.abs() <= most).then_some(number)
    };
    let known = |name: &&str| !name.is_empty() && !name.eq_ignore_ascii_case("unknown");
    Place {
        country: country.filter(known).map(str::to_owned),
        city: city.filter(known).map(str::to_owned),
        point: degrees(latitude, 90.0).zip(degrees(longitude, 180.0)),
        network: None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::event::{Event, Origin};

    /// The events of a document, by way of [`super::super::normalise_each`].
    pub(crate) fn read_all(document: Value) -> Vec<Event> {
        let mut events = Vec::new();
        let record = crate::input::Record {
            body: crate::input::Body::Document(document),
            origin: origin(),
        };
        crate::normalise::normalise_each(record, Timestamp::UNIX_EPOCH, &mut |event| events.push(event.unwrap()));
        events
    }

    /// The one event of a document.
    pub(crate) fn read(document: Value) -> Event {
        let mut events = read_all(document);
        assert_eq!(events.len(), 1);
        events.pop().unwrap()
    }

    /// The names of handles.
    pub(crate) fn names(handles: &[Handle]) -> Vec<&str> {
        handles.iter().map(|handle| handle.name.as_str()).collect()
    }

    fn origin() -> Origin {
        Origin {
            source: Arc::from("test"),
            record: 1,
        }
    }

    fn context() -> Context {
        Context {
            origin: origin(),
            received: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_name_is_found_whatever_its_capitals_but_its_own_come_first() {
        let document = json!({"Status": {"errorcode": 1}, "status": {"errorCode": 2}});
        assert_eq!(at(&document, "status.errorCode"), Some(&json!(2)));
        assert_eq!(at(&document, "Status.errorCode"), Some(&json!(1)));
        assert_eq!(at(&document, "status.errorCode.more"), None);
    }

    #[test]
    fn times_are_read_in_every_notation_that_services_use() {
        let expected = "2022-03-22T14:21:53Z".parse::<Timestamp>().unwrap();
        for value in [
            json!("2022-03-22T14:21:53Z"),
            json!("2022-03-22T15:21:53+01:00"),
            json!("2022-03-22 14:21:53"),
            json!("2022-03-22T14:21:53"),
            json!("2022-03-22 14:21:53.000Z"),
            json!("2022-03-22 14:21:53 UTC"),
            json!("2022-03-22T14:21:53.0000000Z"),
            json!("3/22/2022 2:21:53 PM"),
            json!(1_647_958_913),
            json!(1_647_958_913_000_i64),
            json!(1_647_958_913_000_000_i64),
            json!("1647958913"),
        ] {
            assert_eq!(
                time(&json!({"when": value}), &["when"], &context()),
                Ok(expected),
                "{value}"
            );
        }
    }

    #[test]
    fn a_missing_time_is_that_of_arrival_and_nonsense_is_refused() {
        assert_eq!(
            time(&json!({"when": "..."}), &["when"], &context()),
            Ok(Timestamp::UNIX_EPOCH)
        );
        let error = time(&json!({"when": "12 o'clock"}), &["when"], &context()).unwrap_err();
        assert_eq!(error.reason, "the time `\"12 o'clock\"` isn't understood");
        assert!(time(&json!({"when": i64::MAX}), &["when"], &context()).is_err());
    }

    #[test]
    fn addresses_lose_ports_and_what_is_no_address_is_none() {
        for (text, expected) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7:55443", Some("203.0.113.7")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("::ffff:203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7, 198.51.100.1", Some("203.0.113.7")),
            ("AWS Internal", None),
            ("ec2.amazonaws.com", None),
            ("", None),
        ] {
            assert_eq!(
                address(text).map(|address| address.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn an_object_becomes_fields_of_its_leaves_and_a_text() {
        let mut fields = Map::new();
        flatten(
            "parameters",
            json!({"a": {"b": 1}, "list": [{"c": "x"}, {"c": "y"}], "policy": "{\"e\":1}"}),
            &mut fields,
        );
        assert_eq!(fields.get("parameters.a.b"), Some(&json!(1)));
        assert_eq!(fields.get("parameters.list.c"), Some(&json!(["x", "y"])));
        let text = fields.get("parameters").and_then(Value::as_str).unwrap();
        assert!(text.contains("{\"e\":1}"), "{text}");
    }

    #[test]
    fn an_object_of_endless_names_depths_or_leaves_stays_bounded() {
        let mut fields = Map::new();
        let wide: Map<String, Value> = (0..10_000).map(|number| (number.to_string(), json!(number))).collect();
        flatten("wide", Value::Object(wide), &mut fields);
        assert_eq!(fields.len(), LEAVES_MAX + 1);

        let mut fields = Map::new();
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({ "d": deep });
        }
        flatten("deep", deep, &mut fields);
        flatten("long", json!({"n".repeat(300): 1}), &mut fields);
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["deep", "long"]);
    }

    #[test]
    fn patterns_fit_the_whole_or_their_pieces_in_order() {
        for (pattern, name, expected) in [
            ("add user", "add user", true),
            ("add user", "add user.", false),
            ("add*", "add user", true),
            ("*user", "add user", true),
            ("*d us*", "add user", true),
            ("*d us*", "add group", false),
            ("a*d*er", "add user", true),
            ("a*d*er", "add users", false),
            ("a*ser*user", "add user", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}

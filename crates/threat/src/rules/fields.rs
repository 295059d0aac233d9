//! An event's fields as the Sigma library asks for them.

use std::borrow::Cow;

use rsigma_eval::{EventValue, JsonEvent};
use serde_json::{Map, Value};

use crate::event::Event;

/// Objects and arrays within each other that are looked into.
const DEPTH_MAX: usize = 16;

/// The fields of one event.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    all: &'a Value,
    /// Nearly all fields are asked for by a name without dots.
    flat: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(event: &'a Event) -> Self {
        Self {
            all: &event.fields,
            flat: event.fields.as_object(),
        }
    }

    /// A field by its name or by a dotted path. `field.name` as one name goes before `name` within `field`.
    fn find(&self, path: &str) -> Option<Found<'a>> {
        let flat = self.flat?;
        if let Some(value) = flat.get(path) {
            return Some(Found::One(value));
        }
        let (first, rest) = path.split_once('.')?;
        let mut found = None;
        walk(flat.get(first)?, rest, &mut found, DEPTH_MAX);
        found
    }

    /// A field's value as text; of several values the first. `field[0]` is one member of a list.
    pub(crate) fn text(&self, path: &str) -> Option<Cow<'a, str>> {
        if let Some(found) = self.find(path) {
            return match found {
                Found::One(value) => one_text(value),
                Found::Many(values) => values.into_iter().find_map(one_text),
            };
        }
        if !path.contains('[') {
            return None;
        }
        match by_position(self.all, path)? {
            EventValue::Str(text) => Some(Cow::Owned(text.into_owned())),
            value => one_text(&value.to_json()).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// Whether any text of the event fulfils something, those within lists and objects included. Numbers are texts here.
    fn any_text(value: &Value, fulfils: &dyn Fn(&str) -> bool, depth: usize) -> bool {
        match value {
            Value::String(text) => fulfils(text),
            Value::Number(number) => fulfils(&number.to_string()),
            Value::Array(values) if depth > 0 => values.iter().any(|value| Self::any_text(value, fulfils, depth - 1)),
            Value::Object(values) if depth > 0 => {
                values.values().any(|value| Self::any_text(value, fulfils, depth - 1))
            }
            _ => false,
        }
    }

    fn each_text<'v>(value: &'v Value, with: &mut dyn FnMut(Cow<'v, str>), depth: usize) {
        match value {
            Value::String(text) => with(Cow::Borrowed(text)),
            Value::Number(number) => with(Cow::Owned(number.to_string())),
            Value::Array(values) if depth > 0 => {
                values.iter().for_each(|value| Self::each_text(value, with, depth - 1));
            }
            Value::Object(values) if depth > 0 => {
                values
                    .values()
                    .for_each(|value| Self::each_text(value, with, depth - 1));
            }
            _ => {}
        }
    }
}

enum Found<'a> {
    One(&'a Value),
    Many(Vec<&'a Value>),
}

impl<'a> Found<'a> {
    fn and(before: Option<Self>, value: &'a Value) -> Self {
        match before {
            None => Self::One(value),
            Some(Self::One(first)) => Self::Many(vec![first, value]),
            Some(Self::Many(mut values)) => {
                values.push(value);
                Self::Many(values)
            }
        }
    }
}

/// The values at the end of a path. Lists are gone through: any of their members may have the rest.
fn walk<'a>(value: &'a Value, path: &str, found: &mut Option<Found<'a>>, depth: usize) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(fields) => {
            if let Some(value) = fields.get(path) {
                *found = Some(Found::and(found.take(), value));
            } else if let Some((first, rest)) = path.split_once('.')
                && let Some(value) = fields.get(first)
            {
                walk(value, rest, found, depth - 1);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, path, found, depth - 1)),
        _ => {}
    }
}

fn one_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Array(values) => values.iter().filter(|value| !value.is_array()).find_map(one_text),
        Value::Null | Value::Object(_) => None,
    }
}

impl rsigma_eval::Event for Fields<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        match self.find(path) {
            Some(Found::One(value)) => Some(EventValue::from(value)),
            Some(Found::Many(values)) => Some(EventValue::Array(values.into_iter().map(EventValue::from).collect())),
            // Positions in lists are the library's own notation.
            None if path.contains(['[', '\\']) => by_position(self.all, path),
            None => None,
        }
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        Self::any_text(self.all, pred, DEPTH_MAX)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut texts = Vec::new();
        Self::each_text(self.all, &mut |text| texts.push(text), DEPTH_MAX);
        texts
    }

    fn visit_string_values(&self, visit: &mut dyn FnMut(&str)) {
        Self::each_text(self.all, &mut |text| visit(&text), DEPTH_MAX);
    }

    fn to_json(&self) -> Value {
        self.all.clone()
    }

    fn top_level_keys(&self) -> Option<Vec<Cow<'_, str>>> {
        self.flat
            .map(|flat| flat.keys().map(|key| Cow::Borrowed(key.as_str())).collect())
    }

    fn visit_top_level_keys(&self, visit: &mut dyn FnMut(&str)) -> bool {
        let Some(flat) = self.flat else {
            return false;
        };
        flat.keys().for_each(|key| visit(key));
        true
    }
}

/// A path with `[0]` in it.
fn by_position<'a>(all: &'a Value, path: &str) -> Option<EventValue<'a>> {
    let event = JsonEvent::borrow(all);
    let value = rsigma_eval::Event::get_field(&event, path)?;
    Some(owned(value))
}

/// A value that no longer borrows from what it was found in.
fn owned(value: EventValue<'_>) -> EventValue<'static> {
    match value {
        EventValue::Str(text) => EventValue::Str(Cow::Owned(text.into_owned())),
        EventValue::Int(number) => EventValue::Int(number),
        EventValue::Float(number) => EventValue::Float(number),
        EventValue::Bool(value) => EventValue::Bool(value),
        EventValue::Null => EventValue::Null,
        EventValue::Array(values) => EventValue::Array(values.into_iter().map(owned).collect()),
        EventValue::Map(values) => EventValue::Map(
            values
                .into_iter()
                .map(|(key, value)| (Cow::Owned(key.into_owned()), owned(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use rsigma_eval::Event as _;
    use serde_json::json;

    use super::*;

    fn fields(value: &Value) -> Fields<'_> {
        Fields {
            all: value,
            flat: value.as_object(),
        }
    }

    #[test]
    fn dotted_paths_reach_into_objects_and_lists() {
        let value = json!({"a.b": 1, "a": {"b": 2, "c.d": 3}, "l": [{"x": "p"}, {"x": "q"}], "m": [{"x": {"y": "z"}}]});
        let fields = fields(&value);
        assert_eq!(fields.get_field("a.b"), Some(EventValue::Int(1)));
        assert_eq!(fields.get_field("a.c.d"), Some(EventValue::Int(3)));
        assert_eq!(
            fields.get_field("l.x").map(|value| value.to_json()),
            Some(json!(["p", "q"]))
        );
        assert_eq!(fields.text("m.x.y").as_deref(), Some("z"));
        assert_eq!(fields.text("l.x").as_deref(), Some("p"));
        assert_eq!(fields.text("l[1].x").as_deref(), Some("q"));
        assert_eq!(fields.text("l[2].x"), None);
        assert_eq!(fields.get_field("a.x"), None);
        assert_eq!(fields.get_field("l[1].x"), Some(EventValue::Str("q".into())));
    }

    #[test]
    fn a_null_is_there_and_says_nothing() {
        let value = json!({"a": null});
        assert_eq!(fields(&value).get_field("a"), Some(EventValue::Null));
        assert_eq!(fields(&value).text("a"), None);
    }
}

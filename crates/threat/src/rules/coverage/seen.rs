//! Which fields events really have, by the log that they are from: what rules are compared with. Bounded, and cheap enough to be asked for
//! every event: nearly all events have the fields of one that was seen before.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::event::{Event, Logsource};

/// Kinds of logs that are told apart.
const SOURCES_MAX: usize = 1_024;
/// Fields of a kind of log that are told apart.
const FIELDS_MAX: usize = 4_096;
/// Sets of fields that are recognised.
const SHAPES_MAX: usize = 65_536;
/// Objects within each other that are looked into.
const DEPTH_MAX: usize = 8;
/// Members of a list that are looked into.
const MEMBERS_MAX: usize = 16;

/// The fields that events had.
#[derive(Debug, Clone, Default)]
pub struct FieldsSeen {
    sources: HashMap<Logsource, Seen>,
    shapes: HashSet<u64>,
}

/// What was seen of one kind of log.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) events: u64,
    /// Names and dotted paths. More than are kept: then nothing can be said to be missing.
    pub(super) fields: BTreeSet<Box<str>>,
    pub(super) too_many: bool,
}

impl FieldsSeen {
    /// Takes note of the fields of an event.
    pub fn see(&mut self, event: &Event) {
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&event.logsource) {
            return;
        }
        let seen = self.sources.entry(event.logsource).or_default();
        seen.events += 1;
        let mut hasher = DefaultHasher::new();
        event.logsource.hash(&mut hasher);
        shape(&event.fields, &mut hasher, DEPTH_MAX);
        let shape = hasher.finish();
        if self.shapes.contains(&shape) {
            return;
        }
        if self.shapes.len() < SHAPES_MAX {
            self.shapes.insert(shape);
        }
        if let Value::Object(fields) = &event.fields {
            for (name, value) in fields {
                seen.add(name.clone(), value, DEPTH_MAX);
            }
        }
    }

    /// The kinds of logs that were seen, with how many events.
    pub fn sources(&self) -> impl Iterator<Item = (Logsource, u64)> {
        self.sources.iter().map(|(source, seen)| (*source, seen.events))
    }

    /// Whether events of a kind of log had a field, by its name or dotted path.
    #[must_use]
    pub fn has(&self, source: &Logsource, field: &str) -> bool {
        self.sources.get(source).is_some_and(|seen| seen.has(field))
    }

    pub(super) fn of(&self, fits: impl Fn(&Logsource) -> bool) -> Vec<(&Logsource, &Seen)> {
        let mut found: Vec<_> = self.sources.iter().filter(|(source, _)| fits(source)).collect();
        found.sort_by_key(|(source, seen)| (std::cmp::Reverse(seen.events), **source));
        found
    }
}

impl Seen {
    pub(super) fn has(&self, field: &str) -> bool {
        self.too_many || self.fields.contains(field) || (field.contains('[') && self.has_members(field))
    }

    /// Members of a list are named like the list: `target[0].id` was seen as `target.id`.
    fn has_members(&self, field: &str) -> bool {
        let parts = field
            .split('[')
            .map(|part| part.split_once(']').map_or(part, |(_, behind)| behind));
        self.fields.contains(parts.collect::<String>().as_str())
    }

    fn add(&mut self, path: String, value: &Value, depth: usize) {
        if self.fields.len() >= FIELDS_MAX && !self.fields.contains(path.as_str()) {
            self.too_many = true;
            return;
        }
        self.fields.insert(path.as_str().into());
        self.add_within(&path, value, depth);
    }

    fn add_within(&mut self, path: &str, value: &Value, depth: usize) {
        if depth == 0 {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.add(format!("{path}.{name}"), value, depth - 1);
                }
            }
            // Members of a list are named like the list.
            Value::Array(members) => {
                members
                    .iter()
                    .take(MEMBERS_MAX)
                    .for_each(|member| self.add_within(path, member, depth - 1));
            }
            _ => {}
        }
    }
}

/// The names of an event's fields, without their values.
fn shape(value: &Value, hasher: &mut DefaultHasher, depth: usize) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                name.hash(hasher);
                if value.is_object() || value.is_array() {
                    1_u8.hash(hasher);
                    shape(value, hasher, depth - 1);
                }
            }
            2_u8.hash(hasher);
        }
        Value::Array(members) => members
            .iter()
            .take(MEMBERS_MAX)
            .for_each(|member| shape(member, hasher, depth - 1)),
        _ => {}
    }
}

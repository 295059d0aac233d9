//! Events in Windows' own XML, as `wevtutil`, Splunk and many forwarders write them: a line each, or as a text in JSON. Only what such events
//! have is understood: elements, attributes, texts, the five entities and numbered characters. Nothing is fetched or expanded.

use serde_json::{Map, Value};

/// Elements within each other. Windows nests four.
const DEPTH_MAX: usize = 16;

/// Bytes of an entity with its semicolon.
const ENTITY_BYTES_MAX: usize = 12;

/// The event in a text, in the shape that EVTX files are read in; none if there is none, or not a whole one.
pub(in crate::normalise::windows) fn event(text: &str) -> Option<Value> {
    let (at, _) = text.match_indices("<Event").find(|(at, name)| {
        text.get(at + name.len()..)
            .is_some_and(|rest| rest.starts_with([' ', '>', '\t', '\r', '\n']))
    })?;
    let mut rest = text.get(at..)?;
    let mut open: Vec<Element> = Vec::new();
    loop {
        let (before, behind) = rest.split_once('<')?;
        if let Some(element) = open.last_mut() {
            unescape(before, &mut element.text);
        }
        if let Some(section) = behind.strip_prefix("![CDATA[") {
            let (text, after) = section.split_once("]]>")?;
            open.last_mut()?.text.push_str(text);
            rest = after;
            continue;
        }
        if let Some(comment) = behind.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        let (tag, after) = split_tag(behind)?;
        rest = after;
        let closed = if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop()?;
            if element.name != name.trim_end() {
                return None;
            }
            element
        } else if let Some(empty) = tag.strip_suffix('/') {
            Element::new(empty)?
        } else {
            if open.len() >= DEPTH_MAX {
                return None;
            }
            open.push(Element::new(tag)?);
            continue;
        };
        let (name, value) = closed.end();
        match open.last_mut() {
            Some(parent) => parent.add(name, value),
            None => return Some(Value::Object(Map::from_iter([(name, value)]))),
        }
    }
}

/// An element that hasn't been closed.
struct Element {
    name: String,
    attributes: Map<String, Value>,
    children: Map<String, Value>,
    text: String,
}

impl Element {
    /// From what stands between its angle brackets.
    fn new(tag: &str) -> Option<Self> {
        let tag = tag.trim();
        let (name, mut rest) = tag
            .split_once(|character: char| character.is_ascii_whitespace())
            .unwrap_or((tag, ""));
        let mut attributes = Map::new();
        while let Some((attribute, behind)) = rest.split_once('=') {
            let behind = behind.trim_start();
            let quote = behind.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let (value, after) = behind.get(1..)?.split_once(quote)?;
            let mut text = String::new();
            unescape(value, &mut text);
            attributes.insert(attribute.trim().to_owned(), Value::String(text));
            rest = after;
        }
        (!name.is_empty()).then(|| Self {
            name: name.to_owned(),
            attributes,
            children: Map::new(),
            text: String::new(),
        })
    }

    /// Elements of the same name are gathered.
    fn add(&mut self, name: String, value: Value) {
        match self.children.get_mut(&name) {
            None => {
                self.children.insert(name, value);
            }
            Some(Value::Array(all)) => all.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }

    fn end(self) -> (String, Value) {
        let Self {
            name,
            attributes,
            mut children,
            text,
        } = self;
        if attributes.is_empty() && children.is_empty() {
            return (name, Value::String(text));
        }
        if !attributes.is_empty() {
            children.insert("#attributes".to_owned(), Value::Object(attributes));
        }
        // Between elements stands nothing but white space.
        if !text.trim().is_empty() {
            children.insert("#text".to_owned(), Value::String(text));
        }
        (name, Value::Object(children))
    }
}

/// A tag up to its closing bracket, which may also stand in an attribute; and what follows.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let end = text.find(|character: char| match quote {
        Some(open) => {
            if character == open {
                quote = None;
            }
            false
        }
        None if matches!(character, '"' | '\'') => {
            quote = Some(character);
            false
        }
        None => character == '>',
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn unescape(text: &str, into: &mut String) {
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        into.push_str(before);
        // No entity is long: a text of ampersands isn't searched to its end for each of them.
        let end = behind.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';');
        let parts = end.and_then(|end| Some((behind.get(..end)?, behind.get(end + 1..)?)));
        let entity = parts.and_then(|(name, after)| Some((character(name)?, after)));
        rest = match entity {
            Some((character, after)) => {
                into.push(character);
                after
            }
            None => {
                into.push('&');
                behind
            }
        };
    }
    into.push_str(rest);
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

//! LVM's text: sections with names, and values.
//!
//! ```text
//! vg0 {
//!     seqno = 3
//!     status = ["READ", "WRITE"]    # comment
//!     physical_volumes { ... }
//! }
//! ```

/// Sections are four deep in what LVM writes.
const DEPTH_MAX: u32 = 16;
/// Values and sections of a text: a volume has about twenty, and memory is bounded whatever the text says.
const ITEMS_MAX: u32 = 250_000;

/// A value or a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Text(String),
    List(Vec<Value>),
    Section(Section),
}

/// Names and what they stand for, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section(Vec<(String, Value)>);

impl Section {
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self, name: &str) -> Option<&[Value]> {
        match self.value(name)? {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub(super) fn section(&self, name: &str) -> Option<&Self> {
        match self.value(name)? {
            Value::Section(section) => Some(section),
            _ => None,
        }
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }
}

/// Reads a whole text. `None` if it isn't one.
pub(super) fn parse(text: &[u8]) -> Option<Section> {
    let mut parser = Parser {
        rest: text,
        items_left: ITEMS_MAX,
    };
    let section = parser.section(0)?;
    parser.skip_space();
    parser.rest.is_empty().then_some(section)
}

struct Parser<'a> {
    rest: &'a [u8],
    items_left: u32,
}

impl Parser<'_> {
    /// Spaces, comments, and the zeros that may end a text.
    fn skip_space(&mut self) {
        while let Some((first, rest)) = self.rest.split_first() {
            match first {
                b' ' | b'\t' | b'\n' | b'\r' | 0 => self.rest = rest,
                b'#' => {
                    let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                    self.rest = rest.get(line..).unwrap_or_default();
                }
                _ => break,
            }
        }
    }

    /// Takes a character if it comes next.
    fn take(&mut self, character: u8) -> bool {
        self.skip_space();
        match self.rest.split_first() {
            Some((first, rest)) if *first == character => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// What comes up to the closing brace, which is left, or to the end.
    fn section(&mut self, depth: u32) -> Option<Section> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut section = Section::default();
        loop {
            self.skip_space();
            if matches!(self.rest.first(), None | Some(b'}')) {
                return Some(section);
            }
            self.items_left = self.items_left.checked_sub(1)?;
            let name = self.word()?;
            let value = if self.take(b'{') {
                let inner = self.section(depth + 1)?;
                self.take(b'}').then_some(Value::Section(inner))?
            } else {
                self.take(b'=').then_some(())?;
                self.value()?
            };
            section.0.push((name, value));
        }
    }

    fn word(&mut self) -> Option<String> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.+/@".contains(byte);
        let length = self
            .rest
            .iter()
            .position(|byte| !is_part(byte))
            .unwrap_or(self.rest.len());
        let (word, rest) = self
            .rest
            .split_at_checked(length)
            .filter(|(word, _)| !word.is_empty())?;
        self.rest = rest;
        String::from_utf8(word.to_vec()).ok()
    }

    fn value(&mut self) -> Option<Value> {
        if !self.take(b'[') {
            return self.scalar();
        }
        let mut list = Vec::new();
        while !self.take(b']') {
            self.items_left = self.items_left.checked_sub(1)?;
            list.push(self.scalar()?);
            if !self.take(b',') {
                self.take(b']').then_some(())?;
                break;
            }
        }
        Some(Value::List(list))
    }

    /// A number or a text. Fractions and negative numbers, which nothing of interest is, become text.
    fn scalar(&mut self) -> Option<Value> {
        if self.take(b'"') {
            return self.quoted().map(Value::Text);
        }
        self.skip_space();
        let word = self.word()?;
        Some(word.parse().map_or(Value::Text(word), Value::Number))
    }

    /// The rest of a text in quotes, in which a backslash takes away the meaning of what follows.
    fn quoted(&mut self) -> Option<String> {
        let mut text = Vec::new();
        loop {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            match first {
                b'"' => return String::from_utf8(text).ok(),
                b'\\' => {
                    let (escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    text.push(*escaped);
                }
                byte => text.push(*byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_values_are_read() {
        let text = br#"
            # a comment { with braces
            group {
                id = "a\"b\\c"   seqno = 12
                status = ["READ", "WRITE"] empty = []
                inner { stripes = [ "pv0", 0, "pv1", 7 ] } # more
            }
            version = 1
            load = 0.5
        "#;
        let parsed = parse(text).unwrap();
        assert_eq!((parsed.number("version"), parsed.text("load")), (Some(1), Some("0.5")));
        let group = parsed.section("group").unwrap();
        assert_eq!((group.text("id"), group.number("seqno")), (Some("a\"b\\c"), Some(12)));
        assert_eq!(
            (group.list("status").unwrap().len(), group.list("empty").unwrap().len()),
            (2, 0)
        );
        let stripes = group.section("inner").unwrap().list("stripes").unwrap();
        assert_eq!(stripes[2..], [Value::Text("pv1".to_owned()), Value::Number(7)]);
        assert_eq!(group.number("id"), None);
    }

    #[test]
    fn what_is_not_such_text_is_refused() {
        for text in [
            "a",
            "a =",
            "a = [",
            "a = [1",
            "a = [1 2]",
            "a {",
            "a { b = 1",
            "}",
            "= 1",
            "a = \"b",
            "a = \"b\\",
            "a = [[1]]",
            "a = 1 }",
            "\u{1}",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        let many = "a=[],".repeat(1_000_000);
        assert_eq!(parse(many.as_bytes()), None);
        let deep = "a {".repeat(1_000_000);
        assert_eq!(parse(deep.as_bytes()), None);
    }
}

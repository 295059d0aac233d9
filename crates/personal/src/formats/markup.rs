//! Markup: XML, HTML and the XML inside office documents, as a sequence of tags and text. Nothing is expanded but single characters,
//! and nothing has to be well-formed.

/// A piece of markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'text> {
    /// `<name attributes>`; `is_closed` if it ends in `/>`.
    Open {
        name: &'text str,
        attributes: &'text str,
        is_closed: bool,
    },
    /// `</name>`.
    Close { name: &'text str },
    /// What stands between tags, with its entities; and the inside of comments.
    Text(&'text str),
    /// What stands between tags as it is: the inside of a CDATA section.
    Raw(&'text str),
}

/// The pieces of a text.
pub(crate) struct Tokens<'text> {
    rest: &'text str,
}

impl<'text> Tokens<'text> {
    pub(crate) fn new(text: &'text str) -> Self {
        Self { rest: text }
    }

    fn take(&mut self, length: usize) -> &'text str {
        let (head, tail) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = tail;
        head
    }

    /// Up to and including an ending. Without one, everything is text: looking for it again would take time without bounds.
    fn between(&mut self, beginning: usize, ending: &str) -> &'text str {
        let Some(length) = self.rest.get(beginning..).and_then(|inside| inside.find(ending)) else {
            return self.take(self.rest.len());
        };
        let inside = self.take(beginning + length);
        self.take(ending.len());
        inside.get(beginning..).unwrap_or_default()
    }

    fn tag(&mut self) -> Token<'text> {
        let Some(length) = tag_length(self.rest) else {
            return Token::Text(self.take(self.rest.len()));
        };
        let tag = self.take(length).trim_start_matches('<').trim_end_matches('>');
        if let Some(name) = tag.strip_prefix('/') {
            return Token::Close {
                name: local(name.trim()),
            };
        }
        let is_closed = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let name_length = tag
            .find(|character: char| character.is_whitespace() || character == '/')
            .unwrap_or(tag.len());
        let (name, attributes) = tag.split_at_checked(name_length).unwrap_or((tag, ""));
        Token::Open {
            name: local(name),
            attributes,
            is_closed,
        }
    }
}

impl<'text> Iterator for Tokens<'text> {
    type Item = Token<'text>;

    fn next(&mut self) -> Option<Token<'text>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            if self.rest.starts_with("<!--") {
                return Some(Token::Text(self.between(4, "-->")));
            }
            if self.rest.starts_with("<![CDATA[") {
                return Some(Token::Raw(self.between(9, "]]>")));
            }
            if self.rest.starts_with("<?") {
                self.between(2, ">");
                continue;
            }
            if self.rest.starts_with("<!") {
                self.between(2, ">");
                continue;
            }
            let is_tag = self.rest.starts_with('<')
                && self
                    .rest
                    .as_bytes()
                    .get(1)
                    .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_'));
            if is_tag {
                return Some(self.tag());
            }
            let length = self
                .rest
                .get(1..)
                .and_then(|rest| rest.find('<'))
                .map_or(self.rest.len(), |length| length + 1);
            // The first character may be longer than a byte: then `get` fails, and everything up to the next tag is taken the long way.
            let length = if self.rest.is_char_boundary(1) {
                length
            } else {
                self.rest.find('<').unwrap_or(self.rest.len())
            };
            return Some(Token::Text(self.take(length)));
        }
    }
}

/// The length of a tag with both brackets: a bracket in quotes doesn't end it.
fn tag_length(rest: &str) -> Option<usize> {
    let mut quote = 0;
    for (position, byte) in rest.bytes().enumerate() {
        match byte {
            b'"' | b'\'' if quote == 0 => quote = byte,
            byte if byte == quote => quote = 0,
            b'>' if quote == 0 => return Some(position + 1),
            // A quote that isn't closed ends with its line, in documents written by hand.
            b'\n'
                if quote != 0
                    && !rest
                        .get(position..)
                        .is_some_and(|behind| behind.bytes().take(4096).any(|byte| byte == quote)) =>
            {
                quote = 0
            }
            _ => {}
        }
    }
    None
}

/// The name without its namespace.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Shows names (without namespace) and values of attributes.
pub(crate) fn attributes<'text>(text: &'text str, mut visit: impl FnMut(&'text str, &'text str)) {
    let mut rest = text;
    while let Some((name, behind)) = rest.split_once('=') {
        let name = name.trim().rsplit(char::is_whitespace).next().unwrap_or_default();
        let behind = behind.trim_start();
        let (value, tail) = match behind.chars().next() {
            Some(quote @ ('"' | '\'')) => behind
                .get(1..)
                .and_then(|inside| inside.split_once(quote))
                .unwrap_or((behind.get(1..).unwrap_or_default(), "")),
            _ => behind.split_once(char::is_whitespace).unwrap_or((behind, "")),
        };
        visit(local(name), value);
        rest = tail;
    }
}

/// Appends text with its entities resolved.
pub(crate) fn push_text(target: &mut String, text: &str) {
    let mut rest = text;
    while let Some((plain, behind)) = rest.split_once('&') {
        target.push_str(plain);
        let entity = behind
            .as_bytes()
            .iter()
            .take(12)
            .position(|byte| *byte == b';')
            .and_then(|length| behind.get(..length));
        match entity.and_then(character).zip(entity) {
            Some((character, entity)) => {
                target.push(character);
                rest = behind.get(entity.len() + 1..).unwrap_or_default();
            }
            None => {
                target.push('&');
                rest = behind;
            }
        }
    }
    target.push_str(rest);
}

fn character(entity: &str) -> Option<char> {
    if let Some(number) = entity.strip_prefix('#') {
        let value = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(value);
    }
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "commat" => '@',
        "period" => '.',
        "ndash" => '\u{2013}',
        "mdash" => '\u{2014}',
        "eacute" => '\u{e9}',
        "egrave" => '\u{e8}',
        "auml" => '\u{e4}',
        "ouml" => '\u{f6}',
        "uuml" => '\u{fc}',
        "szlig" => '\u{df}',
        "oslash" => '\u{f8}',
        "aring" => '\u{e5}',
        "ntilde" => '\u{f1}',
        "ccedil" => '\u{e7}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Token, Tokens, attributes, push_text};

    #[test]
    fn tags_text_and_attributes_are_told_apart() {
        let tokens: Vec<_> =
            Tokens::new("<?xml?><w:p a='1>2'>x<b/>\u{e9}<!-- c --><![CDATA[<d>]]></w:p> 1 < 2").collect();
        assert_eq!(
            tokens,
            [
                Token::Open {
                    name: "p",
                    attributes: " a='1>2'",
                    is_closed: false
                },
                Token::Text("x"),
                Token::Open {
                    name: "b",
                    attributes: "",
                    is_closed: true
                },
                Token::Text("\u{e9}"),
                Token::Text(" c "),
                Token::Raw("<d>"),
                Token::Close { name: "p" },
                Token::Text(" 1 "),
                Token::Text("< 2"),
            ]
        );
        let mut seen = Vec::new();
        attributes(" r:id=\"rId1\" href='a&amp;b' checked=yes", |name, value| {
            seen.push((name, value))
        });
        assert_eq!(seen, [("id", "rId1"), ("href", "a&amp;b"), ("checked", "yes")]);
    }

    #[test]
    fn entities_become_characters_and_others_stay() {
        let mut text = String::new();
        push_text(&mut text, "a&amp;b&#64;c&#x2e;d &unknown; & e");
        assert_eq!(text, "a&b@c.d &unknown; & e");
    }

    #[test]
    fn what_never_ends_is_read_once() {
        for piece in ["<!--", "<![CDATA[", "<a b=\"", "<?", "</", "&"] {
            let text = piece.repeat(200_000);
            assert!(Tokens::new(&text).count() <= text.len());
        }
    }
}

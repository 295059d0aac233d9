//! The words, strings and signs of SQL, from pieces of any length.

use super::value::Value;
use crate::Error;
use crate::ingest::gather::Gatherer;

/// Something that was read; its text is [`Lexer::value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word or a number.
    Word,
    /// A name in quotation marks or backticks.
    Quoted,
    /// A string in apostrophes.
    Text,
    /// One of `( ) , ;` and others.
    Punctuation(u8),
    /// A line of `COPY`.
    Row,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    /// Behind a `-` or `/`, which may begin a comment.
    MaybeComment(u8),
    LineComment,
    /// In `/* */`; whether a `*` was just read.
    BlockComment(bool),
    Word,
    /// In quotes of this kind.
    Quoted(u8),
    /// Behind a backslash in them.
    Escaped(u8),
    /// Behind what ends them, unless it is doubled.
    MaybeEnd(u8),
    /// Rows of `COPY` begin with the next line.
    BeforeRows,
    /// In a row of `COPY`.
    Rows,
}

/// Reads SQL.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    state: State,
    value: Value,
}

impl Lexer {
    /// The text of the last token.
    pub(super) fn value(&self) -> &[u8] {
        self.value.bytes()
    }

    /// Whether the text is only the end of a longer one.
    pub(super) const fn is_cut(&self) -> bool {
        self.value.is_cut()
    }

    /// Whether it is in the middle of nothing.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Between | State::LineComment | State::BeforeRows)
    }

    /// What follows the end of this line are rows of `COPY`, until a line `\.`.
    pub(super) const fn begin_rows(&mut self) {
        self.state = State::BeforeRows;
    }

    /// Takes some bytes: how many, and what they complete.
    pub(super) fn take(&mut self, rest: &[u8], gatherer: &mut Gatherer) -> Result<(usize, Option<Token>), Error> {
        let Some(first) = rest.first().copied() else {
            return Ok((0, None));
        };
        match self.state {
            State::Between => Ok(self.between(first)),
            State::MaybeComment(before) => Ok(self.maybe_comment(before, first)),
            State::LineComment => {
                let end = memchr::memchr(b'\n', rest);
                if end.is_some() {
                    self.state = State::Between;
                }
                Ok((end.map_or(rest.len(), |end| end + 1), None))
            }
            State::BlockComment(was_star) => {
                self.state = if was_star && first == b'/' {
                    State::Between
                } else {
                    State::BlockComment(first == b'*')
                };
                Ok((1, None))
            }
            State::Word => self.word(rest, gatherer),
            State::Quoted(quote) => {
                let end = memchr::memchr2(quote, b'\\', rest).unwrap_or(rest.len());
                self.value.extend(rest.get(..end).unwrap_or_default(), gatherer)?;
                match rest.get(end) {
                    None => Ok((end, None)),
                    Some(byte) => {
                        self.state = if *byte == quote {
                            State::MaybeEnd(quote)
                        } else {
                            State::Escaped(quote)
                        };
                        Ok((end + 1, None))
                    }
                }
            }
            State::Escaped(quote) => {
                self.state = State::Quoted(quote);
                let plain = match first {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'0' => 0,
                    other => other,
                };
                self.value.extend(&[plain], gatherer)?;
                Ok((1, None))
            }
            State::MaybeEnd(quote) if first == quote => {
                self.state = State::Quoted(quote);
                self.value.extend(&[quote], gatherer)?;
                Ok((1, None))
            }
            State::MaybeEnd(quote) => {
                self.state = State::Between;
                Ok((0, Some(if quote == b'\'' { Token::Text } else { Token::Quoted })))
            }
            State::BeforeRows => {
                let end = memchr::memchr(b'\n', rest);
                if end.is_some() {
                    self.state = State::Rows;
                    self.value.clear();
                }
                Ok((end.map_or(rest.len(), |end| end + 1), None))
            }
            State::Rows => self.row(rest, gatherer),
        }
    }

    fn between(&mut self, byte: u8) -> (usize, Option<Token>) {
        match byte {
            b'\'' | b'"' | b'`' => {
                self.value.clear();
                self.state = State::Quoted(byte);
            }
            b'-' | b'/' => self.state = State::MaybeComment(byte),
            b'#' => self.state = State::LineComment,
            byte if is_word(byte) => {
                self.value.clear();
                self.state = State::Word;
                return (0, None);
            }
            byte if byte.is_ascii_punctuation() => return (1, Some(Token::Punctuation(byte))),
            _ => {}
        }
        (1, None)
    }

    fn maybe_comment(&mut self, before: u8, byte: u8) -> (usize, Option<Token>) {
        match (before, byte) {
            (b'-', b'-') => self.state = State::LineComment,
            (b'/', b'*') => self.state = State::BlockComment(false),
            _ => {
                // The sign of a number, or a division.
                self.state = State::Between;
                return (0, None);
            }
        }
        (1, None)
    }

    fn word(&mut self, rest: &[u8], gatherer: &mut Gatherer) -> Result<(usize, Option<Token>), Error> {
        let end = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
        self.value.extend(rest.get(..end).unwrap_or_default(), gatherer)?;
        if end == rest.len() {
            return Ok((end, None));
        }
        self.state = State::Between;
        Ok((end, Some(Token::Word)))
    }

    fn row(&mut self, rest: &[u8], gatherer: &mut Gatherer) -> Result<(usize, Option<Token>), Error> {
        if self.value.bytes() == b"\\." && rest.first() == Some(&b'\n') {
            self.state = State::Between;
            self.value.clear();
            return Ok((1, None));
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        if end == 0 {
            // The line that was read before is taken; the next begins.
            self.state = State::BeforeRows;
            return Ok((0, Some(Token::Row)));
        }
        let part = rest.get(..end).unwrap_or_default();
        self.value.extend(
            part.strip_suffix(b"\r").filter(|_| end < rest.len()).unwrap_or(part),
            gatherer,
        )?;
        Ok((end, None))
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'@' | b'$' | b'+') || byte >= 0x80
}

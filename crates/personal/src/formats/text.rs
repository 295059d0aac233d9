//! Text of any size, in parts: plain, JSON, tables with separators.

use std::borrow::Cow;

use crate::collector::Collector;
use crate::formats::aligned;
use crate::formats::csv;
use crate::formats::encoding::Encoding;
use crate::report::Format;
use crate::table::Table;

/// Bytes decoded at a time.
const PART_BYTES: usize = 1 << 20;
/// A line (or row) that is longer is cut.
const CARRY_MAX: usize = 4 << 20;
/// Bytes by which a kind of text is recognised.
const SAMPLE_BYTES: usize = 32 << 10;

/// What kind of text a document is, and how it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub(crate) format: Format,
    encoding: Encoding,
    /// Bytes of the mark in front of it.
    mark: usize,
    /// Between the cells of a table.
    separator: Option<char>,
}

impl Writing {
    /// Recognises text of any kind by how it begins; `None` for bytes that are no text.
    pub(crate) fn of(name: &str, bytes: &[u8]) -> Option<Self> {
        let (encoding, mark) = Encoding::of(bytes)?;
        let sample = bytes.get(mark..).unwrap_or_default();
        let sample = encoding.decode(sample.get(..SAMPLE_BYTES).unwrap_or(sample));
        let (format, separator) = kind(name, &sample);
        Some(Self {
            format,
            encoding,
            mark,
            separator,
        })
    }

    /// Whether it can be read in parts: markup and mail can't.
    pub(crate) const fn is_in_parts(&self) -> bool {
        matches!(self.format, Format::Text | Format::Csv | Format::Json)
    }

    /// All of it.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        self.encoding.decode(bytes.get(self.mark..).unwrap_or_default())
    }
}

/// A text that is being read.
pub(crate) struct TextStream {
    format: Format,
    encoding: Encoding,
    /// Bytes of the mark that are still to be skipped.
    mark: usize,
    /// Bytes without an end of a character, then characters without an end of a line, from the part before.
    bytes: Vec<u8>,
    carry: String,
    table: Option<(Table, char)>,
}

impl TextStream {
    /// Markup that is too large to be read as such can be read, too: with its tags, as text.
    pub(crate) fn new(writing: &Writing) -> Self {
        Self {
            format: writing.format,
            encoding: writing.encoding,
            mark: writing.mark,
            bytes: Vec::new(),
            carry: String::new(),
            table: writing.separator.map(|separator| (Table::default(), separator)),
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, collector: &mut Collector<'_>, bytes: &[u8]) {
        let skipped = self.mark.min(bytes.len());
        self.mark -= skipped;
        for part in bytes.get(skipped..).unwrap_or_default().chunks(PART_BYTES) {
            if collector.is_stopped() {
                return;
            }
            if self.bytes.is_empty() {
                let whole = self.encoding.whole_characters(part);
                let (head, tail) = part.split_at_checked(whole).unwrap_or((part, &[]));
                self.characters(collector, &self.encoding.decode(head));
                self.bytes.extend_from_slice(tail);
            } else {
                let mut joined = std::mem::take(&mut self.bytes);
                joined.extend_from_slice(part);
                let whole = self.encoding.whole_characters(&joined);
                let (head, tail) = joined.split_at_checked(whole).unwrap_or((&joined, &[]));
                self.characters(collector, &self.encoding.decode(head));
                self.bytes.extend_from_slice(tail);
            }
        }
    }

    fn characters(&mut self, collector: &mut Collector<'_>, text: &str) {
        let text = if self.carry.is_empty() {
            Cow::Borrowed(text)
        } else {
            let mut joined = std::mem::take(&mut self.carry);
            joined.push_str(text);
            Cow::Owned(joined)
        };
        let whole = text.rfind('\n').map_or(0, |position| position + 1);
        let whole = if whole == 0 && text.len() > CARRY_MAX {
            text.len()
        } else {
            whole
        };
        let used = self.lines(collector, text.get(..whole).unwrap_or_default(), text.len() > CARRY_MAX);
        self.carry.push_str(text.get(used..).unwrap_or_default());
    }

    /// Takes whole lines. Tells how much of them was used: a row may have more than one.
    fn lines(&mut self, collector: &mut Collector<'_>, text: &str, is_last: bool) -> usize {
        match &mut self.table {
            Some((table, separator)) => csv::rows(text, *separator, is_last, |cells| table.row(collector, cells)),
            None if self.format == Format::Json && text.contains("\\u") => {
                collector.text(&unescaped(text));
                text.len()
            }
            None => {
                aligned::read(collector, text);
                text.len()
            }
        }
    }

    /// Takes what is left.
    pub(crate) fn finish(mut self, collector: &mut Collector<'_>) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = std::mem::take(&mut self.carry);
        rest.push_str(&self.encoding.decode(&bytes));
        self.lines(collector, &rest, true);
        if let Some((table, _)) = self.table {
            table.finish(collector);
        }
    }
}

/// JSON with the letters beyond ASCII that stand in it as `\\u00e9`.
fn unescaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, behind)) = rest.split_once("\\u") {
        result.push_str(plain);
        let code = behind.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code
            .and_then(char::from_u32)
            .filter(|letter| letter.is_alphabetic() || *letter == '@')
        {
            Some(letter) => {
                result.push(letter);
                rest = behind.get(4..).unwrap_or_default();
            }
            None => {
                result.push_str("\\u");
                rest = behind;
            }
        }
    }
    result.push_str(rest);
    result
}

/// What kind of text it is, by how it begins, and what is between the cells of a table.
fn kind(name: &str, sample: &str) -> (Format, Option<char>) {
    let head = sample.trim_start();
    let lower = head
        .get(..head.len().min(512))
        .map_or_else(|| head.chars().take(128).collect(), str::to_owned)
        .to_ascii_lowercase();
    let ends_with = |endings: &[&str]| endings.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    let format = if lower.starts_with("{\\rtf") {
        Format::Rtf
    } else if lower.starts_with("<!doctype html")
        || lower.starts_with("<html")
        || (head.starts_with('<') && (lower.contains("<html") || ends_with(&[".html", ".htm"])))
    {
        Format::Html
    } else if lower.starts_with("<?xml") || (head.starts_with('<') && ends_with(&[".xml", ".svg", ".xhtml"])) {
        Format::Xml
    } else if super::mail::is_mailbox(sample) {
        Format::Mailbox
    } else if super::mail::is_mail(name, sample) {
        Format::Mail
    } else if is_json(head) {
        Format::Json
    } else {
        let separator = csv::separator(name, sample);
        return (separator.map_or(Format::Text, |_| Format::Csv), separator);
    };
    (format, None)
}

fn is_json(head: &str) -> bool {
    let Some(inside) = head.strip_prefix(['{', '[']) else {
        return false;
    };
    let next = inside.trim_start().chars().next();
    if head.starts_with('{') {
        matches!(next, Some('"' | '}'))
    } else {
        matches!(next, Some('"' | '{' | '[' | ']' | '0'..='9' | '-' | 't' | 'f' | 'n'))
    }
}

//! `SQLite` databases: the rows of their tables, read page by page (the file format is documented at sqlite.org/fileformat2.html).
//!
//! Reading pages takes a few hundred lines and no C; whatever they say, each page is read once.

use std::borrow::Cow;

use crate::collector::Collector;
use crate::report::Reason;
use crate::table::Table;

pub(crate) const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes of the database's header, at the beginning of its first page.
const HEADER_BYTES: usize = 100;
/// Pages between a root and its leaves: a tree of 2^31 pages with two children each.
const DEPTH_MAX: u32 = 40;
/// Bytes of one row, over all its pages.
const ROW_BYTES_MAX: usize = 8 << 20;
const COLUMNS_MAX: usize = 2000;

/// A database in memory.
struct Database<'a> {
    bytes: &'a [u8],
    page_bytes: usize,
    /// Bytes of a page without those reserved at its end.
    usable_bytes: usize,
    /// Whether a page was seen: cycles end here.
    seen: Vec<bool>,
    is_utf16: Option<fn([u8; 2]) -> u16>,
}

/// A value of a row.
enum Value<'a> {
    Nothing,
    Number(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
}

/// What is done with a row: its number, unless it is one of an index, and its values.
type Visit<'v, 'a> = dyn FnMut(&mut Collector<'_>, Option<i64>, &[Value<'a>]) + 'v;

/// Reads a database.
pub(crate) fn read(collector: &mut Collector<'_>, bytes: &[u8]) {
    let Some(mut database) = Database::open(bytes) else {
        collector.unread(Reason::Damaged);
        return;
    };
    let mut tables = Vec::new();
    // The first page is the root of the table of tables: type, name, table, root page, and the statement that made it.
    let mut is_whole = database.walk(collector, 1, DEPTH_MAX, &mut |_, _, values| {
        if let [Value::Text(kind), _, _, Value::Number(root), Value::Text(statement), ..] = values
            && kind == "table"
        {
            tables.push((*root, columns(statement)));
        }
    });
    for (root, columns) in tables {
        let mut table = Table::with_heading(&columns);
        let root = u32::try_from(root).unwrap_or(0);
        is_whole &= root == 0
            || database.walk(collector, root, DEPTH_MAX, &mut |collector, row, values| {
                table.row(collector, &cells(row, values));
            });
        table.finish(collector);
        if collector.is_stopped() {
            return;
        }
    }
    if !is_whole {
        collector.unread(Reason::Damaged);
    }
}

/// What is shown of a row. The first column of a table with a number as its key isn't stored: it is the row's own number.
fn cells(row: Option<i64>, values: &[Value<'_>]) -> Vec<String> {
    values
        .iter()
        .enumerate()
        .map(|(column, value)| match value {
            Value::Nothing if column == 0 => row.map(|row| row.to_string()).unwrap_or_default(),
            Value::Nothing => String::new(),
            Value::Number(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text.to_string(),
            Value::Bytes(bytes) => std::str::from_utf8(bytes).unwrap_or_default().to_owned(),
        })
        .collect()
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let page_bytes = match u16_at(bytes, 16)? {
            1 => 65_536,
            size => usize::from(size),
        };
        let reserved = usize::from(*bytes.get(20)?);
        let is_utf16: Option<fn([u8; 2]) -> u16> = match bytes.get(56..60)? {
            [0, 0, 0, 2] => Some(u16::from_le_bytes),
            [0, 0, 0, 3] => Some(u16::from_be_bytes),
            _ => None,
        };
        let is_sound = page_bytes >= 512 && page_bytes.is_power_of_two() && page_bytes - reserved >= 480;
        let pages = bytes.len().div_ceil(page_bytes.max(1));
        is_sound.then(|| Self {
            bytes,
            page_bytes,
            usable_bytes: page_bytes - reserved,
            seen: vec![false; pages + 1],
            is_utf16,
        })
    }

    fn page(&self, number: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(number.checked_sub(1)?)
            .ok()?
            .checked_mul(self.page_bytes)?;
        self.bytes.get(start..start + self.usable_bytes)
    }

    /// Shows the rows of the tree below a page. False if something was damaged.
    fn walk(&mut self, collector: &mut Collector<'_>, number: u32, depth: u32, visit: &mut Visit<'_, 'a>) -> bool {
        let is_new = self
            .seen
            .get_mut(number as usize)
            .is_some_and(|seen| !std::mem::replace(seen, true));
        let Some(page) = self.page(number).filter(|_| is_new && depth > 0) else {
            return false;
        };
        if collector.is_stopped() {
            return true;
        }
        let header = if number == 1 { HEADER_BYTES } else { 0 };
        let (Some(kind), Some(count)) = (page.get(header).copied(), u16_at(page, header + 3)) else {
            return false;
        };
        let (is_leaf, is_index) = match kind {
            2 => (false, true),
            5 => (false, false),
            10 => (true, true),
            13 => (true, false),
            _ => return false,
        };
        let pointers = header + if is_leaf { 8 } else { 12 };
        let mut is_whole = true;
        for index in 0..usize::from(count) {
            let Some(mut position) = u16_at(page, pointers + index * 2).map(usize::from) else {
                return false;
            };
            if !is_leaf {
                let child = u32_at(page, position);
                is_whole &= child.is_some_and(|child| self.walk(collector, child, depth - 1, visit));
                position += 4;
            }
            // Inner pages of tables hold keys only.
            if is_leaf || is_index {
                is_whole &= self.row(page, position, is_index, &mut |row, values| {
                    visit(collector, row, values)
                });
            }
        }
        if !is_leaf {
            is_whole &= u32_at(page, header + 8).is_some_and(|child| self.walk(collector, child, depth - 1, visit));
        }
        is_whole
    }

    /// Shows one row. False if it was damaged.
    fn row(
        &self,
        page: &'a [u8],
        position: usize,
        is_index: bool,
        visit: &mut dyn FnMut(Option<i64>, &[Value<'a>]),
    ) -> bool {
        let Some((length, used)) = number(page, position) else {
            return false;
        };
        let mut start = position + used;
        let mut key = None;
        if !is_index {
            let Some((row, used)) = number(page, start) else {
                return false;
            };
            key = Some(row);
            start += used;
        }
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= ROW_BYTES_MAX) else {
            return false;
        };
        let local = self.local_bytes(length, is_index);
        let Some(first) = page.get(start..start + local) else {
            return false;
        };
        if local == length {
            return self.record(first).is_some_and(|values| {
                visit(key, &values);
                true
            });
        }
        let Some(whole) = u32_at(page, start + local).and_then(|next| self.overflow(first, next, length)) else {
            return false;
        };
        let Some(values) = self.record(&whole) else {
            return false;
        };
        // What was put together lives here only, so it is handed on as text of its own.
        let values: Vec<Value<'a>> = values
            .into_iter()
            .map(|value| match value {
                Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
                Value::Bytes(bytes) => {
                    Value::Text(Cow::Owned(std::str::from_utf8(bytes).unwrap_or_default().to_owned()))
                }
                Value::Nothing => Value::Nothing,
                Value::Number(number) => Value::Number(number),
                Value::Real(number) => Value::Real(number),
            })
            .collect();
        visit(key, &values);
        true
    }

    /// How much of a row is in its page; the rest is in pages of overflow.
    fn local_bytes(&self, length: usize, is_index: bool) -> usize {
        let usable = self.usable_bytes;
        let most = if is_index {
            (usable - 12) * 64 / 255 - 23
        } else {
            usable - 35
        };
        if length <= most {
            return length;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let kept = least + (length - least) % (usable - 4);
        if kept <= most { kept } else { least }
    }

    fn overflow(&self, first: &[u8], mut next: u32, length: usize) -> Option<Vec<u8>> {
        let mut whole = first.to_vec();
        // Each page brings bytes, so a cycle ends when the row is full.
        while whole.len() < length {
            let page = self.page(next)?;
            let rest = (length - whole.len()).min(page.len() - 4);
            whole.extend_from_slice(page.get(4..4 + rest)?);
            next = u32_at(page, 0)?;
        }
        Some(whole)
    }

    /// The values of a row: their types first, then the bytes of each.
    fn record<'row>(&self, bytes: &'row [u8]) -> Option<Vec<Value<'row>>> {
        let (header_bytes, mut position) = number(bytes, 0)?;
        let header_bytes = usize::try_from(header_bytes).ok()?;
        let mut content = header_bytes;
        let mut values = Vec::new();
        while position < header_bytes && values.len() < COLUMNS_MAX {
            let (kind, used) = number(bytes, position)?;
            position += used;
            let length = content_bytes(kind)?;
            let field = bytes.get(content..content.checked_add(length)?)?;
            content += length;
            values.push(self.value(kind, field));
        }
        Some(values)
    }

    fn value<'row>(&self, kind: i64, field: &'row [u8]) -> Value<'row> {
        match kind {
            1..=6 => {
                let sign = if field.first().is_some_and(|byte| byte & 0x80 != 0) {
                    -1
                } else {
                    0
                };
                Value::Number(field.iter().fold(sign, |sum, byte| (sum << 8) | i64::from(*byte)))
            }
            7 => field
                .try_into()
                .map_or(Value::Nothing, |bytes| Value::Real(f64::from_be_bytes(bytes))),
            8 => Value::Number(0),
            9 => Value::Number(1),
            kind if kind >= 12 && kind % 2 == 0 => Value::Bytes(field),
            kind if kind >= 13 => Value::Text(self.text(field)),
            _ => Value::Nothing,
        }
    }

    fn text<'row>(&self, field: &'row [u8]) -> Cow<'row, str> {
        let Some(unit) = self.is_utf16 else {
            return String::from_utf8_lossy(field);
        };
        let (pairs, _) = field.as_chunks::<2>();
        let characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
        Cow::Owned(
            characters
                .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
        )
    }
}

fn u16_at(bytes: &[u8], position: usize) -> Option<u16> {
    bytes
        .get(position..position.checked_add(2)?)?
        .try_into()
        .ok()
        .map(u16::from_be_bytes)
}

fn u32_at(bytes: &[u8], position: usize) -> Option<u32> {
    bytes
        .get(position..position.checked_add(4)?)?
        .try_into()
        .ok()
        .map(u32::from_be_bytes)
}

/// A number of one to nine bytes, the highest first, and how many they were.
fn number(bytes: &[u8], position: usize) -> Option<(i64, usize)> {
    let mut value = 0_i64;
    for used in 0..8 {
        let byte = *bytes.get(position.checked_add(used)?)?;
        value = (value << 7) | i64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, used + 1));
        }
    }
    let last = *bytes.get(position.checked_add(8)?)?;
    Some(((value << 8) | i64::from(last), 9))
}

fn content_bytes(kind: i64) -> Option<usize> {
    Some(match kind {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(kind).ok()?,
        5 => 6,
        6 | 7 => 8,
        kind if kind >= 12 => usize::try_from((kind - 12) / 2).ok()?,
        _ => return None,
    })
}

/// The names of the columns in a statement `CREATE TABLE name (column type ..., ...)`.
fn columns(statement: &str) -> Vec<String> {
    let Some(body) = statement.find('(').and_then(|start| statement.get(start + 1..)) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let mut depth = 0_u32;
    let mut quote = None;
    let mut current = String::new();
    for character in body.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => current.push(if character.is_whitespace() { '_' } else { character }),
            (None, '"' | '`' | '\'') => quote = Some(character),
            (None, '[') => quote = Some(']'),
            (None, '(') => depth += 1,
            (None, ')') if depth > 0 => depth -= 1,
            (None, ')') => break,
            (None, ',') if depth == 0 => names.push(std::mem::take(&mut current)),
            _ => current.push(character),
        }
        if names.len() >= COLUMNS_MAX {
            break;
        }
    }
    names.push(current);
    names
        .iter()
        .map(|definition| definition.split_whitespace().next().unwrap_or_default().to_owned())
        .collect()
}

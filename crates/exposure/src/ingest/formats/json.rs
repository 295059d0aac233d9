//! JSON of any size, read byte by byte: one document, one a line, or objects one after the other. Every object is a record of the values
//! that stand in it directly; what is not JSON is searched for addresses up to the end of its line.

use super::value::Value;
use super::{Reading, VALUE_BYTES_MAX};
use crate::Error;
use crate::ingest::columns::Column;
use crate::ingest::gather::Gatherer;
use crate::ingest::record::Record;

/// How deep objects and lists may be in one another.
const DEPTH_MAX: usize = 128;
/// How much of open objects is held before it is taken as it is.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// An open object or list.
#[derive(Clone, Copy, Debug)]
struct Level {
    is_object: bool,
    /// How many fields the record had when it began.
    fields_before: usize,
    /// What the values in it are: of an object, that of the key that was read last.
    column: Column,
}

/// Where in the text the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between values.
    Between,
    /// In a string.
    String,
    /// Behind a backslash in a string.
    Escape,
    /// In the digits of `\u`: how many are read, and their value.
    Unicode(u8, u32),
    /// In a number or a word.
    Bare,
    /// What is not JSON, until the line ends.
    Lost,
}

#[derive(Debug)]
struct Json {
    state: State,
    levels: Vec<Level>,
    record: Record,
    value: Value,
    /// The first half of a character that is written as two `\u`.
    surrogate: Option<u32>,
    /// The next string of an object is a key.
    expects_key: bool,
}

pub(super) fn read(reading: &mut Reading<'_, '_>) -> Result<(), Error> {
    let mut json = Json {
        state: State::Between,
        levels: Vec::new(),
        record: Record::default(),
        value: Value::default(),
        surrogate: None,
        expects_key: false,
    };
    let (mut chunk, mut line) = (Vec::new(), 1);
    loop {
        let offset = reading.text.byte();
        reading.chunk(&mut chunk);
        if chunk.is_empty() {
            break;
        }
        let mut position = 0;
        while let Some(rest) = chunk.get(position..).filter(|rest| !rest.is_empty()) {
            let before = json.state;
            let taken = json.take(rest, reading.gatherer)?;
            let taken_bytes = rest.get(..taken).unwrap_or_default();
            if json.state == State::Lost && before != State::Lost {
                reading.problem(
                    Some(line),
                    Some(offset + position as u64),
                    "this is not JSON; addresses were taken up to the end of the line",
                );
            }
            line += memchr::memchr_iter(b'\n', taken_bytes).count() as u64;
            // A byte that only changes what is being read is taken by what it begins.
            assert!(
                taken > 0 || json.state != before,
                "every step takes something or begins something"
            );
            position += taken;
        }
    }
    let is_whole = json.levels.is_empty() && matches!(json.state, State::Between | State::Bare | State::Lost);
    json.give_up(reading.gatherer)?;
    if !is_whole {
        let byte = reading.text.byte();
        reading.problem(Some(line), Some(byte), "the JSON ends in the middle");
    }
    Ok(())
}

impl Json {
    /// Takes some bytes: how many.
    fn take(&mut self, rest: &[u8], gatherer: &mut Gatherer) -> Result<usize, Error> {
        let Some(first) = rest.first().copied() else {
            return Ok(0);
        };
        match self.state {
            State::Between => self.between(first, gatherer),
            State::String => {
                let end = rest
                    .iter()
                    .position(|byte| matches!(byte, b'"' | b'\\') || *byte < 0x20)
                    .unwrap_or(rest.len());
                self.value.extend(rest.get(..end).unwrap_or_default(), gatherer)?;
                match rest.get(end) {
                    None => Ok(end),
                    Some(b'"') => self.string_ends(gatherer).map(|()| end + 1),
                    Some(b'\\') => {
                        self.state = State::Escape;
                        Ok(end + 1)
                    }
                    // A control character can't be in a string. Tabs are there all the same.
                    Some(b'\t') => self.value.extend(b"\t", gatherer).map(|()| end + 1),
                    Some(_) => self.lose(gatherer).map(|()| end),
                }
            }
            State::Escape => self.escape(first, gatherer).map(|()| 1),
            State::Unicode(count, code) => self.unicode(first, count, code, gatherer).map(|()| 1),
            State::Bare => {
                let is_bare = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                let end = rest.iter().position(|byte| !is_bare(byte)).unwrap_or(rest.len());
                self.value.extend(rest.get(..end).unwrap_or_default(), gatherer)?;
                if end < rest.len() {
                    self.state = State::Between;
                    self.value_ends(gatherer)?;
                }
                Ok(end)
            }
            State::Lost => {
                let end = memchr::memchr(b'\n', rest);
                self.value
                    .extend(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default(), gatherer)?;
                if end.is_some() {
                    self.give_up(gatherer)?;
                }
                Ok(end.map_or(rest.len(), |end| end + 1))
            }
        }
    }

    fn between(&mut self, byte: u8, gatherer: &mut Gatherer) -> Result<usize, Error> {
        let level = self.levels.last().copied();
        let is_object = level.is_some_and(|level| level.is_object);
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' | b'[' if self.levels.len() < DEPTH_MAX && !self.expects_key => {
                let column = level
                    .filter(|_| byte == b'[')
                    .map_or(Column::Other, |level| level.column);
                self.levels.push(Level {
                    is_object: byte == b'{',
                    fields_before: self.record.count(),
                    column,
                });
                self.expects_key = byte == b'{';
            }
            b'}' | b']' if level.is_some() && is_object == (byte == b'}') => self.close(gatherer)?,
            b',' if level.is_some() => self.expects_key = is_object,
            // Objects one after the other, separated by commas.
            b',' => {}
            b':' if is_object && !self.expects_key => {}
            b'"' => {
                self.value.clear();
                self.state = State::String;
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if !self.expects_key => {
                self.value.clear();
                self.state = State::Bare;
                return Ok(0);
            }
            _ => {
                self.value.clear();
                return self.lose(gatherer).map(|()| 0);
            }
        }
        Ok(1)
    }

    /// An object or a list ends.
    fn close(&mut self, gatherer: &mut Gatherer) -> Result<(), Error> {
        self.expects_key = false;
        let Some(level) = self.levels.pop() else {
            return Ok(());
        };
        if level.is_object || self.levels.is_empty() {
            if self.record.count() > level.fields_before {
                gatherer.record(&self.record, level.fields_before)?;
            }
            self.record.truncate(level.fields_before);
        }
        Ok(())
    }

    fn string_ends(&mut self, gatherer: &mut Gatherer) -> Result<(), Error> {
        self.state = State::Between;
        self.surrogate = None;
        if !self.expects_key {
            return self.value_ends(gatherer);
        }
        self.expects_key = false;
        // A key may be an address: objects of people.
        gatherer.scan(self.value.bytes())?;
        let column = gatherer.columns.named(&String::from_utf8_lossy(self.value.bytes()));
        if let Some(level) = self.levels.last_mut() {
            level.column = column;
        }
        Ok(())
    }

    fn value_ends(&mut self, gatherer: &mut Gatherer) -> Result<(), Error> {
        let column = self.levels.last().map_or(Column::Other, |level| level.column);
        let column = if self.value.is_cut() { Column::Other } else { column };
        self.record.push(column, self.value.bytes());
        if self.levels.is_empty() || self.record.len() > RECORD_BYTES_MAX - VALUE_BYTES_MAX {
            gatherer.record(&self.record, 0)?;
            self.record.clear();
            for level in &mut self.levels {
                level.fields_before = 0;
            }
        }
        Ok(())
    }

    fn escape(&mut self, byte: u8, gatherer: &mut Gatherer) -> Result<(), Error> {
        self.state = State::String;
        let character = match byte {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.state = State::Unicode(0, 0);
                return Ok(());
            }
            other => other,
        };
        self.value.extend(&[character], gatherer)
    }

    fn unicode(&mut self, byte: u8, count: u8, code: u32, gatherer: &mut Gatherer) -> Result<(), Error> {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return self.lose(gatherer);
        };
        let code = code * 16 + digit;
        if count < 3 {
            self.state = State::Unicode(count + 1, code);
            return Ok(());
        }
        self.state = State::String;
        let code = match (self.surrogate.take(), code) {
            (_, 0xD800..0xDC00) => {
                self.surrogate = Some(code);
                return Ok(());
            }
            (Some(high), 0xDC00..0xE000) => 0x1_0000 + ((high - 0xD800) << 10) + (code - 0xDC00),
            (_, other) => other,
        };
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.value
            .extend(character.encode_utf8(&mut [0; 4]).as_bytes(), gatherer)
    }

    /// What comes is not JSON.
    fn lose(&mut self, gatherer: &mut Gatherer) -> Result<(), Error> {
        self.state = State::Lost;
        self.surrogate = None;
        // What was read of the value is not joined with what follows.
        self.value.extend(b"\n", gatherer)
    }

    /// Takes whatever is held, and begins anew.
    fn give_up(&mut self, gatherer: &mut Gatherer) -> Result<(), Error> {
        gatherer.scan(self.value.bytes())?;
        if self.record.count() > 0 {
            gatherer.record(&self.record, 0)?;
        }
        self.value.clear();
        self.record.clear();
        self.levels.clear();
        self.expects_key = false;
        self.surrogate = None;
        self.state = State::Between;
        Ok(())
    }
}

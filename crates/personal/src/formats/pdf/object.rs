//! Values of PDF: numbers, names, strings, arrays, dictionaries, references.

/// Values within values.
const DEPTH_MAX: u32 = 24;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Null,
    Number(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Array(Vec<Object>),
    Dictionary(Vec<(Vec<u8>, Object)>),
    Reference(u32),
    /// An operator of a content stream.
    Word(Vec<u8>),
}

impl Object {
    /// The value of a key of a dictionary.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    pub(super) fn entries(&self) -> &[(Vec<u8>, Self)] {
        match self {
            Self::Dictionary(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn is_name(&self, wanted: &[u8]) -> bool {
        matches!(self, Self::Name(name) if name == wanted)
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// Reads values from bytes. Each value is paid for: files that consist of brackets would need a lot of memory.
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    position: usize,
    values_left: &'a mut usize,
}

fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], position: usize, values_left: &'a mut usize) -> Self {
        Self {
            bytes,
            position,
            values_left,
        }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes
            .get(self.position.saturating_add(ahead))
            .copied()
            .unwrap_or(0)
    }

    fn is_at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    fn skip_space(&mut self) {
        while !self.is_at_end() {
            if is_space(self.peek(0)) {
                self.position += 1;
            } else if self.peek(0) == b'%' {
                let rest = self.bytes.get(self.position..).unwrap_or_default();
                self.position += rest
                    .iter()
                    .position(|byte| matches!(byte, b'\n' | b'\r'))
                    .unwrap_or(rest.len());
            } else {
                break;
            }
        }
    }

    /// The next value, with references. None at the end, at a closing bracket, and when no more values may be read.
    pub(super) fn object(&mut self) -> Option<Object> {
        self.value(DEPTH_MAX, true)
    }

    /// The next value or operator of a content stream.
    pub(super) fn operand(&mut self) -> Option<Object> {
        loop {
            self.skip_space();
            if self.is_at_end() || *self.values_left == 0 {
                return None;
            }
            let before = self.position;
            if let Some(value) = self.value(DEPTH_MAX, false) {
                return Some(value);
            }
            // A bracket that closes nothing.
            self.position = self.position.max(before + 1);
        }
    }

    fn value(&mut self, depth: u32, has_references: bool) -> Option<Object> {
        self.skip_space();
        *self.values_left = self.values_left.checked_sub(1)?;
        if depth == 0 || self.is_at_end() {
            return None;
        }
        match self.peek(0) {
            b'/' => Some(Object::Name(self.name())),
            b'(' => Some(Object::Text(self.literal())),
            b'<' if self.peek(1) == b'<' => Some(self.dictionary(depth, has_references)),
            b'<' => {
                self.position += 1;
                let rest = self.bytes.get(self.position..)?;
                let length = rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len());
                self.position += length + 1;
                Some(Object::Text(hexadecimal(rest.get(..length)?)))
            }
            b'[' => {
                self.position += 1;
                let mut items = Vec::new();
                while let Some(item) = self.value(depth - 1, has_references) {
                    items.push(item);
                }
                self.close(b']');
                Some(Object::Array(items))
            }
            b'+' | b'-' | b'.' | b'0'..=b'9' => Some(self.number(has_references)),
            byte if is_delimiter(byte) => None,
            _ => {
                let word = self.regular();
                Some(if word == b"null" {
                    Object::Null
                } else {
                    Object::Word(word.to_vec())
                })
            }
        }
    }

    /// Skips a closing bracket, if it is there.
    fn close(&mut self, bracket: u8) {
        self.skip_space();
        if self.peek(0) == bracket {
            self.position += 1;
        }
    }

    fn regular(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| is_space(*byte) || is_delimiter(*byte))
            .unwrap_or(rest.len())
            .max(1);
        self.position += length;
        rest.get(..length).unwrap_or(rest)
    }

    fn name(&mut self) -> Vec<u8> {
        self.position += 1;
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| is_space(*byte) || is_delimiter(*byte))
            .unwrap_or(rest.len());
        self.position += length;
        rest.get(..length).unwrap_or_default().to_vec()
    }

    fn number(&mut self, has_references: bool) -> Object {
        let word = self.regular();
        let value = std::str::from_utf8(word)
            .ok()
            .and_then(|word| word.parse::<f64>().ok())
            .filter(|value| value.is_finite())
            .unwrap_or(0.0);
        if has_references && word.iter().all(u8::is_ascii_digit) {
            let before = self.position;
            self.skip_space();
            if self.peek(0).is_ascii_digit() {
                let _generation = self.regular();
                self.skip_space();
                if self.peek(0) == b'R' && (is_space(self.peek(1)) || is_delimiter(self.peek(1))) {
                    self.position += 1;
                    return Object::Reference(value as u32);
                }
            }
            self.position = before;
        }
        Object::Number(value)
    }

    fn dictionary(&mut self, depth: u32, has_references: bool) -> Object {
        self.position += 2;
        let mut entries = Vec::new();
        loop {
            self.skip_space();
            if self.peek(0) != b'/' {
                break;
            }
            let name = self.name();
            let Some(value) = self.value(depth - 1, has_references) else {
                break;
            };
            entries.push((name, value));
        }
        self.skip_space();
        if self.peek(0) == b'>' && self.peek(1) == b'>' {
            self.position += 2;
        }
        Object::Dictionary(entries)
    }

    fn literal(&mut self) -> Vec<u8> {
        self.position += 1;
        let mut text = Vec::new();
        let mut depth = 1;
        while !self.is_at_end() {
            let byte = self.peek(0);
            self.position += 1;
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => {
                    self.escape(&mut text);
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
        text
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let byte = self.peek(0);
        self.position += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' | b'f' => text.push(b' '),
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    let next = self.peek(0);
                    if !(b'0'..=b'7').contains(&next) {
                        break;
                    }
                    value = value * 8 + u32::from(next - b'0');
                    self.position += 1;
                }
                text.push((value & 0xff) as u8);
            }
            b'\r' if self.peek(0) == b'\n' => self.position += 1,
            b'\r' | b'\n' => {}
            other => text.push(other),
        }
    }
}

/// The numbers and offsets of the objects in a stream of objects.
pub(super) fn pairs(bytes: &[u8], count: usize) -> Vec<(u32, usize)> {
    let mut words = bytes
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .map(|word| std::str::from_utf8(word).ok()?.parse::<u32>().ok());
    let mut found = Vec::new();
    while found.len() < count {
        let (Some(Some(number)), Some(Some(offset))) = (words.next(), words.next()) else {
            break;
        };
        found.push((number, offset as usize));
    }
    found
}

/// Bytes written as digits.
pub(super) fn hexadecimal(text: &[u8]) -> Vec<u8> {
    let mut digits = text
        .iter()
        .take_while(|byte| **byte != b'>')
        .filter_map(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len() / 2);
    while let Some(high) = digits.next() {
        bytes.push((high * 16 + digits.next().unwrap_or(0)) as u8);
    }
    bytes
}

/// Four bytes written as five characters.
pub(super) fn ascii_85(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut group = Vec::with_capacity(5);
    for byte in text.iter().take_while(|byte| **byte != b'~') {
        match byte {
            b'z' if group.is_empty() => bytes.extend_from_slice(&[0; 4]),
            b'!'..=b'u' => {
                group.push(byte - b'!');
                if group.len() == 5 {
                    push_group(&mut bytes, &group);
                    group.clear();
                }
            }
            _ => {}
        }
    }
    if group.len() > 1 {
        push_group(&mut bytes, &group);
    }
    bytes
}

fn push_group(bytes: &mut Vec<u8>, group: &[u8]) {
    let value = (0..5).fold(0_u32, |sum, place| {
        sum.wrapping_mul(85)
            .wrapping_add(u32::from(group.get(place).copied().unwrap_or(84)))
    });
    bytes.extend_from_slice(value.to_be_bytes().get(..group.len() - 1).unwrap_or_default());
}

/// Undoes the predictors of PNG for rows of bytes (ISO/IEC 15948, chapter 9), with one byte a pixel.
pub(super) fn unpredicted(bytes: &[u8], columns: usize) -> Vec<u8> {
    let mut result: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut above = vec![0_u8; columns.min(bytes.len())];
    for row in bytes.chunks(columns.saturating_add(1)) {
        let Some((kind, row)) = row.split_first() else { break };
        let mut current = Vec::with_capacity(row.len());
        let mut left = 0_u8;
        let mut above_left = 0_u8;
        for (byte, up) in row.iter().zip(&above) {
            let predicted = match kind {
                1 => left,
                2 => *up,
                3 => u8::midpoint(left, *up),
                4 => paeth(left, *up, above_left),
                _ => 0,
            };
            left = byte.wrapping_add(predicted);
            above_left = *up;
            current.push(left);
        }
        result.extend_from_slice(&current);
        current.resize(above.len(), 0);
        above = current;
    }
    result
}

fn paeth(left: u8, up: u8, above_left: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(above_left);
    let distance = |byte: u8| (estimate - i16::from(byte)).abs();
    [left, up, above_left]
        .into_iter()
        .min_by_key(|byte| distance(*byte))
        .unwrap_or(0)
}

/// A string outside a page: UTF-16 with its mark, UTF-8 with its mark, or nearly Windows-1252.
pub(super) fn text_string(bytes: &[u8]) -> String {
    use crate::formats::encoding::{Encoding, windows_1252};
    match bytes {
        [0xfe, 0xff, rest @ ..] => Encoding::Utf16Big.decode(rest).into_owned(),
        [0xff, 0xfe, rest @ ..] => Encoding::Utf16Little.decode(rest).into_owned(),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
    }
}

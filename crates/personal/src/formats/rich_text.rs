//! Rich Text Format 1.9: its text, without its control words.

use crate::formats::encoding::windows_1252;

/// Groups within groups; deeper ones are read as their parents are.
const DEPTH_MAX: usize = 256;

/// Groups that hold no text.
const HIDDEN: &[&str] = &[
    "fonttbl",
    "colortbl",
    "stylesheet",
    "pict",
    "themedata",
    "colorschememapping",
    "latentstyles",
    "datastore",
    "listtable",
    "rsidtbl",
    "generator",
    "objdata",
];

/// The text of a document.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut reader = Reader {
        bytes,
        position: 0,
        text: String::new(),
        hidden: Vec::new(),
        is_hidden: false,
        skipped: 0,
    };
    while let Some(byte) = reader.next() {
        match byte {
            b'{' => {
                if reader.hidden.len() < DEPTH_MAX {
                    reader.hidden.push(reader.is_hidden);
                }
            }
            b'}' => reader.is_hidden = reader.hidden.pop().unwrap_or(false),
            b'\\' => reader.control(),
            b'\r' | b'\n' => {}
            _ => reader.push(windows_1252(byte)),
        }
    }
    reader.text
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    text: String,
    /// Whether the groups around are hidden.
    hidden: Vec<bool>,
    is_hidden: bool,
    /// Characters that stand for one in Unicode, for readers that don't know it.
    skipped: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    fn push(&mut self, character: char) {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else if !self.is_hidden {
            self.text.push(character);
        }
    }

    fn control(&mut self) {
        match self.peek() {
            Some(b'\'') => {
                let digits = self
                    .bytes
                    .get(self.position + 1..self.position + 3)
                    .and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    self.push(windows_1252(byte));
                    self.position += 3;
                } else {
                    self.position += 1;
                }
            }
            Some(b'*') => {
                self.is_hidden = true;
                self.position += 1;
            }
            Some(byte) if byte.is_ascii_alphabetic() => self.word(),
            Some(b'~') => self.symbol(' '),
            Some(b'_') => self.symbol('-'),
            Some(byte @ (b'\\' | b'{' | b'}')) => self.symbol(char::from(byte)),
            Some(_) => self.position += 1,
            None => {}
        }
    }

    fn symbol(&mut self, character: char) {
        self.position += 1;
        self.push(character);
    }

    fn word(&mut self) {
        let start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) && self.position - start < 32 {
            self.position += 1;
        }
        let end = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) && self.position - end < 12 {
            self.position += 1;
        }
        let word = std::str::from_utf8(self.bytes.get(start..end).unwrap_or_default()).unwrap_or_default();
        let number = std::str::from_utf8(self.bytes.get(end..self.position).unwrap_or_default())
            .ok()
            .and_then(|digits| digits.parse::<i64>().ok());
        if self.peek() == Some(b' ') {
            self.position += 1;
        }
        match word {
            "par" | "line" | "row" | "sect" | "page" => self.push('\n'),
            "tab" | "cell" => self.push('\t'),
            "u" => {
                // Numbers above 32,767 are written as negative ones.
                let unit = number
                    .map(|number| if number < 0 { number + 0x1_0000 } else { number })
                    .and_then(|unit| u32::try_from(unit).ok());
                self.push(unit.and_then(char::from_u32).unwrap_or(' '));
                self.skipped = 1;
            }
            "fldinst" => self.is_hidden = false,
            _ if HIDDEN.contains(&word) => self.is_hidden = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn text_is_taken_out_of_its_controls() {
        let document = br"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator x;}\f0 Ren\'e9 \b ann\b0 @example.com\par Geb\u252?rtig\tab 12\cell}";
        assert_eq!(text(document), "Ren\u{e9} ann@example.com\nGeb\u{fc}rtig\t12\t");
    }
}

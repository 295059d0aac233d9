//! Content streams: the operators that show text, and those that move to another line.

use std::collections::HashMap;

use super::font::Font;
use super::object::{Lexer, Object};

/// Operands before one operator.
const OPERANDS_MAX: usize = 64;
/// Values read from the streams of one page.
const VALUES_MAX: usize = 16 << 20;
/// Thousandths of the font's size that two strings stand apart if there is a space between the words.
const SPACE: f64 = -180.0;

/// Writes the text of content streams down, in the order in which it is shown.
pub(super) struct Writer<'a> {
    fonts: &'a HashMap<Vec<u8>, Font>,
    font: Font,
    pub(super) text: String,
    pub(super) has_unknown_font: bool,
    /// The line's height on the page.
    height: f64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(fonts: &'a HashMap<Vec<u8>, Font>) -> Self {
        Self {
            fonts,
            font: Font::default(),
            text: String::new(),
            has_unknown_font: false,
            height: 0.0,
        }
    }

    /// Reads a stream.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let mut values_left = VALUES_MAX;
        let mut lexer = Lexer::new(bytes, 0, &mut values_left);
        let mut operands = Vec::new();
        while let Some(value) = lexer.operand() {
            match value {
                Object::Word(word) => {
                    self.operator(&word, &operands);
                    operands.clear();
                }
                value if operands.len() < OPERANDS_MAX => operands.push(value),
                _ => {}
            }
        }
    }

    fn operator(&mut self, word: &[u8], operands: &[Object]) {
        let number = |index: usize| operands.get(index).and_then(Object::as_number).unwrap_or(0.0);
        match word {
            b"Tf" => {
                if let Some(Object::Name(name)) = operands.first() {
                    self.font = self.fonts.get(name).cloned().unwrap_or_default();
                }
            }
            b"Tj" => self.show(operands.first()),
            b"'" | b"\"" => {
                self.text.push('\n');
                self.show(operands.last());
            }
            b"TJ" => {
                if let Some(Object::Array(items)) = operands.first() {
                    for item in items {
                        match item {
                            Object::Number(gap) if *gap < SPACE => self.space(),
                            item => self.show(Some(item)),
                        }
                    }
                }
            }
            b"Td" | b"TD" if number(1) == 0.0 => self.space(),
            b"Tm" => {
                // Another height is another line; the same one goes on in it.
                if (number(5) - self.height).abs() > 0.5 {
                    self.text.push('\n')
                } else {
                    self.space()
                }
                self.height = number(5);
            }
            b"Td" | b"TD" | b"T*" | b"ET" => self.text.push('\n'),
            _ => {}
        }
    }

    fn show(&mut self, operand: Option<&Object>) {
        if let Some(Object::Text(bytes)) = operand {
            self.has_unknown_font |= !self.font.decode(bytes, &mut self.text);
        }
    }

    fn space(&mut self) {
        if !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }
}

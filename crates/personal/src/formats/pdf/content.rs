//! Content streams: the operators that show text, and those that move to another place.

use std::collections::HashMap;

use super::font::Font;
use super::object::{Lexer, Object};

/// Operands before one operator.
const OPERANDS_MAX: usize = 64;
/// Values read from the streams of one page.
const VALUES_MAX: usize = 16 << 20;
/// Thousandths of the font's size that two strings stand apart if there is a space between the words.
const SPACE: f64 = -180.0;
/// A character's width, in sizes of its font: between the narrow ones and the wide ones. Widths aren't read.
const WIDTH: f64 = 0.5;
/// A gap that is wider, in sizes of the font, is between columns.
const COLUMN_GAP: f64 = 2.0;

/// Writes the text of content streams down, in the order in which it is shown: lines, and tabs between what stands far apart.
pub(super) struct Writer<'a> {
    fonts: &'a HashMap<Vec<u8>, Font>,
    font: Font,
    pub(super) text: String,
    pub(super) has_unknown_font: bool,
    /// Where the line begins on the page, and how much it is scaled.
    x: f64,
    y: f64,
    scale: f64,
    font_size: f64,
    leading: f64,
    has_moved: bool,
    /// Where the last text ended, as far as its width can be guessed.
    last_x: f64,
    last_y: f64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(fonts: &'a HashMap<Vec<u8>, Font>) -> Self {
        Self {
            fonts,
            font: Font::default(),
            text: String::new(),
            has_unknown_font: false,
            x: 0.0,
            y: 0.0,
            scale: 1.0,
            font_size: 10.0,
            leading: 12.0,
            has_moved: false,
            last_x: 0.0,
            last_y: 0.0,
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
        self.text.push('\n');
    }

    fn operator(&mut self, word: &[u8], operands: &[Object]) {
        let number = |index: usize| operands.get(index).and_then(Object::as_number).unwrap_or(0.0);
        match word {
            b"BT" => self.move_to(0.0, 0.0, 1.0),
            b"Tf" => {
                if let Some(Object::Name(name)) = operands.first() {
                    self.font = self.fonts.get(name).cloned().unwrap_or_default();
                }
                self.font_size = number(1).abs().max(0.1);
            }
            b"TL" => self.leading = number(0),
            b"Td" | b"TD" => self.move_to(
                self.x + number(0) * self.scale,
                self.y + number(1) * self.scale,
                self.scale,
            ),
            b"Tm" => self.move_to(number(4), number(5), number(0).abs().max(0.01)),
            b"T*" => self.next_line(),
            b"Tj" => self.show(operands.first()),
            b"'" | b"\"" => {
                self.next_line();
                self.show(operands.last());
            }
            b"TJ" => {
                if let Some(Object::Array(items)) = operands.first() {
                    for item in items {
                        match item {
                            Object::Number(gap) if *gap < SPACE => self.push_space(),
                            item => self.show(Some(item)),
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn move_to(&mut self, x: f64, y: f64, scale: f64) {
        (self.x, self.y, self.scale, self.has_moved) = (x, y, scale, true);
    }

    fn next_line(&mut self) {
        self.move_to(self.x, self.y - self.leading.max(0.1) * self.scale, self.scale);
    }

    fn show(&mut self, operand: Option<&Object>) {
        let Some(Object::Text(bytes)) = operand else { return };
        let size = self.font_size * self.scale;
        if self.has_moved && !self.text.is_empty() {
            let gap = self.x - self.last_x;
            if (self.y - self.last_y).abs() > size * 0.4 {
                self.text.push('\n');
            } else if gap > size * COLUMN_GAP || gap < -size * COLUMN_GAP * 4.0 {
                self.text.push('\t');
            } else {
                self.push_space();
            }
        }
        let before = self.text.len();
        self.has_unknown_font |= !self.font.decode(bytes, &mut self.text);
        let characters = self.text.get(before..).map_or(0, |shown| shown.chars().count());
        let start = if self.has_moved { self.x } else { self.last_x };
        self.last_x = start + characters as f64 * size * WIDTH;
        self.last_y = self.y;
        self.has_moved = false;
    }

    fn push_space(&mut self) {
        if !self.text.ends_with([' ', '\n', '\t']) {
            self.text.push(' ');
        }
    }
}

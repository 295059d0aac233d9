//! Worksheets of Excel workbooks (ECMA-376 part 1, chapter 18).

use crate::collector::Collector;
use crate::formats::archive::Zip;
use crate::formats::markup::{Token, Tokens, attributes, push_text};
use crate::table::Table;

/// Strings that are shared between cells, and bytes of them all, that are kept.
const STRINGS_MAX: usize = 4 << 20;
/// Columns of a sheet: XFD.
const COLUMNS_MAX: usize = 16_384;
/// Empty cells before one that isn't.
const GAP_MAX: usize = 256;

/// The strings that cells refer to by number.
pub(crate) fn shared_strings(collector: &mut Collector<'_>, zip: &Zip<'_>) -> Vec<String> {
    let Some(bytes) = zip.read_by_name(collector, "xl/sharedStrings.xml") else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut strings = Vec::new();
    let mut current = String::new();
    let mut is_text = false;
    for token in Tokens::new(&text) {
        match token {
            Token::Open {
                name: "t", is_closed, ..
            } => is_text = !is_closed,
            Token::Close { name: "t" } => is_text = false,
            Token::Text(text) if is_text => push_text(&mut current, text),
            Token::Open {
                name: "si",
                is_closed: true,
                ..
            }
            | Token::Close { name: "si" }
                if strings.len() < STRINGS_MAX =>
            {
                strings.push(std::mem::take(&mut current))
            }
            _ => {}
        }
    }
    strings
}

/// Reads a worksheet.
pub(crate) fn read(collector: &mut Collector<'_>, text: &str, strings: &[String]) {
    let mut sheet = Sheet {
        strings,
        cells: Vec::new(),
        column: 0,
        kind: Kind::Number,
        value: String::new(),
        is_value: false,
    };
    let mut table = Table::of_spreadsheet();
    for token in Tokens::new(text) {
        match token {
            Token::Open {
                name: "c",
                attributes,
                is_closed,
            } => sheet.begin_cell(attributes, is_closed),
            Token::Open {
                name: "v" | "t",
                is_closed,
                ..
            } => sheet.is_value = !is_closed,
            Token::Close { name: "v" | "t" } => sheet.is_value = false,
            Token::Text(text) if sheet.is_value => push_text(&mut sheet.value, text),
            Token::Close { name: "c" } => sheet.end_cell(),
            Token::Close { name: "row" } => {
                table.row(collector, &sheet.cells);
                sheet.cells.clear();
                sheet.column = 0;
                if collector.is_stopped() {
                    return;
                }
            }
            _ => {}
        }
    }
    table.finish(collector);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Shared,
    Text,
}

struct Sheet<'a> {
    strings: &'a [String],
    cells: Vec<String>,
    column: usize,
    kind: Kind,
    value: String,
    is_value: bool,
}

impl Sheet<'_> {
    fn begin_cell(&mut self, attributes_text: &str, is_closed: bool) {
        self.value.clear();
        self.kind = Kind::Number;
        attributes(attributes_text, |name, value| match name {
            "r" => self.column = column_of(value).unwrap_or(self.column),
            "t" => {
                self.kind = match value {
                    "s" => Kind::Shared,
                    "n" | "d" => Kind::Number,
                    _ => Kind::Text,
                }
            }
            _ => {}
        });
        if is_closed {
            self.end_cell();
        }
    }

    fn end_cell(&mut self) {
        let value = match self.kind {
            Kind::Shared => self
                .value
                .trim()
                .parse::<usize>()
                .ok()
                .and_then(|index| self.strings.get(index))
                .cloned()
                .unwrap_or_default(),
            Kind::Number => whole_number(&self.value).unwrap_or_else(|| self.value.clone()),
            Kind::Text => self.value.clone(),
        };
        // Empty cells may be left out. A gap that is too wide isn't filled: rows of one cell each would cost too much.
        if self.column > self.cells.len() + GAP_MAX {
            self.cells.push(value);
        } else if self.column < COLUMNS_MAX {
            while self.cells.len() <= self.column {
                self.cells.push(String::new());
            }
            if let Some(cell) = self.cells.get_mut(self.column) {
                *cell = value;
            }
        }
        self.column = self.column.saturating_add(1);
    }
}

/// The column of `BC12`, from 0.
fn column_of(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_uppercase);
    let number = letters
        .take(4)
        .fold(0_usize, |sum, letter| sum * 26 + usize::from(letter - b'A') + 1);
    number.checked_sub(1)
}

/// A number that was stored as `4.911512345678E+12`, in full.
fn whole_number(value: &str) -> Option<String> {
    if !value.contains(['E', 'e']) {
        return None;
    }
    let number: f64 = value.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < 1e19).then(|| format!("{number:.0}"))
}

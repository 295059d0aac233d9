//! Paragraphs and tables of a document in markup, in their order.

use crate::collector::Collector;
use crate::formats::markup::{Token, Tokens, attributes, push_text};
use crate::table::Table;

/// Tables within tables that are told apart; deeper ones are a part of the cell they are in.
const DEPTH_MAX: usize = 8;
/// Text is handed on when it is as long.
const TEXT_BYTES: usize = 256 << 10;
const CELLS_MAX: usize = 1024;

/// Whose names the elements have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// HTML.
    Html,
    /// WordprocessingML and DrawingML (ECMA-376).
    Office,
    /// `OpenDocument` (ISO/IEC 26300).
    OpenDocument,
    /// Any other XML: names of elements and attributes are labels of what is in them.
    Xml,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Table,
    Row,
    Cell,
    /// Begins and ends a line.
    Block,
    Tab,
    /// What is in it isn't shown.
    Hidden,
    Inline,
}

fn role(dialect: Dialect, name: &str) -> Role {
    match (dialect, name) {
        (Dialect::Html | Dialect::OpenDocument, "table") | (Dialect::Office, "tbl") => Role::Table,
        (Dialect::Html | Dialect::Office, "tr") | (Dialect::OpenDocument, "table-row") => Role::Row,
        (Dialect::Html, "td" | "th")
        | (Dialect::Office, "tc")
        | (Dialect::OpenDocument, "table-cell" | "covered-table-cell") => Role::Cell,
        (Dialect::Html, "style") => Role::Hidden,
        (
            Dialect::Html,
            "a" | "b" | "i" | "u" | "em" | "strong" | "span" | "font" | "small" | "code" | "sup" | "sub" | "mark"
            | "abbr" | "wbr",
        ) => Role::Inline,
        (Dialect::Office | Dialect::OpenDocument, "tab" | "s") => Role::Tab,
        (
            Dialect::Office | Dialect::OpenDocument,
            "p" | "h" | "br" | "cr" | "line-break" | "comment" | "annotation",
        )
        | (Dialect::Html | Dialect::Xml, _) => Role::Block,
        _ => Role::Inline,
    }
}

struct OpenTable {
    table: Table,
    cells: Vec<String>,
    cell: String,
    is_in_cell: bool,
}

/// Reads a document in markup.
pub(crate) fn read(collector: &mut Collector<'_>, dialect: Dialect, text: &str) {
    let mut flow = Flow {
        collector,
        dialect,
        text: String::new(),
        tables: Vec::new(),
        is_hidden: false,
    };
    for token in Tokens::new(text) {
        match token {
            Token::Open {
                name,
                attributes,
                is_closed,
            } => flow.open(name, attributes, is_closed),
            Token::Close { name } => flow.close(name),
            Token::Text(text) if !flow.is_hidden => push_text(flow.target(), text),
            Token::Raw(text) if !flow.is_hidden => flow.target().push_str(text),
            Token::Text(_) | Token::Raw(_) => {}
        }
        if flow.text.len() > TEXT_BYTES && !flow.flush() {
            break;
        }
    }
    while !flow.tables.is_empty() {
        flow.end_table();
    }
    flow.flush();
}

struct Flow<'a, 'l> {
    collector: &'a mut Collector<'l>,
    dialect: Dialect,
    text: String,
    tables: Vec<OpenTable>,
    is_hidden: bool,
}

impl Flow<'_, '_> {
    /// Where text goes: into the cell that is open, or into the running text.
    fn target(&mut self) -> &mut String {
        match self.tables.last_mut() {
            Some(table) if table.is_in_cell => &mut table.cell,
            _ => &mut self.text,
        }
    }

    /// Hands on the running text. False if there shall be no more.
    fn flush(&mut self) -> bool {
        self.collector.text(&self.text);
        self.text.clear();
        !self.collector.is_stopped()
    }

    fn open(&mut self, name: &str, attributes_text: &str, is_closed: bool) {
        let lower;
        let name = if self.dialect == Dialect::Html && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            lower = name.to_ascii_lowercase();
            lower.as_str()
        } else {
            name
        };
        match role(self.dialect, name) {
            Role::Table if self.tables.len() < DEPTH_MAX => {
                self.tables.push(OpenTable {
                    table: Table::default(),
                    cells: Vec::new(),
                    cell: String::new(),
                    is_in_cell: false,
                });
            }
            Role::Row => self.end_row(),
            Role::Cell => {
                self.end_cell();
                if let Some(table) = self.tables.last_mut() {
                    table.is_in_cell = true;
                }
                if is_closed {
                    self.end_cell();
                }
            }
            Role::Table | Role::Block => self.target().push('\n'),
            Role::Tab => self.target().push('\t'),
            Role::Hidden => self.is_hidden = !is_closed,
            Role::Inline => {}
        }
        match self.dialect {
            Dialect::Xml => self.labels(name, attributes_text, is_closed),
            Dialect::Html => self.shown_attributes(attributes_text),
            Dialect::Office | Dialect::OpenDocument => {}
        }
    }

    fn close(&mut self, name: &str) {
        match role(self.dialect, &name.to_ascii_lowercase()) {
            Role::Table => self.end_table(),
            Role::Row => self.end_row(),
            Role::Cell => self.end_cell(),
            Role::Block => self.target().push('\n'),
            Role::Hidden => self.is_hidden = false,
            Role::Tab | Role::Inline => {}
        }
    }

    fn labels(&mut self, name: &str, attributes_text: &str, is_closed: bool) {
        let target = self.target();
        attributes(attributes_text, |name, value| {
            target.push_str(name);
            target.push_str(": ");
            push_text(target, value);
            target.push('\n');
        });
        if !is_closed {
            target.push_str(name);
            target.push_str(": ");
        }
    }

    /// Links, values of forms, and what is said about the page.
    fn shown_attributes(&mut self, attributes_text: &str) {
        let mut label = "";
        let mut shown = String::new();
        attributes(attributes_text, |name, value| {
            if name.eq_ignore_ascii_case("name") || name.eq_ignore_ascii_case("id") {
                label = value;
            }
            let is_shown = ["href", "value", "content", "title", "alt"]
                .iter()
                .any(|one| name.eq_ignore_ascii_case(one))
                || name.starts_with("data-");
            if is_shown && value.len() > 3 {
                shown.push(' ');
                push_text(&mut shown, value);
                shown.push('\n');
            }
        });
        if !shown.is_empty() {
            self.text.push('\n');
            self.text.push_str(label);
            self.text.push(':');
            self.text.push_str(&shown);
        }
    }

    fn end_cell(&mut self) {
        let Some(table) = self.tables.last_mut() else { return };
        if table.is_in_cell && table.cells.len() < CELLS_MAX {
            table.cells.push(std::mem::take(&mut table.cell));
        }
        table.cell.clear();
        table.is_in_cell = false;
    }

    fn end_row(&mut self) {
        self.end_cell();
        let Some(table) = self.tables.last_mut() else { return };
        if !table.cells.is_empty() {
            table.table.row(self.collector, &table.cells);
            table.cells.clear();
        }
    }

    fn end_table(&mut self) {
        self.end_row();
        if let Some(open) = self.tables.pop() {
            open.table.finish(self.collector);
        }
        self.target().push('\n');
    }
}

//! From blocks of text to places on pages.
//!
//! Lengths are points (1/72 inch); `y` counts from the bottom of the page, as PDF does.

use super::font::{Fonts, Style};

/// A4.
pub(super) const PAGE_WIDTH: f32 = 595.28;
pub(super) const PAGE_HEIGHT: f32 = 841.89;
const MARGIN: f32 = 54.0;
const BOTTOM: f32 = 64.0;
const TEXT_SIZE: f32 = 10.0;
const TABLE_SIZE: f32 = 8.5;
const LINE: f32 = 1.4;
const CELL_PADDING: f32 = 4.0;
const INDENT: f32 = 18.0;
/// Pages at most.
const PAGES_MAX: usize = 500;

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// The document's title.
    Title(String),
    /// A chapter's heading; begins a page.
    Chapter(String),
    /// A heading.
    Heading(String),
    /// Text.
    Text(String),
    /// A point of a list.
    Point(String),
    /// A step, with a box to tick and a line for the time and who did it.
    Step(usize, String),
    /// A command, as it is typed.
    Command(String),
    /// A table: headings with the columns' shares of the width, and rows.
    Table(Vec<(&'static str, f32)>, Vec<Vec<String>>),
    /// Empty lines to write on, under headings of columns.
    Form(Vec<(&'static str, f32)>, usize),
}

/// What an item on a page is a part of, for programs that read aloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Heading1,
    Heading2,
    Paragraph,
    Table,
    Row,
    HeadCell,
    Cell,
}

/// A part of the document's structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) role: Role,
    /// The element that it is in, by its number.
    pub(super) parent: Option<usize>,
}

/// Something on a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Text {
        x: f32,
        y: f32,
        size: f32,
        style: Style,
        text: String,
        element: usize,
    },
    /// Text that isn't read aloud: page numbers.
    Edge {
        x: f32,
        y: f32,
        size: f32,
        text: String,
    },
    Line {
        from: (f32, f32),
        to: (f32, f32),
        width: f32,
    },
    Box {
        x: f32,
        y: f32,
        side: f32,
    },
}

/// Pages with what is on them.
#[derive(Debug, Default)]
pub(super) struct Laid {
    pub(super) pages: Vec<Vec<Item>>,
    pub(super) elements: Vec<Element>,
    /// Whether there was more than fits into [`PAGES_MAX`] pages.
    pub(super) is_cut: bool,
}

/// Lays blocks out; `footer` stands at the foot of every page.
pub(super) fn lay_out(fonts: &Fonts, blocks: &[Block], footer: &str) -> Laid {
    let mut layout = Layout {
        fonts,
        laid: Laid::default(),
        y: 0.0,
    };
    layout.new_page();
    for block in blocks {
        layout.block(block);
    }
    layout.footers(footer);
    layout.laid
}

struct Layout<'a> {
    fonts: &'a Fonts,
    laid: Laid,
    y: f32,
}

impl Layout<'_> {
    fn new_page(&mut self) {
        if self.laid.pages.len() >= PAGES_MAX {
            self.laid.is_cut = true;
        } else {
            self.laid.pages.push(Vec::new());
        }
        self.y = PAGE_HEIGHT - MARGIN;
    }

    fn add(&mut self, item: Item) {
        if let Some(page) = self.laid.pages.last_mut().filter(|_| !self.laid.is_cut) {
            page.push(item);
        }
    }

    fn element(&mut self, role: Role, parent: Option<usize>) -> usize {
        self.laid.elements.push(Element { role, parent });
        self.laid.elements.len() - 1
    }

    /// Makes sure that there is so much room, on a new page if need be.
    fn need(&mut self, height: f32) {
        if self.y - height < BOTTOM {
            self.new_page();
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Title(text) => self.heading(text, 22.0, Role::Heading1, 10.0),
            Block::Chapter(text) => {
                if self.y < PAGE_HEIGHT - MARGIN {
                    self.new_page();
                }
                self.heading(text, 16.0, Role::Heading1, 6.0);
            }
            Block::Heading(text) => {
                self.y -= 8.0;
                self.need(60.0);
                self.heading(text, 11.5, Role::Heading2, 2.0);
            }
            Block::Text(text) => self.paragraph(text, 0.0, Style::Regular, TEXT_SIZE, None),
            Block::Point(text) => self.paragraph(text, INDENT, Style::Regular, TEXT_SIZE, Some("\u{2022}".to_owned())),
            Block::Step(number, text) => self.step(*number, text),
            Block::Command(text) => self.command(text),
            Block::Table(columns, rows) => self.table(columns, rows),
            Block::Form(columns, rows) => {
                let row = vec![String::new(); columns.len()];
                self.rows(columns, &vec![row; *rows], 22.0);
            }
        }
    }

    fn heading(&mut self, text: &str, size: f32, role: Role, after: f32) {
        let element = self.element(role, None);
        let width = PAGE_WIDTH - 2.0 * MARGIN;
        for line in self.fonts.of(Style::Bold).lines(text, size, width) {
            self.line(MARGIN, size, Style::Bold, line, element);
        }
        self.y -= after;
    }

    /// One line of text, and the way to the next.
    fn line(&mut self, x: f32, size: f32, style: Style, text: String, element: usize) {
        self.need(size * LINE);
        self.y -= size * LINE;
        let y = self.y + size * (LINE - 1.0) * 0.75;
        if !text.is_empty() {
            self.add(Item::Text {
                x,
                y,
                size,
                style,
                text,
                element,
            });
        }
    }

    fn paragraph(&mut self, text: &str, indent: f32, style: Style, size: f32, mark: Option<String>) {
        let element = self.element(Role::Paragraph, None);
        let lines = self
            .fonts
            .of(style)
            .lines(text, size, PAGE_WIDTH - 2.0 * MARGIN - indent);
        // The first lines stay together.
        self.need(size * LINE * lines.len().min(3) as f32);
        let mut mark = mark;
        for line in lines {
            self.line(MARGIN + indent, size, style, line, element);
            if let Some(text) = mark.take() {
                let y = self.y + size * (LINE - 1.0) * 0.75;
                self.add(Item::Text {
                    x: MARGIN + 4.0,
                    y,
                    size,
                    style,
                    text,
                    element,
                });
            }
        }
        self.y -= size * 0.4;
    }

    fn step(&mut self, number: usize, text: &str) {
        let indent = 42.0;
        let element = self.element(Role::Paragraph, None);
        let lines = self
            .fonts
            .of(Style::Regular)
            .lines(text, TEXT_SIZE, PAGE_WIDTH - 2.0 * MARGIN - indent - 130.0);
        self.need(TEXT_SIZE * LINE * lines.len() as f32);
        let mut is_first = true;
        for line in lines {
            self.line(MARGIN + indent, TEXT_SIZE, Style::Regular, line, element);
            if is_first {
                let y = self.y + TEXT_SIZE * (LINE - 1.0) * 0.75;
                self.add(Item::Box {
                    x: MARGIN + 1.0,
                    y: y - 1.5,
                    side: 10.0,
                });
                let text = format!("{number}.");
                self.add(Item::Text {
                    x: MARGIN + 19.0,
                    y,
                    size: TEXT_SIZE,
                    style: Style::Bold,
                    text,
                    element,
                });
                let from = PAGE_WIDTH - MARGIN - 118.0;
                self.add(Item::Line {
                    from: (from, y - 2.0),
                    to: (PAGE_WIDTH - MARGIN, y - 2.0),
                    width: 0.4,
                });
                is_first = false;
            }
        }
        self.y -= 6.0;
    }

    fn command(&mut self, text: &str) {
        let element = self.element(Role::Paragraph, None);
        let lines = self
            .fonts
            .of(Style::Bold)
            .lines(text, TEXT_SIZE, PAGE_WIDTH - 2.0 * MARGIN - INDENT);
        for line in lines {
            self.line(MARGIN + INDENT, TEXT_SIZE, Style::Bold, line, element);
            let (top, bottom) = (self.y + TEXT_SIZE * LINE, self.y);
            let x = MARGIN + 8.0;
            self.add(Item::Line {
                from: (x, top),
                to: (x, bottom),
                width: 1.5,
            });
        }
        self.y -= 4.0;
    }

    fn table(&mut self, columns: &[(&'static str, f32)], rows: &[Vec<String>]) {
        self.rows(columns, rows, 0.0);
    }

    fn rows(&mut self, columns: &[(&'static str, f32)], rows: &[Vec<String>], least_height: f32) {
        let table = self.element(Role::Table, None);
        let sum: f32 = columns.iter().map(|column| column.1).sum();
        let widths: Vec<f32> = columns
            .iter()
            .map(|column| column.1 / sum * (PAGE_WIDTH - 2.0 * MARGIN))
            .collect();
        let head: Vec<String> = columns.iter().map(|column| column.0.to_owned()).collect();
        self.need(60.0);
        self.row(table, &widths, &head, Style::Bold, 0.0);
        for row in rows {
            let page = self.laid.pages.len();
            let needed = self.height_of(&widths, row, Style::Regular).max(least_height);
            if self.y - needed < BOTTOM {
                self.new_page();
            }
            if self.laid.pages.len() != page {
                self.row(table, &widths, &head, Style::Bold, 0.0);
            }
            self.row(table, &widths, row, Style::Regular, least_height);
        }
        self.y -= 8.0;
    }

    fn height_of(&self, widths: &[f32], cells: &[String], style: Style) -> f32 {
        let lines = widths.iter().zip(cells).map(|(width, cell)| {
            self.fonts
                .of(style)
                .lines(cell, TABLE_SIZE, width - 2.0 * CELL_PADDING)
                .len()
        });
        lines.max().unwrap_or(1) as f32 * TABLE_SIZE * LINE + CELL_PADDING
    }

    /// A row. One that is higher than a page goes on on the next.
    fn row(&mut self, table: usize, widths: &[f32], cells: &[String], style: Style, least_height: f32) {
        let row = self.element(Role::Row, Some(table));
        let role = if style == Style::Bold {
            Role::HeadCell
        } else {
            Role::Cell
        };
        let mut columns = Vec::new();
        for (width, cell) in widths.iter().zip(cells) {
            let lines = self.fonts.of(style).lines(cell, TABLE_SIZE, width - 2.0 * CELL_PADDING);
            columns.push((self.element(role, Some(row)), *width, lines));
        }
        let count = columns.iter().map(|column| column.2.len()).max().unwrap_or(1);
        for index in 0..count {
            self.need(TABLE_SIZE * LINE + CELL_PADDING);
            self.y -= TABLE_SIZE * LINE;
            let mut x = MARGIN;
            for (element, width, lines) in &columns {
                if let Some(text) = lines.get(index).filter(|text| !text.is_empty()) {
                    let (y, text, element) = (self.y, text.clone(), *element);
                    self.add(Item::Text {
                        x: x + CELL_PADDING,
                        y,
                        size: TABLE_SIZE,
                        style,
                        text,
                        element,
                    });
                }
                x += width;
            }
        }
        let height = count as f32 * TABLE_SIZE * LINE + CELL_PADDING;
        self.y -= CELL_PADDING + (least_height - height).max(0.0);
        let width = if style == Style::Bold { 1.0 } else { 0.4 };
        let y = self.y;
        self.add(Item::Line {
            from: (MARGIN, y),
            to: (PAGE_WIDTH - MARGIN, y),
            width,
        });
        self.y -= 1.0;
    }

    fn footers(&mut self, footer: &str) {
        let count = self.laid.pages.len();
        let size = 8.0;
        for (index, page) in self.laid.pages.iter_mut().enumerate() {
            let number = format!("Page {} of {count}", index + 1);
            let width = self.fonts.of(Style::Regular).width(&number, size);
            let y = BOTTOM - 24.0;
            let from = (MARGIN, y + 12.0);
            page.push(Item::Line {
                from,
                to: (PAGE_WIDTH - MARGIN, y + 12.0),
                width: 0.4,
            });
            page.push(Item::Edge {
                x: MARGIN,
                y,
                size,
                text: footer.to_owned(),
            });
            page.push(Item::Edge {
                x: PAGE_WIDTH - MARGIN - width,
                y,
                size,
                text: number,
            });
        }
    }
}

//! Tables of text, aligned, with a heading.

use crate::browse::text::printable;

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A table: columns first, then rows of as many cells.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. What could move a cursor is escaped: names and notes are other people's.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows
            .push(cells.into_iter().map(|cell| printable(cell.as_bytes())).collect());
    }

    /// The lines of the table, each with its end.
    pub(super) fn render(&self) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, (heading, _))| {
                let cells = self
                    .rows
                    .iter()
                    .filter_map(|row| row.get(index))
                    .map(|cell| cell.chars().count());
                cells.max().unwrap_or(0).max(heading.len())
            })
            .collect();
        let mut text = self.line(&widths, self.columns.iter().map(|(heading, _)| *heading));
        for row in &self.rows {
            text += &self.line(&widths, row.iter().map(String::as_str));
        }
        text
    }

    fn line<'a>(&self, widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
        let padded = cells
            .zip(widths)
            .zip(&self.columns)
            .map(|((cell, width), (_, align))| match align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("NAME", Align::Left), ("SIZE", Align::Right)]);
        table.row(vec!["a".to_owned(), "10 GiB".to_owned()]);
        table.row(vec!["longer".to_owned(), "1 B".to_owned()]);
        assert_eq!(table.render(), "NAME      SIZE\na       10 GiB\nlonger     1 B\n");
    }

    #[test]
    fn no_cell_can_command_the_terminal() {
        let mut table = Table::new(&[("NAME", Align::Left)]);
        table.row(vec!["\u{1b}[2J\n".to_owned()]);
        assert_eq!(table.render(), "NAME\n\\u{1b}[2J\\n\n");
    }
}

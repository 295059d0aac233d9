//! Rows of cells with a separator between them (RFC 4180, and its many relatives).

use std::borrow::Cow;

/// Lines looked at to recognise a table.
const LINES: usize = 24;
/// A cell that is longer has lost its closing quote: it is taken as it is.
const CELL_MAX: usize = 64 << 10;
/// Cells of a row; a row that has more is cut.
pub(crate) const CELLS_MAX: usize = 16 << 10;

/// The separator of a table, if a text is one. With a name that says so, less has to fit.
pub(crate) fn separator(name: &str, text: &str) -> Option<char> {
    let is_named = [".csv", ".tsv", ".tab", ".psv"]
        .iter()
        .any(|ending| name.to_ascii_lowercase().ends_with(ending));
    // The last line of the sample may be cut.
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(LINES + 1)
        .collect();
    let lines = if lines.len() > 2 {
        lines.split_last().map_or(&[] as &[&str], |(_, others)| others)
    } else {
        &lines
    };
    let fits = |separator: char| {
        let counts: Vec<usize> = lines.iter().map(|line| count(line, separator)).collect();
        let first = counts.first().copied().filter(|first| *first > 0)?;
        let same = counts.iter().filter(|count| **count == first).count();
        let is_table = if is_named {
            same * 2 > counts.len()
        } else {
            counts.len() >= 3 && same * 10 >= counts.len() * 9
        };
        is_table.then_some((same * first.min(64), separator))
    };
    let found = ['\t', ';', '|', ',']
        .into_iter()
        .filter_map(fits)
        .max_by_key(|(weight, _)| *weight)
        .map(|(_, separator)| separator);
    // Sentences have a comma a line, too.
    found.filter(|separator| {
        is_named || *separator != ',' || lines.iter().all(|line| !line.contains(", ") || line.contains('"'))
    })
}

/// Separators outside quotes.
fn count(line: &str, separator: char) -> usize {
    let mut is_quoted = false;
    line.chars()
        .filter(|character| {
            is_quoted ^= *character == '"';
            !is_quoted && *character == separator
        })
        .count()
}

/// Shows the rows of a text. Tells how many bytes were rows: unless it is the last part, a row without an end is left.
pub(crate) fn rows<'text>(
    text: &'text str,
    separator: char,
    is_last: bool,
    mut visit: impl FnMut(&[Cow<'text, str>]),
) -> usize {
    let mut cells = Vec::new();
    let mut position = 0;
    let mut row_start = 0;
    while position < text.len() {
        let Some((cell, end, ends_row)) = cell(text, position, separator) else {
            break;
        };
        if end >= text.len() && !ends_row && !is_last {
            break;
        }
        if cells.len() < CELLS_MAX {
            cells.push(cell);
        }
        position = end;
        if ends_row || end >= text.len() {
            visit(&cells);
            cells.clear();
            row_start = position;
        }
    }
    if is_last { text.len() } else { row_start }
}

/// The cell at a position, where the next one begins, and whether a line ends in between.
fn cell(text: &str, position: usize, separator: char) -> Option<(Cow<'_, str>, usize, bool)> {
    let rest = text.get(position..)?;
    if rest.starts_with('"')
        && let Some((cell, length)) = quoted(rest)
    {
        let behind = rest.get(length..)?;
        let until = behind.find([separator, '\n']).unwrap_or(behind.len());
        return Some(closed(cell, text, position + length + until));
    }
    let length = rest.find([separator, '\n']).unwrap_or(rest.len());
    Some(closed(
        Cow::Borrowed(rest.get(..length)?.trim_end_matches('\r')),
        text,
        position + length,
    ))
}

fn closed<'text>(cell: Cow<'text, str>, text: &str, end: usize) -> (Cow<'text, str>, usize, bool) {
    let closing = text.get(end..).and_then(|rest| rest.chars().next());
    (cell, end + closing.map_or(0, char::len_utf8), closing == Some('\n'))
}

/// A cell in quotes, and its length with them. None if the quote isn't closed.
fn quoted(rest: &str) -> Option<(Cow<'_, str>, usize)> {
    let bytes = rest.as_bytes();
    let mut position = 1;
    let mut has_doubled = false;
    while position < CELL_MAX {
        let skipped = bytes
            .get(position..)?
            .iter()
            .take(CELL_MAX)
            .position(|byte| *byte == b'"')?;
        position += skipped;
        if bytes.get(position + 1) != Some(&b'"') {
            let inside = rest.get(1..position)?;
            let cell = if has_doubled {
                Cow::Owned(inside.replace("\"\"", "\""))
            } else {
                Cow::Borrowed(inside)
            };
            return Some((cell, position + 1));
        }
        has_doubled = true;
        position += 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{rows, separator};

    fn all(text: &str, is_last: bool) -> (Vec<Vec<String>>, usize) {
        let mut found = Vec::new();
        let used = rows(text, ',', is_last, |cells| {
            found.push(cells.iter().map(|cell| cell.to_string()).collect())
        });
        (found, used)
    }

    #[test]
    fn quotes_breaks_and_doubled_quotes_are_understood() {
        let (found, used) = all("a,\"b,\"\"c\"\"\nd\",e\r\n1,2,3\n4,5", true);
        assert_eq!(
            found,
            [vec!["a", "b,\"c\"\nd", "e"], vec!["1", "2", "3"], vec!["4", "5"]]
        );
        assert_eq!(used, 26);
    }

    #[test]
    fn a_row_without_an_end_waits_for_the_rest() {
        let (found, used) = all("a,b\n1,\"2", false);
        assert_eq!((found.len(), used), (1, 4));
    }

    #[test]
    fn tables_are_told_from_sentences() {
        assert_eq!(separator("x", "a;b;c\n1;2;3\n4;5;6\n7;8;9\n"), Some(';'));
        assert_eq!(separator("x.csv", "a,b\n1,2\n"), Some(','));
        assert_eq!(
            separator("x", "Dear Ann, hello\nas said, yes\nso long, Bob\nbye, now\n"),
            None
        );
    }
}

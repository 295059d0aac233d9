//! Tables in running text: lines with the same number of tabs, as mails, reports and pages of PDF have them.

use crate::collector::Collector;
use crate::table::Table;

/// Fewer lines than this aren't a table.
const LINES_MIN: usize = 3;

/// Looks at a text, and at the tables in it as tables.
pub(crate) fn read(collector: &mut Collector<'_>, text: &str) {
    if !text.contains('\t') {
        collector.text(text);
        return;
    }
    let mut rest = text;
    let mut plain_start = 0;
    let mut position = 0;
    while !rest.is_empty() {
        let (lines, length) = block(rest);
        if lines.len() >= LINES_MIN {
            collector.text(text.get(plain_start..position).unwrap_or_default());
            let mut table = Table::default();
            let columns = lines.first().map_or(0, |line| line.split('\t').count());
            for line in lines {
                let cells: Vec<&str> = line.split('\t').collect();
                if cells.len() == columns {
                    table.row(collector, &cells);
                } else {
                    // A cell was left out, and nothing tells which.
                    collector.text(line);
                }
            }
            table.finish(collector);
            plain_start = position + length;
        }
        position += length;
        rest = text.get(position..).unwrap_or_default();
    }
    collector.text(text.get(plain_start..).unwrap_or_default());
}

/// The lines at the beginning of a text that have two tabs or more, and no more than the first. And their length, or that of the first
/// line.
fn block(text: &str) -> (Vec<&str>, usize) {
    let mut lines = Vec::new();
    let mut length = 0;
    let mut tabs = None;
    for line in text.split_inclusive('\n') {
        let count = line.bytes().filter(|byte| *byte == b'\t').count();
        match tabs {
            None => tabs = Some(count),
            Some(tabs) if count > tabs => break,
            Some(_) => {}
        }
        if count < 2 && !lines.is_empty() {
            break;
        }
        length += line.len();
        if count < 2 {
            // Without tabs there is no need to look further at once: the next line is asked anew.
            break;
        }
        lines.push(line.trim_end_matches(['\n', '\r']));
    }
    (lines, length)
}

#[cfg(test)]
mod tests {
    use super::block;

    #[test]
    fn lines_with_the_same_number_of_tabs_are_a_block() {
        assert_eq!(block("a\tb\tc\n1\t2\t3\nend"), (vec!["a\tb\tc", "1\t2\t3"], 12));
        assert_eq!(block("plain\nx"), (vec![], 6));
    }
}

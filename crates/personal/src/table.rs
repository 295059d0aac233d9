//! Tables: what a column is called decides what its numbers are, and a column without a telling name is judged as a whole.

use std::collections::BTreeMap;

use crate::class::Class;
use crate::collector::{Collector, note};
use crate::detect::{Certainty, Context, Hint, find, is_hash_of_password, last_hint};
use crate::report::Finding;

/// Columns that are told apart; cells beyond are looked at as running text.
const COLUMNS_MAX: usize = 512;
/// Fewer values than this prove nothing against a match that would do in running text.
const LIKELY_VALUES_MIN: u64 = 5;
/// Fewer values than this prove nothing for a match that only its check digit supports: one in 10^8 of random columns.
const ONLY_VALUES_MIN: u64 = 8;

/// A table that is being read, row by row.
#[derive(Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    has_heading: bool,
    rows: u64,
    /// Days are written as numbers since 1900, as spreadsheets store them.
    has_serial_days: bool,
}

#[derive(Default)]
struct Column {
    hint: Option<Hint>,
    values: u64,
    likely: BTreeMap<Class, Finding>,
    only_by_column: BTreeMap<Class, Finding>,
}

impl Table {
    /// A table whose columns have names.
    pub(crate) fn with_heading<S: AsRef<str>>(heading: &[S]) -> Self {
        let columns = heading
            .iter()
            .take(COLUMNS_MAX)
            .map(|name| Column {
                hint: hint_of(name.as_ref()),
                ..Column::default()
            })
            .collect();
        Self {
            columns,
            has_heading: true,
            ..Self::default()
        }
    }

    /// A table of a spreadsheet, which stores days as numbers.
    pub(crate) fn of_spreadsheet() -> Self {
        Self {
            has_serial_days: true,
            ..Self::default()
        }
    }

    /// Takes a row. The first one may be the heading.
    pub(crate) fn row<S: AsRef<str>>(&mut self, collector: &mut Collector<'_>, cells: &[S]) {
        if self.rows == 0 && !self.has_heading && is_heading(cells) {
            let has_serial_days = self.has_serial_days;
            *self = Self::with_heading(cells);
            self.has_serial_days = has_serial_days;
            return;
        }
        self.rows = self.rows.saturating_add(1);
        if !collector.count_text(cells.iter().map(|cell| cell.as_ref().len() + 1).sum()) {
            return;
        }
        let mut label = None;
        for (number, cell) in cells.iter().enumerate() {
            let cell = cell.as_ref().trim();
            if cell.is_empty() {
                continue;
            }
            self.cell(collector, number, cell, label);
            // In forms the label stands to the left of the value.
            label = (cell.len() <= 48 && !cell.bytes().any(|byte| byte.is_ascii_digit()))
                .then(|| last_hint(cell).map(|nearest| nearest.hint))
                .flatten();
        }
    }

    fn cell(&mut self, collector: &mut Collector<'_>, number: usize, cell: &str, label: Option<Hint>) {
        let findings = &mut collector.report.findings;
        while self.columns.len() <= number && number < COLUMNS_MAX {
            self.columns.push(Column::default());
        }
        let Some(column) = self.columns.get_mut(number) else {
            find(cell, &Context::default(), &mut |found| {
                if found.certainty > Certainty::OnlyByColumn {
                    note(
                        findings,
                        found.class,
                        cell.get(found.start..found.end).unwrap_or_default(),
                    );
                }
            });
            return;
        };
        column.values += 1;
        match column.hint {
            Some(Hint::Password) if is_secret_value(cell) => {
                note(
                    findings,
                    if is_hash_of_password(cell) {
                        Class::PasswordHash
                    } else {
                        Class::Password
                    },
                    cell,
                );
                return;
            }
            Some(Hint::Birth) if self.has_serial_days && is_serial_birthday(cell) => {
                note(findings, Class::DateOfBirth, cell);
                return;
            }
            _ => {}
        }
        let context = Context {
            heading: column.hint.or(label),
            is_cell: true,
        };
        find(cell, &context, &mut |found| {
            let text = cell.get(found.start..found.end).unwrap_or_default();
            match found.certainty {
                Certainty::Certain => note(findings, found.class, text),
                Certainty::Likely => note(&mut column.likely, found.class, text),
                Certainty::OnlyByColumn => note(&mut column.only_by_column, found.class, text),
            }
        });
    }

    /// Decides on what only the columns as a whole can tell.
    pub(crate) fn finish(self, collector: &mut Collector<'_>) {
        collector.report.rows = collector.report.rows.saturating_add(self.rows);
        for column in self.columns {
            let mut is_explained = false;
            for (class, finding) in &column.likely {
                if column.values < LIKELY_VALUES_MIN || finding.count.saturating_mul(2) >= column.values {
                    is_explained = true;
                    collector.report.findings.entry(*class).or_default().merge(finding);
                }
            }
            let best = column
                .only_by_column
                .iter()
                .max_by_key(|(class, finding)| (finding.count, std::cmp::Reverse(**class)));
            if let Some((class, finding)) = best {
                // A few of the values may be mistyped, or of foreigners.
                let is_most = column.values >= ONLY_VALUES_MIN
                    && finding.count.saturating_mul(10) >= column.values.saturating_mul(9);
                if is_most && finding.distinct.count() >= ONLY_VALUES_MIN && !is_explained {
                    collector.report.findings.entry(*class).or_default().merge(finding);
                }
            }
        }
    }
}

fn hint_of(name: &str) -> Option<Hint> {
    last_hint(name).map(|nearest| nearest.hint)
}

/// Names of columns are short, without addresses, and without many digits.
fn is_heading<S: AsRef<str>>(cells: &[S]) -> bool {
    let is_name = |cell: &str| {
        let digits = cell.bytes().filter(u8::is_ascii_digit).count();
        cell.len() <= 64 && !cell.contains('@') && digits <= 3 && digits < cell.len().max(1)
    };
    let named = cells.iter().filter(|cell| !cell.as_ref().trim().is_empty()).count();
    cells.iter().all(|cell| is_name(cell.as_ref().trim())) && named * 2 > cells.len()
}

/// Something is in the column of passwords, and it isn't a word for nothing.
fn is_secret_value(cell: &str) -> bool {
    let is_nothing = ["null", "none", "n/a", "true", "false", "yes", "no", "-", "\\n"]
        .iter()
        .any(|nothing| cell.eq_ignore_ascii_case(nothing));
    cell.len() >= 4
        && !is_nothing
        && !cell
            .bytes()
            .all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'-'))
}

/// Days since 1900-01-00, of the years 1910 to 2034.
fn is_serial_birthday(cell: &str) -> bool {
    let whole = cell.strip_suffix(".0").unwrap_or(cell);
    whole.len() <= 5 && whole.parse::<u32>().is_ok_and(|days| (3_654..=49_000).contains(&days))
}

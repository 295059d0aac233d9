//! SQL dumps: `INSERT INTO table (columns) VALUES (..), (..);` of MySQL, SQLite and PostgreSQL, and PostgreSQL's `COPY table (columns) FROM
//! stdin;` with lines of values between tabs. The columns are those of the statement, or else of the table's `CREATE TABLE`. Strings in
//! other statements are searched for addresses.

use std::collections::HashMap;

use super::lexer::{Lexer, Token};
use super::{Reading, VALUE_BYTES_MAX};
use crate::Error;
use crate::ingest::columns::Column;
use crate::ingest::gather::Gatherer;
use crate::ingest::record::Record;

/// How many tables' columns are remembered.
const TABLES_MAX: usize = 4096;
/// How many columns of a table.
const COLUMNS_MAX: usize = 4096;
/// Words that begin a line of `CREATE TABLE` which is no column.
const NO_COLUMNS: [&str; 9] = [
    "primary",
    "key",
    "unique",
    "constraint",
    "index",
    "fulltext",
    "spatial",
    "foreign",
    "check",
];

/// Which statement the reader is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statement {
    /// None, or one that says nothing.
    Other,
    /// `INSERT`, before its values.
    Insert,
    /// Between and in its values.
    Values,
    /// `CREATE TABLE`.
    Create,
    /// `COPY`, before its rows.
    Copy,
}

struct Sql {
    statement: Statement,
    depth: u32,
    table: Option<String>,
    names: Vec<Column>,
    /// The next word is a column's name.
    expects_name: bool,
    columns_of: HashMap<String, Vec<Column>>,
    record: Record,
    /// The value of a row was read and no comma since.
    has_value: bool,
}

pub(super) fn read(reading: &mut Reading<'_, '_>) -> Result<(), Error> {
    let mut lexer = Lexer::default();
    let mut sql = Sql {
        statement: Statement::Other,
        depth: 0,
        table: None,
        names: Vec::new(),
        expects_name: false,
        columns_of: HashMap::new(),
        record: Record::default(),
        has_value: false,
    };
    let mut chunk = Vec::new();
    loop {
        reading.chunk(&mut chunk);
        if chunk.is_empty() {
            break;
        }
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            let (taken, token) = lexer.take(rest, reading.gatherer)?;
            rest = rest.get(taken..).unwrap_or_default();
            if let Some(token) = token {
                sql.token(token, &mut lexer, reading.gatherer)?;
            }
        }
    }
    let is_whole = lexer.is_between() && sql.statement == Statement::Other;
    reading.gatherer.scan(lexer.value())?;
    if sql.record.count() > 0 {
        reading.gatherer.record(&sql.record, 0)?;
    }
    if !is_whole {
        let byte = reading.text.byte();
        reading.problem(None, Some(byte), "the SQL ends in the middle of a statement");
    }
    Ok(())
}

impl Sql {
    fn token(&mut self, token: Token, lexer: &mut Lexer, gatherer: &mut Gatherer) -> Result<(), Error> {
        match (self.statement, token) {
            (_, Token::Row) => self.copied_row(lexer.value(), gatherer),
            (Statement::Values, token) => self.values(token, lexer, gatherer),
            (_, Token::Punctuation(b';')) => {
                if self.statement == Statement::Copy {
                    lexer.begin_rows();
                }
                self.statement_ends();
                Ok(())
            }
            (Statement::Other, Token::Word | Token::Quoted) => {
                self.statement_begins(lexer.value());
                gatherer.scan(lexer.value()).map(drop)
            }
            (Statement::Insert | Statement::Copy | Statement::Create, token) => {
                self.head(token, lexer.value(), gatherer);
                Ok(())
            }
            (Statement::Other, Token::Text) => gatherer.scan(lexer.value()).map(drop),
            (Statement::Other, Token::Punctuation(_)) => Ok(()),
        }
    }

    fn statement_begins(&mut self, word: &[u8]) {
        self.statement = match word.to_ascii_lowercase().as_slice() {
            b"insert" | b"replace" => Statement::Insert,
            b"create" => Statement::Create,
            b"copy" => Statement::Copy,
            _ => Statement::Other,
        };
        (self.depth, self.table, self.expects_name) = (0, None, false);
        self.names.clear();
    }

    fn statement_ends(&mut self) {
        if let (Statement::Create, Some(table)) = (self.statement, self.table.take())
            && self.columns_of.len() < TABLES_MAX
            && !self.names.is_empty()
        {
            self.columns_of.insert(table, self.names.clone());
        }
        // Rows of `COPY` follow, and want the names.
        if self.statement != Statement::Copy {
            self.names.clear();
        }
        self.statement = Statement::Other;
        self.depth = 0;
    }

    /// The table and its columns, before anything else of a statement.
    fn head(&mut self, token: Token, value: &[u8], gatherer: &Gatherer) {
        match token {
            Token::Punctuation(b'(') => {
                self.depth += 1;
                self.expects_name = self.depth == 1;
            }
            Token::Punctuation(b')') => self.depth = self.depth.saturating_sub(1),
            Token::Punctuation(b',') => self.expects_name = self.depth == 1,
            Token::Word | Token::Quoted | Token::Text => {
                let name = String::from_utf8_lossy(value).to_lowercase();
                let is_quoted = token != Token::Word;
                if self.depth == 0 {
                    self.word_outside(&name, is_quoted, gatherer);
                } else if std::mem::take(&mut self.expects_name)
                    && (is_quoted || !NO_COLUMNS.contains(&name.as_str()))
                    && self.names.len() < COLUMNS_MAX
                {
                    self.names.push(gatherer.columns.at(self.names.len(), Some(&name)));
                }
            }
            Token::Punctuation(_) | Token::Row => {}
        }
    }

    fn word_outside(&mut self, name: &str, is_quoted: bool, gatherer: &Gatherer) {
        let is_keyword = !is_quoted
            && matches!(
                name,
                "into" | "ignore" | "table" | "if" | "not" | "exists" | "temporary" | "low_priority" | "or" | "replace"
            );
        if self.statement == Statement::Insert && matches!(name, "values" | "value") && !is_quoted {
            if self.names.is_empty() {
                let known = self.table.as_ref().and_then(|table| self.columns_of.get(table));
                self.names = known
                    .cloned()
                    .unwrap_or_else(|| (0..64).map(|index| gatherer.columns.at(index, None)).collect());
            }
            self.statement = Statement::Values;
        } else if !is_keyword && self.names.is_empty() {
            // The last of `schema.table`.
            self.table = Some(name.rsplit('.').next().unwrap_or(name).to_owned());
        }
    }

    fn values(&mut self, token: Token, lexer: &Lexer, gatherer: &mut Gatherer) -> Result<(), Error> {
        match token {
            Token::Punctuation(b'(') => {
                self.depth += 1;
                if self.depth == 1 {
                    self.record.clear();
                    self.has_value = false;
                }
            }
            Token::Punctuation(b')') => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    gatherer.record(&self.record, 0)?;
                    self.record.clear();
                }
            }
            Token::Punctuation(b',') if self.depth == 1 => {
                if !self.has_value {
                    self.record.push(Column::Other, b"");
                }
                self.has_value = false;
            }
            Token::Punctuation(b';') if self.depth == 0 => self.statement_ends(),
            Token::Punctuation(_) | Token::Row => {}
            Token::Word | Token::Quoted | Token::Text if self.depth > 0 => {
                if self.record.len() > 16 * VALUE_BYTES_MAX {
                    return gatherer.scan(lexer.value()).map(drop);
                }
                // A function around a value, or a word at its side (`_binary 'x'`, `'x'::text`): the column has the last.
                if self.has_value {
                    gatherer.scan(self.record.last())?;
                    self.record.truncate(self.record.count().saturating_sub(1));
                }
                let column = self
                    .names
                    .get(self.record.count())
                    .copied()
                    .filter(|_| (self.depth == 1 || self.has_value) && !lexer.is_cut())
                    .unwrap_or_default();
                self.record.push(column, lexer.value());
                self.has_value = true;
            }
            // `ON DUPLICATE KEY UPDATE ..`
            Token::Word | Token::Quoted | Token::Text => drop(gatherer.scan(lexer.value())?),
        }
        Ok(())
    }

    /// A line of `COPY`.
    fn copied_row(&mut self, line: &[u8], gatherer: &mut Gatherer) -> Result<(), Error> {
        self.record.clear();
        for (index, value) in line.split(|byte| *byte == b'\t').enumerate() {
            self.record
                .push(self.names.get(index).copied().unwrap_or_default(), &unescaped(value));
        }
        gatherer.record(&self.record, 0)?;
        self.record.clear();
        Ok(())
    }
}

/// A value of `COPY`: `\\` is a backslash, `\t` and the like are what they are elsewhere.
fn unescaped(value: &[u8]) -> Vec<u8> {
    if value == b"\\N" {
        return Vec::new();
    }
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b't') => b'\t',
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(other) => *other,
                None => b'\\',
            },
            other => *other,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use crate::ingest::{About, examine};

    /// What of addresses and passwords is found in the values of a row with both.
    fn found(email: &str, password: &str) -> (u64, u64) {
        let text = format!("INSERT INTO users (email, password) VALUES ({email}, {password});");
        let about = About::parse("name = 'Shop'").unwrap();
        let (counts, problems) = examine("x.sql", &mut text.as_bytes(), &about).unwrap();
        assert_eq!(problems.count, 0, "{text:.100}");
        (counts.addresses, counts.passwords)
    }

    #[test]
    fn words_and_functions_around_a_value_neither_hide_an_address_nor_count_it_twice() {
        for email in [
            "'ann@example.com'",
            "_utf8 'ann@example.com'",
            "'ann@example.com'::text",
            "'ann@example.com' || ' '",
            "lower(trim('ann@example.com', ' '))",
        ] {
            assert_eq!(found(email, "'secret'"), (1, 1), "{email}");
        }
    }

    #[test]
    fn the_end_of_a_value_that_is_too_long_is_no_password() {
        let long = format!("'{}end'", "x ".repeat(super::VALUE_BYTES_MAX));
        for password in [long.clone(), format!("_binary {long}")] {
            assert_eq!(found("'ann@example.com'", &password), (1, 0), "{password:.20}");
        }
    }
}

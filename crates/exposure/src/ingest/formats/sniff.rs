//! Which shape a text has, by how it begins.

use super::credentials::parse;
use super::delimited::split;
use super::{Format, HEAD_BYTES, blocks};
use crate::address::{Address, TopLevelDomains};
use crate::ingest::columns::{Column, Columns};
use crate::ingest::record::Record;

/// How many lines are looked at.
const LINES_MAX: usize = 200;
/// What may stand between columns, in order of preference.
const DELIMITERS: [u8; 5] = [b'\t', b';', b'|', b',', b':'];

/// The shape of a text that begins like this.
pub(super) fn format(head: &[u8], columns: &Columns, known: &TopLevelDomains) -> Format {
    let trimmed = head.trim_ascii_start();
    if is_json(trimmed) {
        return Format::Json;
    }
    let lines: Vec<_> = head
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .take(LINES_MAX)
        .collect();
    if lines.iter().any(|line| is_sql(line)) {
        return Format::Sql;
    }
    // The last line may be cut.
    let whole = lines.len() - usize::from(head.len() >= HEAD_BYTES && lines.len() > 1);
    let lines = lines.get(..whole).unwrap_or_default();
    if is_blocks(lines) {
        return Format::Blocks;
    }
    if is_credentials(lines, known) {
        return Format::Credentials;
    }
    let delimiter = DELIMITERS
        .into_iter()
        .find(|delimiter| is_table(lines, *delimiter, columns));
    delimiter.map_or(Format::Plain, Format::Delimited)
}

fn is_json(head: &[u8]) -> bool {
    let Some((first, rest)) = head.split_first() else {
        return false;
    };
    let next = rest.trim_ascii_start().first();
    match first {
        b'{' => matches!(next, Some(b'"' | b'}')),
        b'[' => matches!(next, Some(b'"' | b'{' | b'[' | b']')),
        _ => false,
    }
}

fn is_sql(line: &[u8]) -> bool {
    let begins = |words: &[u8]| {
        line.get(..words.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(words))
    };
    let is_copy = || {
        line.to_ascii_lowercase()
            .windows(10)
            .any(|window| window == b"from stdin")
    };
    begins(b"INSERT INTO ")
        || begins(b"INSERT IGNORE INTO ")
        || begins(b"REPLACE INTO ")
        || begins(b"CREATE TABLE ")
        || (begins(b"COPY ") && is_copy())
}

fn is_blocks(lines: &[&[u8]]) -> bool {
    let fields: Vec<_> = lines.iter().filter_map(|line| Some(blocks::field(line)?.0)).collect();
    let has = |field| fields.contains(&field);
    has(blocks::Field::Password)
        && (has(blocks::Field::Website) || has(blocks::Field::Login))
        && fields.len() * 2 >= lines.len()
}

/// Whether most lines are credentials, and most of those that begin with an address have nothing but a password behind it.
fn is_credentials(lines: &[&[u8]], known: &TopLevelDomains) -> bool {
    let mut address = Address::default();
    let found: Vec<_> = lines
        .iter()
        .filter_map(|line| parse(line, known, &mut address))
        .collect();
    let is_pair = |password: &[u8]| {
        !password
            .iter()
            .any(|byte| matches!(byte, b':' | b';' | b'|' | b'\t' | b','))
    };
    let good = found
        .iter()
        .filter(|line| line.website.is_some() || is_pair(line.password))
        .count();
    good > 0 && good * 10 >= lines.len() * 6
}

/// Whether lines have columns: a heading that is known, or the same number of columns in nearly all.
fn is_table(lines: &[&[u8]], delimiter: u8, columns: &Columns) -> bool {
    let mut record = Record::default();
    let mut count = |line: &&[u8]| {
        record.clear();
        split(line, delimiter, &[], &mut record);
        record.count()
    };
    let Some(first) = lines.first() else {
        return false;
    };
    let expected = count(first);
    let same = lines.iter().filter(|line| count(line) == expected).count();
    let is_regular = expected > 1 && (same * 10 >= lines.len() * 8);
    let has_heading = heading(first, delimiter, columns).is_some();
    // One line alone, or a colon, is no table unless it says so.
    (has_heading && (expected > 1 || delimiter == b','))
        || (is_regular && lines.len() > 1 && (delimiter != b':' || expected > 2))
}

/// What the columns are that the first line names, if it is a heading: no address in it, and a name that is known.
pub(super) fn heading(line: &[u8], delimiter: u8, columns: &Columns) -> Option<Vec<Column>> {
    let mut record = Record::default();
    if line.contains(&b'@') || !split(line, delimiter, &[], &mut record) {
        return None;
    }
    let names: Vec<_> = record
        .fields(0)
        .map(|(_, name)| String::from_utf8_lossy(name).into_owned())
        .collect();
    let is_heading = names.iter().any(|name| columns.is_heading(name));
    is_heading.then(|| {
        names
            .iter()
            .enumerate()
            .map(|(index, name)| columns.at(index, Some(name)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::columns::ColumnNames;

    fn of(text: &str) -> Format {
        format(
            text.as_bytes(),
            &Columns::new(&ColumnNames::default()).unwrap(),
            &TopLevelDomains::default(),
        )
    }

    #[test]
    fn shapes_are_told_by_how_a_text_begins() {
        for (text, expected) in [
            ("{\"email\":\"ann@example.com\"}\n", Format::Json),
            (" [ {\"email\":1}]", Format::Json),
            (
                "-- dump\nINSERT INTO `users` VALUES (1,'ann@example.com');\n",
                Format::Sql,
            ),
            (
                "COPY public.users (id, email) FROM stdin;\n1\tann@example.com\n",
                Format::Sql,
            ),
            (
                "URL: https://example.com\nUsername: ann\nPassword: x\n===\n",
                Format::Blocks,
            ),
            (
                "SOFT: Chrome\nHOST: example.com\nUSER: ann\nPASS: x\n\n",
                Format::Blocks,
            ),
            (
                "https://example.com/:ann@example.org:secret\nexample.org:ben@example.org:x\n",
                Format::Credentials,
            ),
            (
                "ann@example.com:secret\nben@example.com:x:y\ncy@example.com:z\n",
                Format::Credentials,
            ),
            ("email,password\nann@example.com,x\n", Format::Delimited(b',')),
            ("id;mail\n1;ann@example.com\n", Format::Delimited(b';')),
            (
                "1\tann@example.com\tAnn\n2\tben@example.com\tBen\n",
                Format::Delimited(b'\t'),
            ),
            (
                "ann@example.com:Ann:Paris:1980\nben@example.com:Ben:Rome:1981\ncy@example.com:Cy:Oslo:1982\n",
                Format::Delimited(b':'),
            ),
            ("ann@example.com\nben@example.com\n", Format::Plain),
            (
                "[2026-11-23 10:15] ann@example.com logged in\n[2026-11-23 10:16] ben@example.com did too\n",
                Format::Plain,
            ),
            ("", Format::Plain),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}

//! Tables of text: columns between commas, semicolons, tabs, bars or colons; values in quotes where RFC 4180 wants them.

use super::sniff::heading;
use super::{Reading, VALUE_BYTES_MAX};
use crate::Error;
use crate::ingest::columns::Column;
use crate::ingest::record::Record;

pub(super) fn read(reading: &mut Reading<'_, '_>, delimiter: u8) -> Result<(), Error> {
    let mut columns = None;
    let mut record = Record::default();
    // Lines of a value in quotes that goes over several.
    let mut open: Vec<u8> = Vec::new();
    let mut unclosed = Vec::new();
    let mut opened_at = 0;
    reading.lines(&mut |gatherer, line, number| {
        let is_open = !open.is_empty();
        if is_open {
            open.push(b'\n');
            open.extend_from_slice(line);
        }
        let whole = if is_open { open.as_slice() } else { line };
        let known = columns.get_or_insert_with(|| {
            let heading = heading(whole, delimiter, &gatherer.columns);
            let is_heading = heading.is_some();
            let by_number = || {
                (0..count(whole, delimiter))
                    .map(|index| gatherer.columns.at(index, None))
                    .collect()
            };
            (heading.unwrap_or_else(by_number), is_heading)
        });
        if std::mem::take(&mut known.1) {
            return Ok(());
        }
        record.clear();
        if split(whole, delimiter, &known.0, &mut record) {
            gatherer.record(&record, 0)?;
            open.clear();
        } else if whole.len() > VALUE_BYTES_MAX {
            unclosed.push(opened_at);
            gatherer.scan(whole)?;
            open.clear();
        } else if !is_open {
            opened_at = number;
            open.extend_from_slice(line);
        }
        Ok(())
    })?;
    if !open.is_empty() {
        unclosed.push(opened_at);
        reading.gatherer.scan(&open)?;
    }
    for line in unclosed {
        reading.problem(
            Some(line),
            None,
            "a quotation mark is not closed, so only addresses were taken",
        );
    }
    Ok(())
}

fn count(line: &[u8], delimiter: u8) -> usize {
    let mut record = Record::default();
    split(line, delimiter, &[], &mut record);
    record.count()
}

/// Splits a row into its values; false if a quotation mark is not closed. Columns without a kind are [`Column::Other`].
pub(super) fn split(mut line: &[u8], delimiter: u8, columns: &[Column], record: &mut Record) -> bool {
    loop {
        let column = columns.get(record.count()).copied().unwrap_or_default();
        if let Some(quoted) = line.strip_prefix(b"\"") {
            let start = record.len();
            let Some(rest) = unquote(quoted, delimiter, record) else {
                return false;
            };
            record.close(column, start);
            match rest {
                Some(rest) => line = rest,
                None => return true,
            }
            continue;
        }
        match memchr::memchr(delimiter, line) {
            Some(end) => {
                record.push(column, line.get(..end).unwrap_or_default());
                line = line.get(end + 1..).unwrap_or_default();
            }
            None => {
                record.push(column, line);
                return true;
            }
        }
    }
}

/// Adds what stands in quotes to a record: what is behind the delimiter that follows, if one does. Nothing if it is not closed. A mark
/// within that is neither doubled nor before a delimiter is one itself.
fn unquote<'a>(mut rest: &'a [u8], delimiter: u8, record: &mut Record) -> Option<Option<&'a [u8]>> {
    loop {
        let (before, behind) = rest.split_at_checked(memchr::memchr(b'"', rest)?)?;
        let behind = behind.get(1..)?;
        record.extend(before);
        match behind.first() {
            None => return Some(None),
            Some(byte) if *byte == delimiter => return Some(behind.get(1..)),
            Some(b'"') => {
                record.extend(b"\"");
                rest = behind.get(1..)?;
            }
            Some(_) => {
                record.extend(b"\"");
                rest = behind;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Option<Vec<String>> {
        let mut record = Record::default();
        split(line.as_bytes(), b',', &[], &mut record).then(|| {
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
            record.fields(0).map(|(_, value)| text(value)).collect()
        })
    }

    #[test]
    fn rows_are_split_as_spreadsheets_do() {
        for (line, expected) in [
            ("a,b,,c", &["a", "b", "", "c"][..]),
            ("\"a,b\",\"say \"\"hi\"\"\",c", &["a,b", "say \"hi\"", "c"]),
            ("\"it\\\"s\",x", &["it\\\"s", "x"]),
            ("\"\",", &["", ""]),
            ("", &[""]),
            ("\"line\nbreak\",2", &["line\nbreak", "2"]),
        ] {
            assert_eq!(values(line).unwrap(), expected, "{line}");
        }
        assert_eq!(values("a,\"not closed"), None);
    }
}

//! Tables with a head: what portals export and people save from spreadsheets. Each row becomes a document with the columns' names.
//!
//! Separated by commas, semicolons or tabs, with quotes and line ends within quotes (RFC 4180). A row is held in memory up to a limit; what
//! is longer, as is all behind a quote that nobody closes, is told and passed over up to the next line end.

use std::io::{self, BufRead, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use super::lines::{LINE_BYTES_MAX, Unended, too_long};
use super::text::Utf8;
use super::{Body, Record, Source, Take, Unreadable, sample};
use crate::event::Origin;

/// Columns of a table at most: Entra's audit log has two hundred.
pub const COLUMNS_MAX: usize = 1024;
/// So many bytes are enough for a table's head; a longer one is none.
pub const HEAD_BYTES_MAX: usize = 64 << 10;

/// Bytes of a column's name at most.
const NAME_BYTES_MAX: usize = 128;
/// A table has so many columns at least: with fewer, a line of text is too easily taken for a head.
const COLUMNS_MIN: usize = 3;
/// Bytes that are held for a row at first.
const ROW_BYTES: usize = 16 << 10;

/// Names of columns that say when something happened, the more telling first: in lower case, with letters and digits alone.
pub(crate) const TIMES: [&str; 23] = [
    "timestamp",
    "utctime",
    "timecreated",
    "systemtime",
    "eventtime",
    "creationdate",
    "createddatetime",
    "activitydatetime",
    "timegenerated",
    "generatedtime",
    "dateutc",
    "datetimeutc",
    "datetime",
    "published",
    "eventdatetime",
    "eventdate",
    "starttime",
    "logtime",
    "createdat",
    "receivetime",
    "time",
    "date",
    "ts",
];

/// A column's name as it is compared with others.
pub(crate) fn plain_name(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    names: Vec<String>,
    separator: u8,
}

impl Columns {
    /// The columns of a log that begins with these bytes; none if it is no table, or if the line of its columns isn't whole.
    #[must_use]
    pub fn of(beginning: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(beginning.get(..HEAD_BYTES_MAX).unwrap_or(beginning));
        let separator = separator(&text)?;
        let (line, _) = text.trim_start_matches(['\u{feff}', '\r', '\n']).split_once('\n')?;
        let names = line
            .trim_end()
            .split(char::from(separator))
            .map(|name| unquoted(name).to_owned())
            .collect();
        Some(Self { names, separator })
    }

    /// A row as a document: what is empty is left out, and of two columns of one name the first one counts.
    fn document(&self, cells: impl Iterator<Item = String>) -> Value {
        let mut row = Map::new();
        for (number, cell) in cells.enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let name = match self.names.get(number) {
                Some(name) if !name.is_empty() => name.clone(),
                _ => format!("column {}", number + 1),
            };
            row.entry(name).or_insert(Value::String(cell));
        }
        Value::Object(row)
    }
}

/// Whether a log that begins with this text is a table.
pub(super) fn begins(text: &str) -> bool {
    separator(text).is_some()
}

/// What separates the columns, if the first line is a table's head: names alone, one of them that of a time. The last name may be cut off.
fn separator(text: &str) -> Option<u8> {
    let text = text.trim_start_matches(['\u{feff}', '\r', '\n']);
    let (line, is_whole) = text.split_once('\n').map_or((text, false), |(line, _)| (line, true));
    let line = line.trim_end();
    let separator = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|separator| line.bytes().filter(|byte| byte == separator).count())?;
    let mut names: Vec<&str> = line.split(char::from(separator)).collect();
    if !is_whole {
        names.pop();
    }
    let has_time = names
        .iter()
        .any(|name| TIMES.contains(&plain_name(unquoted(name)).as_str()));
    let is_head =
        (COLUMNS_MIN..=COLUMNS_MAX).contains(&names.len()) && has_time && names.iter().all(|name| is_name(name));
    is_head.then_some(separator)
}

fn unquoted(name: &str) -> &str {
    let name = name.trim();
    name.strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name)
        .trim()
}

/// Whether this can be a column's name. Times, addresses and sentences, which lines of logs begin with, can't.
fn is_name(name: &str) -> bool {
    let name = unquoted(name);
    name.len() <= NAME_BYTES_MAX
        && name
            .chars()
            .next()
            .is_none_or(|first| first.is_alphabetic() || matches!(first, '_' | '@' | '$'))
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || " _-./()#@$%*".contains(letter))
}

/// The rows of a table as records, numbered as a spreadsheet does: the head is the first.
///
/// Invariant: `offset` bytes were consumed as whole rows, and `number` rows have ended in them.
#[derive(Debug)]
pub struct Rows<'a, R> {
    reader: R,
    columns: &'a Columns,
    source: Source,
    offset: u64,
    number: u64,
    limit: usize,
    unended: Unended,
    /// Whether the head is still to be passed over.
    is_before_head: bool,
    parser: Box<Reader>,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a, R: BufRead> Rows<'a, R> {
    /// Reads on where another reader of the same table left off: at its [`Rows::offset`], after [`Rows::number`] rows. From the beginning with
    /// zero and zero.
    pub fn from(reader: R, columns: &'a Columns, source: Source, unended: Unended, offset: u64, number: u64) -> Self {
        Self {
            reader,
            columns,
            source,
            offset,
            number,
            limit: LINE_BYTES_MAX,
            unended,
            is_before_head: offset == 0,
            parser: Box::new(ReaderBuilder::new().delimiter(columns.separator).build()),
            cells: vec![0; ROW_BYTES],
            ends: vec![0; COLUMNS_MAX],
        }
    }

    /// The same with a smaller limit of a row's bytes.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes.clamp(1, LINE_BYTES_MAX);
        self.cells.truncate(self.limit);
        self
    }

    /// Bytes of the table up to the end of the last row that was given out or passed over.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Rows that have ended so far, the head among them.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next row that isn't empty; none at the end.
    ///
    /// # Errors
    ///
    /// Those of the reader. What was read of an unfinished row is then lost to this reader; one made anew at [`Rows::offset`] finds it.
    pub fn read(&mut self) -> io::Result<Option<Result<Record, Unreadable>>> {
        loop {
            self.skip_line_ends()?;
            let row = self.row()?;
            if !row.ended && (row.consumed == 0 || self.unended == Unended::AreLeft) {
                return Ok(None);
            }
            self.offset += row.consumed;
            self.number += 1;
            if std::mem::take(&mut self.is_before_head) {
                continue;
            }
            let origin = Origin {
                source: Source::clone(&self.source),
                record: self.number,
            };
            if row.is_too_long {
                let kept = self.cells.get(..row.bytes).unwrap_or_default();
                return Ok(Some(Err(Unreadable {
                    origin,
                    reason: too_long("row", row.consumed, self.limit),
                    sample: sample(kept),
                })));
            }
            let document = self.columns.document(self.cells(row.cells));
            if document.as_object().is_some_and(|row| !row.is_empty()) {
                return Ok(Some(Ok(Record {
                    body: Body::Document(document),
                    origin,
                })));
            }
        }
    }

    fn cells(&self, count: usize) -> impl Iterator<Item = String> {
        let mut begin = 0;
        self.ends.iter().take(count).map(move |end| {
            let cell = self.cells.get(begin..*end).unwrap_or_default();
            begin = *end;
            String::from_utf8_lossy(cell).trim().replace('\0', "\u{fffd}")
        })
    }

    /// Line ends before a row belong to none.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let available = filled(&mut self.reader)?;
            let count = available
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            let is_all = count > 0 && count == available.len();
            self.reader.consume(count);
            self.offset += count as u64;
            if !is_all {
                return Ok(());
            }
        }
    }

    fn row(&mut self) -> io::Result<Row> {
        self.parser.reset();
        // Where it has read nothing it looks for a byte order mark, but finds one only in one piece: an empty line is read first.
        let _ = self.parser.read_record(b"\n", &mut [0], &mut [0]);
        let mut row = Row::default();
        loop {
            let available = filled(&mut self.reader)?;
            let is_end = available.is_empty();
            if is_end && (row.consumed == 0 || self.unended == Unended::AreLeft) {
                return Ok(row);
            }
            let cells = self.cells.get_mut(row.bytes..).unwrap_or_default();
            let ends = self.ends.get_mut(row.cells..).unwrap_or_default();
            // At the end no input says that there is no more.
            let (result, taken, bytes, count) = self.parser.read_record(available, cells, ends);
            self.reader.consume(taken);
            row.consumed += taken as u64;
            row.bytes += bytes;
            row.cells += count;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.cells.len() < self.limit => {
                    self.cells.resize((self.cells.len() * 2).min(self.limit), 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    row.is_too_long = true;
                    self.pass(&mut row)?;
                    return Ok(row);
                }
                ReadRecordResult::Record | ReadRecordResult::End => {
                    row.ended = true;
                    return Ok(row);
                }
            }
        }
    }

    /// Passes over the rest of a line.
    fn pass(&mut self, row: &mut Row) -> io::Result<()> {
        loop {
            let available = filled(&mut self.reader)?;
            if available.is_empty() {
                return Ok(());
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |end| end + 1);
            self.reader.consume(taken);
            row.consumed += taken as u64;
            if end.is_some() {
                row.ended = true;
                return Ok(());
            }
        }
    }
}

/// What there is to be read without waiting for more.
fn filled<R: BufRead>(reader: &mut R) -> io::Result<&[u8]> {
    // A signal is no error of the log's. The second call gives what the first one has filled.
    while let Err(error) = reader.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    reader.fill_buf()
}

#[derive(Debug, Default)]
struct Row {
    consumed: u64,
    bytes: usize,
    cells: usize,
    ended: bool,
    is_too_long: bool,
}

/// Reads a table until its end or until nobody takes more. UTF-16 is understood. A head alone has no rows.
///
/// # Errors
///
/// If it can't be read, or its head is longer than any is.
pub fn read<R: BufRead>(log: R, source: &Source, take: &mut Take<'_>) -> io::Result<()> {
    let mut log = Utf8::new(log)?;
    let mut head = Vec::new();
    log.by_ref().take(HEAD_BYTES_MAX as u64).read_to_end(&mut head)?;
    let Some(columns) = Columns::of(&head) else {
        if head.len() < HEAD_BYTES_MAX {
            return Ok(());
        }
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the head of the table has more than {HEAD_BYTES_MAX} bytes"),
        ));
    };
    let reader = head.chain(log);
    let mut rows = Rows::from(reader, &columns, Source::clone(source), Unended::AreALine, 0, 0);
    while let Some(row) = rows.read()? {
        if !take(row) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], limit: usize, capacity: usize) -> Vec<Result<(u64, String), String>> {
        let columns = Columns::of(bytes).unwrap();
        let reader = io::BufReader::with_capacity(capacity, bytes);
        let mut rows = Rows::from(reader, &columns, "test".into(), Unended::AreALine, 0, 0).with_limit(limit);
        let mut found = Vec::new();
        while let Some(row) = rows.read().unwrap() {
            found.push(match row {
                Ok(Record {
                    body: Body::Document(row),
                    origin,
                }) => Ok((origin.record, row.to_string())),
                Ok(_) => panic!("no document"),
                Err(unreadable) => Err(unreadable.reason),
            });
        }
        assert_eq!(rows.offset(), bytes.len() as u64, "with a buffer of {capacity}");
        found
    }

    #[test]
    fn rows_are_documents_with_quotes_and_line_ends_in_them() {
        let table = b"time,user,what\r\n1,anna,\"said \"\"no\"\",\r\nthen yes\"\r\n\r\n2,bob,\n3,,x,more";
        for capacity in 1..12 {
            assert_eq!(
                all(table, 100, capacity),
                [
                    Ok((
                        2,
                        r#"{"time":"1","user":"anna","what":"said \"no\",\r\nthen yes"}"#.into()
                    )),
                    Ok((3, r#"{"time":"2","user":"bob"}"#.into())),
                    Ok((4, r#"{"time":"3","what":"x","column 4":"more"}"#.into())),
                ]
            );
        }
    }

    #[test]
    fn byte_order_marks_semicolons_and_blanks_around_names_are_understood() {
        let table = "\u{feff}\"Date (UTC)\";\"Application ID \";User\nx;y;z\n";
        assert_eq!(
            all(table.as_bytes(), 100, 64),
            [Ok((2, r#"{"Date (UTC)":"x","Application ID":"y","User":"z"}"#.into()))]
        );
        let wide: Vec<u8> = table.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut rows = 0;
        read(&wide[..], &"test".into(), &mut |row| {
            rows += usize::from(row.is_ok());
            true
        })
        .unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_quote_that_nobody_closes_costs_a_bounded_part() {
        let table = format!("time,user,what\n1,\"{}\n2,bob,x\n", "long\n".repeat(20));
        for capacity in [1, 7, 1000] {
            let found = all(table.as_bytes(), 50, capacity);
            assert!(found[0].as_ref().unwrap_err().contains("more than 50"), "{found:?}");
            assert_eq!(
                found.last().unwrap().as_ref().unwrap().1,
                r#"{"time":"2","user":"bob","what":"x"}"#
            );
        }
        let many = format!("time,user,what\n{}\n2,bob,x\n", ",".repeat(COLUMNS_MAX + 5));
        assert_eq!(all(many.as_bytes(), 5000, 64).len(), 2);
    }

    #[test]
    fn a_row_of_a_growing_table_is_left_until_it_has_ended() {
        let whole = b"time,user,what\n1,anna,\"a\nb\"\n2,bob,x\n";
        let columns = Columns::of(whole).unwrap();
        for cut in 0..whole.len() {
            let mut rows = Rows::from(&whole[..cut], &columns, "test".into(), Unended::AreLeft, 0, 0);
            let mut found = 0;
            while rows.read().unwrap().is_some() {
                found += 1;
            }
            let (offset, number) = (rows.offset(), rows.number());
            let rest = &whole[usize::try_from(offset).unwrap()..];
            let mut rows = Rows::from(rest, &columns, "test".into(), Unended::AreLeft, offset, number);
            while let Some(row) = rows.read().unwrap() {
                assert_eq!(row.unwrap().origin.record, 2 + found);
                found += 1;
            }
            assert_eq!(found, 2, "cut at {cut}");
        }
    }

    #[test]
    fn only_what_begins_with_names_is_a_table() {
        for head in [
            "RecordId,CreationDate,RecordType,Operation\n",
            "\"Date (UTC)\",\"Request ID\",\"User agent\",\"Correla",
            "timestamp;event_type;actor.alternate_id\n",
            "UtcTime\tImage\tCommandLine\n",
        ] {
            assert!(begins(head), "{head}");
        }
        for line in [
            "Mar  1 10:00:00 web01 app: time, user, what\n",
            "2026-03-01,time,user,what\n",
            "the time, of course, is late\n",
            "user,host,what\n",
            "#fields\tts\tuid\tid.orig_h\n",
            "{\"time\": 1, \"a\": 2, \"b\": 3}\n",
            "time,user\n",
            "1,2026/03/01 10:00:00,001801000001,SYSTEM,time,x\n",
        ] {
            assert!(!begins(line), "{line}");
        }
    }
}

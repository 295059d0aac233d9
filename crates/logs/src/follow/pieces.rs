//! Records of a stretch of a log: its lines, or the rows of a table, whose columns are named at its beginning.

use std::io;

use threat::input::csv::{Columns, HEAD_BYTES_MAX, Rows};
use threat::input::lines::{Lines, Unended};
use threat::input::{self, Record, Unreadable};

use super::checkpoint::Cursor;
use super::source::Source;
use crate::records;

/// What a log's beginning says of what follows.
#[derive(Debug, Default)]
pub(super) enum Layout {
    /// Its first line isn't there yet.
    #[default]
    Unknown,
    /// Each line is a record.
    Lines,
    /// Each row is.
    Table(Columns),
}

impl Layout {
    /// Looks at a log's beginning, once its first line is there. A packed log must not have been read beyond it.
    pub(super) fn learn(&mut self, source: &mut Source) -> io::Result<()> {
        if !matches!(self, Self::Unknown) {
            return Ok(());
        }
        let head = source.window(0, HEAD_BYTES_MAX)?;
        if let Some(columns) = Columns::of(&head) {
            *self = Self::Table(columns);
        } else if head.contains(&b'\n') || head.len() == HEAD_BYTES_MAX || source.has_ended() {
            *self = Self::Lines;
        }
        Ok(())
    }

    /// The records of the bytes that follow a place.
    pub(super) fn pieces<'a>(
        &'a self,
        bytes: &'a [u8],
        source: input::Source,
        unended: Unended,
        at: &Cursor,
        bytes_max: usize,
    ) -> Pieces<'a> {
        match self {
            Self::Table(columns) => {
                let rows = Rows::from(bytes, columns, source, unended, at.offset, at.line);
                Pieces::Rows(rows.with_limit(bytes_max))
            }
            Self::Lines | Self::Unknown => {
                let lines = Lines::from(bytes, source, unended, at.offset, at.line);
                Pieces::Lines(lines.with_limit(bytes_max))
            }
        }
    }
}

/// Records of a stretch of a log.
pub(super) enum Pieces<'a> {
    Lines(Lines<&'a [u8]>),
    Rows(Rows<'a, &'a [u8]>),
}

impl Pieces<'_> {
    pub(super) fn read(&mut self) -> io::Result<Option<Result<Record, Unreadable>>> {
        match self {
            Self::Lines(lines) => Ok(lines.read()?.map(|line| line.and_then(records::of_line))),
            Self::Rows(rows) => rows.read(),
        }
    }

    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.offset(),
            Self::Rows(rows) => rows.offset(),
        }
    }

    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.number(),
            Self::Rows(rows) => rows.number(),
        }
    }
}

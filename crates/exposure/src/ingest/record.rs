//! A record: a row of a table, an object, a block.

use std::ops::Range;

use super::columns::Column;

/// The most fields of a record; more are taken together.
const FIELDS_MAX: usize = 4096;

/// Fields, each with what it is. Used for one record after the other.
#[derive(Debug, Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    fields: Vec<(Column, Range<usize>)>,
}

impl Record {
    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
    }

    /// Adds a field.
    pub(super) fn push(&mut self, column: Column, value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.close(column, start);
    }

    /// Adds bytes to the field that is being filled; [`Record::close`] ends it.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Ends a field that began when there were `start` bytes.
    pub(super) fn close(&mut self, column: Column, start: usize) {
        let end = self.bytes.len();
        if self.fields.len() < FIELDS_MAX {
            self.fields.push((column, start..end));
        } else if let Some(last) = self.fields.last_mut().filter(|_| end > start) {
            // A separator between what is taken together.
            self.bytes.insert(start, b'\n');
            *last = (Column::Other, last.1.start..self.bytes.len());
        }
    }

    /// How many bytes all fields have.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many fields there are.
    pub(super) const fn count(&self) -> usize {
        self.fields.len()
    }

    /// What is in the last field; nothing if there is none.
    pub(super) fn last(&self) -> &[u8] {
        let last = self.fields.last().and_then(|(_, range)| self.bytes.get(range.clone()));
        last.unwrap_or_default()
    }

    /// Drops all fields behind the first so many.
    pub(super) fn truncate(&mut self, count: usize) {
        self.fields.truncate(count);
        self.bytes
            .truncate(self.fields.last().map_or(0, |(_, range)| range.end));
    }

    /// The fields from a number on.
    pub(super) fn fields(&self, from: usize) -> impl Iterator<Item = (Column, &[u8])> + Clone {
        let fields = self.fields.get(from..).unwrap_or_default().iter();
        fields.map(|(column, range)| (*column, self.bytes.get(range.clone()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_no_more_fields_than_are_held_whatever_is_in_them() {
        let mut record = Record::default();
        for number in 0..2 * FIELDS_MAX {
            record.push(Column::Password, if number % 2 == 0 { b"" } else { b"x" });
        }
        assert_eq!(record.count(), FIELDS_MAX);
        let values: usize = record
            .fields(0)
            .map(|(_, value)| value.iter().filter(|byte| **byte == b'x').count())
            .sum();
        assert_eq!(values, FIELDS_MAX);
        for _ in 0..FIELDS_MAX {
            record.push(Column::Password, b"");
        }
        assert_eq!(record.count(), FIELDS_MAX);
    }
}

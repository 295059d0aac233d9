//! Going through a table in order.

use std::sync::Arc;

use super::block::BlockRows;
use super::file::Table;
use crate::Error;

/// A place in a table. Begins before its first row: [`Cursor::advance`] goes to it.
#[derive(Debug)]
pub(crate) struct Cursor {
    table: Arc<Table>,
    rows: BlockRows,
    /// The block to be read next.
    next_block: usize,
    /// Rows with smaller keys are passed over; taken once the first was found.
    from: Option<Vec<u8>>,
}

impl Cursor {
    pub(super) fn new(table: Arc<Table>, block: usize, from: &[u8]) -> Self {
        Self {
            table,
            rows: BlockRows::default(),
            next_block: block,
            from: Some(from.to_vec()),
        }
    }

    /// Goes to the next row; false behind the last.
    pub(crate) fn advance(&mut self) -> Result<bool, Error> {
        loop {
            if !self.rows.advance().map_err(|what| self.damaged(what))? {
                if self.next_block >= self.table.blocks() {
                    return Ok(false);
                }
                self.table.read(self.next_block, &mut self.rows)?;
                self.next_block += 1;
                continue;
            }
            match &self.from {
                Some(from) if self.rows.key() < from.as_slice() => {}
                _ => {
                    self.from = None;
                    return Ok(true);
                }
            }
        }
    }

    /// The error for a value that can't be understood.
    pub(crate) fn damaged(&self, what: &'static str) -> Error {
        self.table.damaged(self.next_block.saturating_sub(1), what)
    }

    /// The row's key.
    pub(crate) fn key(&self) -> &[u8] {
        self.rows.key()
    }

    /// The row's value.
    pub(crate) fn value(&self) -> &[u8] {
        self.rows.value()
    }
}

//! The rows of several tables as if they were one: in order of keys, rows of the same key together.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::table::{Cursor, Table};
use crate::Error;

/// What becomes of the values of one key. Used for one key after the other.
pub(crate) trait Fold {
    /// Takes the value that a table has for the key; what is wrong with it otherwise.
    fn add(&mut self, value: &[u8]) -> Result<(), &'static str>;
    /// All values of the key were added: appends what they amount to, and begins anew. False leaves the row out.
    fn end(&mut self, key: &[u8], value: &mut Vec<u8>) -> bool;
}

/// Takes a key and its folded value.
pub(crate) type VisitRow<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Error> + 'a;

/// Several tables.
#[derive(Debug)]
pub(crate) struct Merge {
    heads: BinaryHeap<Head>,
}

/// A cursor that stands on a row; ordered so that the smallest key is the heap's greatest.
#[derive(Debug)]
struct Head(Cursor);

impl Merge {
    /// The rows of all tables from a key on.
    pub(crate) fn from<'a>(tables: impl IntoIterator<Item = &'a Arc<Table>>, key: &[u8]) -> Result<Self, Error> {
        let mut heads = BinaryHeap::new();
        for table in tables {
            let mut cursor = table.from(key);
            if cursor.advance()? {
                heads.push(Head(cursor));
            }
        }
        Ok(Self { heads })
    }

    /// Visits each key once, with its folded value, until `visit` breaks.
    pub(crate) fn visit(mut self, fold: &mut dyn Fold, visit: &mut VisitRow<'_>) -> Result<(), Error> {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        while let Some(head) = self.heads.peek() {
            key.clear();
            key.extend_from_slice(head.0.key());
            while let Some(mut head) = self.heads.peek_mut() {
                if head.0.key() != key.as_slice() {
                    break;
                }
                fold.add(head.0.value()).map_err(|what| head.0.damaged(what))?;
                if !head.0.advance()? {
                    PeekMut::pop(head);
                }
            }
            value.clear();
            if fold.end(&key, &mut value) && visit(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.key().cmp(self.0.key())
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

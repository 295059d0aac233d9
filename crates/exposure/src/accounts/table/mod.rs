//! An immutable sorted table of rows, each a key and a value: `docs/format-accounts.md` has its bytes.

mod block;
mod cursor;
mod file;
pub(crate) mod varint;
mod writer;

pub(crate) use block::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
pub(crate) use cursor::Cursor;
pub(crate) use file::Table;
pub(crate) use writer::TableWriter;

/// The first bytes of a file.
const MAGIC: [u8; 8] = *b"HFACCTS1";
/// Bytes before the first block: the magic, the kind of table, zeros.
const HEADER_BYTES: usize = 16;
/// Bytes behind the index: see [`file::Footer`].
const FOOTER_BYTES: usize = 40;

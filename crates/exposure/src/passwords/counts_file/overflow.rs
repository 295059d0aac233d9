//! Overflow pages: the rows that didn't fit in their own, of all pages, in order.
//!
//! ```text
//! 0    CRC-32C of the rest
//! 4    page number
//! 8    rows
//! 12   rows of 12 bytes: key, count
//! ```

use super::PAGE_BYTES;
use super::page::{Row, word};
use crate::passwords::range_file::{is_sealed, seal};

const HEADER_BYTES: usize = 12;
const ROW_BYTES: usize = 12;
/// Rows of a page.
pub(super) const ROWS_MAX: usize = (PAGE_BYTES - HEADER_BYTES) / ROW_BYTES;

/// Makes a page of at most [`ROWS_MAX`] rows.
pub(super) fn encode(number: u32, rows: &[Row]) -> [u8; PAGE_BYTES] {
    let mut bytes = vec![0; 4];
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&(rows.len().min(ROWS_MAX) as u32).to_le_bytes());
    for row in rows.iter().take(ROWS_MAX) {
        bytes.extend_from_slice(&row.key.to_le_bytes());
        bytes.extend_from_slice(&row.count.to_le_bytes());
    }
    let mut page = [0; PAGE_BYTES];
    for (to, from) in page.iter_mut().zip(bytes) {
        *to = from;
    }
    seal(&mut page);
    page
}

/// What an overflow page says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InOverflow {
    /// The count.
    Count(u32),
    /// It would be between two rows.
    Missing,
    /// It is before the first row.
    Before,
    /// It is behind the last row.
    Behind,
}

/// Looks a key up in a page that was read as number `number`.
pub(super) fn find(number: u32, bytes: &[u8; PAGE_BYTES], key: u64) -> Result<InOverflow, &'static str> {
    if !is_sealed(bytes) {
        return Err("the overflow page's checksum is wrong");
    }
    let count = word(bytes, 8) as usize;
    if word(bytes, 4) != number || count > ROWS_MAX || count == 0 {
        return Err("another page is in this overflow page's place");
    }
    let rows = bytes.get(HEADER_BYTES..).unwrap_or_default().as_chunks::<ROW_BYTES>().0;
    let rows = rows.get(..count).unwrap_or(rows);
    Ok(match rows.binary_search_by_key(&key, |row| parse(row).key) {
        Ok(index) => rows
            .get(index)
            .map_or(InOverflow::Missing, |row| InOverflow::Count(parse(row).count)),
        Err(0) => InOverflow::Before,
        Err(index) if index == count => InOverflow::Behind,
        Err(_) => InOverflow::Missing,
    })
}

fn parse(row: &[u8; ROW_BYTES]) -> Row {
    let [k0, k1, k2, k3, k4, k5, k6, k7, count @ ..] = *row;
    Row {
        key: u64::from_le_bytes([k0, k1, k2, k3, k4, k5, k6, k7]),
        count: u32::from_le_bytes(count),
    }
}

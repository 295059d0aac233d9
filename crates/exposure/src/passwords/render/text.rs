//! Rows as text: `SUFFIX:COUNT`, upper case, CRLF between rows.

use std::sync::LazyLock;

use crate::passwords::range_file::Block;

/// Most characters of a row with its line break: 35 digits, colon, 10 digits, CR, LF.
const ROW_CHARACTERS_MAX: usize = 48;
/// What is written at once; what is behind the row is overwritten by the next.
const WRITTEN: usize = 64;
/// Counts whose text is kept ready.
pub(super) const READY_COUNTS: usize = 1000;

/// `:COUNT` and a line break, and how many characters that is.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    text: [u8; 7],
    length: u8,
}

static ENDS: LazyLock<Vec<End>> = LazyLock::new(|| {
    let ends = (0..READY_COUNTS).map(|count| {
        let mut end = End::default();
        let text = format!(":{count}\r\n");
        for (to, from) in end.text.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        end.length = text.len() as u8;
        end
    });
    ends.collect()
});

/// Appends the rows. `TAIL` is the length of a tail of the block.
pub(super) fn append<const TAIL: usize>(block: &Block<'_>, body: &mut Vec<u8>) {
    let start = body.len();
    body.resize(start + block.rows() * ROW_CHARACTERS_MAX + WRITTEN, 0);
    let ends = ENDS.as_slice();
    let mut out = body.get_mut(start..).unwrap_or_default();
    let mut written = 0;
    let mut tails = block.tails.as_chunks::<TAIL>().0.iter();
    let mut counts = block.counts();
    for (digit, rows) in b"0123456789ABCDEF".iter().zip(block.groups) {
        for tail in tails.by_ref().take(rows as usize) {
            let count = counts.next().unwrap_or(0);
            let Some(row) = out.first_chunk_mut::<WRITTEN>() else {
                return;
            };
            let length = write_row(row, *digit, tail, count, ends);
            out = out.get_mut(length..).unwrap_or_default();
            written += length;
        }
    }
    // Between the lines, not at the end.
    body.truncate((start + written).saturating_sub(if written > 0 { 2 } else { 0 }));
}

/// Writes a row with its line break; returns its length.
#[inline]
fn write_row<const TAIL: usize>(
    row: &mut [u8; WRITTEN],
    digit: u8,
    tail: &[u8; TAIL],
    count: u32,
    ends: &[End],
) -> usize {
    let [first, rest @ ..] = row;
    *first = digit;
    for (pair, byte) in rest.as_chunks_mut::<2>().0.iter_mut().zip(tail) {
        *pair = [hexadecimal(byte >> 4), hexadecimal(byte & 15)];
    }
    let length = 1 + 2 * TAIL;
    let end = rest.get_mut(2 * TAIL..).unwrap_or_default();
    if let (Some(ready), Some(place)) = (ends.get(count as usize), end.first_chunk_mut::<7>()) {
        *place = ready.text;
        return length + usize::from(ready.length);
    }
    let text = format!(":{count}\r\n");
    for (to, from) in end.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    length + text.len()
}

#[inline]
const fn hexadecimal(nibble: u8) -> u8 {
    nibble + if nibble > 9 { b'A' - 10 } else { b'0' }
}

/// Characters of the body of a block.
pub(super) fn length<const TAIL: usize>(block: &Block<'_>) -> usize {
    let digits: u32 = block
        .counts()
        .map(|count| count.checked_ilog10().unwrap_or(0) + 1)
        .sum();
    let rows = block.rows();
    (rows * (1 + 2 * TAIL + 3) + digits as usize).saturating_sub(2)
}

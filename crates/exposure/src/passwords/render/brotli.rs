//! Bodies as brotli (RFC 7932): one meta-block of literals with a code that is always the same, and no repetitions.

use std::sync::LazyLock;

use super::bits::{BitWriter, Bits};
use super::code::{Code, ROW_BYTES_MAX, put_rows};
use super::text;
use crate::passwords::range_file::Block;

/// Most bytes of a meta-block.
const META_BLOCK_BYTES_MAX: usize = 1 << 24;
/// More than the headers take.
const HEADER_BYTES_MAX: usize = 120;
/// Insert lengths, largest first: code, first length, extra bits (RFC 7932, 5). Shorter texts aren't compressed.
const INSERT_LENGTHS: [(usize, usize, u32); 8] = [
    (23, 22594, 24),
    (22, 6210, 14),
    (21, 2114, 12),
    (20, 1090, 10),
    (19, 578, 9),
    (18, 322, 8),
    (17, 194, 7),
    (16, 130, 6),
];
/// Order of the lengths of the code of code lengths (RFC 7932, 3.5).
const LENGTH_ORDER: [u8; 18] = [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// The fixed code for those lengths, 0 to 5, as it is written: bits and their number (RFC 7932, 3.5).
const LENGTH_OF_LENGTHS: [(usize, u32); 6] = [(0b00, 2), (0b0111, 4), (0b011, 3), (0b10, 2), (0b01, 2), (0b1111, 4)];
/// "The next 3 to 10 symbols have no code", or more with another one behind it.
const ZEROS: u8 = 17;

static CODE: LazyLock<Code> = LazyLock::new(|| Code::new(Code::lengths(5, 6, 6)));

/// How the code is told, which is always the same.
static LITERAL_CODE: LazyLock<Vec<Bits>> = LazyLock::new(|| literal_code(&CODE.lengths));

/// Appends the compressed rows.
pub(super) fn append<const TAIL: usize>(block: &Block<'_>, body: &mut Vec<u8>) {
    let length = text::length::<TAIL>(block);
    let insert = INSERT_LENGTHS.iter().find(|(_, first, _)| *first <= length);
    let Some((insert_code, first, extra_bits)) = insert.filter(|_| length <= META_BLOCK_BYTES_MAX) else {
        let mut text = Vec::new();
        text::append::<TAIL>(block, &mut text);
        append_stored(&text, body);
        return;
    };
    let start = body.len();
    body.resize(start + HEADER_BYTES_MAX + block.rows() * ROW_BYTES_MAX + 8, 0);
    let mut writer = BitWriter::new(body.get_mut(start..).unwrap_or_default());
    // A window of 64 KiB: nothing refers back. Then the last meta-block, not empty.
    writer.number(0, 1);
    writer.number(1, 1);
    writer.number(0, 1);
    put_length(&mut writer, length);
    // One type each of literals, commands and distances; no postfix or direct distances; context mode 0; one code each.
    writer.number(0, 3);
    writer.number(0, 6);
    writer.number(0, 2);
    writer.number(0, 2);
    writer.all(&LITERAL_CODE);
    // One command, a code of a single symbol and thus of no bits: insert so many literals, and copy nothing, as the text ends there.
    writer.number(1, 2);
    writer.number(0, 2);
    writer.number(448 + (insert_code - 16) * 8, 10);
    // One distance, which isn't used.
    writer.number(1, 2);
    writer.number(0, 2);
    writer.number(0, 6);
    writer.number(length - first, *extra_bits);
    put_rows::<TAIL>(block, &CODE, &mut writer);
    let end = start + writer.finish();
    body.truncate(end);
}

/// The number of nibbles and the length.
fn put_length(writer: &mut BitWriter<'_>, length: usize) {
    let last = length.saturating_sub(1);
    let nibbles = if last >= 1 << 20 {
        6
    } else if last >= 1 << 16 {
        5
    } else {
        4
    };
    writer.number(nibbles - 4, 2);
    writer.number(last, 4 * nibbles as u32);
}

/// The code of the literals (RFC 7932, 3.5).
fn literal_code(lengths: &[u8]) -> Vec<Bits> {
    let meta_length = |symbol: u8| match symbol {
        4 => 1,
        6 => 2,
        ZEROS => 3,
        0 | 5 => 4,
        _ => 0_u8,
    };
    let meta = Code::new((0..18).map(meta_length).collect());
    // No length of the code of lengths is skipped. They are complete at that of 6, the eighth.
    let mut told = vec![Bits::of(0, 2)];
    for symbol in LENGTH_ORDER.iter().take(8) {
        let length = LENGTH_OF_LENGTHS.get(usize::from(meta_length(*symbol)));
        let (bits, count) = length.copied().unwrap_or_default();
        told.push(Bits::of(bits, count));
    }
    // Lengths are complete at the last symbol that has a code.
    let used = lengths
        .iter()
        .rposition(|length| *length > 0)
        .map_or(0, |last| last + 1);
    let used = lengths.get(..used).unwrap_or_default();
    for run in used.chunk_by(|first, second| *first == 0 && *second == 0) {
        match run.len() {
            length if length < 3 => told.extend(run.iter().map(|own| meta.symbol(usize::from(*own)))),
            length => push_zeros(&mut told, &meta, length),
        }
    }
    told
}

/// At least three symbols without code: each further repetition of the symbol makes of a run of `n` one of `8 * (n - 2)` and 3 to 10 more.
fn push_zeros(told: &mut Vec<Bits>, meta: &Code, length: usize) {
    let before = length - 3;
    if before >= 8 {
        push_zeros(told, meta, before / 8 + 2);
    }
    told.push(meta.symbol(usize::from(ZEROS)));
    told.push(Bits::of(before % 8, 3));
}

/// Appends a text as it is.
pub(super) fn append_stored(text: &[u8], body: &mut Vec<u8>) {
    let mut is_first = true;
    for part in text.chunks(META_BLOCK_BYTES_MAX) {
        let mut header = [0; 16];
        let mut writer = BitWriter::new(&mut header);
        if is_first {
            writer.number(0, 1);
            is_first = false;
        }
        writer.number(0, 1);
        put_length(&mut writer, part.len());
        writer.number(1, 1);
        let length = writer.finish();
        body.extend_from_slice(header.get(..length).unwrap_or_default());
        body.extend_from_slice(part);
    }
    // The last meta-block, which is empty; before it the window, unless that was written.
    body.push(if is_first { 0b110 } else { 0b11 });
}

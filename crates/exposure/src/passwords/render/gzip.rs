//! Bodies as gzip (RFC 1952): one deflate block (RFC 1951) with a code that is always the same, and no repetitions.

use std::sync::LazyLock;

use super::bits::{BitWriter, Bits};
use super::code::{Code, ROW_BYTES_MAX, put_rows};
use super::text;
use crate::passwords::range_file::Block;

/// Magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Bytes of checksum and length.
const TRAILER_BYTES: usize = 8;
/// The symbol behind the last character.
const END_OF_BLOCK: usize = 256;
/// The block's header, which is always the same.
static BLOCK_HEADER: LazyLock<Vec<Bits>> = LazyLock::new(|| block_header(&CODE.lengths));
/// More than the block's header takes.
const BLOCK_HEADER_BYTES_MAX: usize = 100;
/// Order of the lengths of the code of code lengths (RFC 1951, 3.2.7).
const LENGTH_ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// "The next 11 to 138 symbols have no code."
const ZEROS: u8 = 18;

static CODE: LazyLock<Code> = LazyLock::new(|| {
    let mut lengths = Code::lengths(6, 6, 6);
    lengths.push(6);
    Code::new(lengths)
});

/// Appends the compressed rows.
pub(super) fn append<const TAIL: usize>(block: &Block<'_>, body: &mut Vec<u8>) {
    // The checksum is that of the text.
    let mut text = Vec::new();
    text::append::<TAIL>(block, &mut text);
    append_stream(&text, block.rows(), body, |writer| {
        put_rows::<TAIL>(block, &CODE, writer)
    });
}

/// Appends the compressed empty text.
pub(super) fn append_empty(body: &mut Vec<u8>) {
    append_stream(&[], 0, body, |_| {});
}

fn append_stream(text: &[u8], rows: usize, body: &mut Vec<u8>, put: impl FnOnce(&mut BitWriter<'_>)) {
    body.extend_from_slice(&HEADER);
    let start = body.len();
    body.resize(start + BLOCK_HEADER_BYTES_MAX + rows * ROW_BYTES_MAX + 8, 0);
    let mut writer = BitWriter::new(body.get_mut(start..).unwrap_or_default());
    writer.all(&BLOCK_HEADER);
    put(&mut writer);
    writer.put(CODE.symbol(END_OF_BLOCK));
    let end = start + writer.finish();
    body.truncate(end);
    body.reserve(TRAILER_BYTES);
    body.extend_from_slice(&crc32fast::hash(text).to_le_bytes());
    body.extend_from_slice(&(text.len() as u32).to_le_bytes());
}

/// The header of a last block with dynamic codes. Code lengths 0, 4, 5 and 6 and runs of zeros are told apart by a code of 1 to 4 bits.
fn block_header(lengths: &[u8]) -> Vec<Bits> {
    let meta_length = |symbol: u8| match symbol {
        4 => 1,
        6 => 2,
        ZEROS => 3,
        0 | 5 => 4,
        _ => 0_u8,
    };
    let meta = Code::new((0..19).map(meta_length).collect());
    let mut header = vec![Bits::of(1, 1), Bits::of(2, 2)];
    // 257 symbols for characters and lengths, one for distances, and as many lengths of the code of lengths as there are.
    header.push(Bits::of(lengths.len() - 257, 5));
    header.push(Bits::of(0, 5));
    header.push(Bits::of(LENGTH_ORDER.len() - 4, 4));
    for symbol in LENGTH_ORDER {
        header.push(Bits::of(usize::from(meta_length(symbol)), 3));
    }
    // The distance code's only length is 0: there are no distances.
    let all: Vec<u8> = lengths.iter().copied().chain([0]).collect();
    for run in all.chunk_by(|first, second| *first == 0 && *second == 0) {
        let mut left = run.len();
        while left >= 11 {
            let zeros = left.min(138);
            header.push(meta.symbol(usize::from(ZEROS)));
            header.push(Bits::of(zeros - 11, 7));
            left -= zeros;
        }
        header.extend(run.iter().take(left).map(|length| meta.symbol(usize::from(*length))));
    }
    header
}

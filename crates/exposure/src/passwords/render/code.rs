//! A prefix code for the characters of range bodies, the same for every body.
//!
//! Digits of hashes are random, so no code and no search for repetitions saves anything on them but the half byte that each leaves
//! unused. What is left are counts and line ends. Hence a fixed code: 4 bits for most digits, 5 for two of them, 6 for line ends.

use super::bits::{BitWriter, Bits};
use super::text::READY_COUNTS;
use crate::passwords::range_file::Block;

/// Most bits of a character.
const LENGTH_MAX: u32 = 6;

/// A canonical prefix code, in the order of bits in which deflate and brotli write it, with what is often written kept ready.
#[derive(Debug)]
pub(super) struct Code {
    /// Bits of each symbol; a symbol without has length 0.
    pub(super) lengths: Vec<u8>,
    symbols: Vec<Bits>,
    /// The two digits of each byte.
    bytes: Vec<Bits>,
    /// `:COUNT`.
    ends: Vec<Bits>,
    /// A line break and the first digit of a row.
    starts: Vec<Bits>,
}

impl Code {
    /// From the lengths of symbols 0 to 255 (characters) and beyond. RFC 1951, 3.2.2, and RFC 7932, 3.2, are the same.
    pub(super) fn new(lengths: Vec<u8>) -> Self {
        let mut symbols = vec![Bits::default(); lengths.len()];
        let mut next = 0_u32;
        for length in 1..=LENGTH_MAX {
            let of_length = symbols.iter_mut().zip(&lengths);
            for (symbol, _) in of_length.filter(|(_, own)| u32::from(**own) == length) {
                *symbol = Bits {
                    bits: next.reverse_bits() >> (u32::BITS - length),
                    length,
                };
                next += 1;
            }
            next <<= 1;
        }
        let mut code = Self {
            lengths,
            symbols,
            bytes: Vec::new(),
            ends: Vec::new(),
            starts: Vec::new(),
        };
        code.bytes = (0..256).map(|byte| code.text(&format!("{byte:02X}"))).collect();
        code.ends = (0..READY_COUNTS).map(|count| code.text(&format!(":{count}"))).collect();
        code.starts = (0..16).map(|digit| code.text(&format!("\r\n{digit:X}"))).collect();
        code
    }

    /// The lengths of characters with the given bits for colon, CR and LF; all others are as in every body.
    pub(super) fn lengths(colon: u8, carriage_return: u8, line_feed: u8) -> Vec<u8> {
        let length = |symbol: u8| match symbol {
            b'0'..=b'9' | b'C'..=b'F' => 4,
            b'A' | b'B' => 5,
            b':' => colon,
            b'\r' => carriage_return,
            b'\n' => line_feed,
            _ => 0,
        };
        (0..=255).map(length).collect()
    }

    /// The bits of a symbol.
    pub(super) fn symbol(&self, symbol: usize) -> Bits {
        self.symbols.get(symbol).copied().unwrap_or_default()
    }

    fn text(&self, text: &str) -> Bits {
        let symbols = text.bytes().map(|byte| self.symbol(usize::from(byte)));
        symbols.fold(Bits::default(), Bits::then)
    }

    /// The digits of a byte: at most 10 bits.
    #[inline]
    pub(super) fn byte(&self, byte: u8) -> Bits {
        self.bytes.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// A line break and a row's first digit: at most 17 bits.
    pub(super) fn start(&self, digit: usize) -> Bits {
        self.starts.get(digit).copied().unwrap_or_default()
    }

    /// `:COUNT` in at most 26 bits if it is kept ready.
    #[inline]
    pub(super) fn end(&self, count: u32) -> Option<Bits> {
        self.ends.get(count as usize).copied()
    }
}

/// Bits that rows take at most, each: 36 digits, and a count of up to 10 digits with colon and line break.
pub(super) const ROW_BYTES_MAX: usize = (36 * 5 + 10 * 4 + 3 * LENGTH_MAX as usize).div_ceil(8);

/// Writes the rows of a block, line breaks between them.
pub(super) fn put_rows<const TAIL: usize>(block: &Block<'_>, code: &Code, writer: &mut BitWriter<'_>) {
    let mut tails = block.tails.as_chunks::<TAIL>().0.iter();
    let mut counts = block.counts();
    let mut is_first = true;
    for (digit, rows) in block.groups.iter().enumerate() {
        let start = code.start(digit);
        for tail in tails.by_ref().take(*rows as usize) {
            if is_first {
                writer.put(code.symbol(usize::from(b"0123456789ABCDEF".get(digit).copied().unwrap_or(0))));
                is_first = false;
            } else {
                writer.put(start);
            }
            put_row(tail, counts.next().unwrap_or(0), code, writer);
        }
    }
}

#[inline]
fn put_row<const TAIL: usize>(tail: &[u8; TAIL], count: u32, code: &Code, writer: &mut BitWriter<'_>) {
    // Behind a row's start (17 bits) there is room for three bytes of 10 bits, then for five at a time.
    let (front, rest) = tail.split_at(3);
    for byte in front {
        writer.put(code.byte(*byte));
    }
    writer.flush();
    for bytes in rest.chunks(5) {
        for byte in bytes {
            writer.put(code.byte(*byte));
        }
        writer.flush();
    }
    match code.end(count) {
        Some(end) => writer.put(end),
        None => {
            for byte in format!(":{count}").bytes() {
                writer.put(code.symbol(usize::from(byte)));
                writer.flush();
            }
        }
    }
    writer.flush();
}

//! A page: keys in Elias-Fano code, counts of one width, and the few counts that are wider.
//!
//! ```text
//! 0    CRC-32C of the rest                      16   rows
//! 4    page number                              18   exceptions
//! 8    first overflow page, 0 if there is none  20   width of counts, width of keys, 2 zeros
//! 12   overflow pages                           24   unary part | low parts of keys | counts | exceptions
//! ```

use super::PAGE_BYTES;
use super::bits;
use super::plan::{COUNT_WIDTH_MAX, EXCEPTION_BYTES, PAGE_HEADER_BYTES, Plan};
use crate::passwords::range_file::{is_sealed, seal};

/// A key and its count. A count of 0 stands for several hashes with the same key, which the range files tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::passwords) struct Row {
    /// The first 64 bits of the hash.
    pub(in crate::passwords) key: u64,
    /// How often it was seen.
    pub(in crate::passwords) count: u32,
}

/// Where the parts of a page are.
#[derive(Clone, Copy, Debug)]
struct Parts {
    rows: usize,
    count_width: u32,
    exceptions: usize,
    lows: usize,
    counts: usize,
    exceptions_at: usize,
    end: usize,
}

impl Parts {
    fn new(plan: &Plan, rows: usize, count_width: u32, exceptions: usize) -> Self {
        let unary_bytes = (rows + plan.buckets()).div_ceil(64) * 8;
        let lows = PAGE_HEADER_BYTES + unary_bytes;
        let counts = lows + (rows * plan.low_bits as usize).div_ceil(8);
        let exceptions_at = counts + (rows * count_width as usize).div_ceil(8);
        Self {
            rows,
            count_width,
            exceptions,
            lows,
            counts,
            exceptions_at,
            end: exceptions_at + exceptions * EXCEPTION_BYTES,
        }
    }

    /// The parts of a page with these rows, for the width of counts that takes the least room.
    fn smallest(plan: &Plan, rows: &[Row]) -> Self {
        let mut by_bits = [0_usize; 33];
        for row in rows {
            // A count of 0 is always an exception.
            let bits = if row.count == 0 {
                32
            } else {
                32 - row.count.leading_zeros() as usize
            };
            if let Some(rows) = by_bits.get_mut(bits) {
                *rows += 1;
            }
        }
        let parts = (1..=COUNT_WIDTH_MAX).map(|width| {
            let exceptions = by_bits.iter().skip(width as usize + 1).sum();
            Self::new(plan, rows.len(), width, exceptions)
        });
        parts
            .min_by_key(|parts| parts.end)
            .unwrap_or_else(|| Self::new(plan, rows.len(), 1, rows.len()))
    }
}

/// How many of a page's rows fit in it.
pub(super) fn fitting(plan: &Plan, rows: &[Row]) -> usize {
    let fits = |count: usize| Parts::smallest(plan, rows.get(..count).unwrap_or(rows)).end <= PAGE_BYTES;
    if fits(rows.len()) {
        return rows.len();
    }
    // No row takes less than two bits.
    let (mut least, mut most) = (0, rows.len().min(4 * PAGE_BYTES));
    while least < most {
        let middle = (least + most).div_ceil(2);
        if fits(middle) {
            least = middle;
        } else {
            most = middle - 1;
        }
    }
    least
}

/// Makes a page of rows that fit, all of them behind `first_key`.
pub(super) fn encode(
    plan: &Plan,
    number: u64,
    rows: &[Row],
    overflow_first: u32,
    overflow_pages: u32,
) -> [u8; PAGE_BYTES] {
    let parts = Parts::smallest(plan, rows);
    assert!(parts.end <= PAGE_BYTES, "only rows that fit are written");
    let mut page = [0; PAGE_BYTES];
    let mut header = vec![0; 4];
    for word in [number as u32, overflow_first, overflow_pages] {
        header.extend_from_slice(&word.to_le_bytes());
    }
    header.extend_from_slice(&(parts.rows as u16).to_le_bytes());
    header.extend_from_slice(&(parts.exceptions as u16).to_le_bytes());
    header.extend_from_slice(&[parts.count_width as u8, plan.low_bits as u8, 0, 0]);
    for (to, from) in page.iter_mut().zip(&header) {
        *to = *from;
    }
    let first_key = plan.first_key(number);
    let wide = (1_u64 << parts.count_width) - 1;
    let mut exception_at = parts.exceptions_at;
    for (index, row) in rows.iter().enumerate() {
        let distance = row.key.wrapping_sub(first_key);
        let bucket = (distance >> plan.low_bits) as usize;
        bits::set(&mut page, 8 * PAGE_HEADER_BYTES + bucket + index, 1, 1);
        let width = plan.low_bits;
        if width > 0 {
            bits::set(&mut page, 8 * parts.lows + index * width as usize, width, distance);
        }
        let narrow = u64::from(row.count).wrapping_sub(1).min(wide);
        let width = parts.count_width;
        bits::set(&mut page, 8 * parts.counts + index * width as usize, width, narrow);
        if narrow == wide {
            let bytes = (index as u16).to_le_bytes().into_iter().chain(row.count.to_le_bytes());
            for (to, from) in page.iter_mut().skip(exception_at).zip(bytes) {
                *to = from;
            }
            exception_at += EXCEPTION_BYTES;
        }
    }
    seal(&mut page);
    page
}

/// What a page says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InPage {
    /// The count.
    Count(u32),
    /// It isn't there.
    Missing,
    /// It is behind the page's last row: these overflow pages, from the first on, may have it.
    Overflow {
        /// Their first number.
        first: u32,
        /// How many.
        pages: u32,
    },
}

/// A page whose checksum was right.
#[derive(Debug)]
pub(super) struct Page<'a> {
    bytes: &'a [u8; PAGE_BYTES],
    number: u64,
    parts: Parts,
}

impl<'a> Page<'a> {
    /// Checks a page that was read as number `number`.
    pub(super) fn parse(plan: &Plan, number: u64, bytes: &'a [u8; PAGE_BYTES]) -> Result<Self, &'static str> {
        if !is_sealed(bytes) {
            return Err("the page's checksum is wrong");
        }
        if u64::from(word(bytes, 4)) != number {
            return Err("another page is in this page's place");
        }
        let (rows, exceptions) = (word(bytes, 16) & 0xffff, word(bytes, 16) >> 16);
        let [count_width, low_bits, ..] = word(bytes, 20).to_le_bytes();
        if u32::from(low_bits) != plan.low_bits || !(1..=COUNT_WIDTH_MAX).contains(&u32::from(count_width)) {
            return Err("the page is laid out otherwise than the file");
        }
        let parts = Parts::new(plan, rows as usize, u32::from(count_width), exceptions as usize);
        if parts.end > PAGE_BYTES {
            return Err("the page has more rows than fit");
        }
        Ok(Self { bytes, number, parts })
    }

    /// Looks a key up.
    pub(super) fn find(&self, plan: &Plan, key: u64) -> InPage {
        let distance = key.wrapping_sub(plan.first_key(self.number));
        let bucket = (distance >> plan.low_bits) as usize;
        let low = distance & ((1 << plan.low_bits) - 1);
        let unary = self.bytes.get(PAGE_HEADER_BYTES..self.parts.lows).unwrap_or_default();
        let mut at = position_of_zero(unary, bucket);
        let mut index = at.saturating_sub(bucket);
        while index < self.parts.rows && bits::get(unary, at, 1) == 1 {
            let found = match plan.low_bits {
                0 => 0,
                width => bits::get(self.bytes, 8 * self.parts.lows + index * width as usize, width),
            };
            if found == low {
                return InPage::Count(self.count(index));
            }
            if found > low {
                return InPage::Missing;
            }
            (at, index) = (at + 1, index + 1);
        }
        match word(self.bytes, 12) {
            0 => InPage::Missing,
            _ if index < self.parts.rows => InPage::Missing,
            pages => InPage::Overflow {
                first: word(self.bytes, 8),
                pages,
            },
        }
    }

    fn count(&self, index: usize) -> u32 {
        let width = self.parts.count_width;
        let narrow = bits::get(self.bytes, 8 * self.parts.counts + index * width as usize, width);
        if narrow < (1 << width) - 1 {
            return narrow as u32 + 1;
        }
        let exceptions = self
            .bytes
            .get(self.parts.exceptions_at..self.parts.end)
            .unwrap_or_default();
        let exceptions = exceptions.as_chunks::<EXCEPTION_BYTES>().0;
        let found = exceptions
            .iter()
            .find(|[low, high, ..]| usize::from(u16::from_le_bytes([*low, *high])) == index);
        found.map_or(0, |[_, _, count @ ..]| u32::from_le_bytes(*count))
    }
}

/// The 32-bit number at an offset.
#[inline]
pub(super) fn word(bytes: &[u8; PAGE_BYTES], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// Where the bits of bucket `bucket` begin: behind that many zeros.
#[inline]
fn position_of_zero(unary: &[u8], bucket: usize) -> usize {
    if bucket == 0 {
        return 0;
    }
    let mut left = bucket as u32;
    for (index, chunk) in unary.as_chunks::<8>().0.iter().enumerate() {
        let mut zeros = !u64::from_le_bytes(*chunk);
        let here = zeros.count_ones();
        if here < left {
            left -= here;
            continue;
        }
        for _ in 1..left {
            zeros &= zeros - 1;
        }
        return index * 64 + zeros.trailing_zeros() as usize + 1;
    }
    unary.len() * 8
}

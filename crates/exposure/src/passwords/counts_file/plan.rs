//! How a counts file is laid out: how many pages, and how keys are split.

use super::PAGE_BYTES;
use super::bits::WIDTH_MAX;
use crate::passwords::range_file::Totals;

/// Bytes of a page's header.
pub(super) const PAGE_HEADER_BYTES: usize = 24;
/// Bytes of a count that doesn't fit in the page's width: its row, and the count.
pub(super) const EXCEPTION_BYTES: usize = 6;
/// Widest count that is stored among the others.
pub(super) const COUNT_WIDTH_MAX: u32 = 16;
/// Most pages, so that page numbers, those of overflow pages too, fit in 32 bits.
const PAGES_MAX: u64 = 1 << 31;
/// How full pages are: their mean lies so many standard deviations of the rows' number below what fits. With 1, a sixth of the pages
/// have a few rows too many: 3 lookups in 1,000 read a second page, and the file is a twentieth smaller than if none did.
const MARGIN: f64 = 1.0;

/// The numbers from which the place of every key follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Pages that keys are spread over.
    pub(super) pages: u64,
    /// Bits of a key's distance from its page's first possible key that are stored as they are; those above are unary.
    pub(super) low_bits: u32,
}

impl Plan {
    /// The plan that takes the least room for so many rows, with counts of such lengths.
    pub(super) fn of(totals: &Totals) -> Self {
        let (mut least, mut most) = (1_u64, totals.hashes.clamp(1, PAGES_MAX));
        while least < most {
            let pages = least.midpoint(most);
            if Self::fitting(pages, totals).is_some() {
                most = pages;
            } else {
                least = pages + 1;
            }
        }
        Self::fitting(least, totals).unwrap_or_else(|| Self::with(least, WIDTH_MAX))
    }

    fn with(pages: u64, low_bits: u32) -> Self {
        let widest = Self { pages, low_bits: 0 }.span_bits().min(WIDTH_MAX);
        // With fewer than these the unary part alone would fill the page.
        let narrowest = Self { pages, low_bits: 0 }.span_bits().saturating_sub(13);
        let low_bits = low_bits.clamp(narrowest.min(widest), widest);
        Self { pages, low_bits }
    }

    /// The plan for `pages` pages, if the rows fit.
    fn fitting(pages: u64, totals: &Totals) -> Option<Self> {
        let rows = totals.hashes as f64 / pages as f64;
        let ideal = ((2_f64.powi(64) / pages as f64) / rows.max(1.0)).log2().floor();
        let ideal = ideal.max(0.0) as u32;
        let plans = [ideal, ideal + 1].map(|low_bits| Self::with(pages, low_bits));
        let best = plans
            .into_iter()
            .min_by(|first, second| first.page_bits(rows, totals).total_cmp(&second.page_bits(rows, totals)))?;
        (best.page_bits(rows, totals) <= (8 * PAGE_BYTES) as f64).then_some(best)
    }

    /// Bits of a page with the mean number of rows and the margin.
    fn page_bits(&self, rows: f64, totals: &Totals) -> f64 {
        let all = totals.hashes.max(1) as f64;
        let count_bits = (1..=COUNT_WIDTH_MAX).map(|width| {
            let exceptions: u64 = totals.counts_by_bits.iter().skip(width as usize + 1).sum();
            f64::from(width) + exceptions as f64 / all * (8 * EXCEPTION_BYTES) as f64
        });
        let row_bits = 1.0 + f64::from(self.low_bits) + count_bits.fold(f64::INFINITY, f64::min);
        let rows = rows + MARGIN * rows.sqrt();
        // The unary part is filled up to whole words.
        (8 * PAGE_HEADER_BYTES) as f64 + self.buckets() as f64 + 63.0 + rows * row_bits
    }

    /// Bits of the distance between a page's first and last possible key.
    fn span_bits(&self) -> u32 {
        u128::BITS - self.span().leading_zeros()
    }

    /// The most that a key's distance from its page's first possible key can be.
    fn span(&self) -> u128 {
        (1_u128 << 64) / u128::from(self.pages)
    }

    /// Values of the unary part.
    pub(super) fn buckets(&self) -> usize {
        usize::try_from(self.span() >> self.low_bits)
            .unwrap_or(usize::MAX)
            .saturating_add(1)
    }

    /// The page of a key: pages are spread evenly over all keys.
    #[inline]
    pub(super) fn page(&self, key: u64) -> u64 {
        ((u128::from(key) * u128::from(self.pages)) >> 64) as u64
    }

    /// The first key that belongs to a page.
    #[inline]
    pub(super) fn first_key(&self, page: u64) -> u64 {
        (u128::from(page) << 64).div_ceil(u128::from(self.pages)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap() {
        for pages in [1, 2, 3, 700, 89_123, 3_000_000, 1 << 31] {
            let plan = Plan::with(pages, 0);
            assert_eq!((plan.page(0), plan.page(u64::MAX)), (0, pages - 1));
            for page in (1..pages).step_by(pages as usize / 100 + 1) {
                let first = plan.first_key(page);
                assert_eq!((plan.page(first), plan.page(first - 1)), (page, page - 1));
                let distance = u128::from(first - 1 - plan.first_key(page - 1));
                assert!(distance <= plan.span());
            }
        }
    }

    #[test]
    fn two_billion_hashes_take_less_than_six_and_a_half_bytes_each() {
        let mut totals = Totals::default();
        for count in [1, 1, 1, 2, 2, 3, 4, 7, 30, 300] {
            totals.add(count);
        }
        totals.counts_by_bits = totals.counts_by_bits.map(|rows| rows * 210_000_000);
        totals.hashes *= 210_000_000;
        let plan = Plan::of(&totals);
        let bytes = plan.pages as f64 * 4096.0 / 2.1e9;
        assert!((5.0..6.5).contains(&bytes), "{bytes} {plan:?}");
    }

    #[test]
    fn a_few_hashes_take_one_page() {
        let mut totals = Totals::default();
        assert_eq!(Plan::of(&totals).pages, 1);
        for _ in 0..200 {
            totals.add(1);
        }
        assert_eq!(Plan::of(&totals).pages, 1);
    }
}

//! What happened, counted over several windows at once.
//!
//! Events are counted into a slice. When a slice ends, it is added to every window, whose counts decay: by time, so that
//! a window of 30 s holds about the last 30 s, or by the blocks written, so that a window of 16 MiB holds about the last
//! 16 MiB, however fast they came. Counts in windows are in 1/256.

use crate::Micros;

/// What is counted. In blocks of 4 KiB unless another unit is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Count {
    /// Blocks written.
    Written,
    /// Write requests.
    WriteRequests,
    /// Write requests of at most two blocks.
    SmallWrites,
    /// Write requests that begin where the one before ended.
    NextWrites,
    /// Blocks read.
    Read,
    /// Read requests.
    ReadRequests,
    /// Read requests that begin where the one before ended.
    NextReads,
    /// Blocks read that had been read recently already.
    ReadAgain,
    /// Written blocks that look random.
    Random,
    /// Sum over the blocks that look random of their different values above 128.
    RandomDistinct,
    /// Written blocks that look nearly random.
    Mixed,
    /// Written blocks that are random bytes dressed as text.
    Armoured,
    /// Written blocks of one value, and zeroed blocks.
    Constant,
    /// Written blocks that replace stored bytes.
    Replaced,
    /// Of these, those whose former version was older than ten minutes.
    ReplacedOld,
    /// Of these, those whose former version was younger than a minute.
    ReplacedHot,
    /// Written blocks that replace bytes older than a minute, which were read recently.
    ReadReplaced,
    /// Times that such a run of blocks began.
    ReadReplacedRuns,
    /// Sum over such blocks of log2 of the ticks since they were read.
    ReadReplacedDelay,
    /// Such blocks that look random or nearly so now.
    ReadReplacedRandom,
    /// Such blocks that looked random before and do so now.
    ReadReplacedAlike,
    /// Such blocks that hold what looks like the same kind of bytes as before, and not random.
    ReadReplacedKept,
    /// Written blocks that look more random than their former version, by two steps of five.
    Flipped,
    /// Written blocks that look less random than their former version, by two steps of five.
    Unflipped,
    /// Written blocks that are dressed random bytes where something else was older than a minute.
    FlippedArmoured,
    /// Written blocks of one value, and zeroed blocks, over older bytes of another kind.
    Wiped,
    /// Written blocks that look random over older bytes that were not read recently.
    Overrun,
    /// Written blocks that look random where nothing was stored.
    RandomNew,
    /// Written blocks that don't look random where nothing was stored.
    OtherNew,
    /// Trimmed blocks, at most 2^16 a request.
    Trimmed,
    /// Trimmed blocks that had been read recently.
    TrimmedRead,
    /// Trimmed blocks that held stored bytes.
    TrimmedStored,
    /// Destroyed blocks within the first MiB of the disk: partition table, superblock.
    HeadDestroyed,
    /// Flushes.
    Flushes,
}

/// Kinds of counts.
pub(crate) const COUNTS: usize = Count::Flushes as usize + 1;
/// Windows that the model is shown.
pub(crate) const WINDOWS: usize = 7;
/// The window behind them holds about a week: what is usual for the volume, to which explanations compare.
pub(crate) const BASELINE: usize = WINDOWS;
/// Counts are kept in 1/256.
pub(crate) const ONE: u64 = 256;
/// A slice ends after so many written blocks, ...
const SLICE_BLOCKS: u64 = 64;
/// ... or after so long: a quarter of a second.
const SLICE_MICROS: Micros = 250_000;
/// Longest time that is decayed for: after it, every window is empty.
const TICKS_MAX: u64 = 1 << 20;

/// How a window decays.
#[derive(Clone, Copy, Debug)]
enum Span {
    /// With a time constant of so many slices' times.
    Ticks(u64),
    /// With a constant of so many blocks written.
    Blocks(u64),
}

/// The windows: 2 s, 30 s, 10 min, 6 h; 2 MiB, 16 MiB, 256 MiB.
const SPANS: [Span; WINDOWS + 1] = [
    Span::Ticks(8),
    Span::Ticks(120),
    Span::Ticks(2_400),
    Span::Ticks(86_400),
    Span::Blocks(512),
    Span::Blocks(4_096),
    Span::Blocks(65_536),
    Span::Ticks(2_419_200),
];

/// Names of the windows, for people.
pub(crate) const SPAN_NAMES: [&str; WINDOWS] = ["2 s", "30 s", "10 min", "6 h", "2 MiB", "16 MiB", "256 MiB"];

pub(crate) type Counts = [u64; COUNTS];

/// The slice at hand and the windows.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    pub(crate) slice: [u32; COUNTS],
    pub(crate) windows: [Counts; WINDOWS + 1],
    pub(crate) slice_began: Micros,
}

impl Counters {
    pub(crate) const fn new() -> Self {
        Self {
            slice: [0; COUNTS],
            windows: [[0; COUNTS]; WINDOWS + 1],
            slice_began: 0,
        }
    }

    pub(crate) fn add(&mut self, count: Count, blocks: u32) {
        if let Some(slot) = self.slice.get_mut(count as usize) {
            *slot = slot.saturating_add(blocks);
        }
    }

    pub(crate) fn in_slice(&self, count: Count) -> u32 {
        self.slice.get(count as usize).copied().unwrap_or(0)
    }

    /// Empties the slice and the windows that the model is shown.
    pub(crate) fn forget_all_but_baseline(&mut self) {
        self.slice = [0; COUNTS];
        for window in self.windows.iter_mut().take(WINDOWS) {
            *window = [0; COUNTS];
        }
    }

    /// Whether the slice should end.
    pub(crate) fn is_slice_over(&self, now: Micros) -> bool {
        u64::from(self.in_slice(Count::Written)) >= SLICE_BLOCKS || now.saturating_sub(self.slice_began) >= SLICE_MICROS
    }

    /// Ends the slice: every window decays and takes the slice in.
    pub(crate) fn end_slice(&mut self, now: Micros) {
        let micros = now.saturating_sub(self.slice_began);
        // A part of a tick is left for the next slice.
        let ticks = (micros / SLICE_MICROS).min(TICKS_MAX);
        self.slice_began = if micros / SLICE_MICROS > TICKS_MAX {
            now
        } else {
            self.slice_began + ticks * SLICE_MICROS
        };
        let written = u64::from(self.in_slice(Count::Written)) + u64::from(self.in_slice(Count::Constant)) / 8;
        for (window, span) in self.windows.iter_mut().zip(SPANS) {
            let keep = match span {
                Span::Ticks(constant) => kept(ticks, constant),
                Span::Blocks(constant) => kept(written, constant),
            };
            for (sum, new) in window.iter_mut().zip(&self.slice) {
                *sum = ((u128::from(*sum) * u128::from(keep)) >> 32) as u64 + u64::from(*new) * ONE;
            }
        }
        self.slice = [0; COUNTS];
    }
}

/// exp(-steps / constant) in 1/2^32, by repeated squaring of (1 - 1/constant); integers, so that every machine agrees.
fn kept(steps: u64, constant: u64) -> u64 {
    let mut factor = (1 << 32) - (1 << 32) / constant.max(2);
    let mut steps = steps;
    let mut product = 1 << 32;
    while steps > 0 {
        if steps & 1 == 1 {
            product = (product * factor) >> 32;
        }
        factor = (factor * factor) >> 32;
        steps >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(counters: &Counters, window: usize) -> u64 {
        counters.windows[window][Count::Written as usize] / ONE
    }

    #[test]
    fn a_window_forgets_at_its_pace() {
        let mut counters = Counters::new();
        counters.add(Count::Written, 1000);
        counters.end_slice(0);
        counters.end_slice(30_000_000);
        assert_eq!(count(&counters, 0), 0);
        assert!((360..=370).contains(&count(&counters, 1)), "{}", count(&counters, 1));
        assert!((945..=955).contains(&count(&counters, 2)), "{}", count(&counters, 2));
        assert_eq!(count(&counters, 4), 1000, "nothing was written since");
    }

    #[test]
    fn a_window_of_bytes_holds_as_much_however_fast_they_came() {
        let mut counters = Counters::new();
        for _ in 0..10_000 {
            counters.add(Count::Written, 64);
            counters.end_slice(0);
        }
        assert!((500..=560).contains(&count(&counters, 4)), "{}", count(&counters, 4));
        assert!((4000..=4200).contains(&count(&counters, 5)), "{}", count(&counters, 5));
    }

    #[test]
    fn a_clock_that_leaps_or_goes_back_does_no_harm() {
        let mut counters = Counters::new();
        counters.add(Count::Written, 1000);
        counters.end_slice(1 << 40);
        counters.end_slice(5);
        assert_eq!(counters.slice_began, 1 << 40);
        counters.end_slice(u64::MAX);
        assert_eq!((count(&counters, 3), counters.slice_began), (0, u64::MAX));
    }
}

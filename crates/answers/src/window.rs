//! The span of time that is investigated, and what is known of the disk in it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use volume::{Change, Moment, Timestamp};

use crate::disk::{BLOCK, Changed, Reads, Stamp};
use crate::error::Error;
use crate::past::{Past, PastMoment, Reading};
use crate::progress::{Progress, Stage};

/// Changes and readings between two reports of progress.
const REPORT_EVERY: u64 = 1 << 14;

/// A part of the window: a span of one volume's past. A guest whose writes were diverted has two: the volume up to the fence, then the
/// fork.
#[derive(Clone)]
pub struct Part<'a> {
    /// The volume's past.
    pub past: &'a dyn Past,
    /// The moment before.
    pub from: Moment,
    /// The last moment.
    pub to: Moment,
}

/// What clients read.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    pub(crate) reads: Reads,
    /// From when on reads are known throughout; `None` if none are.
    pub(crate) since: Option<Timestamp>,
    /// The coarsest grain that ranges were rounded to, in blocks.
    pub(crate) grain_blocks: u64,
}

/// The window with everything that happened to blocks in it.
pub(crate) struct Window {
    pub(crate) before: PastMoment,
    pub(crate) after: PastMoment,
    /// Both ends of every part.
    pub(crate) ends: Vec<(PastMoment, PastMoment)>,
    pub(crate) changed: Changed,
    pub(crate) readings: Readings,
    /// Bytes changed and read by second.
    pub(crate) seconds: BTreeMap<u64, (u64, u64)>,
}

impl Window {
    /// Reads are collected up to `reads_until`, or not at all.
    pub(crate) fn open(
        parts: &[Part<'_>],
        reads_until: Option<Timestamp>,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        let mut ends = Vec::with_capacity(parts.len());
        for part in parts {
            let open = |moment: &Moment| part.past.open(moment).map_err(Error::Past);
            ends.push((open(&part.from)?, open(&part.to)?));
        }
        let nothing = || Error::NoFileSystem {
            reason: "the window is empty".to_owned(),
        };
        let before = ends.first().map(|(from, _)| from.clone()).ok_or_else(nothing)?;
        let after = ends.last().map(|(_, to)| to.clone()).ok_or_else(nothing)?;
        let mut window = Self {
            before,
            after,
            ends,
            changed: Changed::default(),
            readings: Readings::default(),
            seconds: BTreeMap::new(),
        };
        let mut count = 0;
        for (number, part) in parts.iter().enumerate() {
            window.collect_changes(number, part, &mut count, progress)?;
        }
        if let Some((part, until)) = parts.first().zip(reads_until) {
            window.collect_readings(part, until)?;
        }
        Ok(window)
    }

    fn collect_changes(
        &mut self,
        number: usize,
        part: &Part<'_>,
        count: &mut u64,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        let Some((from, to)) = self.ends.get(number) else {
            return Ok(());
        };
        let (from, to) = (from.sequence, to.sequence);
        let (changed, seconds) = (&mut self.changed, &mut self.seconds);
        let part_number = u16::try_from(number).unwrap_or(u16::MAX);
        let mut stopped = Ok(());
        let mut visit = |change: &Change| {
            let stamp = Stamp {
                part: part_number,
                sequence: change.sequence,
                time: change.time,
            };
            changed.note(stamp, change.first_block, change.blocks);
            seconds.entry(second_of(change.time)).or_default().0 += bytes_of(change.blocks);
            *count += 1;
            if count.is_multiple_of(REPORT_EVERY) {
                stopped = progress.at(Stage::Changes, *count, 0);
            }
            if stopped.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        part.past.changes(from, to, &mut visit).map_err(Error::Past)?;
        stopped
    }

    /// Reads of a guest whose writes were diverted are kept with the volume, too.
    fn collect_readings(&mut self, part: &Part<'_>, until: Timestamp) -> Result<(), Error> {
        let from = self.before.time;
        let (readings, seconds) = (&mut self.readings, &mut self.seconds);
        let mut visit = |reading: &Reading| {
            // A span that began before the window, of a second as a rule, says nothing of the window.
            if reading.time < from {
                return ControlFlow::Continue(());
            }
            let stamp = Stamp {
                time: reading.time,
                ..Stamp::default()
            };
            let (first_block, grain_blocks) = (reading.first_block, reading.grain_blocks);
            readings.reads.note(stamp, first_block, reading.blocks, grain_blocks);
            readings.grain_blocks = readings.grain_blocks.max(reading.grain_blocks);
            seconds.entry(second_of(reading.time)).or_default().1 += bytes_of(reading.blocks);
            ControlFlow::Continue(())
        };
        self.readings.since = part.past.readings(from, until, &mut visit).map_err(Error::Past)?;
        Ok(())
    }

    /// Whether reads are known throughout.
    pub(crate) fn knows_reads(&self) -> bool {
        self.readings.since.is_some_and(|since| since <= self.before.time)
    }
}

const fn second_of(time: Timestamp) -> u64 {
    time.as_unix_nanos() / 1_000_000_000
}

const fn bytes_of(blocks: u64) -> u64 {
    blocks.saturating_mul(BLOCK)
}

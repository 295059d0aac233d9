//! A stream: traces behind and over one another on one clock, as one disk would have seen them.

use std::fs::File;
use std::io::BufReader;

use sentinel::Micros;

use super::catalogue::{Trace, open};
use super::veil::veil;
use crate::Failure;
use crate::trace::{Record, TraceReader};

/// Streams begin at this time, so that what is older than the stream has a time too.
pub(crate) const STREAM_BEGINS: Micros = 90 * 86_400_000_000;

/// A trace's place in a stream.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Index of the trace.
    pub(crate) trace: usize,
    /// When its recording begins in the stream. Addresses stay as they were recorded.
    pub(crate) begins: Micros,
    /// What times since the recording's beginning are multiplied by: a slower machine does the same later.
    pub(crate) pace: u64,
}

/// A trace being replayed.
struct Active {
    trace: usize,
    reader: TraceReader<BufReader<File>>,
    start: Micros,
    begins: Micros,
    pace: u64,
    is_veiled: bool,
    next: Record,
}

impl Active {
    /// Opens a trace; `None` if it is empty.
    fn open(trace: &Trace, part: &Part) -> Result<Option<Self>, Failure> {
        let mut reader = open(&trace.path)?;
        let Some(next) = reader.next().transpose()? else {
            return Ok(None);
        };
        let mut active = Self {
            trace: part.trace,
            reader,
            start: trace.start,
            begins: part.begins,
            pace: part.pace,
            is_veiled: trace.is_veiled,
            next,
        };
        active.adapt();
        Ok(Some(active))
    }

    /// Brings the next record into the stream: at its time there, and veiled.
    fn adapt(&mut self) {
        self.next.time = self.next.time.saturating_sub(self.start) * self.pace + self.begins;
        if self.is_veiled {
            veil(&mut self.next);
        }
    }
}

/// Replays a stream: tells every record, with the index of the trace it is from, in the order of the stream's times.
pub(crate) fn replay(
    traces: &[Trace],
    parts: &[Part],
    mut tell: impl FnMut(usize, &Record) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut pending: Vec<&Part> = parts.iter().collect();
    pending.sort_by_key(|part| std::cmp::Reverse(part.begins));
    let mut active: Vec<Active> = Vec::new();
    loop {
        let first = active.iter().enumerate().min_by_key(|(_, active)| active.next.time);
        let first = first.map(|(index, active)| (index, active.next.time));
        if let Some(part) = pending.pop_if(|part| first.is_none_or(|(_, time)| part.begins <= time)) {
            if let Some(trace) = traces.get(part.trace) {
                active.extend(Active::open(trace, part)?);
            }
            continue;
        }
        let Some(current) = first.and_then(|(index, _)| active.get_mut(index)) else {
            return Ok(());
        };
        tell(current.trace, &current.next)?;
        match current.reader.next().transpose()? {
            Some(next) => {
                current.next = next;
                current.adapt();
            }
            None => {
                let (trace, begins) = (current.trace, current.begins);
                active.retain(|active| active.trace != trace || active.begins != begins);
            }
        }
    }
}

//! Shows a trace to a sentinel, as the guard shows it a disk.

use std::io::Read;

use sentinel::{Assessment, Clear, Model, Sentinel};

use super::error::TraceError;
use super::reader::TraceReader;
use super::record::{Event, Record};

/// Shows one record to a sentinel.
pub fn feed(sentinel: &mut Sentinel, record: &Record) {
    let now = record.time;
    match &record.event {
        Event::Read { first, count } => sentinel.read(now, *first, *count),
        Event::Write { first, blocks } => sentinel.write(now, *first, blocks),
        Event::Zero { first, count, stored } => sentinel.clear(now, *first, *count, *stored, Clear::Zero),
        Event::Trim { first, count, stored } => sentinel.clear(now, *first, *count, *stored, Clear::Trim),
        Event::Flush => sentinel.flush(),
        Event::Mark(_) => {}
    }
}

/// Shows all records to a sentinel, in order, and tells every one to `callback`, with the assessment that followed it, if
/// one was due. What [`Sentinel::features`] returns to the callback is what was assessed.
///
/// The trace's times are taken as they are: a sentinel that saw other traces must have seen them at earlier times.
pub fn replay<R: Read, B: AsRef<[u8]>>(
    reader: &mut TraceReader<R>,
    sentinel: &mut Sentinel,
    model: &Model<B>,
    mut callback: impl FnMut(&Record, Option<&Assessment>, &mut Sentinel),
) -> Result<(), TraceError> {
    for record in reader {
        let record = record?;
        feed(sentinel, &record);
        let assessment = match record.event {
            // A mark is not seen by a disk.
            Event::Mark(_) => None,
            _ => sentinel.assess(record.time, model, 0),
        };
        callback(&record, assessment.as_ref(), sentinel);
    }
    Ok(())
}

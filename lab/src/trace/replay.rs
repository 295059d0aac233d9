//! Shows a trace to a sentinel, as the guard shows it a disk.

use std::io::Read;

use sentinel::{Assessment, Clear, Micros, Model, Sentinel};

use super::error::TraceError;
use super::reader::TraceReader;
use super::record::{Event, Record};

/// The mark that stands for an assessment without a request: see [`replay`].
pub const IDLE: &str = "idle";
/// How often the guard's owner lets it tick.
const TICK_MICROS: Micros = 1_000_000;

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
/// As with the guard, one assessment at most follows a request: records of the same time, which are the runs of one batch of
/// writes, are shown together. A mark is not seen by a disk. A second after the last request, if none follows sooner, the
/// guard's tick assesses what is left: the callback is then told a mark [`IDLE`] that is not in the trace.
///
/// The trace's times are taken as they are: a sentinel that saw other traces must have seen them at earlier times.
pub fn replay<R: Read, B: AsRef<[u8]>>(
    reader: &mut TraceReader<R>,
    sentinel: &mut Sentinel,
    model: &Model<B>,
    mut callback: impl FnMut(&Record, Option<&Assessment>, &mut Sentinel),
) -> Result<(), TraceError> {
    let mut records = reader.peekable();
    while let Some(record) = records.next() {
        let record = record?;
        feed(sentinel, &record);
        let next = records.peek().and_then(|next| next.as_ref().ok());
        let is_followed = next.is_some_and(|next| is_same_request(&record, next));
        let assessment = if is_followed || matches!(record.event, Event::Mark(_)) {
            None
        } else {
            sentinel.assess(record.time, model)
        };
        callback(&record, assessment.as_ref(), sentinel);
        let tick = record.time.saturating_add(TICK_MICROS);
        if next.is_none_or(|next| next.time > tick)
            && let Some(assessment) = sentinel.assess(tick, model)
        {
            let event = Event::Mark(IDLE.to_owned());
            callback(&Record { time: tick, event }, Some(&assessment), sentinel);
        }
    }
    Ok(())
}

fn is_same_request(record: &Record, next: &Record) -> bool {
    let are_writes = [record, next]
        .iter()
        .all(|record| matches!(record.event, Event::Write { .. }));
    are_writes && record.time == next.time
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Header, TraceWriter};
    use sentinel::{Class, Former, Look, Written};

    #[test]
    fn runs_of_one_batch_are_assessed_once_and_separate_writes_each() {
        let block = Written {
            look: Look {
                class: Class::Random,
                distinct: 160,
            },
            former: Former {
                class: Class::Text,
                is_stored: true,
                ..Former::default()
            },
        };
        let header = Header {
            volume_bytes: 1 << 30,
            start: 1_000_000_000,
            description: serde_json::json!({}),
        };
        for (step, expected) in [(0, 1), (1, 3)] {
            let mut writer = TraceWriter::new(Vec::new(), &header).unwrap();
            for number in 0..3 {
                let time = 1_000_000_000 + number * step;
                writer.write_blocks(time, number * 1000, &[block; 128]).unwrap();
            }
            let bytes = writer.finish().unwrap();
            let mut reader = TraceReader::new(bytes.as_slice()).unwrap();
            let mut sentinel = Box::new(Sentinel::new());
            let mut assessments = 0;
            replay(&mut reader, &mut sentinel, &Model::shipped(), |_, assessment, _| {
                assessments += u32::from(assessment.is_some());
            })
            .unwrap();
            assert_eq!(assessments, expected);
        }
    }

    #[test]
    fn what_is_left_is_assessed_a_second_after_the_last_request() {
        let header = Header {
            volume_bytes: 1 << 30,
            start: 1_000_000_000,
            description: serde_json::json!({}),
        };
        let mut writer = TraceWriter::new(Vec::new(), &header).unwrap();
        // The first block is assessed at once, because nothing was for long; the others are too few.
        for time in [0, 10, 500_000, 400_000_000] {
            writer
                .write_blocks(1_000_000_000 + time, 5, &[Written::default()])
                .unwrap();
        }
        let bytes = writer.finish().unwrap();
        let mut reader = TraceReader::new(bytes.as_slice()).unwrap();
        let mut sentinel = Box::new(Sentinel::new());
        let mut assessed = Vec::new();
        replay(
            &mut reader,
            &mut sentinel,
            &Model::shipped(),
            |record, assessment, _| {
                if assessment.is_some() {
                    assessed.push((record.time - 1_000_000_000, matches!(record.event, Event::Mark(_))));
                }
            },
        )
        .unwrap();
        assert_eq!(assessed, [(0, false), (1_500_000, true), (400_000_000, false)]);
    }
}

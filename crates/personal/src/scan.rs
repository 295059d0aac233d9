//! The entrances: a document in memory, or one of any size that is read once.

use std::io::Read;

use crate::collector::Collector;
use crate::formats::{self, Recognised, TextStream, Writing};
use crate::limits::Limits;
use crate::report::{Reason, Report};

/// Bytes by which a document is recognised when it is read from a stream.
const HEAD_BYTES: u64 = 1 << 20;

/// Finds the personal data in a document. The name is used where the content doesn't tell what it is.
///
/// Never fails: what couldn't be read is in [`Report::unread`].
#[must_use]
pub fn scan(name: &str, bytes: &[u8], limits: &Limits) -> Report {
    scan_while(name, bytes, limits, &|| true)
}

/// The same, and stops soon after `keep_going` says no. It is asked about every 128 KiB of text, and before every part.
#[must_use]
pub fn scan_while(name: &str, bytes: &[u8], limits: &Limits, keep_going: &dyn Fn() -> bool) -> Report {
    let mut collector = Collector::new(limits, keep_going);
    collector.report.format = formats::document(&mut collector, name, bytes);
    collector.finish()
}

/// The same for a document that is read once, from its beginning. Text may have any size; of other formats no more than
/// [`Limits::memory_bytes`] are held in memory, and a larger one is [`Reason::TooLarge`].
#[must_use]
pub fn scan_reader(name: &str, reader: &mut dyn Read, limits: &Limits, keep_going: &dyn Fn() -> bool) -> Report {
    let mut collector = Collector::new(limits, keep_going);
    let mut bytes = Vec::new();
    let mut is_complete = read_up_to(reader, HEAD_BYTES.min(limits.memory_bytes), &mut bytes, &mut collector);
    let recognised = formats::recognise(name, &bytes);
    let is_in_parts = matches!(&recognised, Recognised::Text(writing) if writing.is_in_parts());
    if !is_complete && !is_in_parts {
        let left = limits.memory_bytes.saturating_sub(bytes.len() as u64);
        is_complete = read_up_to(reader, left, &mut bytes, &mut collector);
    }
    if is_complete {
        collector.report.format = formats::read(&mut collector, name, recognised, &bytes);
        return collector.finish();
    }
    match recognised {
        Recognised::Text(writing) => read_text(&writing, bytes, reader, &mut collector),
        Recognised::Other(format) => {
            collector.report.format = format;
            collector.unread(Reason::TooLarge);
        }
    }
    collector.finish()
}

/// Appends at most so many bytes. True if the end was reached, or if there will be no more.
fn read_up_to(reader: &mut dyn Read, most: u64, bytes: &mut Vec<u8>, collector: &mut Collector<'_>) -> bool {
    let before = bytes.len();
    match reader.take(most).read_to_end(bytes) {
        Ok(_) => ((bytes.len() - before) as u64) < most,
        Err(_) => {
            collector.unread(Reason::ReadError);
            true
        }
    }
}

fn read_text(writing: &Writing, mut bytes: Vec<u8>, reader: &mut dyn Read, collector: &mut Collector<'_>) {
    collector.report.format = writing.format;
    let mut stream = TextStream::new(writing);
    loop {
        stream.push(collector, &bytes);
        bytes.clear();
        if collector.is_stopped() || read_up_to(reader, HEAD_BYTES, &mut bytes, collector) {
            break;
        }
    }
    stream.push(collector, &bytes);
    stream.finish(collector);
}

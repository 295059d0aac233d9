//! What a document is, by its content, and the text in it.

mod csv;
mod encoding;
mod mail;
mod text;

pub(crate) use text::TextStream;

use crate::collector::Collector;
use crate::report::{Format, Reason};

/// Reads a document, or a part of one. Tells what it is.
pub(crate) fn document(collector: &mut Collector<'_>, name: &str, bytes: &[u8]) -> Format {
    let format = recognise(name, bytes);
    match format {
        Format::Empty => {}
        _ => match TextStream::recognise(name, bytes) {
            Some(mut stream) => {
                stream.push(collector, bytes);
                stream.finish(collector);
            }
            None => collector.unread(Reason::UnknownFormat),
        },
    }
    format
}

/// What a document is, by its first bytes.
pub(crate) fn recognise(name: &str, bytes: &[u8]) -> Format {
    if bytes.is_empty() {
        return Format::Empty;
    }
    TextStream::recognise(name, bytes).map_or(Format::Unknown, |stream| stream.format())
}

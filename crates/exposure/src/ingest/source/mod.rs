//! From paths to streams of text: folders are walked, archives are unpacked, encodings become UTF-8 where they can be told.

mod archive;
mod counted;
mod encoding;
mod tar;
mod text;
mod walk;
mod zip;

pub(super) use archive::{Sources, TextSink};
pub(super) use counted::Progress;
pub(super) use text::Text;
pub(super) use walk::{Found, walk};

use std::io::{self, Read};

/// Reads until the buffer is full or nothing is left: how much there was.
fn read_up_to(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

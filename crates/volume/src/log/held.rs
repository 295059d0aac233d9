//! Seals that recovery could not write because the disk is full. They are held in memory, where readers find them, and
//! are written before anything is appended to the log again: until then the log on disk ends as it did before, and
//! recovery would find the same end once more.

use crate::error::Error;
use crate::log::active::write_seal;
use crate::segment::{OpenSegment, Seal, Segments, file_error, file_name};

/// Writes index and trailer behind the last batch of a segment that recovery found the end of.
pub(crate) fn seal_segment(segments: &Segments, segment: &OpenSegment, seal: &Seal) -> Result<(), Error> {
    let bytes = write_seal(
        &*segment.file,
        segment.id,
        segment.header.nonce,
        &seal.trailer,
        &seal.index,
    )?;
    segments.note(segment.id, bytes);
    Ok(())
}

/// Writes the seals that are held, and makes them durable. On [`Error::NoSpace`] those that are left stay held.
pub(crate) fn write_held_seals(segments: &Segments) -> Result<(), Error> {
    while let Some((id, seal)) = segments.first_held_seal() {
        let segment = segments.open(id)?;
        seal_segment(segments, &segment, &seal)?;
        let synced = segment.file.sync();
        synced.map_err(|source| file_error("sync", &file_name(id), source))?;
        segments.drop_held_seal(id);
    }
    Ok(())
}

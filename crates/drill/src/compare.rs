//! Whether everything is back: block by block against the volume, and file by file by hash.

use std::sync::Arc;

use volume::{Device, Wait};

use crate::attack::BLOCK_BYTES;
use crate::error::Error;
use crate::fork::DrillFork;
use crate::pace::Pace;
use crate::result::Compared;
use crate::survey::{AllFiles, FileSeen, Survey};

const CHUNK_BYTES: u64 = 256 << 10;

/// Compares every block that was changed since the fork was made with the same block of the volume at that moment. What wasn't
/// changed is shared with the volume, and can't differ.
pub(crate) fn blocks(
    fork: &DrillFork,
    volume: &Arc<dyn Device>,
    pace: &Pace,
    compared: &mut Compared,
) -> Result<(), Error> {
    let size = volume.size_bytes();
    let mut buffers = [vec![0; CHUNK_BYTES as usize], vec![0; CHUNK_BYTES as usize]];
    for (first, count) in fork.changed()? {
        let end = first.saturating_add(count).saturating_mul(BLOCK_BYTES).min(size);
        let mut offset = first.saturating_mul(BLOCK_BYTES);
        while offset < end {
            let length = CHUNK_BYTES.min(end - offset);
            let [ours, theirs] = &mut buffers;
            let ours = ours.get_mut(..length as usize).unwrap_or_default();
            let theirs = theirs.get_mut(..length as usize).unwrap_or_default();
            pace.read(2 * length)?;
            let read = fork
                .read(offset, ours)
                .and_then(|()| volume.read(offset, theirs, Wait::Allowed));
            offset += length;
            match read {
                // What was overwritten unread and was damaged before can't be compared with anything.
                Err(error) if error.is_damage() => continue,
                read => read?,
            }
            let pairs = ours
                .chunks(BLOCK_BYTES as usize)
                .zip(theirs.chunks(BLOCK_BYTES as usize));
            for (ours, theirs) in pairs {
                compared.blocks += 1;
                compared.blocks_different += u64::from(ours != theirs);
            }
        }
    }
    Ok(())
}

/// Compares the files chosen before the attack with what they are now.
pub(crate) fn files(before: &[FileSeen], after: &Survey, compared: &mut Compared) {
    for (index, file) in before.iter().enumerate() {
        let now = after.known.get(index).and_then(Option::as_ref);
        compared.files += 1;
        compared.bytes += file.hashed_bytes;
        compared.files_identical += u64::from(now.is_some_and(|now| is_same(file, now)));
    }
}

/// Compares all files of the disk.
pub(crate) fn all(before: &AllFiles, after: Option<&AllFiles>, compared: &mut Compared) {
    let none = AllFiles::default();
    let after = after.unwrap_or(&none);
    let same = before
        .hashes
        .iter()
        .zip(&after.hashes)
        .filter(|(before, after)| before == after);
    compared.files = before.hashes.len().max(after.hashes.len()) as u64;
    compared.files_identical = same.count() as u64;
    compared.bytes = before.bytes;
    compared.is_whole_disk = before.is_complete;
}

/// A file that couldn't be read before is the same if it still can't.
fn is_same(before: &FileSeen, now: &FileSeen) -> bool {
    (before.hash.is_some() || before.problem == now.problem)
        && (&before.hash, before.size_bytes, before.modified, before.generation)
            == (&now.hash, now.size_bytes, now.modified, now.generation)
        && before.pieces == now.pieces
}

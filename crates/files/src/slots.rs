//! Slots of 32 bytes, which folders of FAT and exFAT consist of.

use crate::disk::Disk;
use crate::error::Error;
use crate::filesystem::Flow;
use crate::little_endian::array_at;

pub(crate) const SLOT_BYTES: usize = 32;
/// Bytes of a folder that are read at once.
const READ_BYTES: u64 = 16 << 10;

/// Where slots are shown, with their byte offsets on the disk.
pub(crate) type VisitSlot<'visit> = &'visit mut dyn FnMut(u64, &[u8; SLOT_BYTES]) -> Result<Flow, Error>;

/// Shows the slots of a part of the disk.
pub(crate) fn visit(disk: &dyn Disk, place: u64, length: u64, visit: VisitSlot<'_>) -> Result<Flow, Error> {
    let end = place.saturating_add(length);
    let mut place = place;
    while place < end {
        let part = READ_BYTES.min(end - place);
        let mut bytes = vec![0; usize::try_from(part).unwrap_or_default()];
        disk.read_at(place, &mut bytes)?;
        for (slot, offset) in bytes.chunks_exact(SLOT_BYTES).zip((0_u64..).step_by(SLOT_BYTES)) {
            let Some(slot) = array_at(slot, 0) else { break };
            if visit(place.saturating_add(offset), &slot)?.is_break() {
                return Ok(Flow::Break(()));
            }
        }
        place = place.saturating_add(part);
    }
    Ok(Flow::Continue(()))
}

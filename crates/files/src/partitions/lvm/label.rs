//! What a physical volume says of itself, and the text that is on it.

use crate::disk::Disk;
use crate::fields::{from, le32, le64, part};

const LABEL: &[u8] = b"LABELONE";
const LABEL_TYPE: &[u8] = b"LVM2 001";
const SECTOR_BYTES: u64 = 512;
/// The label is in one of the first four sectors.
const LABEL_SECTORS: u64 = 4;
const METADATA_MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";
const METADATA_HEADER_BYTES: usize = 512;
const UUID_BYTES: usize = 32;
/// A location is a byte offset and a length; lists of them end with zeros.
const LOCATION_BYTES: usize = 16;
/// The usual area has 1 MiB, for two texts and more; groups of thousands of volumes have larger ones.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// LVM's checksums are CRC-32 from this start, without the inversions before and after.
const CHECKSUM_START: u32 = 0xf597_a6cf;

/// A physical volume.
pub(super) struct Label {
    /// Its identifier, 32 characters.
    pub(super) uuid: Vec<u8>,
    /// The newest text about the group, if it keeps one that is whole.
    pub(super) text: Option<Vec<u8>>,
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new_with_initial(!CHECKSUM_START);
    sum.update(bytes);
    !sum.finalize()
}

/// `None` if no label is whole.
pub(super) fn read(disk: &dyn Disk) -> Option<Label> {
    (0..LABEL_SECTORS).find_map(|sector| {
        let mut bytes = [0; SECTOR_BYTES as usize];
        disk.read_at(sector * SECTOR_BYTES, &mut bytes).ok()?;
        let label = bytes.starts_with(LABEL) && part(&bytes, 24, LABEL_TYPE.len())? == LABEL_TYPE;
        let whole = label && le64(&bytes, 8) == sector && checksum(from(&bytes, 20)) == le32(&bytes, 16);
        if !whole {
            return None;
        }
        let header = bytes.get(le32(&bytes, 20) as usize..)?;
        let uuid = part(header, 0, UUID_BYTES)?.to_vec();
        let locations = metadata_areas(from(header, UUID_BYTES + 8));
        let text = locations
            .into_iter()
            .find_map(|(offset, length)| text(disk, offset, length));
        Some(Label { uuid, text })
    })
}

/// The second of two lists; the first has where the data are, which the text tells better.
fn metadata_areas(lists: &[u8]) -> Vec<(u64, u64)> {
    let locations = lists
        .chunks_exact(LOCATION_BYTES)
        .map(|location| (le64(location, 0), le64(location, 8)));
    let behind = locations.skip_while(|location| *location != (0, 0)).skip(1);
    behind.take_while(|location| *location != (0, 0)).collect()
}

/// The text in a metadata area, which is a ring behind its header.
fn text(disk: &dyn Disk, area_offset: u64, area_bytes: u64) -> Option<Vec<u8>> {
    let mut header = [0; METADATA_HEADER_BYTES];
    disk.read_at(area_offset, &mut header).ok()?;
    let whole =
        part(&header, 4, METADATA_MAGIC.len())? == METADATA_MAGIC && checksum(from(&header, 4)) == le32(&header, 0);
    let (offset, length) = (le64(&header, 40), le64(&header, 48));
    let ring = METADATA_HEADER_BYTES as u64..area_bytes;
    let sound = whole && ring.contains(&offset) && length <= TEXT_BYTES_MAX && length <= area_bytes - ring.start;
    if !sound {
        return None;
    }
    let mut text = vec![0; usize::try_from(length).ok()?];
    let until_end = usize::try_from(area_bytes - offset).unwrap_or(usize::MAX);
    let unwrapped = until_end.min(text.len());
    let (first, wrapped) = text.split_at_mut(unwrapped);
    disk.read_at(area_offset.checked_add(offset)?, first).ok()?;
    disk.read_at(area_offset.checked_add(ring.start)?, wrapped).ok()?;
    (checksum(&text) == le32(&header, 56)).then_some(text)
}

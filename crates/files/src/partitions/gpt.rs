//! GUID partition tables (UEFI specification, chapter 5): a header in the second sector, entries, and copies of both at the disk's end.

use super::area::Area;
use crate::disk::Disk;
use crate::error::Error;
use crate::fields::{from, le16, le32, le64, part};

const MAGIC: &[u8] = b"EFI PART";
const HEADER_BYTES: usize = 92;
/// 128 entries of 128 bytes are what everybody makes.
const ENTRIES_BYTES_MAX: u64 = 1024 * 1024;
/// More partitions than Linux has of any disk.
const AREAS_MAX: usize = 256;

/// The partitions; `None` if there is no such table.
///
/// # Errors
///
/// There is one, and both of its copies are damaged.
pub(super) fn read(disk: &dyn Disk) -> Result<Option<Vec<Area>>, Error> {
    let mut damage = None;
    for sector_bytes in [512, 4096] {
        let sectors = disk.size_bytes() / sector_bytes;
        for sector in [1, sectors.saturating_sub(1)] {
            match read_copy(disk, sector_bytes, sector) {
                Ok(None) => {}
                Ok(Some(table)) => return Ok(Some(table)),
                Err(error) => {
                    damage.get_or_insert(error);
                }
            }
        }
    }
    damage.map_or(Ok(None), Err)
}

fn read_copy(disk: &dyn Disk, sector_bytes: u64, sector: u64) -> Result<Option<Vec<Area>>, Error> {
    let offset = sector.saturating_mul(sector_bytes);
    let damaged = |detail| Error::Damaged {
        structure: "GPT",
        offset,
        detail,
    };
    let mut header = [0; 512];
    if sector == 0 || disk.read_at(offset, &mut header).is_err() || !header.starts_with(MAGIC) {
        return Ok(None);
    }
    let length = le32(&header, 12) as usize;
    let covered = part(&header, 0, length).filter(|_| length >= HEADER_BYTES);
    let covered = covered.ok_or(damaged("its length is none that exists"))?;
    let mut sum = crc32fast::Hasher::new();
    sum.update(covered.get(..16).unwrap_or_default());
    sum.update(&[0; 4]);
    sum.update(from(covered, 20));
    if sum.finalize() != le32(&header, 16) || le64(&header, 24) != sector {
        return Err(damaged("its checksum is wrong"));
    }
    let (count, entry_bytes) = (u64::from(le32(&header, 80)), u64::from(le32(&header, 84)));
    let length = count.saturating_mul(entry_bytes);
    if entry_bytes < 128 || length > ENTRIES_BYTES_MAX {
        return Err(damaged("its entries are longer than any"));
    }
    let place = le64(&header, 72).checked_mul(sector_bytes);
    let place = place.ok_or(damaged("its entries lie beyond the end of the disk"))?;
    let mut entries = vec![0; usize::try_from(length).unwrap_or_default()];
    disk.read_at(place, &mut entries)?;
    if crc32fast::hash(&entries) != le32(&header, 88) {
        return Err(damaged("its entries' checksum is wrong"));
    }
    let entry_bytes = usize::try_from(entry_bytes).unwrap_or(usize::MAX);
    let used = entries.chunks_exact(entry_bytes).zip(1..);
    let areas = used.filter_map(|(entry, number)| area(entry, number, sector_bytes, disk.size_bytes()));
    Ok(Some(areas.take(AREAS_MAX).collect()))
}

/// `None` for an unused entry, and one that isn't on the disk.
fn area(entry: &[u8], number: u32, sector_bytes: u64, disk_bytes: u64) -> Option<Area> {
    let kind: [u8; 16] = part(entry, 0, 16)?.try_into().ok()?;
    if kind == [0; 16] {
        return None;
    }
    let start = le64(entry, 32).checked_mul(sector_bytes)?;
    let end = le64(entry, 40)
        .checked_add(1)?
        .checked_mul(sector_bytes)?
        .min(disk_bytes);
    let length = end.checked_sub(start).filter(|length| *length > 0)?;
    let name = name(part(entry, 56, 72)?);
    let kind = describe(kind);
    let description = if name.is_empty() {
        kind
    } else {
        format!("{kind}, `{name}`")
    };
    Some(Area::single(number.to_string(), description, start, length))
}

/// UTF-16, up to the first zero; control characters aren't for people's terminals.
fn name(bytes: &[u8]) -> String {
    let units = (0..bytes.len() / 2)
        .map(|index| le16(bytes, index * 2))
        .take_while(|unit| *unit != 0);
    let characters = char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER));
    characters.filter(|character| !character.is_control()).collect()
}

/// The types that are met, or the identifier as people write it.
fn describe(kind: [u8; 16]) -> String {
    let text = identifier(kind);
    let known = match &*text {
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" => "EFI system",
        "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7" => "Windows data",
        "E3C9E316-0B5C-4DB8-817D-F92DF00215AE" => "Windows reserved",
        "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC" => "Windows recovery",
        "0FC63DAF-8483-4772-8E79-3D69D8477DE4" => "Linux data",
        "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709" | "B921B045-1DF0-41C3-AF44-4C6F280D3FAE" => "Linux root",
        "933AC7E1-2EB4-4F13-B844-0E14E2AEF915" => "Linux home",
        "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F" => "Linux swap",
        "E6D6D379-F507-44C2-A23C-238F2A3DF928" => "Linux LVM",
        "A19D880F-05FC-4D3B-A006-743F0F84911E" => "Linux RAID",
        "BC13C2FF-59E6-4262-A352-B275FD6F7172" => "Linux boot",
        "21686148-6449-6E6F-744E-656564454649" => "BIOS boot",
        _ => return format!("type {text}"),
    };
    known.to_owned()
}

/// The first three groups of a GUID are little-endian.
fn identifier(bytes: [u8; 16]) -> String {
    let rest: String = from(&bytes, 8).iter().map(|byte| format!("{byte:02X}")).collect();
    let (fourth, fifth) = rest.split_at_checked(4).unwrap_or_default();
    format!(
        "{:08X}-{:04X}-{:04X}-{fourth}-{fifth}",
        le32(&bytes, 0),
        le16(&bytes, 4),
        le16(&bytes, 6)
    )
}

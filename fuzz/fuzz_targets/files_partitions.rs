//! Disks with hostile partition tables and logical volumes. The first byte chooses what is made right, so that the fuzzer gets past checksums:
//! nothing (the disk starts with the input), the checksums of a GPT whose entries are the input, or those of LVM2 around a text that
//! the input changes.

#![no_main]

use std::sync::{Arc, LazyLock};

use files::{Disk, ReadFailed, areas};
use libfuzzer_sys::fuzz_target;

/// The start of a physical volume of the real LVM2.
static VOLUME: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let packed: &[u8] = include_bytes!("../../crates/files/tests/images/lvm.zst");
    zstd::decode_all(packed).unwrap()
});
const METADATA_OFFSET: usize = 4096;
const RING_START: usize = 512;

/// A disk of 64 MiB that is zero behind its start.
struct Start(Vec<u8>);

impl Disk for Start {
    fn size_bytes(&self) -> u64 {
        64 << 20
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        if offset.saturating_add(buffer.len() as u64) > self.size_bytes() {
            return Err(ReadFailed::outside(offset, buffer.len() as u64));
        }
        buffer.fill(0);
        let known = self.0.get(offset as usize..).unwrap_or_default();
        let length = known.len().min(buffer.len());
        buffer[..length].copy_from_slice(&known[..length]);
        Ok(())
    }
}

fn put(disk: &mut [u8], offset: usize, bytes: &[u8]) {
    disk[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn guid_table(input: &[u8]) -> Vec<u8> {
    let mut disk = vec![0; 1024];
    disk.extend(input);
    let count = input.len() / 128;
    disk.resize(disk.len() + 128, 0);
    put(&mut disk, 512, b"EFI PART\0\0\x01\0\x5c\0\0\0");
    disk[512 + 24] = 1;
    disk[512 + 72] = 2;
    disk[512 + 80] = count as u8;
    disk[512 + 84] = 128;
    let entries = crc32fast::hash(&disk[1024..1024 + 128 * (count & 0xff)]);
    put(&mut disk, 512 + 88, &entries.to_le_bytes());
    let header = crc32fast::hash(&disk[512..512 + 92]);
    put(&mut disk, 512 + 16, &header.to_le_bytes());
    disk
}

fn lvm_checksum(bytes: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new_with_initial(!0xf597_a6cf);
    sum.update(bytes);
    !sum.finalize()
}

/// The text, with a part of it replaced for every four bytes that say where, how much and by how much of what follows.
fn text(input: &[u8]) -> Vec<u8> {
    let area = &VOLUME[METADATA_OFFSET..];
    let number = |at: usize| u64::from_le_bytes(area[at..at + 8].try_into().unwrap()) as usize;
    let (end, offset, length) = (number(32), number(40), number(48));
    let first = (end - offset).min(length);
    let mut text = area[offset..offset + first].to_vec();
    text.extend(&area[RING_START..RING_START + length - first]);
    let mut rest = input;
    while let [low, high, removed, added, behind @ ..] = rest {
        let at = usize::from(u16::from_le_bytes([*low, *high])) % text.len().max(1);
        let (bytes, behind) = behind.split_at(usize::from(*added % 64).min(behind.len()));
        let end = (at + usize::from(*removed)).min(text.len());
        text.splice(at..end, bytes.iter().copied());
        rest = behind;
    }
    text
}

fn physical_volume(input: &[u8]) -> Vec<u8> {
    let mut disk = VOLUME.clone();
    let text = text(input);
    put(&mut disk, METADATA_OFFSET + RING_START, &text);
    put(&mut disk, METADATA_OFFSET + 40, &(RING_START as u64).to_le_bytes());
    put(&mut disk, METADATA_OFFSET + 48, &(text.len() as u64).to_le_bytes());
    put(&mut disk, METADATA_OFFSET + 56, &lvm_checksum(&text).to_le_bytes());
    let header = lvm_checksum(&disk[METADATA_OFFSET + 4..METADATA_OFFSET + RING_START]);
    put(&mut disk, METADATA_OFFSET, &header.to_le_bytes());
    disk
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else {
        return;
    };
    let start = match choice % 4 {
        0 => input.to_vec(),
        1 => guid_table(input),
        2 => physical_volume(input),
        _ => {
            // A boot record, whose signature the fuzzer needn't find.
            let mut record = input.to_vec();
            record.resize(record.len().next_multiple_of(512).max(512), 0);
            record
                .chunks_exact_mut(512)
                .for_each(|sector| put(sector, 510, &[0x55, 0xaa]));
            record
        }
    };
    let disk: Arc<dyn Disk> = Arc::new(Start(start));
    let Ok(found) = areas(&disk) else { return };
    for area in found {
        let mut end = 0;
        for piece in &area.pieces {
            assert!(piece.logical == end && piece.length > 0);
            assert!(piece.physical + piece.length <= disk.size_bytes());
            end += piece.length;
        }
        assert_eq!(end, area.size_bytes());
        if let Ok(part) = area.disk(&disk) {
            let mut buffer = [0; 600];
            let _ = part.read_at(0, &mut buffer);
            let _ = part.read_at(part.size_bytes().saturating_sub(600), &mut buffer);
        }
        if let Some(place) = area.to_disk(0) {
            assert!(area.from_disk(place).is_some());
        }
    }
});

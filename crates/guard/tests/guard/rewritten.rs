//! Blocks that are written as they were, and blocks that only seem to be.

use guard::{EventKind, Fence, GuardedDisk};
use volume::{Device, Error as DiskError, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, Bytes, DISK_BYTES, assert_clean, noise, text};

/// CRC-32C's polynomial, lowest bit first (RFC 3720, appendix B.4).
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// Blocks of one write of an attacker.
const FEW: u64 = 4;

fn table() -> [u32; 256] {
    std::array::from_fn(|index| {
        (0..8).fold(index as u32, |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 }
        })
    })
}

fn entry(table: &[u32; 256], index: u32) -> u32 {
    table.get(index as usize).copied().unwrap_or(0)
}

/// The register after `bytes`.
fn register(table: &[u32; 256], bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        crc >> 8 ^ entry(table, (crc ^ u32::from(*byte)) & 0xff)
    })
}

/// Random bytes with the checksum of other ones: the last four are chosen for it.
fn forged(table: &[u32; 256], seed: u64, original: &Bytes) -> Vec<u8> {
    let mut block = noise(seed).0;
    let (front, back) = block.split_at_mut(BLOCK as usize - 4);
    let mut wanted = register(table, &original.0);
    for _ in 0..4 {
        let index = (0..256).find(|index| entry(table, *index) >> 24 == wanted >> 24);
        let index = index.expect("the upper bytes of the table are all different");
        wanted = (wanted ^ entry(table, index)) << 8 | index;
    }
    back.copy_from_slice(&(wanted ^ register(table, front)).to_le_bytes());
    assert_eq!(register(table, &block), register(table, &original.0));
    block
}

fn write(disk: &GuardedDisk, first: u64, data: &[u8]) -> Result<(), DiskError> {
    disk.write(&[WriteRequest {
        offset: first * BLOCK,
        data,
    }])
}

#[test]
fn what_is_written_as_it_was_is_no_work_at_all() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    bench.write_text(&disk, 16 * BATCH).unwrap();
    bench.pass_seconds(5);
    let assessments = || bench.guard.status().counts.assessments;
    let before = assessments();
    for batch in 0..17 {
        bench.write_text(&disk, batch * BATCH).unwrap();
        bench.pass_seconds(2);
    }
    assert_eq!(assessments(), before);
    // A checkpoint later, when the map's tree tells what was there.
    bench.volume.checkpoint(volume::Clock::now(&*bench.clocks)).unwrap();
    bench.write_text(&disk, 0).unwrap();
    bench.pass_seconds(2);
    assert_eq!(assessments(), before);
    write(&disk, 5, &noise(5).0).unwrap();
    bench.pass_seconds(2);
    assert_eq!(assessments(), before + 1, "one block differs");
    assert_eq!(bench.events.all(), []);
}

#[test]
fn whoever_hides_behind_checksums_is_found_out_and_taken_back_as_a_whole() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for batch in 16..DISK_BYTES / BLOCK / BATCH {
        bench.write_text(&disk, batch * BATCH).unwrap();
    }
    bench.pass_hours(2);
    for _ in 0..50 {
        bench.write_text(&disk, 0).unwrap();
        bench.clocks.advance_millis(5);
    }
    let table = table();
    let mut written = 0;
    for first in (0..DISK_BYTES / BLOCK).step_by(FEW as usize) {
        let blocks = first..first + FEW;
        let data: Vec<u8> = blocks.flat_map(|block| forged(&table, block, &text(block))).collect();
        if write(&disk, first, &data).is_err() {
            break;
        }
        written += FEW;
        bench.clocks.advance_millis(5);
    }
    assert!(written < DISK_BYTES / BLOCK, "fenced");
    let told = bench.events.find(|kind| matches!(kind, EventKind::Bookmarked { .. }));
    let reasons = &told.first().unwrap().reasons;
    assert!(
        reasons.iter().any(|reason| reason.contains("with its checksum")),
        "{reasons:?}"
    );
    let point = bench.guard.before_attack().unwrap();
    assert_clean(&bench.volume, &point.pin);
}

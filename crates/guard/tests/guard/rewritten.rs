//! Blocks that are written as they were, and blocks that only seem to be.

use guard::{EventKind, Fence, GuardedDisk};
use volume::{Device, Error as DiskError, Moment, Wait, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, Bytes, DISK_BYTES, block_of, model_by, noise, text};

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

fn write_noise(disk: &GuardedDisk, first: u64, seed: u64) {
    let data: Vec<u8> = (0..BATCH).flat_map(|block| noise(seed + block).0).collect();
    write(disk, first, &data).expect("written");
}

#[test]
fn random_bytes_that_are_written_as_they_were_are_no_work_at_all() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for batch in 20..40 {
        write_noise(&disk, batch * BATCH, batch * BATCH);
    }
    bench.pass_seconds(5);
    let assessments = || bench.guard.status().counts.assessments;
    let before = assessments();
    for batch in 20..40 {
        write_noise(&disk, batch * BATCH, batch * BATCH);
        bench.pass_seconds(2);
    }
    assert_eq!(assessments(), before);
    // A checkpoint later, when the map's tree tells what was there.
    bench.volume.checkpoint(volume::Clock::now(&*bench.clocks)).unwrap();
    write_noise(&disk, 20 * BATCH, 20 * BATCH);
    bench.pass_seconds(2);
    assert_eq!(assessments(), before);
    write(&disk, 20 * BATCH, &noise(5).0).unwrap();
    bench.pass_seconds(2);
    assert_eq!(assessments(), before + 1, "one block differs");
    // What can be told by a file system's own checksums isn't believed: all of its versions may have one.
    bench.write_text(&disk, 0).unwrap();
    assert_eq!(assessments(), before + 2);
    assert_eq!(bench.events.all(), []);
}

#[test]
fn a_superblock_that_ends_with_its_checksum_is_nobodys_forgery() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    let table = table();
    for version in 0..200 {
        let mut block = text(version).0;
        let (front, back) = block.split_at_mut(BLOCK as usize - 4);
        back.copy_from_slice(&register(&table, front).to_le_bytes());
        assert_eq!(register(&table, &block), 0, "whatever its content");
        write(&disk, 0, &block).unwrap();
        bench.pass_seconds(2);
    }
    assert_eq!(bench.events.all(), []);
}

#[test]
fn whoever_hides_behind_checksums_is_found_out_and_taken_back_as_a_whole() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    let model = model_by("read, replaced random / written", 8);
    bench.model.replace(sentinel::Model::parse(model.into()).unwrap());
    // Media and archives.
    for batch in 16..DISK_BYTES / BLOCK / BATCH {
        write_noise(&disk, batch * BATCH, batch * BATCH);
    }
    bench.pass_hours(30);
    let honest = 16 * BATCH;
    for _ in 0..50 {
        write_noise(&disk, honest, honest);
        bench.clocks.advance_millis(5);
    }
    let table = table();
    let mut written = 0;
    for first in (17 * BATCH..DISK_BYTES / BLOCK).step_by(FEW as usize) {
        let mut buffer = vec![0; (FEW * BLOCK) as usize];
        disk.read(first * BLOCK, &mut buffer, Wait::Allowed).unwrap();
        let blocks = first..first + FEW;
        let data: Vec<u8> = blocks.flat_map(|block| forged(&table, !block, &noise(block))).collect();
        if write(&disk, first, &data).is_err() {
            break;
        }
        written += FEW;
        bench.clocks.advance_millis(5);
    }
    assert!(written < 16 * BATCH, "fenced after {written} blocks");
    let told = bench.events.find(|kind| matches!(kind, EventKind::Bookmarked { .. }));
    let reasons = &told.first().unwrap().reasons;
    assert!(
        reasons.iter().any(|reason| reason.contains("with its checksum")),
        "{reasons:?}"
    );
    let point = bench.guard.before_attack().unwrap();
    let view = bench.volume.view(&Moment::Pin(point.pin)).unwrap();
    for block in 17 * BATCH..17 * BATCH + written {
        assert!(block_of(&view, block) == noise(block), "block {block}");
    }
}

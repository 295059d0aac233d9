//! Partition tables and superblocks: what is gone is noticed, what is replaced isn't held against anybody.

use std::time::Duration;

use guard::{EventKind, Fence, StatusState};
use volume::{Device, Hole, Moment, WriteRequest};

use crate::fixture::{BLOCK, Bench, block_of, noise};

/// Where the partition of [`boot_record`] begins: 1 MiB.
const PARTITION: u64 = 256;

fn put(disk: &dyn Device, offset: u64, data: &[u8]) {
    disk.write(&[WriteRequest { offset, data }]).expect("nothing is fenced");
}

/// A block with that beginning, and one value in the rest.
fn begins(magic: &[u8], rest: u8) -> Vec<u8> {
    let mut block = magic.to_vec();
    block.resize(BLOCK as usize, rest);
    block
}

fn xfs(version: u8) -> Vec<u8> {
    begins(b"XFSB", version)
}

fn luks() -> Vec<u8> {
    begins(b"LUKS\xba\xbe", 1)
}

/// A boot record with one partition from [`PARTITION`] on, or none.
fn boot_record(has_partition: bool) -> Vec<u8> {
    let mut entry = [0; 16];
    if has_partition {
        let [first, blocks] = [2048_u32, 65_536].map(u32::to_le_bytes);
        entry = [&[0, 0, 0, 0, 0x83, 0, 0, 0][..], &first, &blocks]
            .concat()
            .try_into()
            .expect("16 bytes");
    }
    [&[0; 446][..], &entry, &[0; 48], &[0x55, 0xaa]].concat()
}

fn reasons(bench: &Bench) -> Vec<String> {
    bench.guard.status().reasons
}

#[test]
fn a_superblock_that_is_gone_is_bookmarked_at_once_and_fenced_soon() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    put(&disk, 0, &xfs(1));
    bench.pass_seconds(60);
    assert_eq!(bench.guard.status().state, StatusState::Calm);
    put(&disk, 0, &noise(0).0);
    bench.pass_seconds(1);
    assert_eq!(bench.guard.status().state, StatusState::Bookmarked);
    assert_eq!(reasons(&bench), ["the superblock of XFS was destroyed"]);
    bench.pass_seconds(3);
    assert_eq!(bench.guard.status().state, StatusState::Bookmarked);
    bench.pass_seconds(1);
    assert_eq!(bench.guard.status().state, StatusState::Fenced);
    assert_eq!(reasons(&bench), ["the superblock of XFS was destroyed"]);
    let point = bench.guard.before_attack().unwrap();
    let view = bench.volume.view(&Moment::Pin(point.pin)).unwrap();
    assert_eq!(block_of(&view, 0).0.to_vec(), xfs(1));
    let told = bench.events.all();
    let texts: Vec<String> = told.iter().map(guard::Event::text).collect();
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("destructive writes that began")),
        "{texts:?}"
    );
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("destruction recognised that began")),
        "{texts:?}"
    );
    // Each is told once.
    bench.pass_seconds(700);
    for is in [is_bookmark as fn(&EventKind) -> bool, is_fence] {
        assert_eq!(bench.events.find(is).len(), 1);
    }
}

const fn is_bookmark(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Bookmarked { .. })
}

const fn is_fence(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Fenced { .. })
}

#[test]
fn what_a_file_system_writes_over_its_own_is_ordinary() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    for version in 0..20 {
        put(&disk, 0, &xfs(version));
        put(&disk, 16 * BLOCK, &noise(version.into()).0);
        bench.pass_seconds(1);
    }
    assert_eq!(bench.guard.status().state, StatusState::Calm);
}

#[test]
fn what_takes_another_s_place_is_not_fenced_and_known_from_then_on() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    put(&disk, 0, &xfs(1));
    bench.pass_seconds(1);
    disk.zero(0, 1 << 20, Hole::Refused).unwrap();
    bench.pass_seconds(3);
    put(&disk, 0, &luks());
    bench.pass_seconds(30);
    assert!(bench.events.find(is_fence).is_empty());
    disk.trim(0, 1 << 20).unwrap();
    bench.pass_seconds(5);
    assert_eq!(bench.guard.status().state, StatusState::Fenced);
    assert_eq!(reasons(&bench), ["the header of LUKS encryption was destroyed"]);
}

#[test]
fn partitions_come_and_go_by_the_table() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    put(&disk, 0, &boot_record(true));
    put(&disk, PARTITION * BLOCK, &xfs(1));
    bench.pass_seconds(2);
    // Deleted, and its place used for something else.
    put(&disk, 0, &boot_record(false));
    bench.pass_seconds(2);
    put(&disk, PARTITION * BLOCK, &noise(1).0);
    bench.pass_seconds(10);
    put(&disk, PARTITION * BLOCK, &xfs(1));
    put(&disk, 0, &boot_record(true));
    bench.pass_seconds(2);
    assert!(bench.events.find(is_bookmark).is_empty());
    put(&disk, PARTITION * BLOCK, &noise(2).0);
    bench.pass_seconds(1);
    assert_eq!(reasons(&bench), ["the superblock of XFS on partition 1 was destroyed"]);
    // Half a block is enough to clear a table.
    disk.zero(0, 512, Hole::Refused).unwrap();
    bench.pass_seconds(4);
    assert_eq!(bench.guard.status().state, StatusState::Fenced);
    assert_eq!(reasons(&bench), ["the partition table was destroyed"]);
}

#[test]
fn announced_work_may_wipe_a_disk_and_what_is_released_is_not_held_against_it() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    put(&disk, 0, &xfs(1));
    bench.pass_seconds(1);
    bench
        .guard
        .announce("wiping the disk", Duration::from_secs(60))
        .unwrap();
    put(&disk, 0, &noise(0).0);
    bench.pass_seconds(10);
    assert_eq!(bench.guard.status().fence, None);
    assert_eq!(bench.events.find(is_bookmark).len(), 1);
    bench.pass_seconds(100);
    assert_eq!(bench.guard.status().fence, None, "it was announced");
    put(&disk, 0, &xfs(1));
    bench.pass_seconds(1);
    put(&disk, 0, &noise(0).0);
    bench.pass_seconds(5);
    assert_eq!(bench.guard.status().state, StatusState::Fenced);
    bench.guard.release(guard::Release::Keep).unwrap();
    bench.pass_seconds(60);
    assert_eq!(bench.guard.status().fence, None);
}

#[test]
fn swap_is_no_landmark_since_hibernating_replaces_its_signature() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    let signed = |signature: &[u8; 10]| {
        let mut page = vec![0; BLOCK as usize - signature.len()];
        page.extend(signature);
        page
    };
    put(&disk, 0, &boot_record(true));
    put(&disk, PARTITION * BLOCK, &signed(b"SWAPSPACE2"));
    bench.pass_seconds(2);
    put(&disk, PARTITION * BLOCK, &signed(b"S1SUSPEND\0"));
    bench.pass_seconds(20);
    assert_eq!(bench.guard.status().state, StatusState::Calm);
}

//! Writes that are shown to the sentinel only after their replies.

use guard::{Fence, GuardedDisk};
use volume::{Device, Error as DiskError, Hole, Wait, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, TO_FENCE, noise};

fn write_noise(disk: &GuardedDisk, first: u64) -> Result<(), DiskError> {
    let data: Vec<u8> = (first..first + BATCH).flat_map(|block| noise(block).0).collect();
    disk.write_unsettled(&[WriteRequest {
        offset: first * BLOCK,
        data: &data,
    }])
}

#[test]
fn what_was_left_undone_is_done_before_anything_else_that_the_client_asks() {
    type Asked = (&'static str, fn(&GuardedDisk) -> Result<(), DiskError>);
    let asked: [Asked; 7] = [
        ("settle", |disk| {
            disk.settle();
            Ok(())
        }),
        ("read", |disk| disk.read(0, &mut [0; 512], Wait::Never)),
        ("flush", Device::flush),
        ("trim", |disk| disk.trim(DISK_END, BLOCK)),
        ("zero", |disk| disk.zero(DISK_END, BLOCK, Hole::Allowed)),
        ("write", |disk| disk.write(&[])),
        ("next write", |disk| disk.write_unsettled(&[])),
    ];
    const DISK_END: u64 = crate::fixture::DISK_BYTES - BLOCK;
    for (what, ask) in asked {
        let bench = Bench::new(Fence::Refuse);
        let assessments = || bench.guard.status().counts.assessments;
        let disk = bench.guard.attach();
        let before = assessments();
        write_noise(&disk, 0).unwrap();
        assert_eq!(assessments(), before, "not shown before {what}");
        ask(&disk).unwrap();
        assert_eq!(assessments(), before + 1, "shown by {what}");
        disk.settle();
        assert_eq!(assessments(), before + 1, "shown once by {what}");
        write_noise(&disk, BATCH).unwrap();
        drop(disk);
        assert_eq!(assessments(), before + 2, "shown at the end of the connection");
    }
}

#[test]
fn an_attack_gets_no_more_through_than_if_each_write_were_shown_at_once() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    let mut buffer = vec![0; (BATCH * BLOCK) as usize];
    disk.read(0, &mut buffer, Wait::Allowed).unwrap();
    for batch in 0..TO_FENCE {
        write_noise(&disk, batch * BATCH).unwrap();
        bench.clocks.advance_millis(100);
    }
    assert!(matches!(write_noise(&disk, TO_FENCE * BATCH), Err(DiskError::Fenced)));
}

#[test]
fn a_write_that_failed_leaves_nothing_to_the_next_one() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    let beyond = WriteRequest {
        offset: crate::fixture::DISK_BYTES,
        data: &noise(1).0,
    };
    assert!(disk.write_unsettled(&[beyond]).is_err());
    let before = bench.guard.status().counts.assessments;
    disk.settle();
    write_noise(&disk, 0).unwrap();
    disk.settle();
    assert_eq!(bench.guard.status().counts.assessments, before + 1);
}

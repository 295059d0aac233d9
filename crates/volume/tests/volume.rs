//! A volume on real files: what a caller may rely on, one promise a test.

use std::sync::Arc;
use std::time::Duration;

use volume::{
    Device, Error, Hole, Moment, OsDirectory, Settings, Store, Timestamp, Volume, Wait, WriteRequest, os_random,
};

const BLOCK: u64 = 4096;
const MIB: u64 = 1 << 20;

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + second)
}

fn small_segments() -> Settings {
    Settings {
        segment_bytes: 64 << 10,
        checkpoint_records: 40,
        retention: Duration::from_secs(1_000_000),
        retention_floor: Duration::ZERO,
        compress_after: Duration::from_secs(100_000_000),
        ..Settings::default()
    }
}

struct Folder {
    path: tempfile::TempDir,
    settings: Settings,
}

impl Folder {
    fn new(settings: Settings) -> Self {
        Self {
            path: tempfile::tempdir().expect("a temporary folder"),
            settings,
        }
    }

    fn store(&self) -> Arc<Store> {
        let directory = Arc::new(OsDirectory::open(self.path.path()).expect("the folder"));
        let settings = self.settings.clone();
        Store::open(directory, Box::new(move |_| settings.clone()), Box::new(os_random))
    }
}

fn fill(volume: &Volume, block: u64, byte: u8, now: Timestamp) {
    let data = [byte; BLOCK as usize];
    volume
        .write(
            &[WriteRequest {
                offset: block * BLOCK,
                data: &data,
            }],
            now,
        )
        .expect("written");
}

fn byte_at(volume: &Volume, block: u64) -> u8 {
    let mut data = [0; BLOCK as usize];
    volume.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    assert!(data.iter().all(|byte| *byte == data[0]));
    data[0]
}

fn device_byte(device: &dyn Device, block: u64) -> u8 {
    let mut data = [0; BLOCK as usize];
    device.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    data[0]
}

#[test]
fn every_moment_can_be_viewed_and_returned_to() {
    let folder = Folder::new(small_segments());
    let store = folder.store();
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    for second in 1..=200u64 {
        fill(&volume, second % 7, second as u8, at(second));
        if second % 50 == 0 {
            volume.maintain(at(second), u64::MAX).expect("maintained");
        }
    }
    for second in (1..=200u64).rev() {
        let view = volume.view(&Moment::At(at(second))).expect("a view");
        assert_eq!(view.time(), at(second));
        for back in 0..7.min(second) {
            assert_eq!(device_byte(&view, (second - back) % 7), (second - back) as u8);
        }
    }
    let report = volume.rollback(&Moment::At(at(100)), at(300)).expect("rolled back");
    assert_eq!(byte_at(&volume, 100 % 7), 100);
    assert_eq!(report.to.time, at(100));
    fill(&volume, 3, 99, at(301));
    let undone = volume.undo_rollback(at(302)).expect("undone");
    assert_eq!(undone.to, report.from);
    assert_eq!(byte_at(&volume, 200 % 7), 200);
    volume.undo_rollback(at(303)).expect("done again");
    assert_eq!(byte_at(&volume, 3), 99, "the last moment before the undoing");
}

#[test]
fn a_volume_that_was_dropped_without_closing_has_every_write_when_opened_again() {
    let folder = Folder::new(small_segments());
    for round in 0..5u64 {
        let store = folder.store();
        let volume = match round {
            0 => store.create("disk", 4 * MIB, at(0)).expect("created"),
            _ => store.volume("disk", at(round * 1000)).expect("opened"),
        };
        for second in 0..round * 200 {
            assert_eq!(
                byte_at(&volume, second % 900),
                ((second / 900 * 900 + second % 900) % 251) as u8
            );
        }
        for second in round * 200..(round + 1) * 200 {
            fill(
                &volume,
                second % 900,
                (second % 251) as u8,
                at(1 + round * 1000 + second),
            );
        }
    }
}

#[test]
fn an_attachment_from_before_a_rollback_is_refused_writes() {
    struct Fixed;
    impl volume::Clock for Fixed {
        fn now(&self) -> Timestamp {
            at(500)
        }
    }
    let folder = Folder::new(small_segments());
    let volume = folder.store().create("disk", 4 * MIB, at(0)).expect("created");
    fill(&volume, 0, 1, at(1));
    let old = volume.attach(Arc::new(Fixed));
    volume.rollback(&Moment::At(at(0)), at(2)).expect("rolled back");
    let write = WriteRequest {
        offset: 0,
        data: &[1; 4096],
    };
    assert!(matches!(old.write(&[write]), Err(Error::StaleEpoch)));
    assert!(matches!(old.trim(0, 4096), Err(Error::StaleEpoch)));
    assert_eq!(device_byte(&old, 0), 0, "reads see the restored disk");
    volume
        .attach(Arc::new(Fixed))
        .write(&[write])
        .expect("a new client may write");
}

#[test]
fn forks_are_independent_and_keep_their_start() {
    let folder = Folder::new(small_segments());
    let store = folder.store();
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    for second in 1..100 {
        fill(&volume, second % 10, second as u8, at(second));
    }
    let fork = store
        .fork("disk", &Moment::At(at(50)), "copy", at(200))
        .expect("forked");
    let second_fork = store
        .fork("copy", &Moment::At(at(300)), "copy2", at(300))
        .expect("forked again");
    fill(&fork, 0, 222, at(301));
    fill(&second_fork, 1, 111, at(301));
    assert_eq!(
        (byte_at(&volume, 0), byte_at(&fork, 0), byte_at(&second_fork, 0)),
        (90, 222, 50)
    );
    assert!(matches!(store.delete("disk", at(302)), Err(Error::HasForks { .. })));
    drop((volume, fork, second_fork));
    store.close(at(303)).expect("closed");
    let store = folder.store();
    let again = store.volume("copy2", at(400)).expect("opened with its parents");
    assert_eq!(
        (byte_at(&again, 0), byte_at(&again, 1), byte_at(&again, 2)),
        (50, 111, 42)
    );
    drop(again);
    store.close(at(401)).expect("closed");
    assert!(matches!(store.volume("copy", at(401)), Err(Error::Closed)));
    for name in ["copy2", "copy", "disk"] {
        let store = folder.store();
        store.delete(name, at(402)).expect("deleted");
    }
    assert!(folder.store().names().expect("listed").is_empty());
}

#[test]
fn expired_history_goes_and_pins_stay() {
    let settings = Settings {
        retention: Duration::from_secs(100),
        ..small_segments()
    };
    let folder = Folder::new(settings);
    let store = folder.store();
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    for second in 1..=2000u64 {
        fill(&volume, second % 50, (second % 250) as u8, at(second));
        if second == 500 {
            volume.pin("kept", None, at(second)).expect("pinned");
        }
    }
    let before = volume.status().stored_bytes;
    let mut freed = 0;
    for _ in 0..10_000 {
        let done = volume.maintain(at(2000), u64::MAX).expect("maintained");
        freed += done.freed_bytes;
        if !done.more {
            break;
        }
    }
    assert!(freed > before / 2, "{freed} of {before} bytes freed");
    assert!(matches!(
        volume.view(&Moment::At(at(1000))),
        Err(Error::MomentTooOld { .. })
    ));
    let pinned = volume.view(&Moment::Pin("kept".into())).expect("pinned");
    for second in 451..=500u64 {
        assert_eq!(device_byte(&pinned, second % 50), (second % 250) as u8);
    }
    for second in 1950..=2000u64 {
        let view = volume.view(&Moment::At(at(second))).expect("within retention");
        assert_eq!(device_byte(&view, second % 50), (second % 250) as u8);
    }
    let mut steps = 0;
    let report = volume
        .verify(&mut |_| {
            steps += 1;
            std::ops::ControlFlow::Continue(())
        })
        .expect("verified");
    assert!(
        report.damage.is_empty() && report.chain_intact && steps > 0,
        "{report:?}"
    );
    drop((pinned, volume));
    store.close(at(2001)).expect("closed");
    let volume = folder.store().volume("disk", at(2002)).expect("opened");
    volume
        .rollback(&Moment::Pin("kept".into()), at(2003))
        .expect("rolled back to a pin before the horizon");
    assert_eq!(byte_at(&volume, 0), 0);
    assert_eq!(byte_at(&volume, 49), (499 % 250) as u8);
}

#[test]
fn compressed_history_reads_as_before() {
    let folder = Folder::new(Settings {
        compress_after: Duration::ZERO,
        ..small_segments()
    });
    let volume = folder.store().create("disk", 4 * MIB, at(0)).expect("created");
    for second in 1..=500u64 {
        fill(&volume, second % 60, (second % 250) as u8, at(second));
    }
    volume.checkpoint(at(500)).expect("checkpoint");
    let before = volume.status().stored_bytes;
    while volume.maintain(at(1000), u64::MAX).expect("maintained").more {}
    // What the present shows stays as it is.
    let stored = volume.status().stored_bytes - 60 * BLOCK;
    assert!(stored < before / 4, "{stored} of {before} bytes");
    for second in 60..=500u64 {
        let view = volume.view(&Moment::At(at(second))).expect("a view");
        for back in 0..60 {
            assert_eq!(device_byte(&view, (second - back) % 60), ((second - back) % 250) as u8);
        }
    }
}

#[test]
fn requests_of_any_alignment_are_served() {
    let folder = Folder::new(small_segments());
    let volume = folder.store().create("disk", MIB + 512, at(0)).expect("created");
    let mut model = vec![0u8; (MIB + 512) as usize];
    let mut random = 12345u64;
    let mut next = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % bound
    };
    for step in 0..600u64 {
        let offset = next(MIB + 512 - 1);
        let length = (1 + next(20_000)).min(MIB + 512 - offset);
        let range = offset as usize..(offset + length) as usize;
        match next(5) {
            0 => {
                volume.trim(offset, length, at(step)).expect("trimmed");
                model[range].fill(0);
            }
            1 => {
                volume.zero(offset, length, Hole::Refused, at(step)).expect("zeroed");
                model[range].fill(0);
            }
            _ => {
                let data: Vec<u8> = (0..length).map(|index| (step + index) as u8).collect();
                volume
                    .write(&[WriteRequest { offset, data: &data }], at(step))
                    .expect("written");
                model[range].copy_from_slice(&data);
            }
        }
        let from = next(MIB);
        let mut read = vec![0; next(30_000).min(MIB + 512 - from) as usize];
        volume.read(from, &mut read, Wait::Allowed).expect("read");
        assert_eq!(read, model[from as usize..][..read.len()], "step {step}");
    }
    let extents = volume.extents(0, MIB + 512, 10_000).expect("described");
    assert_eq!(extents.iter().map(|extent| extent.length).sum::<u64>(), MIB + 512);
    assert!(matches!(
        volume.read(MIB, &mut [0; 513], Wait::Allowed),
        Err(Error::OutOfRange { .. })
    ));
}

#[test]
fn a_disk_that_shrinks_and_grows_again_is_empty_there_and_its_past_is_not() {
    let folder = Folder::new(small_segments());
    let volume = folder.store().create("disk", 4 * MIB, at(0)).expect("created");
    fill(&volume, 600, 7, at(1));
    fill(&volume, 300, 8, at(1));
    volume.resize(300 * BLOCK + 512, at(2)).expect("smaller");
    volume.resize(4 * MIB, at(3)).expect("larger");
    let mut data = [1; BLOCK as usize];
    volume.read(300 * BLOCK, &mut data, Wait::Allowed).expect("read");
    assert!(data[..512].iter().all(|byte| *byte == 8) && data[512..].iter().all(|byte| *byte == 0));
    assert_eq!(byte_at(&volume, 600), 0);
    let view = volume.view(&Moment::At(at(1))).expect("a view");
    assert_eq!((device_byte(&view, 600), view.size_bytes()), (7, 4 * MIB));
}

#[test]
fn at_the_floor_writes_are_refused_and_reads_and_control_go_on() {
    let settings = Settings {
        retention_floor: Duration::from_secs(1_000_000),
        budget_bytes: Some(MIB),
        ..small_segments()
    };
    let folder = Folder::new(settings);
    let volume = folder.store().create("disk", 4 * MIB, at(0)).expect("created");
    let mut refused = 0;
    for second in 1..=1000u64 {
        let data = [second as u8; BLOCK as usize];
        let write = WriteRequest {
            offset: second % 10 * BLOCK,
            data: &data,
        };
        match volume.write(&[write], at(second)) {
            Ok(_) => assert_eq!(refused, 0, "once refused, refused until something changes"),
            Err(Error::NoSpace(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        while volume.maintain(at(second), u64::MAX).expect("maintained").more {}
    }
    assert!(refused > 500, "{refused} writes refused");
    let last = volume.newest().time.since(at(0)).as_secs();
    assert!(device_byte(&volume.view(&Moment::At(at(1))).expect("kept"), 1) == 1);
    // A trim is a small record: some still fit into the last segment.
    let trims = (0..2000)
        .find_map(|_| volume.trim(0, 4096, at(2000)).err())
        .expect("a trim frees nothing");
    assert!(matches!(trims, Error::NoSpace(_)));
    volume
        .rollback(&Moment::At(at(last / 2)), at(2001))
        .expect("rolling back works without space");
    volume.pin("now", None, at(2002)).expect("pinning too");
}

#[test]
fn rot_behind_a_clean_stop_is_an_error_and_not_an_older_version() {
    let folder = Folder::new(small_segments());
    let store = folder.store();
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    fill(&volume, 5, 1, at(1));
    fill(&volume, 6, 0x5a, at(2));
    drop(volume);
    store.close(at(3)).expect("closed");
    let path = folder.path.path().join("disk/00000000.segment");
    let mut bytes = std::fs::read(&path).expect("the segment");
    let payload = bytes
        .windows(64)
        .position(|window| window == [0x5a; 64])
        .expect("the block is stored as it is");
    bytes[payload + 1000] ^= 1;
    std::fs::write(&path, bytes).expect("rotten");
    let volume = folder.store().volume("disk", at(4)).expect("opened");
    let mut data = [0; BLOCK as usize];
    let read = volume.read(6 * BLOCK, &mut data, Wait::Allowed);
    assert!(matches!(read, Err(Error::CorruptBlock { block: 6, .. })), "{read:?}");
    assert_eq!(byte_at(&volume, 5), 1, "other blocks are served");
    let report = volume
        .verify(&mut |_| std::ops::ControlFlow::Continue(()))
        .expect("verified");
    let damage = report.damage.first().expect("found");
    assert_eq!((damage.block, damage.current), (Some(6), true));
    assert_eq!(damage.newest_intact.map(|moment| moment.time), Some(at(1)));
    assert!(damage.is_first, "it had never been written before");
}

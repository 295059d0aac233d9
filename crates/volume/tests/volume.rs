//! A volume on real files: what a caller may rely on, one promise a test.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use volume::{
    Device, Directory, Error, Hole, Moment, OsDirectory, Pauses, Settings, Store, Timestamp, Volume, Wait,
    WriteRequest, os_random,
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

/// Bytes that the files of a volume's segments occupy.
fn occupied_by_segments(folder: &Folder, name: &str) -> u64 {
    let files = std::fs::read_dir(folder.path.path().join(name)).expect("the volume's directory");
    files
        .map(|file| file.expect("a file"))
        .filter(|file| file.file_name().to_string_lossy().ends_with(".segment"))
        .map(|file| file.metadata().expect("its metadata").blocks() * 512)
        .sum()
}

/// The files of a volume: name, length, bytes occupied, and when they were changed.
fn files_of(folder: &Folder, name: &str) -> std::collections::BTreeSet<(String, u64, u64, i64, i64)> {
    let files = std::fs::read_dir(folder.path.path().join(name)).expect("the volume's directory");
    let facts = files.map(|file| {
        let file = file.expect("a file");
        let data = file.metadata().expect("its metadata");
        let name = file.file_name().to_string_lossy().into_owned();
        (name, data.len(), data.blocks() * 512, data.ctime(), data.ctime_nsec())
    });
    facts.collect()
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
fn history_that_cannot_be_compressed_is_rewritten_once() {
    let folder = Folder::new(Settings {
        compress_after: Duration::ZERO,
        ..small_segments()
    });
    let volume = folder.store().create("disk", 4 * MIB, at(0)).expect("created");
    let mut random = 1u64;
    for second in 1..=500u64 {
        let noise: Vec<u8> = (0..BLOCK)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) as u8
            })
            .collect();
        let write = WriteRequest {
            offset: second % 20 * BLOCK,
            data: &noise,
        };
        volume.write(&[write], at(second)).expect("written");
    }
    volume.checkpoint(at(500)).expect("checkpoint");
    let work_at = |second| {
        let mut bytes = 0;
        loop {
            let done = volume.maintain(at(second), u64::MAX).expect("maintained");
            bytes += done.io_bytes;
            if !done.more {
                return bytes;
            }
        }
    };
    let first = work_at(1000);
    let second = work_at(2000);
    assert!(first > 2 * MIB && second < first / 8, "{first} bytes, then {second}");
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

#[test]
fn what_was_reserved_behind_a_sealed_segment_is_given_back_and_not_counted() {
    let folder = Folder::new(Settings {
        segment_bytes: 4 << 20,
        ..small_segments()
    });
    let store = folder.store();
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    fill(&volume, 0, 1, at(1));
    drop(volume);
    store.close(at(2)).expect("closed");
    let store = folder.store();
    fill(&store.volume("disk", at(2)).expect("opened"), 0, 1, at(2));
    store.close(at(2)).expect("closed");
    // A daemon that was killed right after a seal leaves this behind.
    let directory = OsDirectory::open(&folder.path.path().join("disk")).expect("the volume's directory");
    let first = directory.open("00000000.segment").expect("the first segment");
    first.allocate(4 << 20).expect("reserved");
    let volume = folder.store().volume("disk", at(3)).expect("opened");
    assert!(
        volume.status().stored_bytes >= 4 << 20,
        "{}",
        volume.status().stored_bytes
    );
    fill(&volume, 0, 2, at(4));
    volume.flush().expect("flushed");
    while volume.maintain(at(5), u64::MAX).expect("maintained").more {}
    // The newest segment counts with all that is reserved for it.
    assert_eq!(volume.status().stored_bytes, occupied_by_segments(&folder, "disk"));
    assert!(first.allocated_bytes().expect("told") < MIB);
}

#[test]
fn under_pressure_history_older_than_the_floor_goes_even_if_the_next_checkpoint_is_late() {
    let settings = Settings {
        retention_floor: Duration::from_secs(10),
        budget_bytes: Some(2 * MIB),
        checkpoint_records: 1 << 20,
        ..small_segments()
    };
    let folder = Folder::new(settings);
    let volume = folder.store().create("disk", 4 * MIB, at(0)).expect("created");
    for write in 0..300u64 {
        fill(&volume, write % 20, 1, at(1000));
    }
    volume.checkpoint(at(1001)).expect("checkpoint");
    // From here on the volume is short of space, and the only later checkpoint is at nine tenths of the way to the floor.
    let mut refused = None;
    for write in 0..200u64 {
        let now = at(1100 + write / 10);
        let data = [2; BLOCK as usize];
        let offset = write % 20 * BLOCK;
        if let Err(error) = volume.write(&[WriteRequest { offset, data: &data }], now) {
            refused = Some((write, error));
            break;
        }
        while volume.maintain(now, u64::MAX).expect("maintained").more {}
    }
    assert!(refused.is_none(), "{refused:?}");
    assert!(volume.oldest().time >= at(1001), "{:?}", volume.oldest());
    assert!(
        volume.oldest().time <= at(1110),
        "the floor holds: {:?}",
        volume.oldest()
    );
}

#[test]
fn a_budget_smaller_than_the_checkpoint_interval_goes_on_once_the_floor_has_passed() {
    let settings = Settings {
        retention: Duration::from_secs(30),
        retention_floor: Duration::from_secs(30),
        budget_bytes: Some(16 * MIB),
        checkpoint_records: 1 << 20,
        segment_bytes: 1 << 20,
        ..small_segments()
    };
    let folder = Folder::new(settings);
    let volume = folder.store().create("disk", 4 * MIB, at(0)).expect("created");
    // When writes are refused, there is room enough in the newest segment for checkpoints: nothing makes it end.
    let data = [7; 44 * BLOCK as usize];
    for round in 0..5 {
        let from = 1 + round * 100;
        let mut written = 0;
        while volume
            .write(&[WriteRequest { offset: 0, data: &data }], at(from))
            .is_ok()
        {
            written += 1;
            assert!(written < 200, "the floor must refuse writes at some time");
            while volume.maintain(at(from), u64::MAX).expect("maintained").more {}
        }
        assert!(written > 40, "{written} writes in round {round}");
        assert!(volume.status().stored_bytes <= 17 * MIB);
        for second in from..from + 60 {
            while volume.maintain(at(second), u64::MAX).expect("maintained").more {}
            let floor = at(second).saturating_sub(Duration::from_secs(30));
            assert!(volume.oldest().time <= floor.max(at(0)), "the floor holds");
        }
    }
}

#[test]
fn a_volume_that_is_only_looked_at_stays_as_it_is() {
    let folder = Folder::new(small_segments());
    let store = folder.store();
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    for second in 1..100 {
        fill(&volume, second % 7, second as u8, at(second));
    }
    drop(volume);
    // Once closed in good order, and once as a crash leaves it and the first opening settles it.
    for is_closed in [true, false] {
        if is_closed {
            store.close(at(100)).expect("closed");
        } else {
            let store = folder.store();
            fill(&store.volume("disk", at(101)).expect("opened"), 0, 1, at(101));
            drop(store);
            folder.store().volume("disk", at(102)).expect("recovered");
        }
        // A copy has nothing reserved.
        std::fs::remove_file(folder.path.path().join("disk/reserve")).expect("removed");
        let before = files_of(&folder, "disk");
        for second in 200..205 {
            let store = folder.store();
            let volume = store.volume("disk", at(second)).expect("opened");
            volume.view(&Moment::At(at(50))).expect("a view");
            volume.history(at(0), at(300), Duration::from_secs(1)).expect("told");
            let report = volume.verify(&mut |_| std::ops::ControlFlow::Continue(()));
            assert!(report.expect("verified").damage.is_empty());
            assert_eq!(volume.status().refusing, None);
            drop(volume);
            store.close(at(second)).expect("closed");
            assert_eq!(files_of(&folder, "disk"), before);
        }
    }
    let before = occupied_by_segments(&folder, "disk");
    for second in 300..310 {
        let store = folder.store();
        let volume = store.volume("disk", at(second)).expect("opened");
        volume.pin(&format!("p{second}"), None, at(second)).expect("pinned");
        drop(volume);
        store.close(at(second)).expect("closed");
    }
    let grown = occupied_by_segments(&folder, "disk") - before;
    assert!(grown <= 10 * 5 * BLOCK, "{grown} bytes for ten pins");
}

#[test]
fn time_that_was_not_served_does_not_age_history() {
    let settings = Settings {
        retention: Duration::from_secs(1000),
        retention_floor: Duration::from_secs(100),
        ..small_segments()
    };
    let folder = Folder::new(settings);
    let volume = folder.store().create("disk", 4 * MIB, at(0)).expect("created");
    for second in 1..=500u64 {
        fill(&volume, second % 50, (second % 250) as u8, at(second));
    }
    // The machine starts with its clock ten years ahead, or was off for so long.
    let years = 315_360_000;
    let pauses = Pauses::new([(at(500), at(years))]);
    let rest = |pauses: &Pauses, now| while volume.maintain_after(pauses, now, u64::MAX).expect("maintained").more {};
    for second in years..years + 400 {
        if second % 7 == 0 {
            fill(&volume, second % 50, 1, at(second));
        }
        rest(&pauses, at(second));
        assert_eq!(
            volume.oldest().time,
            at(0),
            "all of it is younger than the retention time"
        );
    }
    rest(&pauses, at(years + 900));
    let oldest = volume.oldest().time;
    assert!(
        oldest > at(300) && oldest <= at(400),
        "a thousand seconds served: {oldest:?}"
    );
    rest(&Pauses::default(), at(years + 1100));
    assert!(volume.oldest().time >= at(500), "by the clock alone it is old");
}

#[test]
fn closing_gives_back_what_was_reserved_for_the_newest_segment() {
    let folder = Folder::new(Settings {
        segment_bytes: 4 << 20,
        ..small_segments()
    });
    let store = folder.store();
    let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
    // So much at once that the file isn't filled with zeros ahead: its end is where the log ends.
    let data = vec![7; MIB as usize];
    let write = WriteRequest { offset: 0, data: &data };
    volume.write(&[write], at(1)).expect("written");
    volume.checkpoint(at(2)).expect("checkpoint");
    assert!(occupied_by_segments(&folder, "disk") >= 4 << 20);
    drop(volume);
    store.close(at(3)).expect("closed");
    assert!(occupied_by_segments(&folder, "disk") < 2 * MIB);
}

//! What is kept and what it costs: retention, the hash chain, memory, starting. One promise a test.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use volume::{
    Device, Error, Moment, OsDirectory, Settings, Store, Timestamp, VerifyReport, Volume, Wait, WriteRequest, os_random,
};

const BLOCK: u64 = 4096;
const MIB: u64 = 1 << 20;

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + second)
}

fn settings() -> Settings {
    Settings {
        segment_bytes: 64 << 10,
        checkpoint_records: 40,
        retention: Duration::from_secs(100),
        retention_floor: Duration::from_secs(50),
        compress_after: Duration::from_secs(20),
        ..Settings::default()
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn store(&self, settings: Settings) -> Arc<Store> {
        let directory = Arc::new(OsDirectory::open(self.0.path()).expect("the folder"));
        Store::open(directory, Box::new(move |_| settings.clone()), Box::new(os_random))
    }

    /// A volume `disk` whose past fills many segments, all of them in the chain, closed in good order.
    fn with_chain() -> (Self, [u8; 32]) {
        let folder = Self::new();
        let store = folder.store(settings());
        let volume = store.create("disk", 4 * MIB, at(0)).expect("created");
        for second in 1..=90 {
            fill(&volume, second % 50, second as u8, at(second));
        }
        volume.flush().expect("flushed");
        maintain(&volume, at(90));
        let head = volume.status().chain_head;
        drop(volume);
        store.close(at(91)).expect("closed");
        (folder, head)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join("disk").join(file)
    }

    fn verify(&self) -> VerifyReport {
        let volume = self.store(settings()).volume("disk", at(92)).expect("opened");
        volume.verify(&mut |_| ControlFlow::Continue(())).expect("verified")
    }
}

fn fill(volume: &Volume, block: u64, byte: u8, now: Timestamp) {
    let data = [byte; BLOCK as usize];
    let write = WriteRequest {
        offset: block * BLOCK,
        data: &data,
    };
    volume.write(&[write], now).expect("written");
}

fn maintain(volume: &Volume, now: Timestamp) {
    while volume.maintain(now, u64::MAX).expect("maintained").more {}
}

fn byte_at(device: &dyn Device, block: u64) -> u8 {
    let mut data = [0; BLOCK as usize];
    device.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    data[0]
}

/// Whether the moments of these seconds can all be read and hold what was written then.
fn keeps(volume: &Arc<Volume>, seconds: impl Iterator<Item = u64>) {
    for second in seconds {
        let view = volume.view(&Moment::At(at(second))).expect("a moment that is kept");
        assert_eq!(byte_at(&view, second % 7), second as u8, "second {second}");
    }
}

#[test]
fn nothing_younger_than_the_retention_time_is_dropped_while_there_is_room() {
    let folder = Folder::new();
    let volume = folder
        .store(settings())
        .create("disk", 4 * MIB, at(0))
        .expect("created");
    for second in 1..=600 {
        fill(&volume, second % 7, second as u8, at(second));
        maintain(&volume, at(second));
        if second % 37 == 0 {
            keeps(&volume, second.saturating_sub(100).max(1)..=second);
        }
    }
    let past = volume.view(&Moment::At(at(300)));
    assert!(matches!(past, Err(Error::MomentTooOld { .. })), "what is older goes");
}

#[test]
fn nothing_younger_than_the_floor_is_dropped_however_little_room_there_is() {
    let folder = Folder::new();
    let tight = Settings {
        budget_bytes: Some(MIB),
        compress_after: Duration::from_secs(1_000_000),
        ..settings()
    };
    let volume = folder.store(tight).create("disk", 4 * MIB, at(0)).expect("created");
    let mut written = Vec::new();
    for second in 1..=600 {
        let data = [second as u8; 3 * BLOCK as usize];
        let write = WriteRequest {
            offset: second % 7 * BLOCK,
            data: &data,
        };
        match volume.write(&[write], at(second)) {
            Ok(_) => written.push(second),
            Err(Error::NoSpace(_)) => {}
            Err(error) => panic!("{error}"),
        }
        maintain(&volume, at(second));
        if second % 37 == 0 {
            keeps(&volume, written.iter().copied().filter(|one| one + 50 >= second));
        }
    }
    let newest = written.last().copied().unwrap_or_default();
    assert!(newest > 500, "room is made for new writes as the floor moves on");
    assert!(written.len() < 600, "there is too little room for all of them");
}

#[test]
fn bytes_changed_behind_the_back_of_the_checksums_show_in_the_chain() {
    let (folder, _) = Folder::with_chain();
    let before = folder.verify();
    assert!(before.chain_intact && before.damage.is_empty(), "{before:?}");
    let path = folder.path("00000002.segment");
    let mut bytes = fs::read(&path).expect("a segment");
    // Between the copies of the header: no checksum covers these bytes.
    *bytes.get_mut(4000).expect("a header") ^= 1;
    fs::write(&path, bytes).expect("changed");
    let after = folder.verify();
    assert!(!after.chain_intact && after.damage.is_empty(), "{after:?}");
    assert_eq!(after.changed_segments, [2]);
}

#[test]
fn a_segment_that_was_left_out_shows_in_the_chain() {
    let (folder, _) = Folder::with_chain();
    fs::remove_file(folder.path("00000002.segment")).expect("removed");
    let after = folder.verify();
    assert!(!after.chain_intact, "{after:?}");
    assert_eq!(after.changed_segments, [2]);
}

#[test]
fn a_changed_record_of_the_chain_shows() {
    let (folder, _) = Folder::with_chain();
    let path = folder.path("chain");
    let mut bytes = fs::read(&path).expect("the chain");
    // The time in the second record; its checksum is made right, the link can't be.
    let record = bytes.get_mut(128..256).expect("a second record");
    *record.get_mut(14).expect("its time") ^= 1;
    let crc = crc32c::crc32c(record.get(4..84).expect("what is sealed"));
    record
        .get_mut(..4)
        .expect("its checksum")
        .copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, bytes).expect("changed");
    assert!(!folder.verify().chain_intact);
}

#[test]
fn a_chain_made_anew_does_not_reach_the_link_that_was_noted() {
    let (folder, noted) = Folder::with_chain();
    fs::remove_file(folder.path("chain")).expect("removed");
    let volume = folder.store(settings()).volume("disk", at(92)).expect("opened");
    maintain(&volume, at(92));
    assert_ne!(volume.status().chain_head, noted);
    assert!(volume.status().chain_records > 0, "made anew");
}

#[test]
fn the_memory_of_the_map_stays_within_its_setting() {
    let folder = Folder::new();
    let small = Settings {
        map_cache_bytes: MIB as usize,
        checkpoint_records: 128 << 10,
        segment_bytes: 4 << 20,
        ..settings()
    };
    let volume = folder.store(small).create("disk", 1 << 40, at(0)).expect("created");
    let mut most = 0;
    // Each block has a leaf of its own: 20,000 leaves and what leads to them.
    for number in 0..20_000_u64 {
        fill(&volume, number * 7919 % (1 << 28), 1, at(1));
        if number % 50 == 0 {
            maintain(&volume, at(1));
        }
        most = most.max(volume.status().map_bytes);
    }
    for number in 0..20_000_u64 {
        assert_eq!(byte_of(&volume, number * 7919 % (1 << 28)), 1);
    }
    most = most.max(volume.status().map_bytes);
    assert!(most <= MIB as usize, "{most} bytes");
}

fn byte_of(volume: &Volume, block: u64) -> u8 {
    let mut data = [0; BLOCK as usize];
    volume.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    data[0]
}

#[test]
fn a_start_after_a_crash_replays_no_more_than_one_checkpoint_interval() {
    for writes in [100, 1000, 4000] {
        let folder = Folder::new();
        let volume = folder
            .store(settings())
            .create("disk", 4 * MIB, at(0))
            .expect("created");
        for number in 1..=writes {
            fill(&volume, number % 50, 1, at(1));
            maintain(&volume, at(1));
        }
        drop(volume);
        let volume = folder.store(settings()).volume("disk", at(2)).expect("opened");
        let replayed = volume.status().records_since_checkpoint;
        assert!(replayed <= 41, "{replayed} records replayed after {writes} writes");
    }
}

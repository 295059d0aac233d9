//! A folder of volumes with a past, changed at will: opening, reading, verifying and repairing it may fail, but not panic,
//! hang or take memory without bound. The input is a list of changes, eight bytes each.

#![no_main]

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use simulation::disk::{Geometry, SimDisk};
use simulation::image::{Image, disk_of, read_image};
use volume::{Device, Directory, Error, Hole, Moment, Settings, Store, Timestamp, Volume, Wait, WriteRequest};

fn settings() -> Settings {
    Settings {
        retention: Duration::from_secs(20),
        retention_floor: Duration::from_secs(10),
        segment_bytes: 1 << 16,
        compress_after: Duration::from_secs(5),
        ..Settings::default()
    }
}

fn store(directory: Arc<dyn Directory>) -> Arc<Store> {
    Store::open(directory, Box::new(|_| settings()), Box::new(|| [7; 16]))
}

fn now(seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_700_000_000 + seconds)
}

/// A volume with packed and raw segments, a pin, a rollback and a fork.
fn template() -> Result<Image, Error> {
    let disk = SimDisk::new(Geometry::default(), 1);
    let store = store(disk.root());
    let volume = store.create("disk", 1 << 20, now(0))?;
    for round in 0..30u64 {
        let data = vec![round as u8 + 1; 9000];
        volume.write(
            &[WriteRequest {
                offset: round * 7000,
                data: &data,
            }],
            now(round),
        )?;
        volume.flush()?;
    }
    volume.pin("early", None, now(30))?;
    volume.zero(0, 50_000, Hole::Refused, now(31))?;
    volume.checkpoint(now(40))?;
    store.fork("disk", &Moment::Pin("early".into()), "copy", now(41))?;
    volume.rollback(&Moment::Pin("early".into()), now(42))?;
    for _ in 0..40 {
        volume.maintain(now(80), 1 << 20)?;
    }
    volume.write(
        &[WriteRequest {
            offset: 5,
            data: &[9; 5000],
        }],
        now(81),
    )?;
    volume.flush()?;
    let _unsynced = volume.write(
        &[WriteRequest {
            offset: 50_000,
            data: &[8; 5000],
        }],
        now(82),
    )?;
    Ok(read_image(&disk.root()).expect("the disk has no faults"))
}

fn change(image: &mut Image, edit: &[u8; 8]) {
    let [file, kind, a, b, c, value, d, e] = *edit;
    let index = usize::from(file) % image.len();
    let Some(bytes) = image.values_mut().nth(index) else {
        return;
    };
    if bytes.is_empty() {
        return;
    }
    let at = (usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16) % bytes.len();
    let length = (usize::from(d) | usize::from(e) << 8).min(bytes.len() - at);
    match kind % 5 {
        0 => bytes[at] ^= value,
        1 => bytes[at..at + length].fill(value),
        2 => bytes.truncate(at),
        3 => {
            let to = usize::from(value) * 16 % (bytes.len() - length + 1);
            bytes.copy_within(at..at + length, to);
        }
        _ => bytes.resize(bytes.len() + length, value),
    }
}

fn use_volume(volume: &Arc<Volume>) {
    let mut buffer = vec![0; 1 << 16];
    for offset in (0..volume.size_bytes().min(1 << 20)).step_by(buffer.len()) {
        let length = buffer
            .len()
            .min(usize::try_from(volume.size_bytes() - offset).unwrap_or(0));
        let _may_fail = volume.read(offset, &mut buffer[..length], Wait::Allowed);
    }
    let moments = [
        Moment::Pin("early".into()),
        Moment::At(now(45)),
        Moment::After(volume.oldest().sequence),
    ];
    for view in moments.iter().filter_map(|moment| volume.view(moment).ok()) {
        let length = buffer.len().min(usize::try_from(view.size_bytes()).unwrap_or(0));
        let _may_fail = view.read(0, &mut buffer[..length], Wait::Allowed);
    }
    let _may_fail = volume.verify(&mut |_| ControlFlow::Continue(()));
    let _may_fail = volume.write(
        &[WriteRequest {
            offset: 100,
            data: &[1; 600],
        }],
        now(100),
    );
    for _ in 0..20 {
        let _may_fail = volume.maintain(now(200), 1 << 20);
    }
    let _may_fail = volume.checkpoint(now(201));
}

fuzz_target!(|input: &[u8]| {
    static TEMPLATE: OnceLock<Image> = OnceLock::new();
    let mut image = TEMPLATE
        .get_or_init(|| template().expect("nothing fails on a disk without faults"))
        .clone();
    let (edits, _) = input.as_chunks::<8>();
    edits.iter().take(16).for_each(|edit| change(&mut image, edit));
    let disk = disk_of(&image).expect("the paths are those of a folder");
    let store = store(disk.root());
    for name in ["disk", "copy"] {
        if store.volume(name, now(90)).is_err_and(|error| error.is_damage()) {
            let _may_fail = store.repair(name, now(91));
        }
        if let Ok(volume) = store.volume(name, now(92)) {
            use_volume(&volume);
        }
    }
    // Damage keeps nobody from getting rid of a volume, forks first.
    for name in ["copy", "disk"] {
        let is_damaged = store.volume(name, now(300)).is_err_and(|error| error.is_damage());
        let deleted = store.delete(name, now(301));
        assert!(deleted.is_ok() || !is_damaged || name == "disk", "{deleted:?}");
    }
});

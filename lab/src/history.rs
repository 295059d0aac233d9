//! A disk with days behind it, for benchmarks: written in full, then overwritten in places, hour by hour, with a pin every night.

use std::path::Path;
use std::time::Duration;

use volume::Settings;

use crate::chance::Chance;
use crate::figures::Object;
use crate::{Failure, store};

const HOUR: Duration = Duration::from_secs(3600);
/// Over its days the disk is overwritten this often.
const OVERWRITTEN_TIMES: u64 = 2;
/// Writes that arrive together.
const BATCH: usize = 8;
const BLOCK: usize = 4096;

pub(crate) fn make(folder: &Path, disk_bytes: u64, days: u64) -> Result<String, Failure> {
    // Retention somewhat longer than the history, so that all of it is kept.
    let retention = Duration::from_secs((days + 1) * 86_400);
    let store = store::open(
        folder,
        Settings {
            retention,
            ..Settings::default()
        },
    )?;
    let mut chance = Chance::new(disk_bytes);
    let hours = days * 24;
    let mut time = store::now().saturating_sub(HOUR * u32::try_from(hours)? + Duration::from_secs(120));
    let disk = store.create(store::DISK, disk_bytes, time)?;
    store::fill(&disk, &mut chance, time)?;
    time = time.saturating_add(Duration::from_secs(60));
    let batches_per_hour = disk_bytes * OVERWRITTEN_TIMES / hours / (BATCH * BLOCK) as u64;
    let step = HOUR / u32::try_from(batches_per_hour)?.max(1);
    let mut content = vec![0; BATCH * BLOCK];
    for hour in 0..hours {
        for _ in 0..batches_per_hour {
            time = time.saturating_add(step);
            store::write_scattered(&disk, &mut chance, &mut content, disk_bytes, time)?;
        }
        if hour % 24 == 23 {
            disk.pin(&format!("night-{}", hour / 24 + 1), None, time)?;
        }
        store::maintain(&disk, time)?;
        eprint!("\rhour {} of {hours}", hour + 1);
    }
    eprintln!();
    drop(disk);
    store.close(time)?;
    let stored = store::bytes_on_disk(folder)?;
    let overwritten = batches_per_hour * hours * (BATCH * BLOCK) as u64;
    Ok(Object::default()
        .number("disk_bytes", disk_bytes)
        .number("moments", batches_per_hour * hours)
        .number("overwritten_bytes", overwritten)
        .number("stored_bytes", stored)
        .finish())
}

//! What history costs: bytes stored per byte overwritten, before compaction, after it, and once the history has expired.

use std::path::Path;
use std::time::Duration;

use volume::Settings;

use crate::chance::Chance;
use crate::figures::Object;
use crate::{Failure, store};

const BLOCK: usize = 4096;
/// Blocks of a batch: 64 KiB that arrive together.
const BATCH: usize = 16;
/// The disk is overwritten this often.
const OVERWRITTEN_TIMES: u64 = 4;

pub(crate) fn measure(folder: &Path, disk_bytes: u64) -> Result<String, Failure> {
    let retention = Duration::from_secs(86_400);
    let settings = Settings {
        retention,
        retention_floor: retention,
        ..Settings::default()
    };
    let store = store::open(folder, settings)?;
    let mut chance = Chance::new(1);
    let mut time = store::now();
    let disk = store.create(store::DISK, disk_bytes, time)?;
    store::fill(&disk, &mut chance, time)?;
    disk.checkpoint(time)?;
    let stored_once = store::bytes_on_disk(folder)?;
    let batches = disk_bytes * OVERWRITTEN_TIMES / (BATCH * BLOCK) as u64;
    let mut content = vec![0; BATCH * BLOCK];
    for _ in 0..batches {
        time = time.saturating_add(Duration::from_millis(50));
        store::write_scattered(&disk, &mut chance, &mut content, disk_bytes, time)?;
    }
    disk.checkpoint(time)?;
    disk.flush()?;
    let before = store::bytes_on_disk(folder)?;
    // A day later less an hour nothing has expired, but everything is cold.
    store::maintain(&disk, time.saturating_add(Duration::from_secs(82_800)))?;
    let compacted = store::bytes_on_disk(folder)?;
    store::maintain(&disk, time.saturating_add(Duration::from_secs(3 * 86_400)))?;
    let expired = store::bytes_on_disk(folder)?;
    let overwritten = batches * (BATCH * BLOCK) as u64;
    Ok(Object::default()
        .number("disk_bytes", disk_bytes)
        .number("overwritten_bytes", overwritten)
        .ratio("stored_per_byte_written_first", stored_once, disk_bytes)
        .ratio(
            "stored_per_byte_overwritten_before_compaction",
            before.saturating_sub(stored_once),
            overwritten,
        )
        .ratio(
            "stored_per_byte_with_history_after_compaction",
            compacted,
            overwritten + disk_bytes,
        )
        .ratio("stored_per_byte_of_the_disk_after_expiry", expired, disk_bytes)
        .finish())
}

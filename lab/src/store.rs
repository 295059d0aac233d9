//! A data folder as the daemon would open it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use volume::{BLOCK_BYTES, OsDirectory, Settings, Store, Timestamp, Volume, WriteRequest, os_random};

use crate::Failure;
use crate::chance::Chance;

/// The name that `holdfast up` gives to the first disk, too.
pub(crate) const DISK: &str = "disk";

/// Background work is done in steps of this size.
const STEP_BYTES: u64 = 256 << 20;

pub(crate) fn open(folder: &Path, settings: Settings) -> Result<Arc<Store>, Failure> {
    let volumes = folder.join("volumes");
    std::fs::create_dir_all(&volumes)?;
    let directory = Arc::new(OsDirectory::open(&volumes)?);
    Ok(Store::open(
        directory,
        Box::new(move |_| settings.clone()),
        Box::new(os_random),
    ))
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::ZERO.saturating_add(since)
}

/// Does all background work that is due at a time.
pub(crate) fn maintain(volume: &Volume, now: Timestamp) -> Result<(), Failure> {
    while volume.maintain(now, STEP_BYTES)?.more {}
    Ok(())
}

/// Writes the whole disk once, in order, over the minute that begins at `now`.
pub(crate) fn fill(volume: &Volume, chance: &mut Chance, now: Timestamp) -> Result<(), Failure> {
    let mut buffer = vec![0; 1 << 20];
    let step = Duration::from_secs(60) / u32::try_from(volume.size_bytes() >> 20)?.max(1);
    let mut time = now;
    for offset in (0..volume.size_bytes()).step_by(buffer.len()) {
        chance.fill(&mut buffer);
        time = time.saturating_add(step);
        volume.write(&[WriteRequest { offset, data: &buffer }], time)?;
    }
    Ok(())
}

/// Bytes that a folder with everything in it takes on the disk.
pub(crate) fn bytes_on_disk(folder: &Path) -> Result<u64, Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let mut total = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() {
            bytes_on_disk(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(total)
}

/// Fills `content` anew and writes it as one moment, each block of it to some place of the disk.
pub(crate) fn write_scattered(
    disk: &Volume,
    chance: &mut Chance,
    content: &mut [u8],
    disk_bytes: u64,
    time: Timestamp,
) -> Result<(), Failure> {
    chance.fill(content);
    let writes: Vec<_> = content
        .chunks(BLOCK_BYTES)
        .map(|data| WriteRequest {
            offset: chance.below(disk_bytes / BLOCK_BYTES as u64) * BLOCK_BYTES as u64,
            data,
        })
        .collect();
    disk.write(&writes, time)?;
    Ok(())
}

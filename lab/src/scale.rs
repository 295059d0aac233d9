//! A huge, sparse, long-lived volume: how long opening, looking back, forking and rolling back take, and in how much memory.

use std::path::Path;
use std::time::Duration;

use volume::{Device as _, Moment, Settings, Timestamp, Wait};

use crate::chance::Chance;
use crate::figures::{Object, peak_memory_mib, timed};
use crate::{Failure, store};

const DISK_BYTES: u64 = 16 << 40;
const BLOCK: usize = 4096;
/// A moment a second: 100,000 of them are a bit more than a day.
const BETWEEN_MOMENTS: Duration = Duration::from_secs(1);
const VIEWS: u64 = 200;
const FORKS: u64 = 20;
const ROLLBACKS: u64 = 20;

fn settings() -> Settings {
    Settings {
        retention: Duration::from_secs(7 * 86_400),
        ..Settings::default()
    }
}

pub(crate) fn make(folder: &Path, blocks: u64, moments: u64) -> Result<String, Failure> {
    let store = store::open(folder, settings())?;
    let mut chance = Chance::new(blocks);
    let per_moment = usize::try_from(blocks / moments)?.max(1);
    let mut time = store::now().saturating_sub(BETWEEN_MOMENTS * u32::try_from(moments)?);
    let disk = store.create(store::DISK, DISK_BYTES, time)?;
    let mut content = vec![0; per_moment * BLOCK];
    for moment in 0..moments {
        time = time.saturating_add(BETWEEN_MOMENTS);
        store::write_scattered(&disk, &mut chance, &mut content, DISK_BYTES, time)?;
        // Background work as the daemon does it: every few seconds.
        if moment % 5 == 0 {
            disk.maintain(time, 64 << 20)?;
        }
        if moment % 1000 == 0 {
            eprint!("\rmoment {moment} of {moments}");
        }
    }
    eprintln!();
    let peak = peak_memory_mib();
    // No close: the next opening has a crash to recover from.
    disk.flush()?;
    let stored = store::bytes_on_disk(folder)?;
    Ok(Object::default()
        .number("blocks", blocks)
        .number("moments", moments)
        .number("stored_bytes", stored)
        .number("peak_memory_mib_while_making", peak)
        .finish())
}

pub(crate) fn measure(folder: &Path) -> Result<String, Failure> {
    let mut chance = Chance::new(7);
    let (opened, open_after_crash) = timed(|| -> Result<_, Failure> {
        let store = store::open(folder, settings())?;
        let disk = store.volume(store::DISK, store::now())?;
        Ok((store, disk))
    });
    let (store, disk) = opened?;
    let peak_after_opening = peak_memory_mib();
    let (oldest, newest) = (disk.oldest().time.as_unix_nanos(), disk.newest().time.as_unix_nanos());
    let mut any_moment = move || {
        Moment::At(Timestamp::from_unix_nanos(
            oldest + chance.below((newest - oldest).max(1)),
        ))
    };
    let mut buffer = vec![0; BLOCK];
    let mut views = Vec::new();
    for _ in 0..VIEWS {
        let moment = any_moment();
        let (result, duration) = timed(|| disk.view(&moment)?.read(1 << 40, &mut buffer, Wait::Allowed));
        result?;
        views.push(duration);
    }
    let peak_after_views = peak_memory_mib();
    let mut rollbacks = Vec::new();
    for _ in 0..ROLLBACKS {
        let moment = any_moment();
        let (result, duration) = timed(|| disk.rollback(&moment, store::now()));
        result?;
        rollbacks.push(duration);
    }
    let peak_after_rollbacks = peak_memory_mib();
    let mut forks = Vec::new();
    for number in 0..FORKS {
        let moment = any_moment();
        let (result, duration) = timed(|| store.fork(store::DISK, &moment, &format!("fork-{number}"), store::now()));
        result?;
        forks.push(duration);
    }
    let peak_after_forks = peak_memory_mib();
    drop(disk);
    let (closed, close) = timed(|| store.close(store::now()));
    closed?;
    drop(store);
    let (reopened, open_after_close) = timed(|| -> Result<_, Failure> {
        let store = store::open(folder, settings())?;
        Ok(store.volume(store::DISK, store::now())?)
    });
    reopened?;
    Ok(Object::default()
        .durations("open_after_crash", vec![open_after_crash])
        .durations("open_after_close", vec![open_after_close])
        .durations("close", vec![close])
        .durations("view_and_first_read", views)
        .durations("fork", forks)
        .durations("rollback", rollbacks)
        .number("peak_memory_mib_after_opening", peak_after_opening)
        .number("peak_memory_mib_after_views", peak_after_views)
        .number("peak_memory_mib_after_rollbacks", peak_after_rollbacks)
        .number("peak_memory_mib_with_all_forks_open", peak_after_forks)
        .finish())
}

//! What the guard costs a request, in the process and without a transport: the same requests to the volume as it is and
//! under watch, turn by turn. Processor time of this thread, the system's share included, so that a busy machine doesn't
//! matter much.
//!
//! `cargo run --release -p guard --example cost`

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use guard::{Event, Events, Guard, Settings, SharedModel, Uptime};
use rustix::time::{ClockId, clock_gettime};
use volume::{Clock, Device, OsDirectory, Store, Timestamp, Wait, WriteRequest, os_random};

const BLOCK: usize = 4096;
const DISK_BYTES: u64 = 64 << 20;
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 15;

/// The system's clocks.
struct Clocks(Instant);

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Uptime for Clocks {
    fn micros(&self) -> u64 {
        30 * 86_400_000_000 + u64::try_from(self.0.elapsed().as_micros()).unwrap_or(0)
    }
}

struct Silent;

impl Events for Silent {
    fn note(&self, event: &Event) {
        eprintln!("{}", event.text());
    }
}

/// Block numbers without an order, each once in a while.
fn blocks() -> impl Iterator<Item = u64> {
    (0..REQUESTS as u64)
        .map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20)
        .map(|block| block % (DISK_BYTES / BLOCK as u64))
}

fn reads(disk: &dyn Device) -> Result<f64, volume::Error> {
    let mut buffer = [0; BLOCK];
    let began = processor_nanos();
    for block in blocks() {
        disk.read(block * BLOCK as u64, &mut buffer, Wait::Allowed)?;
    }
    Ok(nanos_each(began))
}

fn writes(disk: &dyn Device, data: &[u8]) -> Result<f64, volume::Error> {
    let began = processor_nanos();
    for block in blocks() {
        let offset = block * BLOCK as u64;
        disk.write(&[WriteRequest { offset, data }])?;
    }
    Ok(nanos_each(began))
}

/// Nanoseconds that this thread had a processor for.
fn processor_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

fn nanos_each(began: u64) -> f64 {
    (processor_nanos() - began) as f64 / REQUESTS as f64
}

/// The median of rounds: of the volume as it is, and under watch.
fn compare(
    name: &str,
    mut plain: impl FnMut() -> Result<f64, volume::Error>,
    mut guarded: impl FnMut() -> Result<f64, volume::Error>,
) -> Result<(), volume::Error> {
    let mut taken = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let [first, second] = &mut taken;
        first.push(plain()?);
        second.push(guarded()?);
    }
    let [plain, guarded] = taken.map(|mut nanos| {
        nanos.sort_by(f64::total_cmp);
        nanos.get(nanos.len() / 2).copied().unwrap_or(0.0)
    });
    eprintln!(
        "{name}: {plain:.0} ns plain, {guarded:.0} ns guarded, {:.0} ns more",
        guarded - plain
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let directory = Arc::new(OsDirectory::open(folder.path())?);
    let store = Store::open(
        directory,
        Box::new(|_| volume::Settings::default()),
        Box::new(os_random),
    );
    let clocks = Arc::new(Clocks(Instant::now()));
    let volume = store.create("disk", DISK_BYTES, clocks.now())?;
    let model = SharedModel::shipped();
    let guard = Guard::open(
        &store,
        Arc::clone(&volume),
        Arc::<Clocks>::clone(&clocks),
        Arc::<Clocks>::clone(&clocks),
        model,
        Settings::default(),
        Arc::new(Silent),
    );
    let plain = volume.attach(clocks);
    let guarded = guard.attach();
    let text: Vec<u8> = b"Minutes of meeting: nobody was surprised. "
        .iter()
        .cycle()
        .take(BLOCK)
        .copied()
        .collect();
    compare(
        "4 KiB writes of text",
        || writes(&plain, &text),
        || writes(&guarded, &text),
    )?;
    compare("4 KiB reads", || reads(&plain), || reads(&guarded))?;
    let big: Vec<u8> = text.iter().cycle().take(64 * BLOCK).copied().collect();
    let requests: Vec<WriteRequest<'_>> = big
        .chunks(BLOCK)
        .zip(0..)
        .map(|(data, block)| WriteRequest {
            offset: block * 2 * BLOCK as u64,
            data,
        })
        .collect();
    let batches = |disk: &dyn Device| {
        let began = processor_nanos();
        for _ in 0..REQUESTS / 64 {
            disk.write(&requests)?;
        }
        Ok(nanos_each(began))
    };
    compare("4 KiB writes, 64 a batch", || batches(&plain), || batches(&guarded))?;
    Ok(())
}

//! A volume in a temporary folder, clocks turned by hand, a model that judges by one feature, and what attacks and ordinary
//! work look like from below.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use guard::{Event, EventKind, Events, Fence, Guard, GuardedDisk, Settings, SharedModel, Uptime};
use sentinel::{FEATURES, Micros, feature_name};
use volume::{Clock, Device, Error, Moment, OsDirectory, Store, Timestamp, Volume, Wait, WriteRequest, os_random};

pub(crate) const BLOCK: u64 = 4096;
pub(crate) const DISK_BYTES: u64 = 64 << 20;
/// Blocks of one write of [`Bench::encrypt`] and others: one assessment.
pub(crate) const BATCH: u64 = 128;
/// Assessments of an attack until the moment before it is bookmarked, and until it is fenced.
pub(crate) const TO_BOOKMARK: u64 = 2;
pub(crate) const TO_FENCE: u64 = 6;
const STEP: i32 = 2048;
const SECOND: Micros = 1_000_000;
const START: u64 = 1_800_000_000;

pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(START + second)
}

/// Both clocks. The wall clock can be set, the other one only goes on.
pub(crate) struct Clocks {
    wall: AtomicU64,
    uptime: AtomicU64,
}

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.wall.load(Ordering::SeqCst))
    }
}

impl Uptime for Clocks {
    fn micros(&self) -> Micros {
        self.uptime.load(Ordering::SeqCst)
    }
}

impl Clocks {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            wall: AtomicU64::new(at(0).as_unix_nanos()),
            uptime: AtomicU64::new(30 * 86_400 * SECOND),
        })
    }

    pub(crate) fn advance_millis(&self, millis: u64) {
        self.wall.fetch_add(millis * 1_000_000, Ordering::SeqCst);
        self.uptime.fetch_add(millis * 1000, Ordering::SeqCst);
    }

    pub(crate) fn set_wall(&self, time: Timestamp) {
        self.wall.store(time.as_unix_nanos(), Ordering::SeqCst);
    }

    /// A new run's monotonic clock stands elsewhere.
    pub(crate) fn restart(&self) {
        let micros = self.uptime.load(Ordering::SeqCst);
        self.uptime.store(40 * 86_400 * SECOND + micros / 7, Ordering::SeqCst);
    }
}

/// Keeps all events.
#[derive(Default)]
pub(crate) struct Noting(Mutex<Vec<Event>>);

impl Events for Noting {
    fn note(&self, event: &Event) {
        self.0.lock().expect("no test panicked").push(event.clone());
    }
}

impl Noting {
    pub(crate) fn all(&self) -> Vec<Event> {
        self.0.lock().expect("no test panicked").clone()
    }

    pub(crate) fn find(&self, is: impl Fn(&EventKind) -> bool) -> Vec<Event> {
        self.all().into_iter().filter(|event| is(&event.kind)).collect()
    }
}

/// A model that suspects blocks that turn random, and nothing else.
pub(crate) fn model_bytes(version: u32) -> Vec<u8> {
    model_by("flipped / written", version)
}

/// A model that looks at one feature of the last 2 MiB: one tree with two leaves.
pub(crate) fn model_by(feature: &'static str, version: u32) -> Vec<u8> {
    let name = Some((feature, "2 MiB"));
    let feature = (0..FEATURES).find(|feature| feature_name(*feature) == name);
    let mut bytes = b"HFSM".to_vec();
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend((FEATURES as u16).to_le_bytes());
    let (bookmark, fence) = (TO_BOOKMARK as i32 * STEP, TO_FENCE as i32 * STEP);
    for number in [version as i32, 0, 0, bookmark, fence, 1, 0] {
        bytes.extend(number.to_le_bytes());
    }
    let leaf = u32::from(u16::MAX);
    let nodes = [
        [feature.expect("a feature") as u32, 200, 1, 2],
        [leaf, 0, 0, -STEP as u32],
        [leaf, 0, 0, STEP as u32],
    ];
    for [feature, threshold, left, right] in nodes {
        bytes.extend((feature as u16).to_le_bytes());
        bytes.extend((threshold as u16).to_le_bytes());
        bytes.extend(left.to_le_bytes());
        bytes.extend(right.to_le_bytes());
    }
    bytes
}

pub(crate) fn model() -> SharedModel {
    SharedModel::parse(&model_bytes(7)).expect("a model")
}

/// A block of random bytes that says which one it is.
pub(crate) fn noise(seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555;
    let mut block = Vec::with_capacity(BLOCK as usize);
    while block.len() < BLOCK as usize {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        block.extend((word ^ (word >> 31)).to_le_bytes());
    }
    Bytes(block)
}

/// A block of text that says which one it is.
pub(crate) fn text(seed: u64) -> Bytes {
    let line = format!("Minutes of meeting {seed}: all were surprised by what had been decided there.\n");
    Bytes(line.bytes().cycle().take(BLOCK as usize).collect())
}

pub(crate) fn zeros() -> Bytes {
    Bytes(vec![0; BLOCK as usize])
}

/// A guarded volume and everything around it.
pub(crate) struct Bench {
    pub(crate) folder: Arc<tempfile::TempDir>,
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) events: Arc<Noting>,
    pub(crate) model: SharedModel,
    pub(crate) store: Arc<Store>,
    pub(crate) volume: Arc<Volume>,
    pub(crate) guard: Arc<Guard>,
}

pub(crate) fn open_store(folder: &tempfile::TempDir) -> Arc<Store> {
    let directory = Arc::new(OsDirectory::open(folder.path()).expect("the folder"));
    let settings = |_: &str| volume::Settings::default();
    Store::open(directory, Box::new(settings), Box::new(os_random))
}

impl Bench {
    /// A disk of text, written long ago.
    pub(crate) fn new(fence: Fence) -> Self {
        Self::named("disk", fence)
    }

    pub(crate) fn named(name: &str, fence: Fence) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let store = open_store(&folder);
        let clocks = Clocks::new();
        let volume = store.create(name, DISK_BYTES, clocks.now()).expect("created");
        let settings = Settings { enabled: true, fence };
        let bench = Self::begin(folder, clocks, store, volume, settings);
        let disk = bench.guard.attach();
        for batch in 0..16 {
            bench.write_text(&disk, batch * BATCH).expect("written");
            bench.clocks.advance_millis(100);
        }
        bench.pass_hours(2);
        bench
    }

    pub(crate) fn begin(
        folder: Arc<tempfile::TempDir>,
        clocks: Arc<Clocks>,
        store: Arc<Store>,
        volume: Arc<Volume>,
        settings: Settings,
    ) -> Self {
        let events = Arc::new(Noting::default());
        let model = model();
        let guard = Guard::open(
            &store,
            Arc::clone(&volume),
            Arc::<Clocks>::clone(&clocks),
            Arc::<Clocks>::clone(&clocks),
            model.clone(),
            settings,
            Arc::<Noting>::clone(&events),
        );
        Self {
            folder,
            clocks,
            events,
            model,
            store,
            volume,
            guard,
        }
    }

    /// The program ends in order and starts again.
    pub(crate) fn restart(self) -> Self {
        self.guard.close();
        self.crash()
    }

    /// The program ends without a word and starts again.
    pub(crate) fn crash(self) -> Self {
        let settings = self.guard.status().configured;
        self.restart_with(settings)
    }

    pub(crate) fn restart_with(self, settings: Settings) -> Self {
        let Self {
            folder,
            clocks,
            store,
            volume,
            guard,
            ..
        } = self;
        let name = guard.name().to_owned();
        drop((guard, volume, store));
        clocks.restart();
        let store = open_store(&folder);
        let volume = store.volume(&name, clocks.now()).expect("opened");
        Self::begin(folder, clocks, store, volume, settings)
    }

    pub(crate) fn pass_seconds(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clocks.advance_millis(1000);
            self.guard.tick();
        }
    }

    /// Hours with a tick a minute.
    pub(crate) fn pass_hours(&self, hours: u64) {
        for _ in 0..hours * 60 {
            self.clocks.advance_millis(60_000);
            self.guard.tick();
        }
    }

    /// [`BATCH`] blocks of text.
    pub(crate) fn write_text(&self, disk: &GuardedDisk, first: u64) -> Result<(), Error> {
        let data: Vec<u8> = (first..first + BATCH).flat_map(|block| text(block).0).collect();
        disk.write(&[WriteRequest {
            offset: first * BLOCK,
            data: &data,
        }])
    }

    /// What an attack does: reads blocks, and writes random bytes over them.
    pub(crate) fn encrypt(&self, disk: &GuardedDisk, first: u64) -> Result<(), Error> {
        let mut buffer = vec![0; (BATCH * BLOCK) as usize];
        disk.read(first * BLOCK, &mut buffer, Wait::Allowed)?;
        let data: Vec<u8> = (first..first + BATCH).flat_map(|block| noise(block).0).collect();
        let written = disk.write(&[WriteRequest {
            offset: first * BLOCK,
            data: &data,
        }]);
        self.clocks.advance_millis(100);
        written
    }

    /// Encrypts batch by batch until a fence is in force; returns how many were written.
    pub(crate) fn encrypt_until_fenced(&self, disk: &GuardedDisk) -> u64 {
        for batch in 0..16 {
            self.encrypt(disk, batch * BATCH).expect("not fenced yet");
            if self.guard.status().fence.is_some() {
                return batch + 1;
            }
        }
        panic!("never fenced");
    }
}

/// A block's bytes; shown in short where a comparison fails.
#[derive(PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..", self.0.get(..32).unwrap_or_default().escape_ascii())
    }
}

pub(crate) fn block_of(device: &dyn Device, block: u64) -> Bytes {
    let mut data = vec![0; BLOCK as usize];
    device.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    Bytes(data)
}

/// A block of the volume itself, past the guard.
pub(crate) fn line_block(volume: &Volume, block: u64) -> Bytes {
    let mut data = vec![0; BLOCK as usize];
    volume.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    Bytes(data)
}

/// Whether a moment shows the disk as it was before any encryption.
pub(crate) fn assert_clean(volume: &Arc<Volume>, pin: &str) {
    let view = volume.view(&Moment::Pin(pin.to_owned())).expect("a view");
    for block in 0..16 * BATCH {
        assert!(block_of(&view, block) == text(block), "block {block} of {pin}");
    }
}

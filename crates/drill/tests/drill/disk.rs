//! A volume with an ext4 file system full of documents, and the clocks and guard around it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use drill::{Case, DrillResult, Error, InThread, Options, Source, Trigger};
use guard::{Event, Events, Guard, Settings, SharedModel, Uptime};
use volume::{Clock, Device, Hole, OsDirectory, Store, Timestamp, WriteRequest, os_random};

/// When the disk was filled.
const START: u64 = 1_800_000_000;
const CHUNK: usize = 1 << 20;

/// Both clocks, turned by hand.
pub(crate) struct Clocks(AtomicU64);

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(START + self.0.load(Ordering::Relaxed))
    }
}

impl Uptime for Clocks {
    fn micros(&self) -> u64 {
        (30 * 86_400 + self.0.load(Ordering::Relaxed)) * 1_000_000
    }
}

struct Nobody;

impl Events for Nobody {
    fn note(&self, _: &Event) {}
}

pub(crate) struct Disk {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) source: Source,
}

pub(crate) fn open_store(folder: &Path) -> Arc<Store> {
    let directory = Arc::new(OsDirectory::open(&folder.join("volumes")).expect("the folder"));
    Store::open(
        directory,
        Box::new(|_| volume::Settings::default()),
        Box::new(os_random),
    )
}

impl Disk {
    /// A disk with so many files of documents in an ext4 file system.
    pub(crate) fn new(files: usize) -> Self {
        Self::with_image(|folder| ext4(folder, files))
    }

    /// A disk with the content of an image that `make` makes in a folder.
    pub(crate) fn with_image(make: impl FnOnce(&Path) -> PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let image = std::fs::read(make(folder.path())).expect("the image");
        std::fs::create_dir(folder.path().join("volumes")).expect("made");
        let clocks = Arc::new(Clocks(AtomicU64::new(0)));
        let store = open_store(folder.path());
        store.create("disk", image.len() as u64, clocks.now()).expect("created");
        let disk = Self::open(folder, clocks, store);
        // Through the guard, which has the volume's map know what kind of content is where.
        let attached = disk.source.guard.attach();
        for (index, data) in image.chunks(CHUNK).enumerate() {
            let offset = (index * CHUNK) as u64;
            if data.iter().any(|byte| *byte != 0) {
                attached.write(&[WriteRequest { offset, data }]).expect("written");
            } else {
                attached.zero(offset, data.len() as u64, Hole::Allowed).expect("zeroed");
            }
            disk.pass(1);
        }
        disk.pass(7200);
        disk
    }

    fn open(folder: tempfile::TempDir, clocks: Arc<Clocks>, store: Arc<Store>) -> Self {
        let volume = store.volume("disk", clocks.now()).expect("opened");
        let model = SharedModel::shipped();
        let guard = Guard::open(
            &store,
            Arc::clone(&volume),
            Arc::clone(&clocks) as Arc<dyn Clock>,
            Arc::clone(&clocks) as Arc<dyn Uptime>,
            model.clone(),
            Settings::default(),
            Arc::new(Nobody),
        );
        let source = Source {
            store,
            volume,
            guard,
            model,
            clock: Arc::clone(&clocks) as Arc<dyn Clock>,
            uptime: Arc::clone(&clocks) as Arc<dyn Uptime>,
        };
        Self { folder, clocks, source }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clocks.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The program ends without a word and starts again.
    pub(crate) fn restart(self) -> Self {
        let Self { folder, clocks, source } = self;
        drop(source);
        let store = open_store(folder.path());
        Self::open(folder, clocks, store)
    }

    pub(crate) fn drills(&self) -> PathBuf {
        self.folder.path().join("drills")
    }

    pub(crate) fn options(&self, case: Case) -> Options {
        Options {
            case,
            seed: 11,
            all: false,
            trigger: Trigger::Command,
            bytes_per_second: 1 << 40,
            files_max: 500,
            bytes_max: 64 << 20,
            folder: self.drills(),
            stop: Arc::default(),
            moved: Arc::default(),
        }
    }

    pub(crate) fn drill_with(&self, options: &Options) -> Result<DrillResult, Error> {
        let name = drill::fork_name(self.source.clock.now(), u64::from(std::process::id()));
        drill::run(&self.source, &InThread, options, &name)
    }

    pub(crate) fn drill(&self, case: Case) -> DrillResult {
        self.drill_with(&self.options(case)).expect("a drill")
    }
}

/// An ext4 image of 128 MiB with documents of 4 to 400 KiB, made by `mke2fs` without mounting anything.
fn ext4(folder: &Path, files: usize) -> PathBuf {
    let tree = folder.join("tree");
    for number in 0..files {
        let place = tree.join(format!("department {}", number % 10));
        std::fs::create_dir_all(&place).expect("a folder");
        let line = format!("Invoice {number}: 17 boxes of paper, to be paid within 30 days of delivery.\n");
        let bytes = 4096 + (number * 7919) % 400_000;
        let text: Vec<u8> = line.bytes().cycle().take(bytes).collect();
        let extensions = ["docx", "txt", "pdf", "csv", "jpg"];
        let extension = extensions.get(number % 5).expect("one of five");
        std::fs::write(place.join(format!("invoice-{number}.{extension}")), text).expect("a file");
    }
    std::fs::create_dir_all(&tree).expect("a folder");
    let image = folder.join("image");
    std::fs::File::create(&image)
        .and_then(|file| file.set_len(128 << 20))
        .expect("an image");
    let made = Command::new("mke2fs")
        .args(["-q", "-F", "-t", "ext4", "-d"])
        .arg(&tree)
        .arg(&image)
        .status()
        .expect("mke2fs, of the package e2fsprogs");
    assert!(made.success());
    image
}

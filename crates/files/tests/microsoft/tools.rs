//! Images on files, tools of other projects, and mounts that end with the test.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use files::{Disk, ReadFailed};
use tempfile::TempDir;

/// A disk in a file.
pub(crate) struct Image {
    file: File,
    size_bytes: u64,
}

impl Image {
    pub(crate) fn open(path: &Path) -> Arc<dyn Disk> {
        let file = File::open(path).unwrap();
        let size_bytes = file.metadata().unwrap().len();
        Arc::new(Self { file, size_bytes })
    }
}

impl Disk for Image {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(|_| ReadFailed::outside(offset, buffer.len() as u64))
    }
}

/// An empty image in a folder of its own.
pub(crate) fn image(size_bytes: u64) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    File::create(&path).unwrap().set_len(size_bytes).unwrap();
    (folder, path)
}

/// Runs a tool; its output.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("can't run {program}: {error} (tests/packages installs it)"));
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A path as a tool's argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A mounted image, unmounted when it goes.
pub(crate) struct Mounted {
    pub(crate) folder: PathBuf,
}

impl Mounted {
    /// Mounts through FUSE; `None`, with words, where that isn't possible.
    pub(crate) fn new(program: &str, options: &str, image: &Path) -> Option<Self> {
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if !is_root || !Path::new("/dev/fuse").exists() {
            eprintln!("SKIPPED: mounting through FUSE needs root and /dev/fuse");
            return None;
        }
        let folder = image.with_extension("mounted");
        fs::create_dir_all(&folder).unwrap();
        run(program, &["-o", options, text(image), text(&folder)]);
        Some(Self { folder })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let ended = Command::new("fusermount3").args(["-u", text(&self.folder)]).status();
        // The server writes its last blocks after the mount has gone: it holds the image open until then.
        let image = self.folder.with_extension("");
        for _ in 0..200 {
            if ended.as_ref().is_ok_and(std::process::ExitStatus::success) && !is_open(&image) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        eprintln!("{} is still in use", image.display());
    }
}

/// Whether another process has a file open.
fn is_open(path: &Path) -> bool {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| process.file_name().to_str() != Some(own.as_str()))
        .filter_map(|process| fs::read_dir(process.path().join("fd")).ok())
        .flat_map(|open| open.flatten())
        .any(|open| fs::read_link(open.path()).is_ok_and(|target| target == path))
}

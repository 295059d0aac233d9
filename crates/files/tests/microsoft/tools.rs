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
    image: PathBuf,
}

impl Mounted {
    /// Mounts through FUSE; `None`, with words, where that isn't possible.
    ///
    /// On a loop device, as drivers of block devices have written everything when they are unmounted, and those of files go on.
    pub(crate) fn new(program: &str, options: &str, image: &Path) -> Option<Self> {
        if !Path::new("/dev/fuse").exists() {
            eprintln!("SKIPPED: mounting through FUSE needs /dev/fuse");
            return None;
        }
        let attached = Command::new("losetup").args(["-f", "--show", text(image)]).output();
        let Some(attached) = attached.ok().filter(|attached| attached.status.success()) else {
            eprintln!("SKIPPED: mounting through FUSE needs root and loop devices");
            return None;
        };
        let device = String::from_utf8(attached.stdout).unwrap();
        let folder = image.with_extension("mounted");
        fs::create_dir_all(&folder).unwrap();
        let mounted = Command::new(program)
            .args(["-o", options, device.trim(), text(&folder)])
            .output();
        // While it is in use, this only asks for it to be detached afterwards.
        run("losetup", &["-d", device.trim()]);
        let mounted =
            mounted.unwrap_or_else(|error| panic!("can't run {program}: {error} (tests/packages installs it)"));
        assert!(
            mounted.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Some(Self {
            folder,
            image: image.to_path_buf(),
        })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for _ in 0..600 {
            // Fails while something looks at the folder, and once it is done.
            let _ = Command::new("umount").arg(&self.folder).stderr(Stdio::null()).status();
            if run("losetup", &["-j", text(&self.image)]).is_empty() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        eprintln!("{} is still in use", self.image.display());
    }
}

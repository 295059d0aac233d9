//! Images made by the real tools, and file systems mounted from them where this machine lets us.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use files::xfs::Xfs;
use files::{Disk, ReadFailed};

/// A disk in a file.
pub(crate) struct FileDisk(File, u64);

impl FileDisk {
    pub(crate) fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let size_bytes = file.metadata().unwrap().len();
        Self(file, size_bytes)
    }
}

impl Disk for FileDisk {
    fn size_bytes(&self) -> u64 {
        self.1
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let length = buffer.len() as u64;
        self.0
            .read_exact_at(buffer, offset)
            .map_err(|_| ReadFailed::outside(offset, length))
    }
}

/// Runs a tool, which must succeed, and returns what it says.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}{complaint}");
    said
}

/// Whether a tool is installed. Says what is left out if not.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("PATH=$PATH:/usr/sbin:/sbin command -v {program}")])
        .output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        println!("SKIPPED: {program} isn't installed");
    }
    found
}

/// Whether file systems can be mounted here. Says what is left out if not.
pub(crate) fn can_mount() -> bool {
    let known = fs::read_to_string("/proc/filesystems")
        .unwrap_or_default()
        .contains("\txfs");
    let can = rustix::process::getuid().is_root() && known && Path::new("/dev/loop-control").exists();
    if !can {
        println!("SKIPPED: mounting XFS needs root, a kernel that has it, and loop devices");
    }
    can && has("mkfs.xfs") && has("xfs_io") && has("losetup")
}

/// An image of 320 MiB, most of it a hole.
pub(crate) fn make(path: &Path, options: &[&str]) {
    File::create(path).unwrap().set_len(320 << 20).unwrap();
    let path = path.to_str().unwrap();
    run("mkfs.xfs", &[&["-q", "-f"], options, &[path]].concat());
}

/// Where the records begin that the log's newest one counts on, oldest first; for file systems with blocks of 4 KiB and a log on its first
/// round.
pub(crate) fn log_records(image: &Path) -> Vec<u64> {
    let file = File::open(image).unwrap();
    let mut superblock = [0; 512];
    file.read_exact_at(&mut superblock, 0).unwrap();
    let number = |at: usize| u64::from(u32::from_be_bytes(superblock[at..at + 4].try_into().unwrap()));
    // The log's first block is a number of 64 bits: the group in its upper bits, by the logarithm of a group's blocks.
    let (start, group_blocks, group_log) = (number(48) << 32 | number(52), number(84), superblock[124]);
    let block = (start >> group_log) * group_blocks + (start & ((1 << group_log) - 1));
    let mut log = vec![0; usize::try_from(number(96) * 4096).unwrap()];
    file.read_exact_at(&mut log, block * 4096).unwrap();
    let is_record = |index: &usize| log[index * 512..].starts_with(&[0xfe, 0xed, 0xba, 0xbe]);
    let records: Vec<usize> = (0..log.len() / 512).filter(is_record).collect();
    let newest = records.last().unwrap() * 512;
    let tail = u32::from_be_bytes(log[newest + 28..newest + 32].try_into().unwrap()) as usize;
    let live = records.into_iter().filter(|index| *index >= tail);
    live.map(|index| block * 4096 + index as u64 * 512).collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    run("cp", &["--sparse=always", from.to_str().unwrap(), to.to_str().unwrap()]);
}

pub(crate) fn open(path: &Path) -> Xfs {
    files::xfs::open(Arc::new(FileDisk::open(path))).unwrap()
}

/// An image that is mounted, until it is dropped.
pub(crate) struct Mounted {
    pub(crate) folder: PathBuf,
    device: String,
}

impl Mounted {
    pub(crate) fn new(image: &Path, options: &str) -> Self {
        Self::try_new(image, options).unwrap()
    }

    /// `None` if the kernel doesn't mount it.
    pub(crate) fn try_new(image: &Path, options: &str) -> Option<Self> {
        let image = image.to_str().unwrap();
        let device = run("losetup", &["-f", "--show", "--direct-io=on", image])
            .trim()
            .to_owned();
        let folder = PathBuf::from(format!("{image}.mounted"));
        fs::create_dir_all(&folder).unwrap();
        let mounted = Self { folder, device };
        let folder = mounted.folder.to_str().unwrap();
        let mount = Command::new("mount")
            .args([
                "-t",
                "xfs",
                "-o",
                options.trim_end_matches(','),
                &mounted.device,
                folder,
            ])
            .status();
        mount.unwrap().success().then_some(mounted)
    }

    /// Ends all writing, with what the log has so far; with `flush` everything is logged before. Nothing goes to its place.
    pub(crate) fn shut_down(&self, flush: bool) {
        let command = if flush { "shutdown -f" } else { "shutdown" };
        run("xfs_io", &["-x", "-c", command, self.folder.to_str().unwrap()]);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for (program, argument) in [("umount", self.folder.to_str().unwrap()), ("losetup", &self.device)] {
            let mut command = Command::new(program);
            if program == "losetup" {
                command.arg("-d");
            }
            let _ = command.arg(argument).status();
        }
    }
}

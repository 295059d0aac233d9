//! Disks made by the real tools.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use files::{Area, Content, Disk, areas};
use tempfile::TempDir;

/// Runs a tool, which distributions keep where ordinary users don't look for programs.
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let spawned = command.stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("`{program}` can't be run: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// A disk of so many MiB that `sfdisk` divided.
pub(crate) fn divided(folder: &TempDir, size_mib: u64, script: &str) -> Vec<u8> {
    let path = folder.path().join("disk");
    let _removed = fs::remove_file(&path);
    fs::File::create(&path).unwrap().set_len(size_mib << 20).unwrap();
    run("sfdisk", &["-q", path.to_str().unwrap()], script);
    fs::read(path).unwrap()
}

/// An ext4 file system of so many MiB, with a label.
pub(crate) fn ext4(folder: &TempDir, size_mib: u64, label: &str) -> Vec<u8> {
    let path = folder.path().join(label);
    let arguments = [
        "-q",
        "-F",
        "-t",
        "ext4",
        "-L",
        label,
        path.to_str().unwrap(),
        &format!("{size_mib}M"),
    ];
    run("mke2fs", &arguments, "");
    fs::read(path).unwrap()
}

pub(crate) fn shared(bytes: &[u8]) -> Arc<dyn Disk> {
    Arc::new(bytes.to_vec())
}

/// Name, start and length in MiB, and content of each area.
pub(crate) fn seen(disk: &[u8]) -> Vec<(String, u64, u64, &'static str)> {
    let seen = |area: Area| {
        let content = area.content.map_or("", Content::name);
        (
            area.name.clone(),
            area.to_disk(0).unwrap_or(0) >> 20,
            area.size_bytes() >> 20,
            content,
        )
    };
    areas(&shared(disk)).unwrap().into_iter().map(seen).collect()
}

pub(crate) fn put(disk: &mut [u8], offset_mib: usize, bytes: &[u8]) {
    disk[offset_mib << 20..][..bytes.len()].copy_from_slice(bytes);
}

/// Opens the file system of an area and tells its label.
pub(crate) fn label(disk: &[u8], name: &str) -> String {
    let disk = shared(disk);
    let area = areas(&disk)
        .unwrap()
        .into_iter()
        .find(|area| area.name == name)
        .unwrap();
    files::open(area.disk(&disk).unwrap()).unwrap().label()
}

pub(crate) fn image(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images").join(name);
    zstd::decode_all(&*fs::read(path).unwrap()).unwrap()
}

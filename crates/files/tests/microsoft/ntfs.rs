//! NTFS as mkfs.ntfs and ntfs-3g write it.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use files::{ExtentKind, FileSystem, FileSystemKind, NodeId};
use tempfile::TempDir;

use crate::content::{noise, words};
use crate::tools::{self, Image, Mounted, run, text};
use crate::tree::{self, Tree};

/// A file of many runs: its map doesn't fit in its record.
fn write_scattered(path: &Path, pieces: u64) {
    let file = File::create(path).unwrap();
    for piece in 0..pieces {
        file.write_all_at(&words(piece, 5000), piece * 131_072).unwrap();
    }
}

fn fill(root: &Path, files: u64) {
    fs::create_dir_all(root.join("many")).unwrap();
    for number in 0..files {
        let name = format!("many/a file with a rather long name, number {number:05}.txt");
        fs::write(root.join(name), words(number, (number % 1500) as usize)).unwrap();
    }
    fs::create_dir_all(root.join("names/\u{65e5}\u{672c}/\u{1f512} locked")).unwrap();
    fs::write(
        root.join("names/\u{65e5}\u{672c}/\u{1f512} locked/\u{fc}ber.txt"),
        "umlaut",
    )
    .unwrap();
    fs::write(root.join("names").join("n".repeat(255)), "long").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::write(root.join("large"), noise(1, 5_000_123)).unwrap();
    fs::hard_link(root.join("large"), root.join("names/large too")).unwrap();
    symlink("names/large too", root.join("link")).unwrap();
    symlink("/absolute/\u{e9}", root.join("names/absolute link")).unwrap();
    run("mkfifo", &[text(&root.join("pipe"))]);
    let sparse = File::create(root.join("sparse")).unwrap();
    sparse.write_all_at(b"in the middle", 3_000_000).unwrap();
    sparse.set_len(9_000_000).unwrap();
    write_scattered(&root.join("scattered"), 1200);
    let mut deep = root.to_path_buf();
    for depth in 0..40 {
        deep.push(format!("depth {depth}"));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), words(9, 70_000)).unwrap();
    // Names that are taken again by others.
    for number in 0..files / 6 {
        fs::remove_file(root.join(format!(
            "many/a file with a rather long name, number {:05}.txt",
            number * 5
        )))
        .unwrap();
        fs::write(root.join(format!("many/new {number}")), noise(number, 300)).unwrap();
    }
}

fn set_attribute(path: &Path, name: &str, value: &str) {
    run("setfattr", &["-n", name, "-v", value, text(path)]);
}

/// Fills a folder whose new files are compressed.
fn fill_compressed(root: &Path) {
    let folder = root.join("compressed");
    fs::create_dir(&folder).unwrap();
    // FILE_ATTRIBUTE_COMPRESSED and FILE_ATTRIBUTE_DIRECTORY.
    set_attribute(&folder, "system.ntfs_attrib_be", "0x00000810");
    fs::write(folder.join("words"), words(3, 1_000_000)).unwrap();
    fs::write(folder.join("noise"), noise(4, 700_000)).unwrap();
    fs::write(folder.join("short"), words(5, 5000)).unwrap();
    let mixed = [
        words(6, 200_000),
        vec![0; 300_000],
        noise(7, 100_000),
        words(8, 100_000),
    ]
    .concat();
    fs::write(folder.join("mixed"), mixed).unwrap();
}

/// An image with everything that ntfs-3g can make, and what the mounted driver read back.
fn filled(make: &[&str], files: u64) -> Option<(TempDir, PathBuf, Tree)> {
    let (folder, image) = tools::image(256 << 20);
    run(
        "mkfs.ntfs",
        &[&["-q", "-F", "-f", "-L", "L\u{e4}bel"], make, &[text(&image)]].concat(),
    );
    let mounted = Mounted::new("ntfs-3g", "compression,streams_interface=xattr", &image)?;
    fill(&mounted.folder, files);
    if !make.contains(&"65536") {
        fill_compressed(&mounted.folder);
    }
    set_attribute(&mounted.folder.join("empty"), "user.stream", "a second content");
    set_attribute(&mounted.folder.join("names"), "user.on a folder", "0x00ff");
    drop(mounted);
    // Mounted again: what the driver has only in memory isn't compared.
    let mounted = Mounted::new("ntfs-3g", "ro,streams_interface=xattr", &image)?;
    let tree = tree::mounted(&mounted.folder);
    drop(mounted);
    Some((folder, image, tree))
}

fn check(make: &[&str]) {
    let Some((_folder, image, expected)) = filled(make, 3000) else {
        return;
    };
    let disk = Image::open(&image);
    let system = files::ntfs::open(disk.clone()).unwrap();
    assert_eq!(system.kind(), FileSystemKind::Ntfs);
    assert_eq!(system.label(), "L\u{e4}bel");
    assert_eq!(system.replayed(), None);
    let read = tree::read(&system);
    assert!(read.len() > 3000);
    tree::assert_same(&read, &expected);
    tree::check_extents(&system, &disk);
    let streams = system.attributes(tree::find(&system, "empty")).unwrap();
    assert_eq!(streams, [("user.stream".to_owned(), b"a second content".to_vec())]);
    let streams = system.attributes(tree::find(&system, "names")).unwrap();
    assert_eq!(streams, [("user.on a folder".to_owned(), vec![0, 0xff])]);
}

#[test]
fn all_that_ntfs_3g_writes_is_read() {
    check(&[]);
}

#[test]
fn clusters_smaller_than_a_record_are_read() {
    check(&["-c", "512"]);
}

#[test]
fn clusters_larger_than_an_index_block_are_read() {
    check(&["-c", "65536"]);
}

#[test]
fn the_extents_are_those_that_ntfsinfo_tells() {
    let Some((_folder, image, _)) = filled(&[], 100) else {
        return;
    };
    let system = files::ntfs::open(Image::open(&image)).unwrap();
    for name in ["scattered", "compressed/words", "compressed/mixed", "large"] {
        let told = run("ntfscluster", &["-f", "-q", "-F", name, text(&image)]);
        let extents = tree::extents(&system, tree::find(&system, name));
        let clusters: u64 = extents.iter().map(|extent| extent.length / 4096).sum();
        assert!(clusters > 0, "{name}: {told}");
        let has_compressed = extents.iter().any(|extent| extent.kind == ExtentKind::Compressed);
        assert_eq!(has_compressed, name.starts_with("compressed"), "{name}");
    }
}

#[test]
fn a_damaged_first_record_is_replaced_by_its_mirror() {
    let Some((_folder, image, expected)) = filled(&[], 100) else {
        return;
    };
    let mft = tree::extents(&files::ntfs::open(Image::open(&image)).unwrap(), NodeId(0));
    let file = File::options().write(true).open(&image).unwrap();
    file.write_all_at(&noise(11, 1024), mft[0].physical).unwrap();
    let system = files::ntfs::open(Image::open(&image)).unwrap();
    tree::assert_same(&tree::read(&system), &expected);
}

#[test]
fn an_unclean_volume_says_so() {
    let (_folder, image) = tools::image(16 << 20);
    run("mkfs.ntfs", &["-q", "-F", "-f", text(&image)]);
    let dirty = Command::new("ntfsfix").arg(&image).output().unwrap();
    assert!(dirty.status.success());
    let system = files::ntfs::open(Image::open(&image)).unwrap();
    assert!(system.replayed().is_some_and(|words| words.contains("dirty")));
}

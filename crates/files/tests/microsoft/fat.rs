//! FAT12, FAT16 and FAT32 as mkfs.fat and mtools write them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use files::{Error, FileSystemKind, NodeKind};
use tempfile::TempDir;

use crate::content::{noise, words};
use crate::tools::{self, Image, run, text};
use crate::tree::{self, Tree};

/// What is copied onto the image.
fn source(root: &Path, scale: usize) {
    fs::create_dir_all(root.join("folder/in a folder/\u{65e5}\u{672c}")).unwrap();
    fs::write(root.join("folder/in a folder/\u{65e5}\u{672c}/\u{fc}ber.txt"), "umlaut").unwrap();
    fs::write(root.join("folder").join("n".repeat(240)), "long").unwrap();
    fs::write(root.join("README.TXT"), words(1, 3000)).unwrap();
    fs::write(root.join("lower.txt"), words(2, 300)).unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::write(root.join("large.bin"), noise(3, 40_000 * scale)).unwrap();
    fs::create_dir(root.join("many")).unwrap();
    for number in 0..100 * scale {
        let name = format!("many/a file with a long name, number {number:04}.txt");
        fs::write(root.join(name), words(number as u64, number % 3000)).unwrap();
    }
}

/// FAT keeps even seconds, and one name per file.
fn as_fat_keeps_it(mut tree: Tree) -> Tree {
    for found in tree.values_mut() {
        found.links = 1;
        found.modified = 0;
    }
    tree
}

fn copy(source: &Path, image: &Path) {
    for entry in fs::read_dir(source).unwrap() {
        run(
            "mcopy",
            &["-s", "-m", "-Q", "-i", text(image), text(&entry.unwrap().path()), "::"],
        );
    }
}

/// FAT32 keeps a hint in its second sector, behind which mtools would find enough space in one piece.
fn forget_where_free_space_was(make: &[&str], image: &Path) {
    let sector_bytes = if make.contains(&"4096") { 4096 } else { 512 };
    if make.contains(&"32") {
        let file = File::options().write(true).open(image).unwrap();
        file.write_all_at(&[0xff; 4], sector_bytes + 492).unwrap();
    }
}

fn filled(make: &[&str], size_bytes: u64, scale: usize) -> (TempDir, PathBuf, Tree) {
    let (folder, image) = tools::image(size_bytes);
    run("mkfs.fat", &[&["-n", "THE LABEL"], make, &[text(&image)]].concat());
    let from = folder.path().join("source");
    fs::create_dir(&from).unwrap();
    source(&from, scale);
    copy(&from, &image);
    // Space that is taken again in pieces: chains that go forth and back.
    for number in (0..100 * scale).step_by(3) {
        let name = format!("many/a file with a long name, number {number:04}.txt");
        run("mdel", &["-i", text(&image), &format!("::{name}")]);
        fs::remove_file(from.join(&name)).unwrap();
    }
    forget_where_free_space_was(make, &image);
    fs::write(from.join("scattered"), noise(7, 60_000 * scale)).unwrap();
    run(
        "mcopy",
        &["-m", "-Q", "-i", text(&image), text(&from.join("scattered")), "::"],
    );
    let tree = tree::mounted(&from);
    (folder, image, tree)
}

fn check(kind: FileSystemKind, make: &[&str], size_bytes: u64, scale: usize) {
    let (_folder, image, expected) = filled(make, size_bytes, scale);
    let disk = Image::open(&image);
    let system = files::open(disk.clone()).unwrap();
    assert_eq!(system.kind(), kind);
    assert_eq!(system.label(), "THE LABEL");
    tree::assert_same(&as_fat_keeps_it(tree::read(&*system)), &as_fat_keeps_it(expected));
    tree::check_extents(&*system, &disk);
    let scattered = tree::extents(&*system, tree::find(&*system, "scattered"));
    assert!(scattered.len() > 3, "{scattered:?}");
    assert!(!tree::extents(&*system, system.root()).is_empty());
}

#[test]
fn fat12_is_read() {
    check(FileSystemKind::Fat12, &["-F", "12", "-s", "1"], 2 << 20, 1);
}

#[test]
fn fat16_is_read() {
    check(FileSystemKind::Fat16, &["-F", "16", "-s", "4"], 32 << 20, 4);
}

#[test]
fn fat32_is_read() {
    check(FileSystemKind::Fat32, &["-F", "32", "-s", "1"], 64 << 20, 8);
}

#[test]
fn fat32_with_sectors_of_4096_bytes_is_read() {
    check(FileSystemKind::Fat32, &["-F", "32", "-S", "4096"], 512 << 20, 8);
}

#[test]
fn times_are_those_of_the_source() {
    let (folder, image) = tools::image(2 << 20);
    run("mkfs.fat", &[text(&image)]);
    let path = folder.path().join("dated");
    fs::write(&path, "x").unwrap();
    run("touch", &["-d", "2019-02-03 04:05:06 UTC", text(&path)]);
    run("env", &["TZ=UTC", "mcopy", "-m", "-i", text(&image), text(&path), "::"]);
    let system = files::open(Image::open(&image)).unwrap();
    let metadata = system.metadata(tree::find(&*system, "dated")).unwrap();
    assert_eq!(metadata.modified.unwrap().0, 1_549_166_706 * 1_000_000_000);
    assert_eq!((metadata.kind, metadata.size_bytes), (NodeKind::File, 1));
}

#[test]
fn a_circle_in_a_chain_ends_with_an_error() {
    let (_folder, image, _) = filled(&["-F", "16", "-s", "4"], 32 << 20, 4);
    let system = files::open(Image::open(&image)).unwrap();
    let many = tree::find(&*system, "many");
    let large = tree::find(&*system, "large.bin");
    let cluster_of = |node| {
        let mut slot = [0; 2];
        Image::open(&image).read_at(node + 26, &mut slot).unwrap();
        u64::from(u16::from_le_bytes(slot))
    };
    let reserved_bytes = 4 * 512;
    let file = File::options().write(true).open(&image).unwrap();
    for node in [many.0, large.0] {
        let cluster = cluster_of(node);
        file.write_all_at(&(cluster as u16).to_le_bytes(), reserved_bytes + 2 * cluster)
            .unwrap();
    }
    let system = files::open(Image::open(&image)).unwrap();
    let mut shown = 0;
    let listed = system.entries(many, &mut |_| {
        shown += 1;
        std::ops::ControlFlow::Continue(())
    });
    let error = listed.unwrap_err().to_string();
    assert!(error.contains("circle"), "{error}");
    assert!(shown > 0, "entries before the damage are shown");
    // A file's length bounds its chain: the same cluster is read again, as every reader of FAT does.
    assert!(system.read(large, 0, &mut [0; 10_000]).is_ok());
}

#[test]
fn a_deleted_file_is_not_in_use() {
    let (_folder, image, _) = filled(&["-F", "16"], 32 << 20, 1);
    let node = tree::find(&*files::open(Image::open(&image)).unwrap(), "README.TXT");
    run("mdel", &["-i", text(&image), "::README.TXT"]);
    let system = files::open(Image::open(&image)).unwrap();
    assert!(matches!(system.metadata(node), Err(Error::NotInUse(deleted)) if deleted == node));
}

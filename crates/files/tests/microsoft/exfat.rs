//! exFAT as mkfs.exfat makes it and the FUSE driver fills it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use files::{ExtentKind, FileSystemKind};
use tempfile::TempDir;

use crate::content::{noise, words};
use crate::tools::{self, Image, Mounted, run, text};
use crate::tree::{self, Tree};

fn fill(root: &Path) {
    fs::create_dir_all(root.join("folder/in a folder/\u{65e5}\u{672c}/\u{1f512} locked")).unwrap();
    fs::write(
        root.join("folder/in a folder/\u{65e5}\u{672c}/\u{1f512} locked/\u{fc}ber.txt"),
        "umlaut",
    )
    .unwrap();
    fs::write(root.join("folder").join("n".repeat(255)), "long").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::write(root.join("large"), noise(3, 3_000_123)).unwrap();
    fs::create_dir(root.join("many")).unwrap();
    // Two files that grow by turns lie in pieces.
    let [one, other] = ["one", "other"].map(|name| File::create(root.join(name)).unwrap());
    for number in 0..60 {
        one.write_all_at(&noise(number, 9000), number * 9000).unwrap();
        one.sync_all().unwrap();
        other.write_all_at(&words(number, 9000), number * 9000).unwrap();
        other.sync_all().unwrap();
    }
    for number in 0..1000 {
        let name = format!("many/a file with a rather long name, number {number:05}.txt");
        fs::write(root.join(name), words(number, (number % 3000) as usize)).unwrap();
    }
    for number in (0..1000).step_by(7) {
        fs::remove_file(root.join(format!("many/a file with a rather long name, number {number:05}.txt"))).unwrap();
    }
    fs::write(root.join("many/again"), noise(9, 100_000)).unwrap();
}

/// What exFAT can't keep isn't compared: the driver shows local times and links of its own.
fn as_exfat_keeps_it(mut tree: Tree) -> Tree {
    for found in tree.values_mut() {
        found.links = 1;
        found.modified = found.modified / 2_000_000_000 * 2_000_000_000;
    }
    tree
}

fn filled(make: &[&str]) -> Option<(TempDir, PathBuf, Tree)> {
    let (folder, image) = tools::image(128 << 20);
    run("mkfs.exfat", &[&["-L", "L\u{e4}bel"], make, &[text(&image)]].concat());
    let mounted = Mounted::new("mount.exfat-fuse", "rw", &image)?;
    fill(&mounted.folder);
    drop(mounted);
    let mounted = Mounted::new("mount.exfat-fuse", "ro", &image)?;
    let tree = tree::mounted(&mounted.folder);
    drop(mounted);
    Some((folder, image, tree))
}

fn check(make: &[&str]) {
    let Some((_folder, image, expected)) = filled(make) else {
        return;
    };
    let disk = Image::open(&image);
    let system = files::open(disk.clone()).unwrap();
    assert_eq!(system.kind(), FileSystemKind::ExFat);
    assert_eq!(system.label(), "L\u{e4}bel");
    assert_eq!(system.replayed(), None);
    let read = tree::read(&*system);
    assert!(read.len() > 850);
    tree::assert_same(&as_exfat_keeps_it(read), &as_exfat_keeps_it(expected));
    tree::check_extents(&*system, &disk);
    run("fsck.exfat", &["-n", text(&image)]);
}

#[test]
fn all_that_the_fuse_driver_writes_is_read() {
    check(&[]);
}

#[test]
fn sets_of_slots_that_lie_in_two_clusters_are_read() {
    check(&["-c", "512"]);
}

#[test]
fn what_was_never_written_reads_as_zeros() {
    let (_folder, image) = tools::image(16 << 20);
    run("mkfs.exfat", &[text(&image)]);
    let Some(mounted) = Mounted::new("mount.exfat-fuse", "rw", &image) else {
        return;
    };
    fs::write(mounted.folder.join("file"), vec![0xaa; 100_000]).unwrap();
    drop(mounted);
    let node = tree::find(&*files::open(Image::open(&image)).unwrap(), "file");
    // The driver fills files to their ends; Windows doesn't. The slot of the stream, and then the sum over the set.
    let mut set = [0; 96];
    Image::open(&image).read_at(node.0, &mut set).unwrap();
    set[40..48].copy_from_slice(&1000_u64.to_le_bytes());
    let bytes = set.iter().enumerate().filter(|(index, _)| !matches!(index, 2 | 3));
    let sum = bytes.fold(0_u16, |sum, (_, byte)| {
        sum.rotate_right(1).wrapping_add(u16::from(*byte))
    });
    set[2..4].copy_from_slice(&sum.to_le_bytes());
    File::options()
        .write(true)
        .open(&image)
        .unwrap()
        .write_all_at(&set, node.0)
        .unwrap();
    let disk = Image::open(&image);
    let system = files::open(disk.clone()).unwrap();
    let expected = [vec![0xaa; 1000], vec![0; 99_000]].concat();
    assert!(tree::content(&*system, node) == expected);
    let kinds: Vec<_> = tree::extents(&*system, node)
        .iter()
        .map(|extent| (extent.kind, extent.logical))
        .collect();
    assert_eq!(kinds, [(ExtentKind::Data, 0), (ExtentKind::Unwritten, 1000)]);
    tree::check_extents(&*system, &disk);
}

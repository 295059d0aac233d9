//! NTFS as mkfs.ntfs and ntfs-3g write it.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use files::{Error, ExtentKind, FileSystemKind, NodeId, NodeKind};
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
    // A folder whose blocks are given up: their entries are still there, but not in use.
    fs::create_dir(root.join("shrunk")).unwrap();
    let shrunk = |number: u64| root.join(format!("shrunk/another file with a rather long name, {number:05}"));
    (0..300).for_each(|number| fs::write(shrunk(number), "").unwrap());
    (3..300).for_each(|number| fs::remove_file(shrunk(number)).unwrap());
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
    let system = files::open(disk.clone()).unwrap();
    assert_eq!(system.kind(), FileSystemKind::Ntfs);
    assert_eq!(system.label(), "L\u{e4}bel");
    assert_eq!(system.replayed(), None);
    let read = tree::read(&*system);
    assert!(read.len() > 3000);
    tree::assert_same(&read, &expected);
    tree::check_extents(&*system, &disk);
    let streams = system.attributes(tree::find(&*system, "empty")).unwrap();
    assert_eq!(streams, [("user.stream".to_owned(), b"a second content".to_vec())]);
    let streams = system.attributes(tree::find(&*system, "names")).unwrap();
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

/// Runs of clusters (first in the file, first on the disk, how many), joined where they follow each other.
fn joined(runs: impl Iterator<Item = (u64, u64, u64)>) -> Vec<(u64, u64, u64)> {
    let mut joined: Vec<(u64, u64, u64)> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if last.0 + last.2 == run.0 && last.1 + last.2 == run.1 => last.2 += run.2,
            _ => joined.push(run),
        }
    }
    joined
}

/// The runs of a file's content, as ntfscluster tells them: three numbers a line, the second -1 for holes.
fn told_by_ntfscluster(image: &Path, name: &str) -> Vec<(u64, u64, u64)> {
    let told = run("ntfscluster", &["-f", "-v", "-F", name, text(image)]);
    let lines = told
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.starts_with("0x80 - non-resident"));
    let numbers = lines
        .skip(1)
        .take_while(|line| !line.starts_with("0x") || line.starts_with("0x80"));
    joined(numbers.filter_map(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        <[u64; 3]>::try_from(numbers)
            .ok()
            .map(|[first, place, clusters]| (first, place, clusters))
    }))
}

#[test]
fn the_extents_are_those_that_ntfscluster_tells() {
    let Some((_folder, image, _)) = filled(&[], 100) else {
        return;
    };
    let system = files::open(Image::open(&image)).unwrap();
    for (name, runs_min) in [
        ("scattered", 1000),
        ("compressed/words", 10),
        ("compressed/mixed", 3),
        ("large", 1),
    ] {
        let extents = tree::extents(&*system, tree::find(&*system, name));
        let runs = extents
            .iter()
            .map(|extent| (extent.logical / 4096, extent.physical / 4096, extent.length / 4096));
        let runs = joined(runs);
        assert!(runs.len() >= runs_min, "{name} has {} runs", runs.len());
        assert_eq!(runs, told_by_ntfscluster(&image, name), "{name}");
        let has_compressed = extents.iter().any(|extent| extent.kind == ExtentKind::Compressed);
        assert_eq!(has_compressed, name.starts_with("compressed"), "{name}");
    }
}

#[test]
fn a_damaged_first_record_is_replaced_by_its_mirror() {
    let Some((_folder, image, expected)) = filled(&[], 100) else {
        return;
    };
    let mft = tree::extents(&*files::open(Image::open(&image)).unwrap(), NodeId(0));
    let file = File::options().write(true).open(&image).unwrap();
    file.write_all_at(&noise(11, 1024), mft[0].physical).unwrap();
    let system = files::open(Image::open(&image)).unwrap();
    tree::assert_same(&tree::read(&*system), &expected);
}

#[test]
fn an_unclean_volume_says_so() {
    let (_folder, image) = tools::image(16 << 20);
    run("mkfs.ntfs", &["-q", "-F", "-f", text(&image)]);
    let dirty = Command::new("ntfsfix").arg(&image).output().unwrap();
    assert!(dirty.status.success());
    let system = files::open(Image::open(&image)).unwrap();
    assert!(system.replayed().is_some_and(|words| words.contains("dirty")));
}

/// An image that a closure fills.
fn made(make: &[&str], size_bytes: u64, options: &str, fill: impl FnOnce(&Path)) -> Option<(TempDir, PathBuf, Tree)> {
    let (folder, image) = tools::image(size_bytes);
    run("mkfs.ntfs", &[&["-q", "-F", "-f"], make, &[text(&image)]].concat());
    let mounted = Mounted::new("ntfs-3g", options, &image)?;
    fill(&mounted.folder);
    drop(mounted);
    let mounted = Mounted::new("ntfs-3g", "ro", &image)?;
    let tree = tree::mounted(&mounted.folder);
    drop(mounted);
    Some((folder, image, tree))
}

#[test]
fn links_and_devices_of_both_kinds_are_what_they_are() {
    for kind in ["interix", "wsl"] {
        let made = made(&[], 16 << 20, &format!("special_files={kind}"), |root| {
            symlink("some/where", root.join("link")).unwrap();
            run("mkfifo", &[text(&root.join("pipe"))]);
            run("mknod", &[text(&root.join("device")), "c", "5", "7"]);
            drop(std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap());
        });
        let Some((_folder, image, expected)) = made else { return };
        let system = files::open(Image::open(&image)).unwrap();
        tree::assert_same(&tree::read(&*system), &expected);
        let device = system.metadata(tree::find(&*system, "device")).unwrap();
        assert_eq!(
            (device.kind, device.device),
            (NodeKind::CharacterDevice, Some((5, 7))),
            "{kind}"
        );
    }
}

#[test]
fn what_windows_keeps_elsewhere_is_told_and_not_read() {
    let reparse = |tag: u32| {
        format!(
            "0x{}00000000",
            tag.to_le_bytes().map(|byte| format!("{byte:02x}")).concat()
        )
    };
    let tags = [
        ("overlay", 0x8000_0017_u32, "WOF"),
        ("deduplicated", 0x8000_0013, "deduplicated"),
        ("other", 0x8000_0fff, "kind"),
    ];
    let made = made(&[], 16 << 20, "streams_interface=xattr", |root| {
        for (name, tag, _) in tags {
            fs::write(root.join(name), words(1, 100_000)).unwrap();
            set_attribute(&root.join(name), "system.ntfs_reparse_data", &reparse(tag));
        }
        let target: Vec<String> = r"..\a\b"
            .encode_utf16()
            .map(|unit| format!("{:04x}", unit.swap_bytes()))
            .collect();
        let link = format!("0x0c0000a01800000000000c0000000000{}{}", "01000000", target.concat());
        fs::write(root.join("link"), "").unwrap();
        set_attribute(&root.join("link"), "system.ntfs_reparse_data", &link);
        fs::write(root.join("encrypted"), noise(2, 50_000)).unwrap();
    });
    let Some((_folder, image, _)) = made else { return };
    let system = files::open(Image::open(&image)).unwrap();
    for (name, _, words) in tags {
        let error = system.read(tree::find(&*system, name), 0, &mut [0; 10]).unwrap_err();
        assert!(
            matches!(error, Error::Unreadable(..)) && error.to_string().contains(words),
            "{error}"
        );
    }
    assert_eq!(system.link_target(tree::find(&*system, "link")).unwrap(), b"../a/b");
    // The Encrypting File System marks the attribute of the content: here, by hand.
    let node = tree::find(&*system, "encrypted");
    let place = tree::extents(&*system, NodeId(0))[0].physical + 1024 * (node.0 & 0xffff_ffff);
    let mut record = [0; 1024];
    Image::open(&image).read_at(place, &mut record).unwrap();
    let attribute = (0..1000)
        .step_by(8)
        .rfind(|start| record[*start..].starts_with(&[0x80, 0, 0, 0]))
        .unwrap();
    let file = File::options().write(true).open(&image).unwrap();
    file.write_all_at(&[0x00, 0x40], place + attribute as u64 + 12).unwrap();
    let system = files::open(Image::open(&image)).unwrap();
    let error = system.read(node, 0, &mut [0; 10]).unwrap_err();
    assert!(
        matches!(error, Error::Unreadable(..)) && error.to_string().contains("EFS"),
        "{error}"
    );
    assert_eq!(tree::extents(&*system, node)[0].kind, ExtentKind::Data);
}

#[test]
fn a_table_in_many_pieces_is_followed() {
    let made = made(&["-c", "512", "-H", "0", "-S", "0"], 16 << 20, "rw", |root| {
        // The disk is filled with small files, every other one is deleted, and the table grows into what they leave.
        let path = |number: u64| root.join(format!("file {number}"));
        let fit = (0..20_000)
            .take_while(|number| fs::write(path(*number), noise(*number, 1500)).is_ok())
            .count() as u64;
        for number in (0..fit).step_by(2) {
            fs::remove_file(path(number)).unwrap();
        }
        let _ = (0..20_000)
            .take_while(|number| fs::write(root.join(format!("empty {number}")), "").is_ok())
            .count();
    });
    let Some((_folder, image, expected)) = made else { return };
    let system = files::open(Image::open(&image)).unwrap();
    let pieces = tree::extents(&*system, NodeId(0));
    assert!(pieces.len() > 300, "the table has {} pieces", pieces.len());
    let read = tree::read(&*system);
    assert!(read.len() > 2000, "{} files", read.len());
    tree::assert_same(&read, &expected);
}

#[test]
fn a_volume_in_use_says_that_its_log_is_left_out() {
    let (_folder, image) = tools::image(16 << 20);
    run("mkfs.ntfs", &["-q", "-F", "-f", text(&image)]);
    let log = tree::extents(&*files::open(Image::open(&image)).unwrap(), NodeId(2));
    // Windows' restart page: its size, where its area is, a newest record, a client at work, not unmounted.
    let mut page = [0; 64];
    page[..4].copy_from_slice(b"RSTR");
    page[16..20].copy_from_slice(&4096_u32.to_le_bytes());
    page[24] = 48;
    page[48] = 1;
    let file = File::options().write(true).open(&image).unwrap();
    file.write_all_at(&page, log[0].physical).unwrap();
    let system = files::open(Image::open(&image)).unwrap();
    assert!(system.replayed().is_some_and(|words| words.contains("in use")));
    // The newer page counts: there, it was unmounted.
    page[48] = 2;
    page[62] = 2;
    file.write_all_at(&page, log[0].physical + 4096).unwrap();
    assert_eq!(files::open(Image::open(&image)).unwrap().replayed(), None);
}

#[test]
fn a_deleted_file_is_not_in_use_nor_if_another_file_has_its_record() {
    let (_folder, image) = tools::image(16 << 20);
    run("mkfs.ntfs", &["-q", "-F", "-f", text(&image)]);
    let change = |act: &dyn Fn(&Path)| {
        let mounted = Mounted::new("ntfs-3g", "rw", &image)?;
        act(&mounted.folder);
        drop(mounted);
        Some(files::open(Image::open(&image)).unwrap())
    };
    let write = |root: &Path| fs::write(root.join("old"), words(1, 9000)).unwrap();
    let Some(system) = change(&write) else { return };
    let old = tree::find(&*system, "old");
    let system = change(&|root| fs::remove_file(root.join("old")).unwrap()).unwrap();
    assert!(matches!(system.metadata(old), Err(Error::NotInUse(node)) if node == old));
    let fill = |root: &Path| (0..10).for_each(|number| fs::write(root.join(format!("new {number}")), "").unwrap());
    let system = change(&fill).unwrap();
    let numbers = (0..10).map(|number| tree::find(&*system, &format!("new {number}")).0 & 0xffff_ffff_ffff);
    assert!(numbers.into_iter().any(|number| number == old.0 & 0xffff_ffff_ffff));
    assert!(matches!(system.metadata(old), Err(Error::NotInUse(node)) if node == old));
}

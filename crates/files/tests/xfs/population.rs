//! Files of every kind that XFS stores differently.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{FallocateFlags, FileType, Mode, XattrFlags, makedev, mknodat};

use crate::image::run;

/// Bytes that differ everywhere.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Fills a folder, with up to so many names in one of its folders.
pub(crate) fn populate(folder: &Path, names_max: usize) {
    folders(folder, names_max);
    contents(folder);
    links_and_devices(folder);
    attributes(folder);
}

/// From the inode to a tree of blocks: each kind of folder, some of them with holes where names were.
fn folders(folder: &Path, names_max: usize) {
    for count in [0, 3, 40, 300, names_max] {
        let inner = folder.join(format!("with {count} names"));
        fs::create_dir(&inner).unwrap();
        for index in 0..count {
            let name = format!("{index}-{}", "a name that takes room ".repeat(index % 9));
            File::create(inner.join(&name)).unwrap();
        }
        for index in (0..count).filter(|index| count > 3 && index % 7 == 0) {
            let name = format!("{index}-{}", "a name that takes room ".repeat(index % 9));
            fs::remove_file(inner.join(name)).unwrap();
        }
    }
    let mut deep = folder.to_path_buf();
    for level in 0..40 {
        deep.push(format!("level {level}"));
        fs::create_dir(&deep).unwrap();
    }
    fs::write(deep.join("bottom"), b"here").unwrap();
    fs::write(folder.join(std::ffi::OsStr::new("\u{fc}ml\u{e4}ut \u{1f980}")), b"crab").unwrap();
}

fn contents(folder: &Path) {
    for length in [0, 1, 511, 512, 4095, 4096, 4097, 70_000, 3_000_000] {
        fs::write(folder.join(format!("{length} bytes")), bytes(length, length as usize)).unwrap();
    }
    let sparse = File::create(folder.join("sparse")).unwrap();
    for offset in [5_000_u64, 1_000_000, 1 << 25] {
        sparse.write_all_at(&bytes(offset, 3000), offset).unwrap();
    }
    sparse.set_len((1 << 25) + 1_000_000).unwrap();
    let unwritten = File::create(folder.join("unwritten")).unwrap();
    rustix::fs::fallocate(&unwritten, FallocateFlags::empty(), 0, 1_000_000).unwrap();
    unwritten.write_all_at(&bytes(9, 70_000), 300_000).unwrap();
    let beyond = File::create(folder.join("allocated beyond its end")).unwrap();
    beyond.write_all_at(b"short", 0).unwrap();
    rustix::fs::fallocate(&beyond, FallocateFlags::KEEP_SIZE, 0, 500_000).unwrap();
    // Thousands of extents make a tree of two levels.
    let fragmented = File::create(folder.join("fragmented")).unwrap();
    for index in 0..3000_u64 {
        fragmented.write_all_at(&bytes(index, 4096), index * 3 * 4096).unwrap();
    }
    fragmented.sync_all().unwrap();
    fs::write(folder.join("original"), bytes(77, 900_000)).unwrap();
}

/// Blocks that two files share, and then don't any more.
pub(crate) fn share(folder: &Path) {
    let (original, shared) = (folder.join("original"), folder.join("shared"));
    run(
        "cp",
        &["--reflink=always", original.to_str().unwrap(), shared.to_str().unwrap()],
    );
    File::options()
        .write(true)
        .open(&shared)
        .unwrap()
        .write_all_at(&bytes(5, 10_000), 300_000)
        .unwrap();
}

fn links_and_devices(folder: &Path) {
    for length in [1, 60, 300, 1000, 1023] {
        symlink("x".repeat(length), folder.join(format!("link of {length}"))).unwrap();
    }
    fs::hard_link(folder.join("512 bytes"), folder.join("with 3 names/other name")).unwrap();
    UnixListener::bind(folder.join("socket")).unwrap();
    let root = File::open(folder).unwrap();
    let mode = Mode::from_raw_mode(0o640);
    mknodat(&root, "fifo", FileType::Fifo, mode, 0).unwrap();
    mknodat(&root, "null", FileType::CharacterDevice, mode, makedev(1, 3)).unwrap();
    mknodat(&root, "disk", FileType::BlockDevice, mode, makedev(259, 70_000)).unwrap();
    chown(folder.join("1 bytes"), Some(70_000), Some(123)).unwrap();
    fs::set_permissions(folder.join("1 bytes"), Permissions::from_mode(0o6751)).unwrap();
    let old = File::options().write(true).open(folder.join("0 bytes")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH - std::time::Duration::new(1_000_000, 1))
        .unwrap();
    let late = File::options().write(true).open(folder.join("512 bytes")).unwrap();
    late.set_modified(std::time::UNIX_EPOCH + std::time::Duration::new(1 << 32, 5))
        .unwrap();
}

/// From the inode to a tree of blocks, and values in blocks of their own.
fn attributes(folder: &Path) {
    let set = |name: &str, key: &str, value: &[u8]| {
        rustix::fs::setxattr(folder.join(name), key, value, XattrFlags::empty()).unwrap();
    };
    set("1 bytes", "user.short", b"value");
    set("1 bytes", "trusted.root", b"only");
    set("1 bytes", "security.test", &[0, 1, 2]);
    set("1 bytes", "user.empty", b"");
    for index in 0..30_usize {
        set("511 bytes", &format!("user.{index}"), &bytes(3, index * 10));
    }
    for index in 0..800_usize {
        set("4096 bytes", &format!("user.number {index}"), &bytes(4, index % 200));
    }
    for length in [3000, 5000, 40_000, 65_536] {
        set("4097 bytes", &format!("user.large {length}"), &bytes(6, length));
    }
    // Version, then per entry type, permissions and number: owner, user 1000, group, mask, others.
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, number) in [
        (1_u16, 6_u16, u32::MAX),
        (2, 4, 1000),
        (4, 4, u32::MAX),
        (16, 4, u32::MAX),
        (32, 0, u32::MAX),
    ] {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(number.to_le_bytes());
    }
    set("4095 bytes", "system.posix_acl_access", &list);
    set("with 3 names", "system.posix_acl_default", &list);
}

/// Ordinary work: files made, changed, moved and removed, in many folders, so that inodes and blocks are used again.
pub(crate) fn work(folder: &Path, rounds: u64, mut go_on: impl FnMut() -> bool) {
    let base = folder.join("work");
    let _ = fs::create_dir(&base);
    for round in 0..rounds {
        if !go_on() {
            return;
        }
        let step = || -> std::io::Result<()> {
            let inner = base.join(format!("{}", round % 23));
            fs::create_dir_all(&inner)?;
            let name = inner.join(format!("{round} {}", "n".repeat((round % 90) as usize)));
            let mut file = File::create(&name)?;
            file.write_all(&bytes(round, (round * 997 % 30_000) as usize))?;
            if round % 31 == 0 {
                file.sync_all()?;
            }
            if round % 3 == 0 {
                fs::rename(&name, base.join(format!("moved {round}")))?;
            }
            if round % 29 == 28 {
                fs::remove_dir_all(base.join(format!("{}", round / 2 % 23))).ok();
            }
            if round % 5 == 0 {
                fs::remove_file(base.join(format!("moved {}", round / 2))).ok();
            }
            if round % 13 == 0 {
                symlink(
                    "y".repeat((round % 700 + 1) as usize),
                    base.join(format!("link {round}")),
                )?;
                rustix::fs::setxattr(
                    &base,
                    format!("user.{}", round % 60),
                    &bytes(round, 100),
                    XattrFlags::empty(),
                )?;
            }
            Ok(())
        };
        if step().is_err() {
            return;
        }
    }
}

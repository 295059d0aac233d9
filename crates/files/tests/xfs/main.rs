//! The reader of XFS against the real thing: images by mkfs.xfs, contents by the kernel, and the kernel's own replay of the log.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails shall panic, and one that is left out shall say so"
)]

mod compare;
mod image;
mod population;

use std::path::Path;

use compare::{Counts, compare};
use files::FileSystem;
use image::{Mounted, can_mount, copy, make, open};
use tempfile::TempDir;

/// Compares a copy of the image with what the kernel shows of another copy, which it replays if need be.
fn compare_with_kernel(image: &Path) -> (Counts, Option<String>) {
    let kernels = image.with_extension("kernel");
    copy(image, &kernels);
    let fs = open(image);
    let mounted = Mounted::new(&kernels, "ro,noatime,nouuid");
    let mut counts = Counts::default();
    compare(&fs, fs.root(), &mounted.folder, &mut counts);
    (counts, fs.replayed())
}

#[test]
fn all_that_the_kernel_shows_of_a_clean_file_system_is_shown() {
    if !can_mount() {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let image = scratch.path().join("image");
    make(&image, &[]);
    let mounted = Mounted::new(&image, "noatime");
    population::populate(&mounted.folder, 12_000);
    population::share(&mounted.folder);
    drop(mounted);
    let (counts, replayed) = compare_with_kernel(&image);
    println!("{counts:?}");
    assert_eq!(replayed, None);
    assert!(
        counts.nodes > 12_000 && counts.attributes > 800 && counts.extents > 3000,
        "{counts:?}"
    );
}

#[test]
fn what_only_the_log_has_is_shown() {
    if !can_mount() {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let image = scratch.path().join("image");
    make(&image, &[]);
    let mounted = Mounted::new(&image, "noatime");
    population::populate(&mounted.folder, 12_000);
    population::share(&mounted.folder);
    mounted.shut_down(true);
    drop(mounted);
    let (counts, replayed) = compare_with_kernel(&image);
    println!("{counts:?} {replayed:?}");
    assert!(replayed.is_some());
    assert!(counts.nodes > 12_000, "{counts:?}");
}

#[test]
fn a_disk_that_stops_in_the_middle_of_work_is_shown_as_the_kernel_recovers_it() {
    if !can_mount() {
        return;
    }
    let scratch = TempDir::new().unwrap();
    for rounds in [400, 5000] {
        let image = scratch.path().join(format!("image {rounds}"));
        make(&image, &[]);
        let mounted = Mounted::new(&image, "noatime");
        population::work(&mounted.folder, rounds, || true);
        mounted.shut_down(false);
        drop(mounted);
        let (counts, replayed) = compare_with_kernel(&image);
        println!("{rounds}: {counts:?} {replayed:?}");
    }
}

/// Options of mkfs.xfs and of mount: sizes of blocks, inodes, sectors, directory blocks and log records, and features.
const GEOMETRIES: [(&str, &str); 12] = [
    ("-b size=512 -m crc=0", ""),
    ("-b size=1024", ""),
    ("-b size=2048 -n size=65536", ""),
    ("-b size=8192", ""),
    ("-b size=65536", ""),
    ("-i size=2048 -n size=16384", "logbsize=256k"),
    (
        "-i size=1024 -m rmapbt=1,inobtcount=0,finobt=0,reflink=0",
        "logbsize=64k",
    ),
    ("-m bigtime=0 -i sparse=0", ""),
    ("-i nrext64=1 -s size=4096", "logbsize=128k"),
    ("--unsupported -l size=20m,su=256k -d agcount=2", "logbsize=256k"),
    ("--unsupported -l size=10m -d agcount=8", "logbsize=16k"),
    ("-m uuid=11111111-2222-3333-4444-555555555555 -L label", "nodiscard"),
];

#[test]
fn every_geometry_is_read_with_its_log() {
    if !can_mount() {
        return;
    }
    let scratch = TempDir::new().unwrap();
    for (index, (mkfs, mount)) in GEOMETRIES.iter().enumerate() {
        let image = scratch.path().join(format!("image {index}"));
        make(&image, &mkfs.split(' ').collect::<Vec<_>>());
        let Some(mounted) = Mounted::try_new(&image, &format!("noatime,{mount}")) else {
            println!("SKIPPED: this kernel doesn't mount {mkfs}");
            continue;
        };
        population::work(&mounted.folder, 3000, || true);
        population::populate(&mounted.folder, 1500);
        if !mkfs.contains("reflink=0") {
            population::share(&mounted.folder);
        }
        mounted.shut_down(true);
        drop(mounted);
        let (counts, replayed) = compare_with_kernel(&image);
        println!("{mkfs} {mount}: {counts:?} {replayed:?}");
        assert!(replayed.is_some());
    }
}

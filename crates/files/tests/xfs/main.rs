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

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use compare::{Counts, compare};
use files::{Error, FileSystem, NodeId};
use image::{Mounted, can_mount, copy, has, make, open};
use tempfile::TempDir;

/// An empty file system as mkfs.xfs makes it, for as long as its folder is kept; `None` where the kernel can't be asked.
fn fresh_image() -> Option<(TempDir, PathBuf)> {
    if !can_mount() {
        return None;
    }
    let scratch = TempDir::new().unwrap();
    let image = scratch.path().join("image");
    make(&image, &[]);
    Some((scratch, image))
}

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
    let Some((_scratch, image)) = fresh_image() else {
        return;
    };
    let mounted = Mounted::new(&image, "noatime");
    population::populate(&mounted.folder, 12_000);
    population::share(&mounted.folder);
    drop(mounted);
    let (counts, replayed) = compare_with_kernel(&image);
    println!("{counts:?}");
    assert_eq!(replayed, None);
    assert!(
        counts.nodes > 10_000 && counts.attributes > 800 && counts.extents > 3000,
        "{counts:?}"
    );
}

#[test]
fn what_only_the_log_has_is_shown() {
    let Some((_scratch, image)) = fresh_image() else {
        return;
    };
    let mounted = Mounted::new(&image, "noatime");
    population::populate(&mounted.folder, 12_000);
    population::share(&mounted.folder);
    mounted.shut_down(true);
    drop(mounted);
    let (counts, replayed) = compare_with_kernel(&image);
    println!("{counts:?} {replayed:?}");
    assert!(replayed.is_some());
    assert!(counts.nodes > 10_000, "{counts:?}");
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
    ("-b size=1024 -n size=65536", ""),
    ("-i size=2048 -n size=16384", "logbsize=256k"),
    ("-b size=65536 -i nrext64=1", ""),
    ("-b size=1024", ""),
    ("-b size=2048 -n size=65536", ""),
    ("-b size=8192", ""),
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
fn small_and_large_blocks_and_records_are_read_with_their_log() {
    geometries(&GEOMETRIES[..3]);
}

#[test]
#[ignore = "takes minutes"]
fn every_geometry_is_read_with_its_log() {
    geometries(&GEOMETRIES);
}

fn geometries(geometries: &[(&str, &str)]) {
    if !can_mount() {
        return;
    }
    for (mkfs, mount) in geometries {
        let scratch = TempDir::new().unwrap();
        let image = scratch.path().join("image");
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

/// Records that were being written when the machine stopped: each sector of the log's newest records is lost in turn.
#[test]
fn a_torn_end_of_the_log_is_cut_off_as_the_kernel_does() {
    let Some((scratch, image)) = fresh_image() else {
        return;
    };
    let mounted = Mounted::new(&image, "noatime,logbsize=64k");
    population::work(&mounted.folder, 1500, || true);
    mounted.shut_down(false);
    drop(mounted);
    let whole = open(&image).replayed();
    let mut seen = BTreeSet::from([whole]);
    let records = image::log_records(&image);
    for (back, sector) in [(1, 0), (1, 3), (2, 1), (3, 0), (5, 2), (7, 1)] {
        let torn = scratch.path().join("torn");
        copy(&image, &torn);
        let record = records[records.len() - back];
        let file = File::options().write(true).open(&torn).unwrap();
        file.write_all_at(&[0xee; 512], record + sector * 512).unwrap();
        let (counts, replayed) = compare_with_kernel(&torn);
        println!("{back} records from the end, sector {sector}: {counts:?} {replayed:?}");
        seen.insert(replayed);
    }
    assert!(seen.len() > 3, "nothing was cut off: {seen:?}");
}

/// Damage in the middle of the log isn't a torn end: it is said.
#[test]
fn damage_within_the_log_is_said() {
    let Some((_scratch, image)) = fresh_image() else {
        return;
    };
    let mounted = Mounted::new(&image, "noatime");
    population::work(&mounted.folder, 1500, || true);
    mounted.shut_down(true);
    drop(mounted);
    let records = image::log_records(&image);
    assert!(records.len() > 20, "{} records", records.len());
    let file = File::options().write(true).open(&image).unwrap();
    file.write_all_at(&[0xee; 512], records[records.len() / 2]).unwrap();
    let said = open(&image).replayed().unwrap();
    assert!(said.contains("not all of the log replayed"), "{said}");
}

/// Without root and a kernel: a tree that mkfs.xfs itself makes. Of version 4 this is all that can be had, as kernels give it up.
#[test]
fn what_mkfs_fills_is_read_in_both_versions() {
    if !has("mkfs.xfs") {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let source = scratch.path().join("source");
    fs::write(&source, population::bytes(1, 30_000)).unwrap();
    let mut prototype = "/\n0 0\nd--755 0 0\n".to_owned();
    for index in 0..900 {
        prototype += &format!("file-{index:060} -u-640 7 8 {}\n", source.display());
    }
    let long = "t".repeat(300);
    prototype +=
        &format!("link l--777 0 0 {long}\nnull c--666 0 0 1 3\ninner d--750 3 4\nempty ---600 0 0 /dev/null\n$\n$\n");
    let prototype_file = scratch.path().join("prototype");
    fs::write(&prototype_file, prototype).unwrap();
    for options in [
        "-m crc=1",
        "-m crc=0",
        "-m crc=0 -b size=512",
        "-m crc=0 -n ftype=0 -i size=2048",
    ] {
        let image = scratch.path().join("image");
        let options = format!("{options} -p {}", prototype_file.display());
        make(&image, &options.split(' ').collect::<Vec<_>>());
        let xfs = open(&image);
        let mut names = BTreeSet::new();
        xfs.entries(xfs.root(), &mut |entry| {
            names.insert((entry.name, entry.node));
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(names.len(), 903, "{options}");
        let node = |path: &str| files::find(&xfs, path.as_bytes()).unwrap();
        for index in [0, 450, 899] {
            let file = node(&format!("/file-{index:060}"));
            let metadata = xfs.metadata(file).unwrap();
            assert_eq!(
                (metadata.mode, metadata.owner, metadata.group),
                (Some(0o4640), Some(7), Some(8)),
                "{options}"
            );
            let mut content = vec![0; 30_001];
            assert_eq!(xfs.read(file, 0, &mut content).unwrap(), 30_000);
            assert!(content[..30_000] == population::bytes(1, 30_000), "{options}");
        }
        assert_eq!(xfs.link_target(node("/link")).unwrap(), long.as_bytes(), "{options}");
        assert_eq!(xfs.metadata(node("/null")).unwrap().device, Some((1, 3)), "{options}");
        assert_eq!(xfs.metadata(node("/inner/empty")).unwrap().size_bytes, 0, "{options}");
        assert_eq!(xfs.replayed(), None, "{options}");
    }
}

#[test]
fn deleted_files_are_not_in_use_unless_their_inodes_were_given_up_as_they_were() {
    let Some((_scratch, image)) = fresh_image() else {
        return;
    };
    let mounted = Mounted::new(&image, "noatime");
    let path = |number: u32| mounted.folder.join(number.to_string());
    (0..1000).for_each(|number| fs::write(path(number), "text").unwrap());
    drop(mounted);
    let before = open(&image);
    let nodes: Vec<NodeId> = (0..900)
        .map(|number| files::find(&before, format!("/{number}").as_bytes()).unwrap())
        .collect();
    let mounted = Mounted::new(&image, "noatime");
    let path = |number: u32| mounted.folder.join(number.to_string());
    (0..900).for_each(|number| fs::remove_file(path(number)).unwrap());
    drop(mounted);
    let after = open(&image);
    let (mut free, mut given_up) = (0, 0);
    for node in nodes {
        match after.metadata(node) {
            Err(Error::NotInUse(deleted)) if deleted == node => free += 1,
            // Of 64 inodes that were all free.
            Ok(_) => given_up += 1,
            Err(error) => panic!("{error}"),
        }
    }
    println!("{free} free, {given_up} given up");
    assert!(free > 0);
}

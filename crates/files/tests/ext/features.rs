//! Every feature that changes how files are found.

use std::ops::ControlFlow;

use files::{Error, Extent, ExtentKind, FileSystem, FileSystemKind, NodeId, NodeKind, Time, recognise};

use crate::compare::{compare, entries, find, read_all};
use crate::image::{Workshop, debugfs, disk, noise, open_image, run};

fn check(workshop: &Workshop, options: &str, size: &str, kind: FileSystemKind) {
    let image = workshop.make("image", options, size);
    let bytes = disk(&image);
    assert_eq!(recognise(&*bytes), Some(kind), "{options}");
    let system = files::open(bytes.clone()).unwrap();
    assert_eq!((system.kind(), system.replayed()), (kind, None), "{options}");
    eprintln!("mke2fs {options}");
    let compared = compare(&*system, Some(&*bytes), system.root(), &workshop.tree());
    assert!(compared > 720, "{compared} for {options}");
}

#[test]
fn ext2_and_ext3_are_read_as_they_were_filled() {
    let workshop = Workshop::new();
    workshop.fill();
    for (options, kind) in [
        ("-t ext2 -b 1024", FileSystemKind::Ext2),
        ("-t ext2 -b 4096 -I 128", FileSystemKind::Ext2),
        (
            "-t ext2 -b 2048 -O ^filetype,^sparse_super,^resize_inode",
            FileSystemKind::Ext2,
        ),
        ("-t ext2 -r 0 -b 1024 -I 128", FileSystemKind::Ext2),
        ("-t ext3 -b 1024", FileSystemKind::Ext3),
        ("-t ext3 -b 4096", FileSystemKind::Ext3),
    ] {
        check(&workshop, options, "64M", kind);
    }
}

#[test]
fn ext4_is_read_as_it_was_filled() {
    let workshop = Workshop::new();
    workshop.fill();
    for options in [
        "-b 1024",
        "-b 2048",
        "-b 4096",
        "-b 4096 -I 128",
        "-b 4096 -I 2048",
        "-b 1024 -O ^64bit",
        "-b 4096 -O ^extents,^64bit",
        "-b 1024 -O ^extents,^64bit,^flex_bg",
        "-b 4096 -O ^metadata_csum,uninit_bg",
        "-b 4096 -O metadata_csum_seed",
        "-b 1024 -O meta_bg,^resize_inode",
        "-b 1024 -O meta_bg,^resize_inode,bigalloc -C 8192",
        "-b 4096 -O bigalloc -C 65536",
        "-b 4096 -O large_dir,ea_inode",
        "-b 4096 -O casefold,encrypt",
        "-b 4096 -O quota,project,verity",
        "-b 4096 -O sparse_super2,^resize_inode",
        "-b 1024 -g 1024 -O ^flex_bg,^resize_inode",
        "-b 4096 -O fast_commit,orphan_file",
        "-b 65536",
    ] {
        check(&workshop, &format!("-t ext4 {options}"), "64M", FileSystemKind::Ext4);
    }
}

#[test]
fn content_within_inodes_is_read() {
    let workshop = Workshop::new();
    workshop.fill();
    // `mke2fs -d` 1.47 cuts off holes at the end of files when it makes file systems with this feature.
    std::fs::remove_file(workshop.tree().join("hole at the end")).unwrap();
    for options in [
        "-b 4096 -O inline_data",
        "-b 1024 -I 1024 -O inline_data",
        "-b 4096 -O inline_data,^metadata_csum",
    ] {
        check(&workshop, &format!("-t ext4 {options}"), "64M", FileSystemKind::Ext4);
    }
    let system = open_image(&workshop.path("image"));
    for (name, inline) in [
        ("tiny", true),
        ("small", true),
        ("few", true),
        ("block", false),
        ("many", false),
    ] {
        let mut kinds = Vec::new();
        let mut visit = |extent: Extent| {
            kinds.push(extent.kind);
            ControlFlow::Continue(())
        };
        system.extents(find(&system, name), &mut visit).unwrap();
        assert_eq!(kinds.contains(&ExtentKind::Inline), inline, "{name}: {kinds:?}");
    }
}

#[test]
fn what_is_known_of_a_node_is_what_debugfs_set() {
    let workshop = Workshop::new();
    workshop.fill();
    let image = workshop.make("image", "-t ext4 -b 4096 -L label-of-it", "64M");
    debugfs(
        &image,
        "sif tiny uid 70000\nsif tiny gid 80000\nsif tiny generation 77\nsif tiny mtime 0x7fffffff\nsif tiny mtime_extra 9\n\
         sif tiny atime @0xffffffff\nsif tiny atime_extra 0\nsif tiny crtime 1\nsif tiny crtime_extra 20\nsif tiny ctime_extra 0\nsif tiny ctime 100\n\
         mknod pipe p\nmknod disk b 300 60000\nmknod terminal c 4 5\n",
    );
    let system = open_image(&image);
    assert_eq!(system.label(), "label-of-it");
    assert_eq!((system.block_bytes(), system.size_bytes()), (4096, 64 << 20));
    let known = system.metadata(find(&system, "tiny")).unwrap();
    assert_eq!(
        (known.owner, known.group, known.generation),
        (Some(70000), Some(80000), 77)
    );
    assert_eq!(
        known.modified,
        Some(Time(((1 << 32) + 0x7fff_ffff) * 1_000_000_000 + 2))
    );
    assert_eq!(known.accessed, Some(Time(-1_000_000_000)));
    assert_eq!(known.created, Some(Time(1_000_000_005)));
    assert_eq!(known.changed, Some(Time(100_000_000_000)));
    for (name, kind, device) in [
        ("pipe", NodeKind::Fifo, None),
        ("disk", NodeKind::BlockDevice, Some((300, 60000))),
        ("terminal", NodeKind::CharacterDevice, Some((4, 5))),
    ] {
        let known = system.metadata(find(&system, name)).unwrap();
        assert_eq!((known.kind, known.device), (kind, device), "{name}");
    }
}

#[test]
fn extended_attributes_are_read_wherever_they_are() {
    let workshop = Workshop::new();
    std::fs::write(workshop.tree().join("file"), b"content").unwrap();
    for options in ["-I 256", "-I 128", "-I 256 -O inline_data", "-I 256 -O ea_inode"] {
        let image = workshop.make("image", &format!("-t ext4 -b 4096 {options}"), "16M");
        let lengths: &[usize] = if options.contains("ea_inode") {
            &[3, 900, 4000]
        } else {
            &[3, 900]
        };
        let mut commands = String::new();
        for length in lengths {
            std::fs::write(workshop.path("value"), noise(1, *length)).unwrap();
            commands.push_str(&format!(
                "ea_set -f {} file user.of.{length}\n",
                workshop.path("value").display()
            ));
            debugfs(&image, &commands);
            commands.clear();
        }
        debugfs(
            &image,
            "ea_set file security.selinux system_u\nea_set file trusted.t x\n",
        );
        let system = open_image(&image);
        let node = find(&system, "file");
        let mut found = system.attributes(node).unwrap();
        found.sort();
        let mut expected = vec![
            ("security.selinux".to_owned(), b"system_u".to_vec()),
            ("trusted.t".to_owned(), b"x".to_vec()),
        ];
        expected.extend(
            lengths
                .iter()
                .map(|length| (format!("user.of.{length}"), noise(1, *length))),
        );
        expected.sort();
        assert!(
            found == expected,
            "{options}: {:?}",
            found.iter().map(|(name, _)| name).collect::<Vec<_>>()
        );
        assert_eq!(read_all(&system, node), b"content");
    }
}

#[test]
fn an_indexed_folder_shows_every_name_once() {
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.tree().join("many")).unwrap();
    for index in 0..3000 {
        std::fs::write(workshop.tree().join(format!("many/{index:050}")), []).unwrap();
    }
    for options in [
        "-b 1024",
        "-b 4096",
        "-b 1024 -O ^metadata_csum",
        "-b 1024 -O large_dir",
    ] {
        let image = workshop.make("image", &format!("-t ext4 {options}"), "64M");
        // `mke2fs -d` makes folders without an index; optimising them makes one.
        run("e2fsck", &["-fyD", image.to_str().unwrap()]);
        let output = run("debugfs", &["-R", "htree_dump many", image.to_str().unwrap()]);
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("Root node dump"),
            "{options}: no index was made"
        );
        let system = open_image(&image);
        assert_eq!(entries(&system, find(&system, "many")).len(), 3000, "{options}");
    }
}

#[test]
fn what_the_file_system_encrypts_is_told_apart() {
    let workshop = Workshop::new();
    std::fs::write(workshop.tree().join("file"), noise(1, 100_000)).unwrap();
    std::fs::create_dir(workshop.tree().join("folder")).unwrap();
    let image = workshop.make("image", "-t ext4 -O encrypt", "16M");
    debugfs(&image, "sif file flags 0x80800\nsif folder flags 0x80800\n");
    let system = open_image(&image);
    let (file, folder) = (find(&system, "file"), find(&system, "folder"));
    assert!(matches!(system.read(file, 0, &mut [0; 10]), Err(Error::Unreadable(..))));
    let mut visit = |_| ControlFlow::Continue(());
    assert!(matches!(system.entries(folder, &mut visit), Err(Error::Unreadable(..))));
    assert_eq!(system.metadata(file).unwrap().size_bytes, 100_000);
}

#[test]
fn nodes_used_as_what_they_are_not_are_errors() {
    let workshop = Workshop::new();
    std::fs::write(workshop.tree().join("file"), b"content").unwrap();
    let system = open_image(&workshop.make("image", "-t ext4", "16M"));
    let file = find(&system, "file");
    let mut visit = |_| ControlFlow::Continue(());
    assert!(matches!(
        system.entries(file, &mut visit),
        Err(Error::NotA(_, "folder"))
    ));
    assert!(matches!(system.link_target(file), Err(Error::NotA(..))));
    assert!(matches!(
        system.read(system.root(), 0, &mut [0]),
        Err(Error::NotA(_, "file"))
    ));
    assert!(matches!(
        system.metadata(NodeId(3000)),
        Err(Error::NotInUse(NodeId(3000)))
    ));
    for number in [0, u64::from(u32::MAX), u64::MAX] {
        assert!(
            matches!(system.metadata(NodeId(number)), Err(Error::Damaged { .. })),
            "{number}"
        );
    }
}

#[test]
fn what_is_allocated_and_not_written_reads_as_zeros() {
    let workshop = Workshop::new();
    std::fs::write(workshop.tree().join("file"), noise(1, 4096)).unwrap();
    let image = workshop.make("image", "-t ext4 -b 4096", "16M");
    debugfs(&image, "fallocate file 1 20\nsif file size 40960\n");
    let mut extents = Vec::new();
    let mut visit = |extent: Extent| {
        extents.push(extent);
        ControlFlow::Continue(())
    };
    let system = open_image(&image);
    let node = find(&system, "file");
    system.extents(node, &mut visit).unwrap();
    let unwritten: Vec<_> = extents
        .iter()
        .filter(|extent| extent.kind == ExtentKind::Unwritten)
        .collect();
    // Blocks beyond the file's end are shown: they are the file's.
    assert_eq!(unwritten.iter().map(|extent| extent.length).sum::<u64>(), 20 * 4096);
    let mut bytes = std::fs::read(&image).unwrap();
    for extent in unwritten {
        let (start, length) = (
            usize::try_from(extent.physical).unwrap(),
            usize::try_from(extent.length).unwrap(),
        );
        bytes[start..start + length].fill(0xee);
    }
    std::fs::write(&image, bytes).unwrap();
    let mut expected = noise(1, 4096);
    expected.resize(40960, 0);
    assert!(read_all(&open_image(&image), node) == expected);
}

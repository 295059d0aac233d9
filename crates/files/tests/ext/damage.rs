//! Damaged file systems: errors that name the damage, in bounded time, and never for what is whole.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use files::ext::open;
use files::{Entry, Error, FileSystem, NodeId, NodeKind};

use crate::compare::{entries, find, read_all};
use crate::image::{Workshop, noise, open_image, run};

/// Asks everything of every node that can be reached. Returns how many could be, and how many errors there were.
fn walk(system: &dyn FileSystem) -> (usize, usize) {
    let (mut seen, mut errors) = (HashSet::from([system.root()]), 0);
    let mut queue = VecDeque::from([system.root()]);
    while let Some(node) = queue.pop_front() {
        let mut enter = |entry: Entry| {
            if seen.insert(entry.node) {
                queue.push_back(entry.node);
            }
            ControlFlow::Continue(())
        };
        errors += usize::from(
            system
                .entries(node, &mut enter)
                .is_err_and(|error| !matches!(error, Error::NotA(..))),
        );
        let Ok(metadata) = system.metadata(node) else {
            errors += 1;
            continue;
        };
        let mut extents = 0;
        let mut visit = |_| {
            extents += 1;
            ControlFlow::Continue(())
        };
        errors += usize::from(system.extents(node, &mut visit).is_err());
        errors += usize::from(system.attributes(node).is_err());
        errors += match metadata.kind {
            NodeKind::File => {
                let mut buffer = vec![0; 5000];
                let offsets = [0, metadata.size_bytes / 2, metadata.size_bytes.saturating_sub(7)];
                offsets
                    .iter()
                    .filter(|offset| system.read(node, **offset, &mut buffer).is_err())
                    .count()
            }
            NodeKind::Symlink => usize::from(system.link_target(node).is_err()),
            _ => 0,
        };
    }
    (seen.len(), errors)
}

#[test]
fn whatever_the_bytes_reading_ends_without_panic() {
    let workshop = Workshop::new();
    let tree = workshop.tree();
    fs::create_dir_all(tree.join("a/b/c")).unwrap();
    for index in 0..60 {
        fs::write(tree.join(format!("a/b/{index}")), noise(index, 3000)).unwrap();
    }
    std::os::unix::fs::symlink("x".repeat(100), tree.join("link")).unwrap();
    for options in [
        "-t ext4 -b 1024",
        "-t ext4 -b 4096 -O ^metadata_csum",
        "-t ext4 -b 1024 -O inline_data,^metadata_csum",
        "-t ext2 -b 1024",
    ] {
        let image = workshop.make("image", options, "2M");
        let whole = fs::read(&image).unwrap();
        let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
        let random = noise(9, 8 * 3000);
        for seed in random.chunks(8 * 10) {
            let mut bytes = whole.clone();
            for pick in seed.chunks(8) {
                // Nine changes in ten hit bytes that mean something; all of them are near the start, where metadata is.
                let near = u32::from_le_bytes(pick[..4].try_into().unwrap()) as usize;
                let at = if pick[4] < 230 {
                    used[near % used.len().min(9000)]
                } else {
                    near % 400_000
                };
                bytes[at] = if pick[5] < 60 { 0xff } else { pick[6] };
            }
            let started = Instant::now();
            if let Ok(system) = open(Arc::new(bytes)) {
                let _: (usize, usize) = walk(&system);
            }
            assert!(
                started.elapsed() < Duration::from_secs(5),
                "{options}: {:?}",
                started.elapsed()
            );
        }
    }
}

#[test]
fn damage_is_told_by_checksums_and_concerns_what_is_damaged_alone() {
    let workshop = Workshop::new();
    let tree = workshop.tree();
    for name in ["folder", "other"] {
        fs::create_dir(tree.join(name)).unwrap();
        fs::write(tree.join(name).join("file"), b"content").unwrap();
    }
    let image = workshop.make("image", "-t ext4 -b 1024", "8M");
    let ask = |request: &str| {
        let output = run("debugfs", &["-R", request, image.to_str().unwrap()]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(walk(&open_image(&image)).1, 0);
    let block: usize = ask("bmap folder 0").parse().unwrap();
    let whole = fs::read(&image).unwrap();

    let mut bytes = whole.clone();
    bytes[block * 1024 + 40] ^= 1;
    let system = open(Arc::new(bytes)).unwrap();
    let mut visit = |_| ControlFlow::Continue(());
    let damage = system.entries(find(&system, "folder"), &mut visit).unwrap_err();
    assert_eq!(
        damage.to_string(),
        format!("damaged folder at byte {}: its checksum is wrong", block * 1024)
    );
    assert_eq!(read_all(&system, find(&system, "other/file")), b"content");

    let node = find(&open_image(&image), "other/file");
    // "located at block 134, offset 0x0c00"
    let place = ask(&format!("imap <{node}>"));
    let words: Vec<&str> = place
        .rsplit_once("located at block ")
        .unwrap()
        .1
        .split(", offset 0x")
        .collect();
    let place = words[0].parse::<usize>().unwrap() * 1024 + usize::from_str_radix(words[1], 16).unwrap();
    let mut bytes = whole;
    bytes[place + 4] ^= 1;
    let system = open(Arc::new(bytes)).unwrap();
    let damage = system.metadata(node).unwrap_err();
    assert_eq!(
        damage.to_string(),
        format!("damaged inode at byte {place}: its checksum is wrong")
    );
    assert_eq!(entries(&system, find(&system, "other")).len(), 1);
    assert_eq!(read_all(&system, find(&system, "folder/file")), b"content");
}

#[test]
fn an_image_that_was_cut_off_shows_what_is_left() {
    let workshop = Workshop::new();
    fs::write(workshop.tree().join("file"), b"content").unwrap();
    let image = workshop.make("image", "-t ext4 -b 4096", "64M");
    let mut bytes = fs::read(&image).unwrap();
    bytes.truncate(16 << 20);
    let system = open(Arc::new(bytes)).unwrap();
    assert_eq!(system.size_bytes(), 64 << 20);
    assert_eq!(read_all(&system, find(&system, "file")), b"content");
    let _: (usize, usize) = walk(&system);
}

#[test]
fn what_is_not_ext_is_not_taken_for_it() {
    assert!(matches!(open(Arc::new(vec![0; 1 << 20])), Err(Error::Unrecognised)));
    assert!(matches!(open(Arc::new(vec![0; 100])), Err(Error::Disk(_))));
    assert!(files::recognise(&vec![0_u8; 100]).is_none());
    assert!(matches!(
        files::open(Arc::new(vec![0; 1 << 20])),
        Err(Error::Unrecognised)
    ));
}

#[test]
fn features_that_are_not_known_are_refused() {
    let workshop = Workshop::new();
    let image = workshop.make("image", "-t ext4 -b 4096", "16M");
    let whole = fs::read(&image).unwrap();
    for (bit, known) in [(0x1, false), (0x8, false), (0x10, true), (0x4000_0000, false)] {
        let mut bytes = whole.clone();
        let feature = u32::from_le_bytes(bytes[1024 + 0x60..1024 + 0x64].try_into().unwrap()) | bit;
        bytes[1024 + 0x60..1024 + 0x64].copy_from_slice(&feature.to_le_bytes());
        let refused = matches!(open(Arc::new(bytes)), Err(Error::Unsupported { .. }));
        assert_eq!(refused, !known, "{bit:#x}");
    }
    assert!(open(Arc::new(whole)).unwrap().metadata(NodeId(2)).is_ok());
}

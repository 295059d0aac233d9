//! Changes that wait in the journal, put there by `debugfs`: a file system in the middle of work.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use files::FileSystem;

use crate::compare::{compare, entries, find, read_all};
use crate::image::{Workshop, debugfs, noise, open_image, run};

/// An image, and the same with a changed folder tree.
struct Scene {
    workshop: Workshop,
    image: PathBuf,
    block_bytes: usize,
    /// The numbers of the blocks that differ, and what they are in the changed one.
    blocks: Vec<(u64, Vec<u8>)>,
}

const OPTIONS: &str = "-t ext4 -b 1024 -J size=4";

impl Scene {
    fn new(options: &str, block_bytes: usize) -> Self {
        let workshop = Workshop::new();
        let tree = workshop.tree();
        fs::write(tree.join("old"), noise(1, 50_000)).unwrap();
        fs::create_dir(tree.join("folder")).unwrap();
        let image = workshop.make("image", options, "32M");
        let changed = workshop.path("changed");
        fs::copy(&image, &changed).unwrap();
        // The journal's magic number at the start of a block of content has to be escaped.
        let mut new = noise(2, 20_000);
        new[..4].copy_from_slice(&0xc03b_3998_u32.to_be_bytes());
        fs::write(tree.join("folder/new"), &new).unwrap();
        let written = format!("write {} folder/new\nrm old\n", tree.join("folder/new").display());
        debugfs(
            &changed,
            &(written + "sif folder mtime @1000000000\nsif folder/new mtime @1000000000\n"),
        );
        for name in ["folder", "folder/new"] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            fs::File::open(tree.join(name)).unwrap().set_modified(time).unwrap();
        }
        fs::remove_file(tree.join("old")).unwrap();
        let (before, after) = (fs::read(&image).unwrap(), fs::read(&changed).unwrap());
        let pairs = before.chunks(block_bytes).zip(after.chunks(block_bytes));
        let differing = pairs.enumerate().filter(|(_, (before, after))| before != after);
        let blocks = differing
            .map(|(number, (_, after))| (number as u64, after.to_vec()))
            .collect();
        Self {
            workshop,
            image,
            block_bytes,
            blocks,
        }
    }

    /// A command of `debugfs` that writes a transaction of some of the blocks.
    fn transaction(&self, name: &str, blocks: &[(u64, Vec<u8>)], options: &str) -> String {
        let numbers: Vec<_> = blocks.iter().map(|(number, _)| number.to_string()).collect();
        let content: Vec<u8> = blocks.iter().flat_map(|(_, content)| content.clone()).collect();
        let path = self.workshop.path(name);
        fs::write(&path, content).unwrap();
        format!("jw -b {} {options} {}\n", numbers.join(","), path.display())
    }

    fn write(&self, commands: &str, open_options: &str) {
        debugfs(&self.image, &format!("jo {open_options}\n{commands}jc\n"));
    }

    /// What we see is what is there once the real recovery has run.
    fn assert_as_after_recovery(&self) {
        let recovered = self.workshop.path("recovered");
        fs::copy(&self.image, &recovered).unwrap();
        run("e2fsck", &["-fy", recovered.to_str().unwrap()]);
        let system = open_image(&recovered);
        assert_eq!(system.replayed(), None);
        for image in [&recovered, &self.image] {
            let system = open_image(image);
            assert!(entries(&system, system.root()).contains_key(&b"folder"[..]));
            // Content in the journal isn't at its place yet.
            compare(&system, None, system.root(), &self.workshop.tree());
        }
    }

    /// Where the log's block of this number is in the image, in bytes: the journal of a fresh file system is in one piece.
    fn log_block(&self, number: usize) -> usize {
        let output = run(
            "debugfs",
            &["-R", &format!("bmap <8> {number}"), self.image.to_str().unwrap()],
        );
        let block: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        block * self.block_bytes
    }

    fn flip(&self, at: usize) {
        let mut bytes = fs::read(&self.image).unwrap();
        bytes[at] ^= 0x10;
        fs::write(&self.image, bytes).unwrap();
    }
}

#[test]
fn committed_transactions_are_seen_as_written() {
    for (options, block_bytes, versions) in [
        (OPTIONS, 1024, &["", "-c", "-c -v 2", "-c -v 3"][..]),
        ("-t ext4 -b 4096 -O ^64bit", 4096, &["", "-c -v 2", "-c -v 3"]),
        ("-t ext3 -b 1024", 1024, &["", "-c -v 1"]),
    ] {
        for version in versions {
            let scene = Scene::new(options, block_bytes);
            let system = open_image(&scene.image);
            assert!(entries(&system, system.root()).contains_key(&b"old"[..]));
            assert_eq!(system.replayed(), None);
            let (first, second) = scene.blocks.split_at(scene.blocks.len() / 2);
            // What the first one writes of the second's blocks is obsolete.
            let mut first: Vec<_> = first.to_vec();
            first.extend(second.iter().map(|(number, _)| (*number, vec![0xdd; block_bytes])));
            let commands = scene.transaction("first", &first, "") + &scene.transaction("second", second, "");
            scene.write(&commands, version);
            assert_eq!(
                open_image(&scene.image).replayed().as_deref(),
                Some("2 transactions"),
                "{options} {version}"
            );
            scene.assert_as_after_recovery();
        }
    }
}

#[test]
fn a_transaction_without_commit_is_not_seen() {
    let scene = Scene::new(OPTIONS, 1024);
    let rubbish: Vec<_> = scene
        .blocks
        .iter()
        .map(|(number, _)| (*number, vec![0xdd; 1024]))
        .collect();
    let commands = scene.transaction("first", &scene.blocks, "") + &scene.transaction("second", &rubbish, "-c");
    scene.write(&commands, "-c -v 3");
    assert_eq!(open_image(&scene.image).replayed().as_deref(), Some("1 transaction"));
    scene.assert_as_after_recovery();
}

#[test]
fn revoked_blocks_keep_what_is_at_their_place() {
    for version in ["", "-c -v 2", "-c -v 3"] {
        let scene = Scene::new(OPTIONS, 1024);
        // A free block would be seen by nobody: one of the new file's is revoked, after its place got its content.
        let (number, content) = scene
            .blocks
            .iter()
            .rfind(|(_, bytes)| bytes.starts_with(&noise(2, 20_000)[1024..1040]))
            .unwrap();
        let mut image = fs::read(&scene.image).unwrap();
        let place = usize::try_from(*number).unwrap() * 1024;
        image[place..place + 1024].copy_from_slice(content);
        fs::write(&scene.image, image).unwrap();
        let mut blocks = scene.blocks.clone();
        blocks.iter_mut().find(|(of, _)| of == number).unwrap().1 = vec![0xdd; 1024];
        let commands = scene.transaction("first", &blocks, "") + &format!("jw -r {number}\n");
        scene.write(&commands, version);
        assert_eq!(
            open_image(&scene.image).replayed().as_deref(),
            Some("2 transactions"),
            "{version}"
        );
        scene.assert_as_after_recovery();
    }
}

#[test]
fn a_damaged_transaction_ends_the_replay() {
    // Block 1 of the log is the first descriptor; its blocks follow, then the commit block.
    for (version, damaged, replayed) in [
        ("-c -v 3", 1, None),
        ("-c -v 2", 1, None),
        ("-c -v 3", 2, Some("1 transaction")),
        ("-c -v 3", usize::MAX, None),
        ("-c -v 2", usize::MAX, None),
        ("", 1, None),
    ] {
        let scene = Scene::new(OPTIONS, 1024);
        scene.write(&scene.transaction("first", &scene.blocks, ""), version);
        assert_eq!(open_image(&scene.image).replayed().as_deref(), Some("1 transaction"));
        let block = if damaged == usize::MAX {
            scene.blocks.len() + 2
        } else {
            damaged
        };
        let within = if version.is_empty() { 5 } else { 60 };
        scene.flip(scene.log_block(block) + within);
        let system = open_image(&scene.image);
        assert_eq!(
            system.replayed().as_deref(),
            replayed,
            "block {block} of the log, {version}"
        );
        assert_eq!(
            entries(&system, find(&system, "folder")).len(),
            usize::from(replayed.is_some())
        );
    }
}

#[test]
fn a_journal_that_cannot_be_read_is_told() {
    let scene = Scene::new(OPTIONS, 1024);
    scene.write(&scene.transaction("first", &scene.blocks, ""), "-c -v 3");
    scene.flip(scene.log_block(0) + 0x18);
    let system = open_image(&scene.image);
    let replayed = system.replayed().unwrap();
    assert!(
        replayed.starts_with("nothing of what waits: damaged ext journal"),
        "{replayed}"
    );
    assert_eq!(read_all(&system, find(&system, "old")), noise(1, 50_000));
}

#[test]
fn a_log_is_followed_around_its_end() {
    let scene = Scene::new(OPTIONS, 1024);
    scene.write(&scene.transaction("first", &scene.blocks, ""), "");
    // The log is a ring: its blocks, all but the superblock, are moved on until the transaction lies across its end.
    let (journal, blocks) = (scene.log_block(0), journal_blocks(&scene.image));
    assert_eq!(
        scene.log_block(blocks - 1),
        journal + (blocks - 1) * 1024,
        "the journal isn't in one piece"
    );
    let mut image = fs::read(&scene.image).unwrap();
    image[journal + 1024..journal + blocks * 1024].rotate_left(5 * 1024);
    assert_eq!(
        image[journal + 0x1c..journal + 0x20],
        1_u32.to_be_bytes(),
        "the log doesn't start at its first block"
    );
    let start = u32::try_from(blocks - 5).unwrap();
    image[journal + 0x1c..journal + 0x20].copy_from_slice(&start.to_be_bytes());
    fs::write(&scene.image, image).unwrap();
    assert_eq!(open_image(&scene.image).replayed().as_deref(), Some("1 transaction"));
    scene.assert_as_after_recovery();
}

fn journal_blocks(image: &Path) -> usize {
    let output = run("dumpe2fs", &["-h", image.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("Total journal blocks:"))
        .unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

//! Which deletions count as the loss of files: those with a copy of random bytes that is known for one.

use std::sync::Arc;

use files::NodeId;
use volume::{Sequence, Timestamp};

use super::*;
use crate::disk::{BLOCK, Changed, Stamp};
use crate::fake::{BLOCKS_EACH, Fake, random};
use crate::moved::archive::tests::{As, gzip, zip};
use crate::past::PastMoment;
use crate::window::Readings;

/// A document of so many bytes.
fn document(size_bytes: usize) -> Vec<u8> {
    let text = b"%PDF-1.7 a line of it\n";
    text.iter().copied().cycle().take(size_bytes).collect()
}

/// A folder before and after, and the blocks that were changed meanwhile.
struct Scene {
    before: Fake,
    after: Fake,
    changed: Changed,
}

impl Scene {
    fn new(files: &[(String, Vec<u8>)]) -> Self {
        let mut before = Fake::new();
        for (name, content) in files {
            before.file(NodeId(0), name.as_bytes(), content);
        }
        Self {
            after: before.clone(),
            before,
            changed: Changed::default(),
        }
    }

    /// Documents of 6000 bytes, 6100, 6200, ...
    fn of_documents(count: usize) -> Self {
        let files: Vec<_> = (0..count)
            .map(|number| (format!("report {number}.pdf"), document(6000 + 100 * number)))
            .collect();
        Self::new(&files)
    }

    /// Makes a file of random bytes.
    fn copy(&mut self, name: &str, size_bytes: usize) {
        self.make(name, &random(size_bytes));
    }

    fn make(&mut self, name: &str, content: &[u8]) {
        let node = self.after.file(NodeId(0), name.as_bytes(), content);
        let blocks = (content.len() as u64).div_ceil(BLOCK);
        self.changed.note(stamp(2), node.0 * BLOCKS_EACH, blocks);
    }

    /// Deletes the file of a number, counted from 0.
    fn delete(&mut self, number: u64) {
        self.after.delete(NodeId(number + 1));
    }

    /// The files that are lost.
    fn lost(self) -> Vec<Lost> {
        self.losses().lost
    }

    fn losses(self) -> Losses {
        self.losses_at(3)
    }

    /// What an examination finds at a second. Files were changed in the second one.
    fn losses_at(self, second: u64) -> Losses {
        let moment = |second| PastMoment {
            sequence: Sequence(second),
            time: Timestamp::from_unix_seconds(second),
            disk: Arc::new(Vec::new()),
        };
        let window = Window {
            before: moment(1),
            after: moment(second),
            ends: vec![(moment(1), moment(second))],
            changed: self.changed,
            readings: Readings::default(),
            seconds: BTreeMap::new(),
        };
        let mut losses = Losses::default();
        let sides = (&self.before.side(), &self.after.side());
        let done = lost_in(&window, sides, &RandomState::new(), &mut losses, &mut ());
        assert!(done.is_ok(), "{done:?}");
        losses
    }
}

fn stamp(second: u64) -> Stamp {
    Stamp {
        part: 0,
        sequence: Sequence(second),
        time: Timestamp::from_unix_seconds(second),
    }
}

/// Documents that were each deleted beside a new file of a meaningless name that is so much longer.
fn lost_beside_strangers(longer_bytes: &[usize]) -> usize {
    let mut scene = Scene::of_documents(longer_bytes.len());
    for (number, longer_bytes) in longer_bytes.iter().enumerate() {
        // Sizes lie so far apart that each finds its own.
        scene.copy(&format!("{number:08x}"), 6000 + 100 * number + longer_bytes);
        scene.delete(number as u64);
    }
    scene.lost().len()
}

#[test]
fn a_document_that_was_deleted_beside_a_copy_named_after_it_is_lost() {
    let mut scene = Scene::of_documents(3);
    scene.copy("report 0.pdf.locked", 6256);
    scene.copy("report 1.locked", 9000);
    scene.delete(0);
    scene.delete(1);
    scene.delete(2);
    let lost = |path: &str| Lost {
        path: path.to_owned(),
        how: "deleted, with random bytes beside it".to_owned(),
        is_replaced: true,
        first: Some(2),
    };
    assert_eq!(scene.lost(), [lost("/report 0.pdf"), lost("/report 1.pdf")]);
}

#[test]
fn a_document_that_was_deleted_alone_or_has_a_copy_but_is_there_is_not_lost() {
    let mut scene = Scene::of_documents(2);
    scene.copy("report 0.pdf.gpg", 6256);
    scene.delete(1);
    assert_eq!(scene.lost(), []);
}

#[test]
fn what_was_of_no_known_kind_may_be_exchanged_for_random_bytes() {
    let mut scene = Scene::new(&[("00000001".to_owned(), random(6000))]);
    scene.copy("00000001.new", 6000);
    scene.delete(0);
    assert_eq!(scene.lost(), []);
}

#[test]
fn copies_of_any_name_count_if_as_many_as_four_are_as_much_longer() {
    assert_eq!(lost_beside_strangers(&[32; 4]), 4);
    assert_eq!(lost_beside_strangers(&[32; 3]), 0, "chance");
    assert_eq!(lost_beside_strangers(&[0; 4]), 4, "as long as the document");
    assert_eq!(lost_beside_strangers(&[32, 36, 40, 47]), 4, "padded");
    assert_eq!(lost_beside_strangers(&[32, 48, 64, 80]), 0, "nothing in common");
}

#[test]
fn copies_that_are_as_much_longer_have_to_be_most() {
    assert_eq!(lost_beside_strangers(&[32, 32, 32, 32, 48, 64, 80]), 4, "four of seven");
    assert_eq!(lost_beside_strangers(&[32, 32, 32, 32, 48, 64, 80, 16]), 0, "half");
}

#[test]
fn copies_that_are_named_after_documents_say_nothing_of_those_that_are_not() {
    let mut scene = Scene::of_documents(5);
    for number in 0..4 {
        scene.copy(&format!("report {number}.pdf.locked"), 6000 + 100 * number + 32);
        scene.delete(number as u64);
    }
    scene.copy("ffffffff", 6400 + 32);
    scene.delete(4);
    let lost = scene.lost();
    let paths: Vec<&str> = lost.iter().map(|lost| lost.path.as_str()).collect();
    let expected = ["/report 0.pdf", "/report 1.pdf", "/report 2.pdf", "/report 3.pdf"];
    assert_eq!(paths, expected);
}

#[test]
fn what_is_gone_and_new_is_counted_whatever_it_means() {
    let mut scene = Scene::of_documents(20);
    scene.copy("report 0.pdf.locked", 6256);
    scene.copy("cache", 50_000);
    for number in [0, 5, 7] {
        scene.delete(number);
    }
    let losses = scene.losses();
    assert_eq!((losses.lost.len(), losses.files), (1, 19));
    assert_eq!((losses.created, losses.gone), (2, 3));
}

/// Twelve reports are deleted; a zip holds what `content` makes of each. Gives how many count as gone.
fn gone_beside_zip(how: As, content: impl Fn(usize, &[u8]) -> Vec<u8>) -> u64 {
    let mut scene = Scene::of_documents(12);
    let names: Vec<String> = (0..12).map(|number| format!("report {number}.pdf")).collect();
    let contents: Vec<Vec<u8>> = (0..12)
        .map(|number| content(number, &document(6000 + 100 * number)))
        .collect();
    let members: Vec<(&str, &[u8])> = names
        .iter()
        .zip(&contents)
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    scene.make("reports.zip", &zip(&members, how, false));
    for number in 0..12 {
        scene.delete(number);
    }
    let losses = scene.losses();
    assert_eq!(losses.gone == 0, losses.gone_bytes == 0);
    losses.gone
}

#[test]
fn what_a_new_archive_holds_as_it_was_is_not_gone() {
    let as_it_was = |_: usize, content: &[u8]| content.to_vec();
    assert_eq!(gone_beside_zip(As::Deflated, as_it_was), 0);
    assert_eq!(gone_beside_zip(As::Stored, as_it_was), 0);
    assert_eq!(gone_beside_zip(As::Encrypted, as_it_was), 12);
}

#[test]
fn an_archive_that_says_what_is_not_so_is_believed_nothing() {
    let encrypted = |_: usize, content: &[u8]| random(content.len());
    assert_eq!(gone_beside_zip(As::Stored, encrypted), 12);
    let end_encrypted = |_: usize, content: &[u8]| {
        let (start, end) = content.split_at(content.len() - 100);
        [start, &random(end.len())].concat()
    };
    assert_eq!(gone_beside_zip(As::Deflated, end_encrypted), 12);
    // One of the five is compared: that none is has a probability of less than 1 to 10 million.
    let many = |number: usize, content: &[u8]| {
        if number < 5 {
            random(content.len())
        } else {
            content.to_vec()
        }
    };
    assert_eq!(gone_beside_zip(As::Deflated, many), 12);
    // Of another length they are other files.
    let longer = |number: usize, content: &[u8]| {
        if number < 5 {
            random(content.len() + 32)
        } else {
            content.to_vec()
        }
    };
    assert_eq!(gone_beside_zip(As::Deflated, longer), 5);
}

#[test]
fn one_member_stands_for_one_file_of_its_name() {
    let mut scene = Scene::new(&[
        ("index".to_owned(), document(5000)),
        ("index".to_owned(), document(5000)),
    ]);
    scene.make("a.zip", &zip(&[("index", &document(5000))], As::Deflated, false));
    scene.delete(0);
    scene.delete(1);
    assert_eq!(scene.losses().gone, 1);
}

#[test]
fn what_nobody_looks_for_hides_nothing() {
    // A thousand times the same member, which is as it was; and five that aren't.
    let mut scene = Scene::of_documents(6);
    let contents: Vec<Vec<u8>> = (1..6).map(|number| random(6000 + 100 * number)).collect();
    let names: Vec<String> = (1..6).map(|number| format!("report {number}.pdf")).collect();
    let mut members = vec![("report 0.pdf", document(6000)); 1000];
    members.extend(names.iter().map(String::as_str).zip(contents));
    let members: Vec<(&str, &[u8])> = members
        .iter()
        .map(|(name, content)| (*name, content.as_slice()))
        .collect();
    scene.make("reports.zip", &zip(&members, As::Stored, false));
    for number in 0..6 {
        scene.delete(number);
    }
    assert_eq!(scene.losses().gone, 6);
}

/// Twelve reports, one of them large, are deleted; another folder has what `content` makes of each. Gives how many count as gone, as new and as moved.
fn gone_beside_copies(content: impl Fn(usize, &[u8]) -> Vec<u8>) -> (u64, u64, u64) {
    let mut scene = Scene::new(&[]);
    let report = |number: usize| document(if number == 7 { 3 << 20 } else { 6000 + 100 * number });
    let files: Vec<_> = (0..12)
        .map(|number| (format!("report {number}.pdf"), report(number)))
        .collect();
    let folder = scene.before.folder(NodeId(0), b"Reports");
    for (name, was) in &files {
        scene.before.file(folder, name.as_bytes(), was);
    }
    scene.after = scene.before.clone();
    let archive = scene.after.folder(NodeId(0), b"Archive");
    let copies = scene.after.folder(archive, b"Reports");
    for (number, (name, was)) in files.iter().enumerate() {
        scene.after.file(copies, name.as_bytes(), &content(number, was));
        scene.after.delete(NodeId(number as u64 + 2));
    }
    let losses = scene.losses();
    assert_eq!(losses.moved, 12 - losses.gone);
    (losses.gone, losses.created, losses.moved)
}

#[test]
fn files_that_lie_in_another_folder_as_they_were_are_neither_gone_nor_new() {
    assert_eq!(gone_beside_copies(|_, content| content.to_vec()), (0, 0, 12));
    assert_eq!(gone_beside_copies(|_, content| random(content.len())), (12, 12, 0));
    // One of the five is compared: that none is has a probability of less than 1 to 10 million.
    let some = |number: usize, content: &[u8]| {
        if number < 5 {
            random(content.len())
        } else {
            content.to_vec()
        }
    };
    assert_eq!(gone_beside_copies(some), (12, 12, 0));
}

#[test]
fn of_large_copies_the_first_and_the_last_bytes_are_compared_and_some_between() {
    let but_one = |place: fn(usize) -> usize| {
        gone_beside_copies(|number, content| {
            let mut content = content.to_vec();
            let place = place(content.len());
            match number {
                7 => content[place] ^= 1,
                // Another length: it is another file.
                _ => content.push(0),
            }
            content
        })
    };
    assert_eq!(but_one(|_| 0), (12, 12, 0));
    assert_eq!(but_one(|length| length - 1), (12, 12, 0));
    let every = gone_beside_copies(|_, content| {
        content
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ u8::from(at > 70_000 && at % 4096 == 0))
            .collect()
    });
    assert_eq!(every, (12, 12, 0));
}

#[test]
fn what_may_not_be_on_the_disk_yet_contradicts_nothing() {
    let at = |second| {
        let mut scene = Scene::of_documents(1);
        scene.make("a.zip", &zip(&[("report 0.pdf", &random(6000))], As::Stored, false));
        scene.delete(0);
        let losses = scene.losses_at(second);
        (losses.gone, losses.is_contradicted)
    };
    assert_eq!(at(3), (1, false));
    assert_eq!(at(63), (1, true));
}

#[test]
fn many_files_of_one_name_and_length_are_not_taken_for_each_other() {
    let same: Vec<_> = (0..5).map(|_| ("index".to_owned(), document(5000))).collect();
    let mut scene = Scene::new(&same);
    scene.make(
        "a.zip",
        &zip(&[("index", document(5000).as_slice()); 5], As::Deflated, false),
    );
    for number in 0..5 {
        scene.delete(number);
    }
    assert_eq!(scene.losses().gone, 5);
}

#[test]
fn with_empty_files_nothing_goes() {
    let mut scene = Scene::new(&[("a".to_owned(), Vec::new()), ("b".to_owned(), document(10))]);
    scene.delete(0);
    scene.delete(1);
    let losses = scene.losses();
    assert_eq!((losses.gone, losses.gone_bytes), (1, 10));
}

#[test]
fn logs_are_packed_each_alone_and_rotated() {
    let files = [("a.log", 9000), ("b.log", 9100), ("c.log.1", 9200), ("d.log", 9300)];
    let mut scene = Scene::new(&files.map(|(name, length)| (name.to_owned(), document(length))));
    scene.make("a.log.gz", &gzip(&document(9000)));
    scene.make("b.log.1.gz", &gzip(&document(9100)));
    scene.make("c.log.2.gz", &gzip(&document(9200)));
    scene.make("d.txt.gz", &gzip(&document(9300)));
    for number in 0..4 {
        scene.delete(number);
    }
    let losses = scene.losses();
    assert_eq!(
        (losses.gone, losses.gone_bytes, losses.is_contradicted),
        (1, 9300, false)
    );
}

#[test]
fn files_of_a_part_of_a_disk_are_told_from_those_of_a_whole_one() {
    let side = |gib: u64| {
        let mut side = Fake::new().side();
        for piece in &mut side.pieces {
            piece.length = gib << 30;
        }
        side
    };
    let disk: Arc<dyn Disk> = Arc::new(Sized(100 << 30));
    // A boot partition beside one that is encrypted; nothing at all.
    assert!(!takes_up_most(&[side(1)], &disk) && !takes_up_most(&[], &disk));
    assert!(!takes_up_most(&[side(1), side(92)], &disk));
    assert!(takes_up_most(&[side(1), side(93)], &disk));
    assert!(takes_up_most(&[side(100)], &disk));
}

/// A disk of which only the size matters.
struct Sized(u64);

impl Disk for Sized {
    fn size_bytes(&self) -> u64 {
        self.0
    }

    fn read_at(&self, _: u64, _: &mut [u8]) -> Result<(), files::ReadFailed> {
        Ok(())
    }
}

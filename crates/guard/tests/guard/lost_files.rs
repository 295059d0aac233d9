//! Files that lost their content: what counts, what it leads to, and what explains it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guard::{EventKind, Examined, Fence, FileExaminer, Losses, LostFile, StatusState, Unexamined};
use volume::{Device, Sequence, Volume, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, TO_FENCE, assert_clean, at, model_by, noise};

const REPLACED: &str = "replaced by random bytes";
/// A place that nothing is on.
const BEHIND_TEXT: u64 = 16 * BATCH;

/// Tells what a test has it tell.
#[derive(Default)]
struct Told {
    lost: Mutex<Vec<LostFile>>,
    is_failing: Mutex<bool>,
    took: Mutex<Duration>,
    created: AtomicU32,
    gone: AtomicU32,
    gone_bytes: AtomicU64,
    moved: AtomicU64,
    is_contradicted: AtomicBool,
    is_partial: AtomicBool,
    asked: AtomicU32,
    from: Mutex<Option<Sequence>>,
}

impl Told {
    fn lose(&self, files: u32, how: &str, first: Sequence) {
        let file = |number: u32| LostFile {
            path: format!("/Documents/{number:03}.docx"),
            how: how.to_owned(),
            is_replaced: how == REPLACED,
            first: Some(first),
        };
        *self.lost.lock().expect("no thread panics") = (0..files).map(file).collect();
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl FileExaminer for Told {
    fn examine(&self, _: &Arc<Volume>, from: Sequence, _: Sequence) -> Examined {
        self.asked.fetch_add(1, Ordering::Relaxed);
        *self.from.lock().expect("no thread panics") = Some(from);
        let is_failing = *self.is_failing.lock().expect("no thread panics");
        let lost = self.lost.lock().expect("no thread panics").clone();
        let losses = Losses {
            lost,
            files: 100,
            created: self.created.load(Ordering::Relaxed).into(),
            gone: self.gone.load(Ordering::Relaxed).into(),
            gone_bytes: self.gone_bytes.load(Ordering::Relaxed),
            moved: self.moved.load(Ordering::Relaxed),
            is_contradicted: self.is_contradicted.load(Ordering::Relaxed),
            is_whole: !self.is_partial.load(Ordering::Relaxed),
        };
        Examined {
            losses: if is_failing {
                Err(Unexamined::NoFileSystem)
            } else {
                Ok(losses)
            },
            took: *self.took.lock().expect("no thread panics"),
        }
    }
}

/// A disk with some noise on it, examined once a second.
struct Disk {
    bench: Bench,
    told: Told,
}

impl Disk {
    fn new(fence: Fence) -> Self {
        let (bench, told) = (Bench::new(fence), Told::default());
        bench.guard.examine(&told);
        assert_eq!(told.asked(), 0, "nothing was written");
        Self { bench, told }
    }

    /// Writes 64 blocks that a file's content could have been lost by. Few enough for the sentinel not to judge.
    fn write(&self) {
        let disk = self.bench.guard.attach();
        let other = self.next().0 << 32;
        let data: Vec<u8> = (0..64).flat_map(|block| noise(other + block).0).collect();
        let offset = BEHIND_TEXT * BLOCK;
        disk.write(&[WriteRequest { offset, data: &data }])
            .expect("nothing is fenced");
    }

    /// The batch that is written next.
    fn next(&self) -> Sequence {
        Sequence(self.bench.volume.newest().sequence.0 + 1)
    }

    /// From now on that many files are lost, since now.
    fn lose(&self, files: u32) {
        self.told.lose(files, REPLACED, self.next());
    }

    fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.bench.pass_seconds(1);
            self.bench.guard.examine(&self.told);
        }
    }

    fn state(&self) -> StatusState {
        self.bench.guard.status().state
    }
}

#[test]
fn files_lost_in_two_examinations_are_fenced_before_the_first_of_them() {
    let disk = Disk::new(Fence::Refuse);
    disk.pass(20);
    let before = disk.bench.volume.newest().sequence;
    disk.bench.pass_seconds(10);
    disk.lose(10);
    disk.write();
    disk.pass(1);
    assert_eq!(disk.state(), StatusState::Calm, "one examination isn't enough");
    disk.pass(1);
    assert_eq!(disk.state(), StatusState::Fenced);
    let reasons = disk.bench.guard.status().reasons;
    assert_eq!(
        reasons,
        [
            "10 files lost their content: `/Documents/000.docx` (replaced by random bytes), `/Documents/001.docx` (replaced by random bytes), \
             `/Documents/002.docx` (replaced by random bytes) and 7 more"
        ]
    );
    let point = disk.bench.guard.before_attack().unwrap();
    assert!(point.sequence <= before.0, "{} {}", point.sequence, before.0);
    assert_clean(&disk.bench.volume, &point.pin);
    // A fenced disk isn't examined.
    let asked = disk.told.asked();
    disk.pass(5);
    assert_eq!(disk.told.asked(), asked);
}

#[test]
fn few_files_are_bookmarked_and_one_is_nothing() {
    let disk = Disk::new(Fence::Refuse);
    for (files, expected) in [
        (3, StatusState::Calm),
        (4, StatusState::Bookmarked),
        (9, StatusState::Bookmarked),
    ] {
        let disk = Disk::new(Fence::Refuse);
        disk.lose(files);
        disk.write();
        // Nine of a bookmarked disk would be enough: suspicion that files alone gave rise to doesn't count twice.
        disk.pass(10);
        assert_eq!(disk.state(), expected, "{files}");
    }
    assert_eq!(disk.state(), StatusState::Calm);
}

#[test]
fn what_one_examination_alone_finds_or_what_is_deleted_then_does_not_count() {
    let disk = Disk::new(Fence::Refuse);
    for round in 0..6 {
        disk.lose(if round % 2 == 0 { 50 } else { 0 });
        disk.write();
        disk.pass(1);
    }
    assert_eq!(disk.state(), StatusState::Calm);
    // Wiped, seen so twice, and deleted: some at a time, never many at once.
    disk.lose(3);
    disk.pass(3);
    disk.lose(0);
    disk.write();
    disk.pass(2);
    disk.lose(3);
    disk.write();
    disk.pass(3);
    assert_eq!(disk.state(), StatusState::Calm);
}

#[test]
fn examinations_take_a_small_part_of_the_time_and_need_a_reason() {
    let disk = Disk::new(Fence::Refuse);
    *disk.told.took.lock().unwrap() = Duration::from_secs(2);
    disk.pass(30);
    assert_eq!(disk.told.asked(), 0);
    for _ in 0..82 {
        disk.write();
        disk.pass(1);
    }
    // One in 40 seconds.
    assert_eq!(disk.told.asked(), 3);
    // Where nothing can be read, one a minute.
    *disk.told.is_failing.lock().unwrap() = true;
    for _ in 0..120 {
        disk.write();
        disk.pass(1);
    }
    assert!((4..=6).contains(&disk.told.asked()), "{}", disk.told.asked());
}

#[test]
fn what_was_released_is_not_held_against_the_disk() {
    let disk = Disk::new(Fence::Refuse);
    disk.lose(20);
    disk.write();
    disk.pass(2);
    assert_eq!(disk.state(), StatusState::Fenced);
    disk.bench.guard.release(guard::Release::Keep).unwrap();
    let released = disk.bench.volume.newest().sequence;
    disk.lose(0);
    disk.pass(1);
    disk.write();
    disk.pass(3);
    assert_eq!(disk.state(), StatusState::Calm);
    let from = disk.told.from.lock().unwrap().unwrap();
    assert!(from >= released, "the window begins with the release");
}

#[test]
fn announced_work_is_told_and_not_fenced() {
    let disk = Disk::new(Fence::Refuse);
    disk.bench
        .guard
        .announce("encrypting an archive", Duration::from_secs(3600))
        .unwrap();
    disk.lose(20);
    disk.write();
    disk.pass(3);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    let told = disk
        .bench
        .events
        .find(|kind| matches!(kind, EventKind::WouldFence { .. }));
    assert_eq!(told.len(), 1);
}

#[test]
fn what_is_lost_where_it_lies_counts_once_it_has_stayed_so() {
    let disk = Disk::new(Fence::Refuse);
    disk.told.lose(12, "wiped", disk.next());
    disk.write();
    disk.pass(14);
    assert_eq!(disk.state(), StatusState::Calm);
    // Deleted, and others wiped: shredding.
    disk.lose(0);
    disk.write();
    disk.pass(1);
    disk.told.lose(12, "wiped", disk.next());
    disk.write();
    disk.pass(14);
    assert_eq!(disk.state(), StatusState::Calm);
    disk.pass(3);
    assert_eq!(disk.state(), StatusState::Fenced);
}

#[test]
fn files_of_slow_attacks_are_added_up_and_the_restore_point_lies_before_the_first() {
    let disk = Disk::new(Fence::Refuse);
    disk.pass(20);
    let before = disk.bench.volume.newest().sequence;
    disk.bench.pass_seconds(10);
    let first = disk.next();
    for files in 1..=10 {
        assert_ne!(disk.state(), StatusState::Fenced, "{files}");
        disk.told.lose(files, REPLACED, first);
        disk.write();
        // Long enough for an episode to end between any two.
        disk.pass(700);
    }
    assert_eq!(disk.state(), StatusState::Fenced);
    let point = disk.bench.guard.before_attack().unwrap();
    assert!(point.sequence <= before.0, "{} {}", point.sequence, before.0);
}

#[test]
fn a_clock_that_is_behind_does_not_move_the_restore_point() {
    let disk = Disk::new(Fence::Refuse);
    disk.pass(20);
    let before = disk.bench.volume.newest().sequence;
    disk.bench.clocks.set_wall(at(0));
    disk.bench.pass_seconds(10);
    disk.told.lose(12, "wiped", disk.next());
    disk.write();
    disk.pass(20);
    assert_eq!(disk.state(), StatusState::Fenced);
    let point = disk.bench.guard.before_attack().unwrap();
    assert!(point.sequence <= before.0, "{} {}", point.sequence, before.0);
}

/// A disk whose model suspects random bytes in free space, of which files were examined once.
fn suspicious_of_new() -> Disk {
    let disk = Disk::new(Fence::Refuse);
    let model = model_by("random new / written", 8);
    disk.bench
        .model
        .replace(sentinel::Model::parse(model.into()).expect("a model"));
    disk.write();
    disk.pass(2);
    assert_eq!(disk.told.asked(), 1);
    disk
}

/// Fills free space with random bytes, as a download does, for so many assessments. False if that is fenced.
fn fill(disk: &Disk, assessments: std::ops::Range<u64>) -> bool {
    let client = disk.bench.guard.attach();
    for number in assessments {
        let data: Vec<u8> = (0..BATCH).flat_map(|block| noise(1000 * number + block).0).collect();
        let offset = (BEHIND_TEXT + (1 + number) * BATCH) * BLOCK;
        if client.write(&[WriteRequest { offset, data: &data }]).is_err() {
            return false;
        }
        disk.bench.clocks.advance_millis(100);
    }
    true
}

#[test]
fn random_bytes_in_free_space_are_fenced_only_once_files_go() {
    let disk = suspicious_of_new();
    assert!(fill(&disk, 0..4 * TO_FENCE), "a download isn't fenced");
    disk.pass(3);
    let status = disk.bench.guard.status();
    assert_eq!(status.state, StatusState::Bookmarked);
    assert!(
        status
            .reasons
            .last()
            .is_some_and(|reason| reason.starts_with("no files went")),
        "{status:?}"
    );
    assert!(disk.told.asked() > 1, "as long as it goes on it is examined");
    // Where nothing is changed there is nothing new to be seen.
    let asked = disk.told.asked();
    disk.pass(60);
    assert_eq!(disk.told.asked(), asked);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    disk.told.gone.store(5, Ordering::Relaxed);
    assert!(fill(&disk, 4 * TO_FENCE..4 * TO_FENCE + 1), "not seen yet");
    disk.pass(2);
    assert_eq!(disk.state(), StatusState::Fenced);
    assert!(!fill(&disk, 0..1));
    let point = disk.bench.guard.before_attack().unwrap();
    assert_clean(&disk.bench.volume, &point.pin);
}

/// A suspicious disk on which files are being moved: 20 are, and so many others are gone.
fn moving(gone: u32) -> Disk {
    let disk = suspicious_of_new();
    assert!(fill(&disk, 0..2 * TO_FENCE));
    disk.told.moved.store(20, Ordering::Relaxed);
    disk.told.gone.store(gone, Ordering::Relaxed);
    assert!(fill(&disk, 2 * TO_FENCE..2 * TO_FENCE + 1));
    disk.pass(3);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    disk
}

#[test]
fn while_files_are_moved_more_may_be_gone_for_some_seconds() {
    let disk = moving(300);
    // The archive with them is there, and others are on their way: the time counts anew.
    disk.told.gone.store(0, Ordering::Relaxed);
    disk.pass(60);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    disk.told.gone.store(300, Ordering::Relaxed);
    assert!(fill(&disk, 2 * TO_FENCE + 1..2 * TO_FENCE + 2));
    disk.pass(3);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    // It never comes, though nothing is written any more.
    disk.pass(4);
    assert_eq!(disk.state(), StatusState::Fenced);
}

#[test]
fn whoever_moves_files_all_the_time_may_have_as_many_on_their_way() {
    let disk = moving(6);
    for moved in [26, 32, 38, 44] {
        disk.told.moved.store(moved, Ordering::Relaxed);
        disk.pass(5);
        assert_eq!(disk.state(), StatusState::Bookmarked);
    }
    // Fewer come than went.
    disk.told.moved.store(47, Ordering::Relaxed);
    disk.pass(12);
    assert_eq!(disk.state(), StatusState::Fenced);
}

#[test]
fn where_one_file_seemed_moved_that_was_not_files_are_not_heard_for_a_day() {
    let disk = suspicious_of_new();
    disk.told.is_contradicted.store(true, Ordering::Relaxed);
    disk.write();
    disk.pass(3);
    disk.told.is_contradicted.store(false, Ordering::Relaxed);
    disk.write();
    disk.pass(3);
    assert!(!fill(&disk, 0..2 * TO_FENCE));
    let disk = moving(0);
    disk.told.is_contradicted.store(true, Ordering::Relaxed);
    assert!(fill(&disk, 2 * TO_FENCE + 1..2 * TO_FENCE + 2));
    disk.pass(2);
    assert_eq!(disk.state(), StatusState::Fenced);
}

#[test]
fn what_goes_every_day_says_nothing_against_a_download() {
    let disk = suspicious_of_new();
    disk.told.gone.store(300, Ordering::Relaxed);
    disk.write();
    disk.pass(2);
    assert!(fill(&disk, 0..2 * TO_FENCE));
    disk.told.gone.store(304, Ordering::Relaxed);
    disk.pass(3);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    // A window that begins later has fewer to tell of.
    disk.told.gone.store(10, Ordering::Relaxed);
    assert!(fill(&disk, 2 * TO_FENCE..2 * TO_FENCE + 1));
    disk.pass(2);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    disk.told.gone.store(15, Ordering::Relaxed);
    assert!(fill(&disk, 2 * TO_FENCE + 1..2 * TO_FENCE + 2));
    disk.pass(2);
    assert_eq!(disk.state(), StatusState::Fenced);
}

#[test]
fn where_files_cannot_tell_nothing_is_held_back() {
    let spoilt: [fn(&Told); 6] = [
        |told| *told.is_failing.lock().unwrap() = true,
        |told| *told.took.lock().unwrap() = Duration::from_millis(1100),
        |told| told.created.store(25, Ordering::Relaxed),
        |told| told.lose(5, REPLACED, Sequence(1)),
        |told| told.lose(1, "encrypted in place", Sequence(1)),
        |told| told.is_partial.store(true, Ordering::Relaxed),
    ];
    for spoil in spoilt {
        let disk = suspicious_of_new();
        spoil(&disk.told);
        disk.write();
        disk.pass(40);
        assert!(!fill(&disk, 0..2 * TO_FENCE), "fenced at once");
    }
    // Nor where they turn out not to be able to.
    let disk = suspicious_of_new();
    assert!(fill(&disk, 0..2 * TO_FENCE));
    *disk.told.is_failing.lock().unwrap() = true;
    disk.pass(2);
    assert_eq!(disk.state(), StatusState::Fenced);
    // Nor where nobody looks at them any more.
    let disk = suspicious_of_new();
    assert!(fill(&disk, 0..2 * TO_FENCE));
    disk.bench.pass_seconds(8);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    disk.bench.pass_seconds(3);
    assert_eq!(disk.state(), StatusState::Fenced);
    let reasons = disk.bench.guard.status().reasons;
    assert!(
        !reasons.iter().any(|reason| reason.starts_with("no files went")),
        "{reasons:?}"
    );
    // Nor where something else shows that an attack is under way.
    let disk = suspicious_of_new();
    disk.bench
        .guard
        .raise_sensitivity(50, Duration::from_secs(3600))
        .unwrap();
    assert!(!fill(&disk, 0..2 * TO_FENCE));
    // Also if that comes later.
    let disk = suspicious_of_new();
    assert!(fill(&disk, 0..2 * TO_FENCE));
    disk.bench
        .guard
        .raise_sensitivity(50, Duration::from_secs(3600))
        .unwrap();
    disk.bench.pass_seconds(1);
    assert_eq!(disk.state(), StatusState::Fenced);
}

#[test]
fn few_files_that_hold_much_are_as_many() {
    let disk = suspicious_of_new();
    assert!(fill(&disk, 0..2 * TO_FENCE));
    disk.told.gone.store(1, Ordering::Relaxed);
    disk.told.gone_bytes.store(64 << 20, Ordering::Relaxed);
    disk.pass(2);
    assert_eq!(disk.state(), StatusState::Fenced);
}

#[test]
fn a_guard_that_was_off_holds_nothing_back_any_more() {
    let disk = suspicious_of_new();
    assert!(fill(&disk, 0..2 * TO_FENCE));
    let mut settings = disk.bench.guard.status().settings;
    for is_enabled in [false, true] {
        settings.enabled = is_enabled;
        disk.bench.guard.set(settings).unwrap();
        disk.bench.clocks.advance_millis(3_600_000);
    }
    disk.bench.pass_seconds(2);
    assert_ne!(disk.state(), StatusState::Fenced);
}

#[test]
fn what_was_held_back_stays_so_over_a_restart() {
    let disk = suspicious_of_new();
    assert!(fill(&disk, 0..2 * TO_FENCE));
    disk.bench.guard.tick();
    let Disk { bench, told } = disk;
    let model = bench.model.current();
    let bench = bench.restart();
    bench.model.replace(model.as_ref().clone());
    let disk = Disk { bench, told };
    disk.bench.guard.tick();
    assert!(fill(&disk, 2 * TO_FENCE..3 * TO_FENCE));
    disk.pass(20);
    assert_eq!(disk.state(), StatusState::Bookmarked);
    assert!(fill(&disk, 3 * TO_FENCE..4 * TO_FENCE));
    disk.bench.pass_seconds(12);
    assert_eq!(disk.state(), StatusState::Fenced, "where nobody looks any more");
}

#[test]
fn an_examination_comes_in_time_for_what_is_held_back() {
    let disk = suspicious_of_new();
    *disk.told.took.lock().unwrap() = Duration::from_millis(900);
    disk.write();
    disk.pass(2);
    let asked = disk.told.asked();
    disk.pass(1);
    assert_eq!(disk.told.asked(), asked, "eighteen seconds later");
    assert!(fill(&disk, 0..2 * TO_FENCE));
    disk.pass(30);
    assert!(disk.told.asked() > asked);
    assert_eq!(disk.state(), StatusState::Bookmarked);
}

#[test]
fn what_is_overwritten_is_fenced_at_once_whatever_files_tell() {
    let disk = Disk::new(Fence::Refuse);
    disk.write();
    disk.pass(2);
    let client = disk.bench.guard.attach();
    assert_eq!(disk.bench.encrypt_until_fenced(&client), TO_FENCE);
}

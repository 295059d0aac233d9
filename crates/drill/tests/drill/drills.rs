use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use drill::{AttackResult, Case, CheckOutcome, DrillFork, DrillResult, Error, History, Verdict};
use guard::{Fence, Settings};
use volume::{Wait, WriteRequest};

use crate::disk::Disk;

fn attack(result: &DrillResult) -> &AttackResult {
    result.attack.as_ref().expect("an attack")
}

fn assert_everything_is_back(result: &DrillResult) {
    let compared = attack(result).compared;
    assert!(compared.files > 100 || result.file_systems.iter().all(|system| !system.is_read));
    assert_eq!(compared.files, compared.files_identical, "{result:?}");
    assert_eq!(compared.blocks_different, 0);
    assert!(compared.blocks > 0, "nothing was damaged: the drill shows nothing");
}

/// Everything that is on the volume.
fn content(disk: &Disk) -> blake3::Hash {
    let volume = &disk.source.volume;
    let mut bytes = vec![0; volume.size_bytes() as usize];
    volume.read(0, &mut bytes, Wait::Allowed).expect("read");
    blake3::hash(&bytes)
}

#[test]
fn attacks_of_the_rotation_are_stopped_and_everything_is_back() {
    let disk = Disk::new(400);
    for case in Case::rotation() {
        let result = disk.drill(case);
        assert_eq!(result.verdict, Verdict::Passed, "{result:#?}");
        let attack = attack(&result);
        let fenced = attack.fenced.expect("fenced");
        assert!(fenced.written_bytes <= 16 << 20, "{case}: {fenced:?}");
        assert!(attack.restore.by_guard && attack.files_damaged > 0, "{case}");
        // The lead-in's writes: the guard's margin takes some of them back, and not all.
        assert!(
            (1..30_000).contains(&attack.restore.lost_milliseconds),
            "{case}: {:?}",
            attack.restore
        );
        assert_everything_is_back(&result);
        let check = result.file_systems[0].check.as_ref().expect("a check");
        assert_ne!(check.outcome, CheckOutcome::Damaged, "{check:?}");
    }
    let history = History::read(&disk.drills(), "disk").expect("the history");
    assert_eq!(history.results.len(), Case::rotation().len());
    assert_eq!(history.unreadable, 0);
}

#[test]
fn of_attacks_that_need_not_be_recognised_the_way_back_is_shown() {
    let disk = Disk::new(300);
    for case in [
        Case::WipeZeros,
        Case::CopyAndTrim,
        Case::TrimFiles,
        Case::WipeStructures,
    ] {
        let result = disk.drill(case);
        assert_ne!(result.verdict, Verdict::Failed, "{result:#?}");
        assert_everything_is_back(&result);
    }
}

#[test]
fn the_volume_is_what_it_was_and_no_fork_is_left() {
    let disk = Disk::new(200);
    let before = content(&disk);
    let result = disk.drill(Case::InPlaceWhole);
    assert_everything_is_back(&result);
    assert_eq!(content(&disk), before);
    assert_eq!(disk.source.store.names().expect("names"), ["disk"]);
    assert_eq!(disk.source.volume.pins(), []);
    assert_eq!(disk.source.volume.epoch(), 0, "the volume itself was rolled back");
}

#[test]
fn the_same_seed_gives_the_same_result() {
    let disk = Disk::new(200);
    let (one, other) = (disk.drill(Case::RandomOrder), disk.drill(Case::RandomOrder));
    let (one, other) = (attack(&one), attack(&other));
    assert_eq!(
        (one.written_bytes, one.fenced, one.files_damaged),
        (other.written_bytes, other.fenced, other.files_damaged)
    );
}

#[test]
fn every_file_of_the_disk_can_be_compared() {
    let disk = Disk::new(200);
    let mut options = disk.options(Case::InPlaceWhole);
    (options.all, options.files_max) = (true, 50);
    let result = disk.drill_with(&options).expect("a drill");
    let compared = attack(&result).compared;
    assert!(compared.is_whole_disk);
    assert_eq!((compared.files, compared.files_identical), (200, 200));
}

#[test]
fn a_fork_that_a_crash_left_is_deleted_and_nothing_else_is() {
    let disk = Disk::new(20);
    let before = content(&disk);
    let left = drill::fork_name(disk.source.clock.now(), 1);
    let fork = DrillFork::make(&disk.source, &left).expect("a fork");
    // Nothing that a drop does is done by a crash.
    std::mem::forget(fork);
    let newest = volume::Moment::After(disk.source.volume.newest().sequence);
    let now = disk.source.clock.now();
    // Somebody's own fork, whose name is like a drill's.
    disk.source
        .store
        .fork("disk", &newest, "drill-mine", now)
        .expect("a fork");
    let disk = disk.restart();
    assert_eq!(disk.source.store.names().expect("names").len(), 3);
    let cleared = drill::clear_leftovers(&disk.source.store, &disk.drills(), now).expect("cleared");
    assert_eq!(cleared.deleted, [left]);
    assert!(cleared.failed.is_empty());
    assert_eq!(disk.source.store.names().expect("names"), ["disk", "drill-mine"]);
    assert_eq!(content(&disk), before);
}

#[test]
fn what_is_read_of_a_fork_is_not_written_down() {
    let disk = Disk::new(20);
    let name = drill::fork_name(disk.source.clock.now(), 3);
    let fork = DrillFork::make(&disk.source, &name).expect("a fork");
    assert_eq!(disk.source.store.side_pieces(&name).expect("pieces"), []);
    fork.delete().expect("deleted");
}

#[test]
fn a_drill_that_is_told_to_stop_leaves_nothing() {
    let disk = Disk::new(200);
    let mut options = disk.options(Case::InPlaceWhole);
    options.bytes_per_second = 16 << 20;
    let stopped = std::thread::scope(|scope| {
        let drill = scope.spawn(|| disk.drill_with(&options));
        while options.progress().0 < 4 << 20 && !drill.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let names = disk.source.store.names().expect("names");
        assert_eq!(names.len(), 2, "it was at work on a fork: {names:?}");
        options.stop.store(true, Ordering::Relaxed);
        let told = Instant::now();
        let stopped = drill.join().expect("it doesn't panic");
        assert!(told.elapsed() < Duration::from_secs(5), "at once");
        stopped
    });
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    let (done, total) = options.progress();
    assert!(done >= 4 << 20 && done < total, "{done} of {total}");
    assert_eq!(disk.source.store.names().expect("names"), ["disk"]);
    assert!(
        History::read(&disk.drills(), "disk")
            .expect("the history")
            .results
            .is_empty()
    );
}

#[test]
fn a_drill_moves_nothing_while_the_guest_is_crowded() {
    let disk = Disk::new(200);
    let options = disk.options(Case::InPlaceWhole);
    let guest_is_done = AtomicBool::new(false);
    let (volume, now) = (&disk.source.volume, disk.source.clock.now());
    let last = volume.size_bytes() - 4096;
    let write = || {
        let data = [7; 4096];
        volume
            .write(
                &[WriteRequest {
                    offset: last,
                    data: &data,
                }],
                now,
            )
            .expect("written");
    };
    let moved = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !guest_is_done.load(Ordering::Relaxed) {
                (0..50).for_each(|_| write());
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let drill = scope.spawn(|| disk.drill_with(&options));
        std::thread::sleep(Duration::from_millis(1500));
        let moved = options.moved.so_far();
        guest_is_done.store(true, Ordering::Relaxed);
        assert_everything_is_back(&drill.join().expect("it doesn't panic").expect("a drill"));
        moved
    });
    assert_eq!(moved.1, 0);
    // What is counted is let through only afterwards: the first request waits.
    assert!(moved.0 <= 1 << 20, "{moved:?}");
}

#[test]
fn a_volume_whose_guard_is_off_fails() {
    let disk = Disk::new(200);
    let off = Settings {
        enabled: false,
        fence: Fence::Refuse,
    };
    disk.source.guard.set(off).expect("set");
    let result = disk.drill(Case::InPlaceWhole);
    assert_eq!(result.verdict, Verdict::Failed);
    assert!(
        result.failures[0].starts_with("the guard of this volume is off"),
        "{:?}",
        result.failures
    );
    assert_everything_is_back(&result);
}

#[test]
fn damage_below_is_found_before_the_bad_day() {
    let disk = Disk::new(200);
    let pinned = volume::Moment::After(disk.source.volume.newest().sequence);
    disk.source
        .volume
        .pin("monday", Some(&pinned), disk.source.clock.now())
        .expect("pinned");
    assert_eq!(disk.drill(Case::InPlaceWhole).verdict, Verdict::Passed);
    // One byte of one document, in the log of the volume.
    let folder = disk.folder.path().join("volumes").join("disk");
    let mut flipped = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("a file");
        let text = b": 17 boxes";
        let found = bytes
            .chunks(4096)
            .position(|piece| piece.windows(text.len()).any(|window| window == text));
        if let Some(piece) = found {
            bytes[piece * 4096 + 2000] ^= 1;
            flipped += 1;
        }
        std::fs::write(&path, bytes).expect("written");
    }
    assert!(flipped > 0, "no document was found in the log");
    let disk = disk.restart();
    let result = disk.drill(Case::Head64k);
    assert_eq!(result.verdict, Verdict::Failed, "{result:#?}");
    let problems = &result.moments.as_ref().expect("moments").problems;
    assert!(
        problems.iter().any(|problem| problem.starts_with("pin `monday`: ")),
        "{problems:?}"
    );
}

#[test]
fn bytes_that_nobody_wrote_are_noticed_by_their_hash() {
    let disk = Disk::new(200);
    disk.drill(Case::InPlaceWhole);
    // As if the store gave other bytes than it did then, with a checksum that fits.
    let ledger = disk.drills().join("disk.files");
    let text = std::fs::read_to_string(&ledger).expect("the ledger");
    let forged: Vec<String> = text
        .lines()
        .map(|line| {
            let at = line.find("\"hash\":\"").expect("a hash") + 8;
            format!("{}{}{}", &line[..at], "0".repeat(64), &line[at + 64..])
        })
        .collect();
    std::fs::write(&ledger, forged.join("\n")).expect("written");
    let result = disk.drill(Case::InPlaceWhole);
    assert_eq!(result.verdict, Verdict::Failed);
    let problems = &result.moments.as_ref().expect("moments").problems;
    assert!(problems[0].contains("though nobody wrote it since"), "{problems:?}");
}

#[test]
fn a_disk_without_a_file_system_is_attacked_where_bytes_are() {
    let disk = Disk::with_image(|folder| {
        let path = folder.join("image");
        let text: Vec<u8> = b"Pages of a database that has no file system below it. "
            .iter()
            .copied()
            .cycle()
            .take(48 << 20)
            .collect();
        std::fs::write(&path, text).expect("an image");
        path
    });
    let result = disk.drill(Case::InPlaceWhole);
    assert_eq!(result.verdict, Verdict::Passed, "{result:#?}");
    assert_everything_is_back(&result);
    assert!(
        result.remarks.iter().any(|remark| remark.contains("no file system")),
        "{:?}",
        result.remarks
    );
}

#[test]
fn an_empty_disk_shows_nothing_and_says_so() {
    let disk = Disk::with_image(|folder| {
        let path = folder.join("image");
        std::fs::write(&path, vec![0; 16 << 20]).expect("an image");
        path
    });
    let result = disk.drill(Case::InPlaceWhole);
    assert_eq!((result.verdict, result.attack.is_none()), (Verdict::Inconclusive, true));
}

#[test]
fn a_history_with_a_bad_line_is_read_without_it_and_says_so() {
    let disk = Disk::new(40);
    disk.drill(Case::InPlaceWhole);
    let path = disk.drills().join("disk.results");
    let text = std::fs::read_to_string(&path).expect("the history");
    std::fs::write(&path, format!("{{\"version\":1\n{text}")).expect("written");
    let history = History::read(&disk.drills(), "disk").expect("the history");
    assert_eq!((history.results.len(), history.unreadable), (1, 1));
}

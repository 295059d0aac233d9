//! Merging beside questions and imports: counts are exact at every moment, and whatever ends a merge loses nothing.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::passwords::record::Record;
use crate::passwords::{
    Encoding, Existing, Format, ImportOptions, Input, Passwords, RangePrefix, import, remove, synthetic,
};

const KIND: HashKind = HashKind::Sha1;

struct Scene {
    folder: tempfile::TempDir,
    records: Vec<Record>,
}

impl Scene {
    /// Nothing is loaded; there are so many hashes to be loaded.
    fn new(hashes: u64) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            records: synthetic::records(KIND, hashes, 11),
        }
    }

    fn store(&self) -> std::path::PathBuf {
        self.folder.path().join("store")
    }

    /// Loads some of the hashes, each seen once.
    fn import(&self, source: &str, existing: Existing, hashes: std::ops::Range<usize>) {
        let line = |record: &Record| crate::hexadecimal::upper(&record.hash()) + ":1\n";
        let lines: String = self.records[hashes].iter().map(line).collect();
        let options = ImportOptions {
            source: Some(source.to_owned()),
            kind: Some(KIND),
            format: Some(Format::Hashes),
            memory_bytes: 1 << 20,
            existing,
            now: 1,
        };
        let input = Input::Stream(Box::new(std::io::Cursor::new(lines)));
        import(&self.store(), input, &options, &mut |_| {}).unwrap();
    }

    fn passwords(&self) -> Passwords {
        Passwords::open(&self.store()).unwrap()
    }

    /// Each hash is there as often as `times` says by its place, in counts and in ranges.
    fn check(&self, passwords: &Passwords, times: impl Fn(usize) -> u64) {
        for (place, record) in self.records.iter().enumerate().step_by(7) {
            assert_eq!(passwords.count(KIND, &record.hash()).unwrap(), times(place), "{place}");
        }
        for (place, record) in self.records.iter().enumerate().step_by(91) {
            let (mut body, prefix) = (Vec::new(), RangePrefix::new(record.prefix()).unwrap());
            passwords
                .range(KIND, prefix, Encoding::Identity, None, &mut body)
                .unwrap();
            let row = format!("{}:{}", &crate::hexadecimal::upper(&record.hash())[5..], times(place));
            let is_there = String::from_utf8(body).unwrap().split("\r\n").any(|found| found == row);
            assert_eq!(is_there, times(place) > 0, "{place}");
        }
    }

    fn merge(&self) -> MergeReport {
        merge(
            &self.store(),
            MergeScope::Everything,
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap()
    }

    fn pieces(&self) -> (usize, usize, usize) {
        let manifest = Manifest::read(&self.store()).unwrap();
        let loose = manifest.loose(KIND).count();
        (manifest.parts.len(), manifest.indexes.len(), loose)
    }
}

/// Three sources, one of them added to: `0..100` is there twice.
fn three_sources() -> Scene {
    let scene = Scene::new(3000);
    scene.import("base", Existing::Replace, 0..2000);
    scene.import("police", Existing::Replace, 0..100);
    scene.import("police", Existing::Add, 2000..2500);
    scene.import("breach", Existing::Replace, 2500..3000);
    scene
}

fn in_three_sources(place: usize) -> u64 {
    if place < 100 { 2 } else { 1 }
}

#[test]
fn an_import_ends_beside_what_is_there_and_a_merge_makes_one_of_it() {
    let scene = three_sources();
    assert_eq!(scene.pieces(), (4, 4, 0));
    scene.check(&scene.passwords(), in_three_sources);
    assert!(needs_merge(&scene.store()).unwrap());
    let report = scene.merge();
    assert_eq!((report.indexes, report.parts, report.is_unfinished), (1, 1, false));
    assert_eq!(scene.pieces(), (3, 1, 0));
    scene.check(&scene.passwords(), in_three_sources);
    assert!(!needs_merge(&scene.store()).unwrap());
    assert_eq!(scene.merge(), MergeReport::default());
}

#[test]
fn what_a_killed_merge_left_goes_also_when_nothing_is_to_be_merged_any_more() {
    let scene = three_sources();
    scene.merge();
    let left = scene.store().join(WORK_NAME);
    fs::create_dir(&left).unwrap();
    fs::write(left.join("merged.new"), b"cut off").unwrap();
    assert_eq!(scene.merge(), MergeReport::default());
    assert!(!left.exists());
}

#[test]
fn what_is_left_of_a_broken_index_is_asked_for_in_the_ranges_until_it_is_merged() {
    let scene = three_sources();
    scene.merge();
    assert_eq!(remove(&scene.store(), "breach", &mut |_| {}).unwrap(), 500);
    assert_eq!(scene.pieces(), (2, 0, 2));
    let expected = |place| if place >= 2500 { 0 } else { in_three_sources(place) };
    scene.check(&scene.passwords(), expected);
    scene.merge();
    assert_eq!(scene.pieces(), (2, 1, 0));
    scene.check(&scene.passwords(), expected);
}

#[test]
fn counts_are_exact_throughout_a_merge() {
    let scene = three_sources();
    let (passwords, ended) = (scene.passwords(), AtomicBool::new(false));
    std::thread::scope(|threads| {
        let asking = threads.spawn(|| {
            let mut rounds = 0;
            while !ended.load(Ordering::Relaxed) || rounds == 0 {
                passwords.refresh().unwrap();
                scene.check(&passwords, in_three_sources);
                rounds += 1;
            }
            rounds
        });
        scene.merge();
        ended.store(true, Ordering::Relaxed);
        assert!(asking.join().unwrap() > 0);
    });
    passwords.refresh().unwrap();
    scene.check(&passwords, in_three_sources);
}

#[test]
fn a_merge_that_is_ended_or_killed_anywhere_loses_nothing() {
    let scene = three_sources();
    for end in 0..40 {
        let mut steps = 0;
        // Spread over both files and all passes, which have some thousand steps.
        let is_end = |steps: u32| steps > end * 200;
        let step = &mut |_| {
            steps += 1;
            if is_end(steps) && end % 2 == 0 {
                return ControlFlow::Break(());
            }
            assert!(!is_end(steps), "killed");
            ControlFlow::Continue(())
        };
        let result = catch_unwind(AssertUnwindSafe(|| merge(&scene.store(), MergeScope::Everything, step)));
        if let Ok(report) = result {
            let report = report.unwrap();
            assert_eq!(report.is_unfinished, is_end(steps));
            assert!(!scene.store().join("merge").exists());
        }
        scene.check(&scene.passwords(), in_three_sources);
    }
    scene.merge();
    assert_eq!(scene.pieces(), (3, 1, 0));
    scene.check(&scene.passwords(), in_three_sources);
}

#[test]
fn a_merge_killed_before_the_manifest_names_its_file_leaves_nothing() {
    let scene = three_sources();
    scene.merge();
    let before = Manifest::read(&scene.store()).unwrap();
    fs::write(scene.store().join("00000099.counts"), b"whole, but not named").unwrap();
    fs::create_dir(scene.store().join("merge")).unwrap();
    fs::write(scene.store().join("merge/merged.new"), b"cut off").unwrap();
    scene.check(&scene.passwords(), in_three_sources);
    scene.import("late", Existing::Replace, 0..10);
    scene.merge();
    assert!(!scene.store().join("00000099.counts").exists() && !scene.store().join("merge").exists());
    assert!(Manifest::read(&scene.store()).unwrap().next_file > before.next_file);
}

#[test]
fn an_import_during_a_merge_counts_at_once_and_stays() {
    let scene = three_sources();
    let mut is_imported = false;
    let step = &mut |_| {
        if !is_imported {
            is_imported = true;
            scene.import("late", Existing::Replace, 0..50);
            scene.import("police", Existing::Add, 0..50);
            scene.check(&scene.passwords(), |place| {
                in_three_sources(place) + 2 * u64::from(place < 50)
            });
        }
        ControlFlow::Continue(())
    };
    let report = merge(&scene.store(), MergeScope::Everything, step).unwrap();
    // The one that was under way, and one of what came meanwhile.
    assert_eq!((report.indexes, report.parts), (2, 1));
    assert_eq!(scene.pieces(), (4, 1, 0));
    scene.check(&scene.passwords(), |place| {
        in_three_sources(place) + 2 * u64::from(place < 50)
    });
}

#[test]
fn a_source_that_is_replaced_or_removed_during_a_merge_is_not_brought_back() {
    let scene = three_sources();
    let mut steps = 0;
    let step = &mut |_| {
        steps += 1;
        if steps == 5 {
            remove(&scene.store(), "breach", &mut |_| {}).unwrap();
            scene.import("police", Existing::Replace, 100..400);
        }
        ControlFlow::Continue(())
    };
    merge(&scene.store(), MergeScope::Everything, step).unwrap();
    assert_eq!(scene.pieces(), (2, 1, 0));
    scene.check(&scene.passwords(), |place| match place {
        0..100 | 400..2000 => 1,
        100..400 => 2,
        _ => 0,
    });
}

#[test]
fn two_do_not_merge_at_once_but_others_import() {
    let scene = three_sources();
    let step = &mut |_| {
        let error = merge(&scene.store(), MergeScope::Everything, &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap_err();
        assert!(matches!(error, Error::Busy { .. }), "{error}");
        ControlFlow::Break(())
    };
    assert!(
        merge(&scene.store(), MergeScope::Everything, step)
            .unwrap()
            .is_unfinished
    );
}

#[test]
fn reads_stay_bounded_without_anybody_who_merges() {
    let scene = Scene::new(3000);
    scene.import("base", Existing::Replace, 0..2000);
    for round in 0..30 {
        let hashes = 2000 + round * 10..2010 + round * 10;
        if round % 2 == 0 {
            scene.import(&format!("source-{round}"), Existing::Replace, hashes);
        } else {
            scene.import("added", Existing::Add, hashes);
        }
        let (_, indexes, loose) = scene.pieces();
        assert!(indexes + loose <= PIECES_MAX, "{indexes} {loose}");
        let added = Manifest::read(&scene.store()).unwrap().of(KIND, "added").count();
        assert!(added <= 2 * PIECES_MAX, "{added} parts of one source");
    }
    scene.check(&scene.passwords(), |place| u64::from(place < 2300));
}

#[test]
fn small_pieces_are_merged_with_each_other_but_not_with_a_large_one() {
    let pieces = |sizes: &[u64]| sizes.iter().map(|size| (*size, *size)).collect::<Vec<_>>();
    assert_eq!(chosen(MergeScope::TooMany, pieces(&[1; PIECES_MAX])), None);
    assert_eq!(
        chosen(MergeScope::TooMany, pieces(&[1000, 1, 2, 3, 4, 5, 6, 7, 8])),
        Some(vec![1, 2, 3, 4, 5, 6, 7, 8])
    );
    assert_eq!(
        chosen(MergeScope::TooMany, pieces(&[1000, 250, 1, 1, 1, 1, 1, 1, 1]))
            .unwrap()
            .len(),
        9
    );
    assert_eq!(chosen(MergeScope::Everything, pieces(&[1000, 1])), Some(vec![1000, 1]));
}

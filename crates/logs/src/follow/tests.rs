//! Rotation in its many ways, without a crash; `tests/killed.rs` has those.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use threat::input::Body;

use super::*;

struct Scene {
    _folder: tempfile::TempDir,
    logs: PathBuf,
    settings: Settings,
}

impl Scene {
    /// Follows one file, or the folder that it is in.
    fn new(named: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let path = if named { logs.join("app.log") } else { logs.clone() };
        let mut settings = Settings::new(vec![path], folder.path().join("checkpoint"));
        settings.every = Duration::ZERO;
        Self {
            _folder: folder,
            logs,
            settings,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.logs.join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn follower(&self) -> Follower {
        Follower::open(self.settings.clone()).unwrap()
    }
}

/// What is new, acknowledged.
fn new(follower: &mut Follower) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(batch) = follower.next(Duration::from_millis(60)).unwrap() {
        texts.extend(batch.records.iter().map(text));
        follower.acknowledge(&batch).unwrap();
    }
    texts
}

fn text(positioned: &Positioned) -> String {
    match &positioned.record {
        Ok(Record {
            body: Body::Line(text), ..
        }) => text.clone(),
        Ok(Record {
            body: Body::Document(value),
            ..
        }) => value.to_string(),
        Err(unreadable) => format!("! {}", unreadable.reason),
    }
}

fn gzip(from: &Path, to: &Path) {
    let mut encoder = flate2::write::GzEncoder::new(File::create(to).unwrap(), flate2::Compression::fast());
    encoder.write_all(&fs::read(from).unwrap()).unwrap();
    encoder.finish().unwrap();
    fs::remove_file(from).unwrap();
}

#[test]
fn files_without_end_push_out_no_log_that_is_followed() {
    let mut scene = Scene::new(false);
    scene.settings.limits.logs_max = 3;
    scene.append("z.log", "one\n");
    let mut follower = scene.follower();
    assert_eq!(new(&mut follower), ["one"]);
    for number in 0..5 {
        scene.append(&format!("a{number}.log"), "made up\n");
    }
    new(&mut follower);
    scene.append("z.log", "two\n");
    assert_eq!(new(&mut follower), ["two"]);
    assert!(follower.problems().total() > 0, "that there are others is told");
}

#[test]
fn a_nul_in_the_first_line_silences_no_log() {
    let scene = Scene::new(true);
    scene.append("app.log", "GET /\0 HTTP/1.1 from 10.0.0.9\nnext\n");
    let mut follower = scene.follower();
    assert_eq!(new(&mut follower).len(), 2);
    fs::write(scene.path("app.log.1"), [0, 1, 2, 0, 0, 3]).unwrap();
    assert_eq!(new(&mut follower).len(), 0);
}

#[test]
fn a_checkpoint_that_was_begun_anew_is_another_one() {
    let scene = Scene::new(true);
    scene.append("app.log", "one\n");
    let mut follower = scene.follower();
    new(&mut follower);
    let first = follower.identity().to_owned();
    drop(follower);
    let follower = scene.follower();
    assert_eq!(follower.identity(), first, "it goes on");
    assert!(follower.knows(1) && !follower.knows(2));
    drop(follower);
    fs::remove_file(&scene.settings.checkpoint).unwrap();
    assert_ne!(scene.follower().identity(), first);
}

#[test]
fn appended_lines_are_given_once_and_a_line_without_its_end_is_waited_for() {
    let scene = Scene::new(true);
    let mut follower = scene.follower();
    assert_eq!(new(&mut follower), [""; 0]);
    scene.append("app.log", "one\n{\"two\":2}\nthr");
    assert_eq!(new(&mut follower), ["one", "{\"two\":2}"]);
    scene.append("app.log", "ee\n\nfour\n");
    assert_eq!(new(&mut follower), ["three", "four"]);
    assert_eq!(new(&mut follower), [""; 0]);
}

#[test]
fn renamed_and_created_anew() {
    for named in [true, false] {
        for restarts in [true, false] {
            let scene = Scene::new(named);
            let mut follower = scene.follower();
            scene.append("app.log", "one\n");
            assert_eq!(new(&mut follower), ["one"]);
            scene.append("app.log", "two\n");
            fs::rename(scene.path("app.log"), scene.path("app.log.1")).unwrap();
            scene.append("app.log.1", "three\n");
            scene.append("app.log", "four\n");
            if restarts {
                drop(follower);
                follower = scene.follower();
            }
            assert_eq!(
                new(&mut follower),
                ["two", "three", "four"],
                "named {named}, restarts {restarts}"
            );
        }
    }
}

#[test]
fn copied_and_truncated() {
    for restarts in [true, false] {
        let scene = Scene::new(false);
        let mut follower = scene.follower();
        scene.append("app.log", "one\ntwo\n");
        assert_eq!(new(&mut follower), ["one", "two"]);
        scene.append("app.log", "three\n");
        fs::copy(scene.path("app.log"), scene.path("app.log.1")).unwrap();
        if restarts {
            drop(follower);
            follower = scene.follower();
        } else {
            // The copy is there and the log isn't truncated yet.
            assert_eq!(new(&mut follower), ["three"]);
        }
        File::create(scene.path("app.log")).unwrap();
        scene.append("app.log", "a longer line than all of those before together\n");
        let expected: &[&str] = if restarts { &["three"] } else { &[] };
        let expected = [expected, &["a longer line than all of those before together"]].concat();
        assert_eq!(new(&mut follower), expected, "restarts {restarts}");
        assert_eq!(new(&mut follower), [""; 0]);
    }
}

#[test]
fn a_copy_that_is_shorter_than_what_was_read_repeats_nothing() {
    let scene = Scene::new(false);
    let mut follower = scene.follower();
    scene.append("app.log", "one\n");
    assert_eq!(new(&mut follower), ["one"]);
    fs::copy(scene.path("app.log"), scene.path("app.log.1")).unwrap();
    scene.append("app.log", "two\n");
    assert_eq!(new(&mut follower), ["two"]);
    File::create(scene.path("app.log")).unwrap();
    scene.append("app.log", "three\n");
    assert_eq!(new(&mut follower), ["three"]);
    drop(follower);
    assert_eq!(new(&mut scene.follower()), [""; 0]);
}

#[test]
fn a_copy_that_was_seen_while_nothing_was_in_it_repeats_nothing() {
    for name in ["app.log.1", "app.log.1.gz"] {
        let scene = Scene::new(false);
        let mut follower = scene.follower();
        scene.append("app.log", "one\n");
        assert_eq!(new(&mut follower), ["one"]);
        File::create(scene.path(name)).unwrap();
        assert_eq!(new(&mut follower), [""; 0]);
        if name == "app.log.1" {
            fs::copy(scene.path("app.log"), scene.path(name)).unwrap();
            assert_eq!(new(&mut follower), [""; 0]);
            File::create(scene.path("app.log")).unwrap();
        } else {
            gzip(&scene.path("app.log"), &scene.path(name));
        }
        scene.append("app.log", "two\n");
        assert_eq!(new(&mut follower), ["two"], "{name}");
    }
}

#[test]
fn what_may_be_a_log_that_a_restart_has_not_seen_yet_waits() {
    let scene = Scene::new(false);
    let mut follower = scene.follower();
    scene.append("app.log", "one\n");
    assert_eq!(new(&mut follower), ["one"]);
    drop(follower);
    gzip(&scene.path("app.log"), &scene.path("app.log.1.gz"));
    let mut follower = scene.follower();
    // As a look leaves it whose listing had a file that was moved before it was opened.
    for log in follower.logs.values_mut() {
        log.is_present = true;
    }
    let (candidates, _) = list::list(&scene.settings.paths, 10);
    let [packed] = candidates.as_slice() else {
        panic!("{candidates:?}")
    };
    let error = follower.take_in(packed, false).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(new(&mut follower), [""; 0]);
    assert_eq!(follower.logs.len(), 1);
}

#[test]
fn what_a_log_was_packed_from_and_that_comes_back_repeats_nothing() {
    let scene = Scene::new(false);
    let mut follower = scene.follower();
    for number in 0..2000 {
        scene.append("app.log.1", &format!("line {number}\n"));
    }
    assert_eq!(new(&mut follower).len(), 2000);
    let aside = scene.logs.with_file_name("aside");
    fs::copy(scene.path("app.log.1"), &aside).unwrap();
    gzip(&scene.path("app.log.1"), &scene.path("app.log.1.gz"));
    assert_eq!(new(&mut follower), [""; 0]);
    fs::rename(&aside, scene.path("app.log.1")).unwrap();
    assert_eq!(new(&mut follower), [""; 0]);
}

#[test]
fn packed_while_nobody_followed() {
    let scene = Scene::new(true);
    let mut follower = scene.follower();
    scene.append("app.log", "one\n");
    assert_eq!(new(&mut follower), ["one"]);
    drop(follower);
    scene.append("app.log", "two\n");
    fs::rename(scene.path("app.log"), scene.path("app.log.1")).unwrap();
    gzip(&scene.path("app.log.1"), &scene.path("app.log.2.gz"));
    scene.append("app.log.1", "three\n");
    scene.append("app.log", "four\n");
    let mut follower = scene.follower();
    assert_eq!(new(&mut follower), ["two", "three", "four"]);
    drop(follower);
    gzip(&scene.path("app.log.1"), &scene.path("app.log.3.gz"));
    assert_eq!(new(&mut scene.follower()), [""; 0]);
}

#[test]
fn deleted_after_it_was_renamed_and_before_it_was_read_to_its_end() {
    let scene = Scene::new(true);
    let mut follower = scene.follower();
    scene.append("app.log", "one\n");
    assert_eq!(new(&mut follower), ["one"]);
    scene.append("app.log", "two\n");
    fs::remove_file(scene.path("app.log")).unwrap();
    scene.append("app.log", "three\n");
    assert_eq!(new(&mut follower), ["two", "three"]);
}

#[test]
fn what_was_there_before_is_left_alone_if_asked_for() {
    let mut scene = Scene::new(true);
    scene.settings.start = Start::End;
    scene.append("app.log.1", "oldest\n");
    scene.append("app.log", "old\n");
    let mut follower = scene.follower();
    assert_eq!(new(&mut follower), [""; 0]);
    scene.append("app.log", "new\n");
    assert_eq!(new(&mut follower), ["new"]);
}

#[test]
fn positions_are_the_same_after_a_restart_and_repeats_are_known_by_them() {
    let scene = Scene::new(false);
    scene.append("a.log", "one\ntwo\n");
    scene.append("b.log", "three\n");
    let mut follower = scene.follower();
    let first = follower.next(Duration::ZERO).unwrap().unwrap();
    drop(follower);
    let mut follower = scene.follower();
    let again = follower.next(Duration::ZERO).unwrap().unwrap();
    let of = |batch: &Batch| {
        batch
            .records
            .iter()
            .map(|one| (text(one), one.position))
            .collect::<HashMap<_, _>>()
    };
    assert_eq!(of(&first), of(&again));
    assert_eq!(of(&first).len(), 3);
}

#[test]
fn batches_are_acknowledged_in_their_order() {
    let mut scene = Scene::new(false);
    scene.settings.limits.batch_records_max = 4;
    scene.append("a.log", "one\ntwo\nthree\n");
    let mut follower = scene.follower();
    let first = follower.next(Duration::ZERO).unwrap().unwrap();
    let second = follower.next(Duration::ZERO).unwrap().unwrap();
    assert!(matches!(follower.acknowledge(&second), Err(Error::OutOfTurn { .. })));
    follower.acknowledge(&first).unwrap();
    drop(follower);
    assert_eq!(new(&mut scene.follower()), ["two", "three"]);
}

#[test]
fn one_busy_log_does_not_hold_the_others_up() {
    let mut scene = Scene::new(false);
    scene.settings.limits.batch_records_max = 40;
    scene.append("a.log", &"busy\n".repeat(10_000));
    scene.append("b.log", "quiet\n");
    let mut follower = scene.follower();
    let batch = follower.next(Duration::ZERO).unwrap().unwrap();
    assert!(batch.records.len() <= 40);
    assert!(batch.records.iter().any(|one| text(one) == "quiet"));
}

#[test]
fn a_line_longer_than_may_be_is_told_and_held_by_nobody() {
    let mut scene = Scene::new(true);
    scene.settings.limits.line_bytes_max = 1000;
    let mut follower = scene.follower();
    scene.append("app.log", "before\n");
    scene.append("app.log", &"x".repeat(3 << 20));
    assert_eq!(new(&mut follower), ["before"]);
    scene.append("app.log", &format!("{}\nafter\n", "x".repeat(3 << 20)));
    assert_eq!(
        new(&mut follower),
        ["! the line has 6291457 bytes, more than are read", "after"]
    );
    drop(follower);
    scene.append("app.log", "more\n");
    assert_eq!(new(&mut scene.follower()), ["more"]);
}

#[test]
fn what_is_no_log_is_told_and_passed_over() {
    let scene = Scene::new(false);
    fs::write(scene.path("binary"), [0; 64]).unwrap();
    fs::write(scene.path("archive.zip"), b"PK\x03\x04").unwrap();
    scene.append("app.log", "one\n");
    let mut follower = scene.follower();
    assert_eq!(new(&mut follower), ["one"]);
    let reasons: Vec<_> = follower
        .problems()
        .by_count()
        .iter()
        .map(|(reason, tally)| ((*reason).to_owned(), tally.count))
        .collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons.iter().all(|(_, count)| *count == 1), "{reasons:?}");
}

#[test]
fn a_truncated_log_without_a_copy_is_counted_and_begun_anew() {
    let mut scene = Scene::new(true);
    scene.settings.limits.batch_records_max = 4;
    let mut follower = scene.follower();
    scene.append("app.log", "one\ntwo\n");
    let batch = follower.next(Duration::ZERO).unwrap().unwrap();
    assert_eq!(batch.records.len(), 1);
    follower.acknowledge(&batch).unwrap();
    File::create(scene.path("app.log")).unwrap();
    scene.append("app.log", "3\n");
    assert_eq!(new(&mut follower), ["3"]);
    assert_eq!(
        follower.problems().by_count()[0].0,
        "it was truncated before it was read to its end, and no copy of it was found"
    );
}

/// Four records (see `crates/threat/tests/data/README.md`).
const EVENT_LOG: &[u8] = include_bytes!("../../../threat/tests/data/esent-ntds-copied.evtx");

#[test]
fn event_logs_are_followed_by_the_numbers_of_their_records() {
    let scene = Scene::new(false);
    let path = scene.path("Application.evtx");
    // Nothing but the header yet.
    fs::write(&path, &EVENT_LOG[..4096]).unwrap();
    let mut follower = scene.follower();
    assert_eq!(new(&mut follower), [""; 0]);
    fs::write(&path, EVENT_LOG).unwrap();
    let batch = follower.next(Duration::from_secs(1)).unwrap().unwrap();
    let numbers: Vec<u64> = batch.records.iter().map(|one| one.position.end).collect();
    assert_eq!(numbers, [442_136, 442_150, 442_151, 442_152]);
    drop(follower);
    // It wasn't acknowledged.
    let mut follower = scene.follower();
    let again = follower.next(Duration::from_secs(1)).unwrap().unwrap();
    assert_eq!(
        again.records.iter().map(|one| one.position).collect::<Vec<_>>(),
        batch.records.iter().map(|one| one.position).collect::<Vec<_>>()
    );
    follower.acknowledge(&again).unwrap();
    // A newer copy in its place, as a collector brings it.
    fs::write(scene.path("copy.tmp"), EVENT_LOG).unwrap();
    fs::rename(scene.path("copy.tmp"), &path).unwrap();
    assert_eq!(new(&mut follower), [""; 0]);
    drop(follower);
    assert_eq!(new(&mut scene.follower()), [""; 0]);
}

#[test]
fn rows_of_a_table_are_followed_over_restarts_and_rotation_with_the_columns_of_its_head() {
    let scene = Scene::new(false);
    let mut follower = scene.follower();
    scene.append("export.csv", "time,user");
    assert_eq!(new(&mut follower), [""; 0]);
    scene.append("export.csv", ",what\r\n1,anna,\"a\r\n");
    assert_eq!(new(&mut follower), [""; 0]);
    scene.append("export.csv", "b\"\r\n2,bob,");
    assert_eq!(new(&mut follower), [r#"{"time":"1","user":"anna","what":"a\r\nb"}"#]);
    drop(follower);
    let mut follower = scene.follower();
    scene.append("export.csv", "x\r\n");
    assert_eq!(new(&mut follower), [r#"{"time":"2","user":"bob","what":"x"}"#]);
    assert_eq!(new(&mut follower), [""; 0]);
    fs::rename(scene.path("export.csv"), scene.path("export.csv.1")).unwrap();
    scene.append("export.csv", "time;user;place\n3;carl;here\n");
    scene.append("export.csv.1", "4,dora,y\n");
    let mut found = new(&mut follower);
    found.sort();
    assert_eq!(
        found,
        [
            r#"{"time":"3","user":"carl","place":"here"}"#,
            r#"{"time":"4","user":"dora","what":"y"}"#
        ]
    );
    gzip(&scene.path("export.csv.1"), &scene.path("export.csv.1.gz"));
    assert_eq!(new(&mut follower), [""; 0]);
    drop(follower);
    assert_eq!(new(&mut scene.follower()), [""; 0]);
}

#[test]
fn a_row_that_nobody_ends_is_told_and_the_next_ones_are_given() {
    let mut scene = Scene::new(false);
    scene.settings.limits.line_bytes_max = 200;
    let mut follower = scene.follower();
    scene.append("export.csv", "time,user,what\n1,anna,\"");
    for _ in 0..100 {
        scene.append("export.csv", &"x".repeat(4000));
    }
    scene.append("export.csv", "\n2,bob,x\n");
    let found = new(&mut follower);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("! the"), "{found:?}");
    assert_eq!(found[1], r#"{"time":"2","user":"bob","what":"x"}"#);
}

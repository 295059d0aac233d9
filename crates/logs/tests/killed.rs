//! A follower that is killed at random points while logs are written and rotated: nothing is lost, nothing comes twice.
//!
//! The child follows a folder and appends what it is given to a file, each record with its position, before it acknowledges. At its start it
//! reads how far it had come from that file, and drops repeats by their positions, as any consumer would. It is killed (SIGKILL) every few
//! milliseconds. Meanwhile the parent writes numbered lines, some in two pieces, and rotates: by renaming, by copying and truncating, and
//! packs what was rotated. In the end every number must be there once.

#![expect(clippy::unwrap_used, reason = "a test that fails shall panic")]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use logs::follow::{Follower, Settings};
use threat::input::Body;

const PLACE: &str = "LOGS_TEST_PLACE";
const LINES: u64 = 12_000;

/// Numbers without a pattern, the same in every run with the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What the child did before it was killed: how far of each log. A line that was cut is taken away.
fn resumed(results: &Path) -> HashMap<u64, u64> {
    let mut text = fs::read_to_string(results).unwrap_or_default();
    text.truncate(text.rfind('\n').map_or(0, |at| at + 1));
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(results)
        .unwrap()
        .set_len(text.len() as u64)
        .unwrap();
    let mut reached = HashMap::new();
    for line in text.lines() {
        let [log, end, _] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (log, end): (u64, u64) = (log.parse().unwrap(), end.parse().unwrap());
        let last = reached.entry(log).or_insert(0);
        *last = end.max(*last);
    }
    reached
}

#[test]
#[ignore = "run by the other test, to be killed"]
fn child() {
    let place = PathBuf::from(std::env::var(PLACE).unwrap());
    let results = place.join("results");
    let mut settings = Settings::new(vec![place.join("logs")], place.join("checkpoint"));
    settings.every = Duration::from_millis(2);
    settings.limits.batch_records_max = 100;
    let mut reached = resumed(&results);
    let mut file = OpenOptions::new().append(true).open(&results).unwrap();
    let mut follower = Follower::open(settings).unwrap();
    loop {
        let Some(batch) = follower.next(Duration::from_secs(1)).unwrap() else {
            continue;
        };
        let mut text = String::new();
        for one in &batch.records {
            let Body::Line(line) = &one.record.as_ref().unwrap().body else {
                panic!("a line")
            };
            let last = reached.entry(one.position.log).or_insert(0);
            if one.position.end > *last {
                *last = one.position.end;
                text += &format!(
                    "{} {} {}\n",
                    one.position.log,
                    one.position.end,
                    line.trim_start_matches("number ")
                );
            }
        }
        file.write_all(text.as_bytes()).unwrap();
        follower.acknowledge(&batch).unwrap();
    }
}

fn start(place: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored"])
        .env(PLACE, place)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Writes and rotates one log.
fn write(folder: &Path, name: &str, from: u64, seed: u64) {
    let mut dice = Dice(seed);
    let live = folder.join(name);
    let old = |number: u64| folder.join(format!("{name}.{number}"));
    let mut packed = 0;
    for number in from..from + LINES / 2 {
        let mut file = OpenOptions::new().append(true).create(true).open(&live).unwrap();
        let line = format!("number {number}\n");
        let (one, other) = line.split_at(dice.below(line.len() as u64) as usize);
        if dice.below(4) == 0 {
            file.write_all(one.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_micros(dice.below(400)));
            file.write_all(other.as_bytes()).unwrap();
        } else {
            file.write_all(line.as_bytes()).unwrap();
        }
        if dice.below(20) == 0 {
            std::thread::sleep(Duration::from_millis(dice.below(3)));
        }
        if dice.below(150) != 0 {
            continue;
        }
        if old(2).exists() {
            packed += 1;
            let target = folder.join(format!("{name}.{}.gz", packed + 2));
            let mut encoder =
                flate2::write::GzEncoder::new(File::create(&target).unwrap(), flate2::Compression::fast());
            encoder.write_all(&fs::read(old(2)).unwrap()).unwrap();
            encoder.finish().unwrap();
            fs::remove_file(old(2)).unwrap();
        }
        if old(1).exists() {
            fs::rename(old(1), old(2)).unwrap();
        }
        if dice.below(2) == 0 {
            fs::rename(&live, old(1)).unwrap();
        } else {
            fs::copy(&live, old(1)).unwrap();
            std::thread::sleep(Duration::from_micros(dice.below(2000)));
            OpenOptions::new().write(true).truncate(true).open(&live).unwrap();
        }
    }
}

fn numbers(place: &Path) -> Vec<u64> {
    let text = fs::read_to_string(place.join("results")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |at| &text[..at]);
    whole
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn killed_at_random_points_it_loses_and_repeats_nothing() {
    let seed = std::env::var("LOGS_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| u64::from(std::process::id()));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let logs = place.join("logs");
    fs::create_dir(&logs).unwrap();
    let writers: Vec<_> = [("one.log", 0), ("two.log", LINES / 2)]
        .map(|(name, from)| {
            let logs = logs.clone();
            std::thread::spawn(move || write(&logs, name, from, seed + from))
        })
        .into_iter()
        .collect();
    let mut dice = Dice(seed ^ 7);
    let mut kills = 0;
    while !writers.iter().all(std::thread::JoinHandle::is_finished) {
        let mut child = start(&place);
        std::thread::sleep(Duration::from_millis(5 + dice.below(60)));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let mut child = start(&place);
    let end = Instant::now() + Duration::from_secs(30);
    while numbers(&place).len() < LINES as usize && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    // Repeats would still come now.
    std::thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    let mut found = numbers(&place);
    found.sort_unstable();
    let missing: Vec<u64> = (0..LINES)
        .filter(|number| found.binary_search(number).is_err())
        .take(10)
        .collect();
    let twice: Vec<u64> = found
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .take(10)
        .collect();
    assert!(
        missing.is_empty() && twice.is_empty(),
        "lost {missing:?}, twice {twice:?} after {kills} kills, seed {seed}"
    );
    assert_eq!(found.len() as u64, LINES);
    assert!(kills > 5, "it was killed {kills} times only");
}

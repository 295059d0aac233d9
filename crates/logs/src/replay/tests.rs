use std::io::Write;
use std::path::Path;

use super::*;

/// A line of a web server's authentication log at a minute of an hour.
fn line(minute: u32, host: &str) -> String {
    format!("2026-03-01T10:{minute:02}:00Z {host} sshd[7]: Failed password for root from 10.0.0.9 port 22 ssh2\n")
}

fn lines(minutes: impl IntoIterator<Item = u32>, host: &str) -> String {
    minutes.into_iter().map(|minute| line(minute, host)).collect()
}

fn played(folder: &Path) -> (Vec<String>, Outcome) {
    let mut times = Vec::new();
    let outcome = replay(&[folder.to_owned()], &Limits::default(), &mut |event, _| {
        times.push(event.time.strftime("%M").to_string());
        true
    });
    (times, outcome)
}

#[test]
fn events_of_several_logs_come_in_the_order_of_their_times() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.log"), lines((0..40).step_by(2), "web1")).unwrap();
    std::fs::write(folder.path().join("b.log"), lines([3, 1, 7, 5], "web2")).unwrap();
    let file = std::fs::File::create(folder.path().join("c.log.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(lines([50, 51], "web3").as_bytes()).unwrap();
    packed.finish().unwrap();
    let (times, outcome) = played(folder.path());
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(
        (times.len(), outcome.events, outcome.late, outcome.files),
        (26, 26, 0, 3)
    );
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
}

#[test]
fn what_comes_far_too_late_is_given_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    // More than is looked ahead lies between the two.
    let text = (0..600).map(|_| line(30, "web1")).collect::<String>() + &line(1, "web1");
    std::fs::write(folder.path().join("a.log"), text).unwrap();
    let (times, outcome) = played(folder.path());
    assert_eq!((times.len(), outcome.late), (601, 1));
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_the_others_are_played() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.log"), lines([1, 2], "web1")).unwrap();
    std::fs::write(folder.path().join("cut.gz"), [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1]).unwrap();
    let (times, outcome) = played(folder.path());
    assert_eq!((times.len(), outcome.problem_count), (2, 1), "{:?}", outcome.problems);
    assert!(outcome.problems[0].name.ends_with("cut.gz"));
}

#[test]
fn whoever_takes_them_can_end_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        std::fs::write(
            folder.path().join(name),
            (0..5_000).map(|second| line(second % 60, name)).collect::<String>(),
        )
        .unwrap();
    }
    let mut left = 10;
    let outcome = replay(&[folder.path().to_owned()], &Limits::default(), &mut |_, _| {
        left -= 1;
        left > 0
    });
    assert!(outcome.was_given_up && outcome.events == 10, "{}", outcome.events);
}

//! Archives, honest and hostile.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use threat::input::Source;

use super::*;

#[derive(Default)]
struct Kept {
    logs: Vec<(String, String)>,
    problems: Vec<String>,
    bytes: u64,
    holds: bool,
}

impl Sink for Kept {
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool {
        let name = name.rsplit('/').next().unwrap().to_owned();
        if self.holds {
            let mut bytes = Vec::new();
            let _ = content.read_to_end(&mut bytes);
            self.logs.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        } else {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(length @ 1..) = content.read(&mut bytes) {
                self.bytes += length as u64;
            }
        }
        true
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem.reason);
    }
}

fn kept(path: PathBuf, limits: &Limits, holds: bool) -> Kept {
    let bytes = fs::metadata(&path).unwrap().len();
    let mut kept = Kept {
        holds,
        ..Kept::default()
    };
    read(&Found { path, bytes }, limits, &|_| true, &mut kept);
    kept
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// An archive with one deflated member, whose directory names it so many times.
fn zipped(name: &str, content: &[u8], times: u16) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    let packed = encoder.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let mut sizes = Vec::new();
    sizes.extend(crc.sum().to_le_bytes());
    sizes.extend((packed.len() as u32).to_le_bytes());
    sizes.extend((content.len() as u32).to_le_bytes());
    let common = |archive: &mut Vec<u8>| {
        archive.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        archive.extend(&sizes);
        archive.extend((name.len() as u16).to_le_bytes());
        archive.extend([0, 0]);
    };
    let mut archive = b"PK\x03\x04".to_vec();
    common(&mut archive);
    archive.extend(name.as_bytes());
    archive.extend(&packed);
    let directory_at = archive.len() as u32;
    for _ in 0..times {
        archive.extend(b"PK\x01\x02\x14\0");
        common(&mut archive);
        archive.extend([0; 14]);
        archive.extend(name.as_bytes());
    }
    let directory_bytes = archive.len() as u32 - directory_at;
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(times.to_le_bytes());
    archive.extend(times.to_le_bytes());
    archive.extend(directory_bytes.to_le_bytes());
    archive.extend(directory_at.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

#[test]
fn logs_are_found_in_archives_of_every_kind_and_in_archives_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    let log = b"one\ntwo\n";
    write(top, "plain.log", log);
    let packed = zstd::encode_all(&log[..], 3).unwrap();
    for (name, bytes) in [
        ("a.gz", gzipped(log)),
        ("b.zst", packed),
        ("c.zip", zipped("in.log", log, 1)),
        ("d.zip", zipped("in.gz", &gzipped(log), 1)),
    ] {
        let kept = kept(write(top, name, &bytes), &Limits::default(), true);
        let logs: Vec<_> = kept.logs.iter().map(|(_, text)| text.as_bytes()).collect();
        assert_eq!(logs, [log], "{name}: {:?}", kept.problems);
    }
    let tar = top.join("e.tgz");
    let long = "x".repeat(120) + ".log";
    write(top, &long, b"long\n");
    let status = Command::new("tar")
        .args([
            "-C",
            top.to_str().unwrap(),
            "-czf",
            tar.to_str().unwrap(),
            "plain.log",
            "a.gz",
            &long,
        ])
        .status()
        .unwrap();
    assert!(status.success());
    let kept = kept(tar, &Limits::default(), true);
    let names: Vec<_> = kept.logs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "e.tgz > plain.log".to_owned(),
            "e.tgz > a.gz".to_owned(),
            format!("e.tgz > {long}")
        ]
    );
    assert!(kept.problems.is_empty(), "{:?}", kept.problems);
}

#[test]
fn what_unpacks_to_too_much_is_ended_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![0; 64 << 20];
    let limits = Limits {
        ratio_free_bytes: 1 << 20,
        ratio_max: 100,
        ..Limits::default()
    };
    let bombs = [
        ("a.gz", gzipped(&zeros)),
        ("b.zst", zstd::encode_all(&zeros[..], 3).unwrap()),
        ("c.zip", zipped("z", &zeros, 1)),
    ];
    for (name, bytes) in bombs {
        let path = write(folder.path(), name, &bytes);
        let ratio = kept(path.clone(), &limits, false);
        assert!(ratio.bytes < 16 << 20, "{name}: {}", ratio.bytes);
        assert_eq!(
            ratio.problems,
            ["it unpacks to more than 100 times its size; the rest is not read"],
            "{name}"
        );
        let total = kept(
            path,
            &Limits {
                unpacked_bytes_max: 2 << 20,
                ..Limits::default()
            },
            false,
        );
        assert!(total.bytes <= 2 << 20, "{name}: {}", total.bytes);
        assert_eq!(
            total.problems,
            ["it unpacks to more than 2097152 bytes; the rest is not read"],
            "{name}"
        );
    }
}

#[test]
fn members_that_lie_over_each_other_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let kept = kept(
        write(folder.path(), "a.zip", &zipped("z", &[b'x'; 4096], 200)),
        &Limits::default(),
        false,
    );
    assert_eq!(
        (kept.bytes, kept.problems.as_slice()),
        (0, &["the members of the zip archive overlap".to_owned()][..])
    );
}

#[test]
fn archives_too_deep_in_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = b"log\n".to_vec();
    for _ in 0..5 {
        bytes = gzipped(&bytes);
    }
    let kept = kept(write(folder.path(), "a.gz", &bytes), &Limits::default(), true);
    assert_eq!(
        (kept.logs.len(), kept.problems.as_slice()),
        (
            0,
            &["it is an archive in too many others; unpack it first".to_owned()][..]
        )
    );
}

#[test]
fn damaged_archives_are_told_whatever_byte_is_wrong_and_wherever_they_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let log = "a line of a log, and another\n".repeat(20);
    for (name, good) in [
        ("a.gz", gzipped(log.as_bytes())),
        ("c.zip", zipped("in.log", log.as_bytes(), 1)),
    ] {
        let mut wrong = 0;
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x55;
            let flipped = kept(write(folder.path(), name, &bytes), &Limits::default(), true);
            let cut = kept(write(folder.path(), name, &good[..at]), &Limits::default(), true);
            // The last two bytes are the length of a comment.
            assert!(
                at == 0
                    || at + 2 >= good.len()
                    || !cut.problems.is_empty()
                    || cut.logs.first().is_none_or(|(_, text)| *text != log),
                "{name} cut at {at}"
            );
            let is_right = flipped.logs.first().is_some_and(|(_, text)| *text == log);
            wrong += usize::from(!is_right && flipped.problems.is_empty());
        }
        // The first bytes make something else of it, which then is read as what it is.
        assert!(wrong <= 4, "{name}: {wrong}");
    }
}

#[test]
fn reading_can_be_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.log", &vec![b'x'; 1 << 20]);
    let mut kept = Kept::default();
    read(
        &Found { path, bytes: 1 << 20 },
        &Limits::default(),
        &|_| false,
        &mut kept,
    );
    assert_eq!(kept.bytes, 0);
}

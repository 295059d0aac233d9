//! Every form and order gives the same store; what is interrupted goes on; what is wrong changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::*;
use crate::Error;
use crate::passwords::manifest::Manifest;
use crate::passwords::merge::Merge;
use crate::passwords::range_file::RangeFile;
use crate::passwords::record::Record;
use crate::passwords::store::open_part;
use crate::passwords::synthetic;
use crate::passwords::{Encoding, Passwords, RangePrefix};

struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&self, path: &Path, options: &ImportOptions) -> Result<ImportReport, Error> {
        import(&self.store(), Input::Path(path.to_owned()), options, &mut |_| {})
    }

    /// Everything that the store has, by hash; a sample of it as the store answers.
    fn all(&self, kind: HashKind) -> BTreeMap<String, u64> {
        let manifest = Manifest::read(&self.store()).unwrap();
        let parts = manifest.parts.iter().filter(|part| part.kind == kind);
        let files: Vec<RangeFile> = parts.map(|part| open_part(&self.store(), part).unwrap()).collect();
        let mut merge = Merge::new(&files.iter().collect::<Vec<_>>()).unwrap();
        let (mut rows, passwords) = (BTreeMap::new(), Passwords::open(&self.store()).unwrap());
        while let Some(records) = merge.next_prefix().unwrap() {
            for record in records {
                if rows.len() % 100 == 0 {
                    let hash = record.hash();
                    assert_eq!(
                        passwords.count(kind, &hash[..kind.bytes()]).unwrap(),
                        u64::from(record.count)
                    );
                    assert_eq!(count_in_range(&passwords, kind, record), u64::from(record.count));
                }
                rows.insert(digits(kind, record), u64::from(record.count));
            }
        }
        rows
    }
}

fn options() -> ImportOptions {
    ImportOptions {
        source: None,
        kind: None,
        format: None,
        memory_bytes: 1 << 20,
        existing: Existing::Replace,
        now: 1_764_000_000,
    }
}

fn named(source: &str) -> ImportOptions {
    ImportOptions {
        source: Some(source.to_owned()),
        ..options()
    }
}

fn digits(kind: HashKind, record: &Record) -> String {
    crate::hexadecimal::upper(&record.hash()[..kind.bytes()])
}

fn expected(kind: HashKind, records: &[Record]) -> BTreeMap<String, u64> {
    let rows = records
        .iter()
        .map(|record| (digits(kind, record), u64::from(record.count)));
    rows.collect()
}

fn text(kind: HashKind, records: &[Record], end: &str) -> String {
    let lines = records
        .iter()
        .map(|record| format!("{}:{}{end}", digits(kind, record), record.count));
    lines.collect()
}

fn shuffled(records: &[Record]) -> Vec<Record> {
    let mut state = 3;
    let mut keyed: Vec<_> = records
        .iter()
        .map(|record| (synthetic::splitmix(&mut state), *record))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, record)| record).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn files_of_hashes_are_read_in_every_order_and_writing() {
    let records = synthetic::records(HashKind::Sha1, 3000, 1);
    let mixed = shuffled(&records);
    let lower = text(HashKind::Sha1, &mixed, "\n").to_lowercase();
    let crlf = "\u{feff}".to_owned() + &text(HashKind::Sha1, &records, "\r\n");
    for bytes in [
        lower.as_bytes(),
        crlf.as_bytes(),
        crlf.trim_end().as_bytes(),
        &gzip(lower.as_bytes()),
        &zstd::encode_all(crlf.as_bytes(), 1).unwrap(),
    ] {
        let scene = Scene::new();
        let report = scene.import(&scene.file("in", bytes), &options()).unwrap();
        assert_eq!(
            (report.format, report.tally.taken, report.tally.malformed),
            (Format::Hashes, 3000, 0)
        );
        assert_eq!(report.sources[0].source, "pwned-passwords");
        assert!(scene.all(HashKind::Sha1) == expected(HashKind::Sha1, &records));
    }
}

#[test]
fn a_stream_is_read_like_a_file() {
    let records = synthetic::records(HashKind::Ntlm, 3000, 1);
    let scene = Scene::new();
    let bytes = gzip(text(HashKind::Ntlm, &shuffled(&records), "\n").as_bytes());
    let stream = Input::Stream(Box::new(std::io::Cursor::new(bytes)));
    import(&scene.store(), stream, &options(), &mut |_| {}).unwrap();
    assert!(scene.all(HashKind::Ntlm) == expected(HashKind::Ntlm, &records));
}

#[test]
fn a_pipe_with_a_path_is_read_once_and_whole() {
    let records = synthetic::records(HashKind::Ntlm, 30_000, 1);
    let lines = text(HashKind::Ntlm, &records, "\n");
    let scene = Scene::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let written = std::thread::spawn(move || writer.write_all(lines.as_bytes()));
    // As a shell names the pipe of `<(zcat list.gz)`.
    let path = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
    let report = scene.import(&path, &options()).unwrap();
    written.join().unwrap().unwrap();
    assert_eq!((report.tally.taken, report.tally.malformed), (30_000, 0));
    assert!(scene.all(HashKind::Ntlm) == expected(HashKind::Ntlm, &records));
}

#[test]
fn folders_of_ranges_are_read_flat_and_nested() {
    for kind in HashKind::ALL {
        let records = synthetic::records(kind, 300, 2);
        for (form, is_lower) in [
            ("R/PREFIX.txt", false),
            ("r/PREFIX", true),
            ("r/KIND/FIRST/SECOND/PREFIX.gz", true),
            ("r/FIRST/SECOND/PREFIX.gz", true),
        ] {
            let scene = Scene::new();
            let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for record in &records {
                let hash = digits(kind, record);
                let row = format!("{}:{}", &hash[5..], record.count);
                files.entry(hash[..5].to_owned()).or_default().push(row);
            }
            for (prefix, mut rows) in files {
                // As with `Add-Padding`.
                rows.push(format!("{}:0", &digits(kind, &records[0])[5..].replace('A', "B")));
                let prefix = if is_lower { prefix.to_lowercase() } else { prefix };
                let name = form.replace("FIRST", &prefix[..2]).replace("SECOND", &prefix[2..4]);
                let name = name.replace("KIND", kind.name()).replace("PREFIX", &prefix);
                let body = rows.join("\r\n");
                scene.file(
                    &name,
                    &if name.ends_with(".gz") {
                        gzip(body.as_bytes())
                    } else {
                        body.into_bytes()
                    },
                );
            }
            let folder = scene.folder.path().join(if is_lower { "r" } else { "R" });
            let report = scene.import(&folder, &options()).unwrap();
            assert_eq!((report.format, report.tally.taken), (Format::Ranges, 300), "{form}");
            assert!(report.tally.files_missing > 1_000_000 && report.tally.blank > 0);
            assert!(scene.all(kind) == expected(kind, &records), "{form}");
        }
    }
}

#[test]
fn binary_records_are_read() {
    for kind in HashKind::ALL {
        let records = synthetic::records(kind, 5000, 9);
        let bytes: Vec<u8> = records
            .iter()
            .flat_map(|record| [&record.hash()[..kind.bytes()], &record.count.to_le_bytes()].concat())
            .collect();
        let scene = Scene::new();
        let report = scene.import(&scene.file("hibp.bin", &bytes), &options()).unwrap();
        assert_eq!((report.format, report.tally.taken), (Format::Binary, 5000));
        assert!(scene.all(kind) == expected(kind, &records));
    }
}

#[test]
fn hashes_of_both_kinds_are_made_of_a_list_of_passwords() {
    let scene = Scene::new();
    let path = scene.file(
        "leaked list.txt",
        b"hunter2\r\npassword\n\nhunter2\np\xe4ss\n$HEX[70c3a4]\n",
    );
    let report = scene.import(&path, &options()).unwrap();
    assert_eq!(
        (report.format, report.tally.taken, report.tally.blank),
        (Format::Passwords, 4, 1)
    );
    assert_eq!(report.tally.first_malformed.len(), 1);
    assert_eq!(
        (
            report.tally.first_malformed[0].line,
            report.tally.first_malformed[0].reason.as_str()
        ),
        (5, "not UTF-8")
    );
    assert_eq!(report.sources.len(), 2);
    assert_eq!(report.sources[0].source, "leaked-list");
    let passwords = Passwords::open(&scene.store()).unwrap();
    for kind in HashKind::ALL {
        for (password, count) in [("hunter2", 2), ("password", 1), ("p\u{e4}", 1), ("Hunter2", 0)] {
            assert_eq!(
                passwords.count(kind, &kind.hash(password)).unwrap(),
                count,
                "{password}"
            );
        }
    }
}

#[test]
fn equal_hashes_in_one_input_add_up() {
    let scene = Scene::new();
    let hash = digits(HashKind::Sha1, &synthetic::records(HashKind::Sha1, 1, 1)[0]);
    let lines = format!("{hash}:3\n{hash}\n{}:4\n", hash.to_lowercase());
    scene.import(&scene.file("in", lines.as_bytes()), &options()).unwrap();
    assert_eq!(scene.all(HashKind::Sha1), BTreeMap::from([(hash, 8)]));
}

#[test]
fn a_source_is_replaced_or_added_to_and_different_sources_add_up() {
    let scene = Scene::new();
    let records = synthetic::records(HashKind::Sha1, 1000, 4);
    let kind = HashKind::Sha1;
    let path = scene.file("first", text(kind, &records, "\n").as_bytes());
    scene.import(&path, &options()).unwrap();
    scene.import(&path, &options()).unwrap();
    assert!(
        scene.all(kind) == expected(kind, &records),
        "imported again, it is the same"
    );
    let few = scene.file("few", text(kind, &records[..100], "\n").as_bytes());
    scene.import(&few, &named("police")).unwrap();
    let passwords = Passwords::open(&scene.store()).unwrap();
    for (index, record) in records.iter().enumerate() {
        let times = if index < 100 { 2 } else { 1 };
        let count = passwords.count(kind, &record.hash()).unwrap();
        assert_eq!(count, times * u64::from(record.count));
        assert_eq!(count_in_range(&passwords, kind, record), count);
    }
    let adding = ImportOptions {
        existing: Existing::Add,
        ..named("police")
    };
    scene.import(&few, &adding).unwrap();
    passwords.refresh().unwrap();
    for (record, times) in [(&records[0], 3), (&records[999], 1)] {
        assert_eq!(
            passwords.count(kind, &record.hash()).unwrap(),
            times * u64::from(record.count)
        );
        assert_eq!(
            count_in_range(&passwords, kind, record),
            times * u64::from(record.count)
        );
    }
    assert_eq!(remove(&scene.store(), "police", &mut |_| {}).unwrap(), 200);
    assert!(matches!(
        remove(&scene.store(), "police", &mut |_| {}),
        Err(Error::NoSuchSource { .. })
    ));
    assert!(scene.all(kind) == expected(kind, &records));
}

#[test]
fn what_was_added_is_not_added_again_when_only_the_tidying_up_was_interrupted() {
    let scene = Scene::new();
    let records = synthetic::records(HashKind::Sha1, 1000, 4);
    let path = scene.file("in", text(HashKind::Sha1, &records, "\n").as_bytes());
    let adding = ImportOptions {
        existing: Existing::Add,
        ..options()
    };
    let work = scene.store().join("import-pwned-passwords");
    let mut left = BTreeMap::new();
    import(&scene.store(), Input::Path(path.clone()), &adding, &mut |progress| {
        if progress.stage == ImportStage::Indexing {
            let files = fs::read_dir(&work).unwrap().map(|entry| entry.unwrap().path());
            left = files.map(|file| (file.clone(), fs::read(file).unwrap())).collect();
        }
    })
    .unwrap();
    // As it is written right before the manifest is.
    let part = Manifest::read(&scene.store()).unwrap().parts[0].file;
    let journal = left.get_mut(&work.join("journal.json")).unwrap();
    let text = String::from_utf8(std::mem::take(journal)).unwrap();
    assert!(text.contains(r#""becomes":[]"#));
    *journal = text
        .replace(r#""becomes":[]"#, &format!(r#""becomes":[{part}]"#))
        .into_bytes();
    // Killed after the manifest was written: before the runs were removed, and when only the journal was left.
    for are_runs_left in [true, false] {
        fs::create_dir(&work).unwrap();
        left.retain(|file, _| are_runs_left || file.ends_with("journal.json"));
        left.iter().for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
        let report = scene.import(&path, &adding).unwrap();
        assert!(report.resumed && report.tally.taken == 1000 && !work.exists());
        assert!(scene.all(HashKind::Sha1) == expected(HashKind::Sha1, &records));
    }
    scene.import(&path, &adding).unwrap();
    let twice = |rows: BTreeMap<String, u64>| -> Vec<u64> { rows.values().map(|count| 2 * count).collect() };
    let now: Vec<u64> = scene.all(HashKind::Sha1).into_values().collect();
    assert!(now == twice(expected(HashKind::Sha1, &records)), "a new import adds");
}

/// The count that the range has.
fn count_in_range(passwords: &Passwords, kind: HashKind, record: &Record) -> u64 {
    let mut body = Vec::new();
    let prefix = RangePrefix::new(record.prefix()).unwrap();
    passwords
        .range(kind, prefix, Encoding::Identity, None, &mut body)
        .unwrap();
    let body = String::from_utf8(body).unwrap();
    let row = body
        .split("\r\n")
        .find(|row| row.starts_with(&digits(kind, record)[5..]))
        .unwrap();
    row.split_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn a_corpus_is_not_replaced_with_a_few_hashes_by_mistake() {
    let scene = Scene::new();
    let records = synthetic::records(HashKind::Sha1, 1000, 5);
    scene
        .import(
            &scene.file("all", text(HashKind::Sha1, &records, "\n").as_bytes()),
            &options(),
        )
        .unwrap();
    let few = scene.file("few", text(HashKind::Sha1, &records[..10], "\n").as_bytes());
    let error = scene.import(&few, &options()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::WouldShrink {
                before: 1000,
                after: 10,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(scene.all(HashKind::Sha1).len(), 1000);
    let less = ImportOptions {
        existing: Existing::ReplaceWithLess,
        ..options()
    };
    assert!(scene.import(&few, &less).unwrap().resumed);
    assert!(scene.all(HashKind::Sha1) == expected(HashKind::Sha1, &records[..10]));
}

#[test]
fn an_interrupted_import_goes_on_where_it_was() {
    let records = synthetic::records(HashKind::Sha1, 150_000, 6);
    let lines = text(HashKind::Sha1, &shuffled(&records), "\n") + "malformed\n";
    for bytes in [lines.as_bytes().to_vec(), gzip(lines.as_bytes())] {
        let scene = Scene::new();
        let path = scene.file("in", &bytes);
        let stages = [
            ImportStage::Reading,
            ImportStage::Reading,
            ImportStage::Merging,
            ImportStage::Indexing,
        ];
        for (attempt, interrupted) in stages.into_iter().enumerate() {
            let mut told = 0;
            let result = catch_unwind(AssertUnwindSafe(|| {
                import(&scene.store(), Input::Path(path.clone()), &options(), &mut |progress| {
                    told += u32::from(progress.stage == interrupted);
                    assert!(told < 3, "interrupted");
                })
            }));
            assert!(result.is_err(), "{attempt}");
            assert_eq!(Passwords::open(&scene.store()).unwrap().statistics().unwrap(), []);
            // What was being written when the process was killed.
            scene.file("store/import-pwned-passwords/000099.run.new", b"cut off");
            scene.file("store/00000009.range.new", b"cut off");
        }
        let report = scene.import(&path, &options()).unwrap();
        assert!(report.resumed);
        assert_eq!(
            (report.tally.lines, report.tally.taken, report.tally.malformed),
            (150_001, 150_000, 1)
        );
        assert_eq!(report.tally.first_malformed[0].line, 150_001);
        assert!(scene.all(HashKind::Sha1) == expected(HashKind::Sha1, &records));
        let left: Vec<_> = fs::read_dir(scene.store())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 5, "{left:?}");
    }
}

#[test]
fn an_input_that_changed_is_read_from_its_beginning() {
    let scene = Scene::new();
    let records = synthetic::records(HashKind::Sha1, 80_000, 6);
    let path = scene.file("in", text(HashKind::Sha1, &records, "\n").as_bytes());
    let result = catch_unwind(AssertUnwindSafe(|| {
        import(&scene.store(), Input::Path(path.clone()), &options(), &mut |progress| {
            assert!(progress.stage == ImportStage::Reading, "interrupted");
        })
    }));
    assert!(result.is_err());
    let path = scene.file("in", text(HashKind::Sha1, &records[..50_000], "\n").as_bytes());
    assert!(!scene.import(&path, &options()).unwrap().resumed);
    assert!(scene.all(HashKind::Sha1) == expected(HashKind::Sha1, &records[..50_000]));
}

#[test]
fn malformed_lines_are_counted_and_the_first_listed_without_their_text() {
    let scene = Scene::new();
    let records = synthetic::records(HashKind::Sha1, 50, 8);
    let mut lines: Vec<String> = text(HashKind::Sha1, &records, "")
        .split_inclusive(':')
        .map(str::to_owned)
        .collect();
    lines.clear();
    lines.extend(
        records
            .iter()
            .map(|record| format!("{}:{}", digits(HashKind::Sha1, record), record.count)),
    );
    for line in 0..20 {
        lines.insert(2 * line, "secret password".to_owned());
    }
    lines.push("x".repeat(10 << 20));
    let path = scene.file("in", lines.join("\n").as_bytes());
    let format = ImportOptions {
        format: Some(Format::Hashes),
        kind: Some(HashKind::Sha1),
        ..options()
    };
    let tally = scene.import(&path, &format).unwrap().tally;
    assert_eq!((tally.lines, tally.taken, tally.malformed), (71, 50, 21));
    assert_eq!(tally.first_malformed.len(), 10);
    assert_eq!(tally.first_malformed[1].line, 3);
    assert!(!format!("{tally:?}").contains("secret"));
}

#[test]
fn what_cannot_be_imported_changes_nothing_and_says_why() {
    let scene = Scene::new();
    let records = synthetic::records(HashKind::Sha1, 60_000, 8);
    let lines = text(HashKind::Sha1, &records, "\n");
    let whole = gzip(lines.as_bytes());
    let zstandard = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    let kind = ImportOptions {
        format: Some(Format::Hashes),
        kind: Some(HashKind::Sha1),
        ..options()
    };
    let cases: [(&[u8], &ImportOptions, &str); 7] = [
        (&whole[..whole.len() - 5], &options(), "ends early or is damaged"),
        (&whole[..whole.len() / 2], &options(), "ends early or is damaged"),
        (
            &zstandard[..zstandard.len() / 2],
            &options(),
            "ends early or is damaged",
        ),
        (b"", &options(), "it is empty"),
        (b"\xff\xfea\0b\0", &options(), "UTF-16"),
        (
            b"hello\nworld\n",
            &kind,
            "2 of the first 2 lines are malformed, line 1 is not a hash",
        ),
        (b"\n\n\n", &kind, "it holds no hash"),
    ];
    for (bytes, options, message) in cases {
        let error = scene.import(&scene.file("in", bytes), options).unwrap_err().to_string();
        assert!(
            error.contains(message) && error.contains("nothing was changed"),
            "{error}"
        );
        let left: Vec<_> = fs::read_dir(scene.store())
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(
            left.iter().all(|name| name == "lock" || name == "lock-files"),
            "{left:?}"
        );
    }
    let error = scene
        .import(&scene.folder.path().join("missing"), &options())
        .unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
    for name in ["", "../x", "a b", ".hidden", &"x".repeat(65)] {
        assert!(matches!(
            scene.import(&scene.file("in", b"x"), &named(name)),
            Err(Error::SourceName { .. })
        ));
    }
}

//! The chain, its heads, and files that are no ledger.

use std::path::Path;
use std::time::{Duration, Instant};

use respond::ledger::{self, Filter, HeadKey, SignedHead, Trouble, verify};
use respond::{Actor, Desk, Error, Ledger, Sequence};
use serde_json::json;

use super::support::{Bench, at, fenced};

fn actor() -> Actor {
    Actor::System("test".to_owned())
}

/// A desk with a few records and a signed head.
fn desk(folder: &Path) -> (Desk, SignedHead) {
    let desk = Desk::open(folder).unwrap();
    assert_eq!(
        desk.sign_head(at(-1)).unwrap().unwrap().head.sequence,
        Sequence(1),
        "the key's record"
    );
    for number in 0..20 {
        let add = |w: &mut respond::Writing<'_>| {
            w.record(at(number), &actor(), "test.done", "test/1", &json!({ "n": number }))
        };
        desk.write(add).unwrap();
    }
    let head = desk.sign_head(at(30)).unwrap().unwrap();
    (desk, head)
}

/// Changes the file behind the ledger's back, as whoever owns it can.
fn tamper(folder: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(folder.join(ledger::LEDGER_NAME)).unwrap();
    connection
        .execute_batch("drop trigger record_stays; drop trigger record_is_final;")
        .unwrap();
    connection.execute_batch(sql).unwrap();
}

fn troubles(folder: &Path, heads: &[SignedHead]) -> Vec<(i64, Trouble)> {
    let ledger = Ledger::open(folder).unwrap();
    let verification = verify(&ledger, heads).unwrap();
    let found = verification.findings.into_iter();
    found.map(|finding| (finding.sequence.0, finding.trouble)).collect()
}

#[test]
fn an_untouched_ledger_is_intact_and_agrees_with_its_heads() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    assert_eq!(desk.sign_head(at(31)).unwrap(), None, "nothing changed");
    let verification = desk.read(|ledger| verify(ledger, std::slice::from_ref(&head))).unwrap();
    assert!(verification.is_intact(), "{verification:?}");
    assert_eq!(
        (verification.records, verification.heads, verification.keys),
        (21, 1, 1)
    );
    assert_eq!(verification.newest, Some(head.head));
    assert_eq!(
        ledger::read_head(&folder.path().join(ledger::HEAD_NAME)).unwrap(),
        Some(head)
    );
}

#[test]
fn records_cannot_be_changed_by_mistake() {
    let folder = tempfile::tempdir().unwrap();
    drop(desk(folder.path()));
    let connection = rusqlite::Connection::open(folder.path().join(ledger::LEDGER_NAME)).unwrap();
    for sql in ["delete from record", "update record set body = '{}'"] {
        let error = connection.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("records"), "{error}");
    }
}

#[test]
fn whatever_is_edited_is_named() {
    for (sql, expected) in [
        (
            "update record set body = '{\"n\":99}' where sequence = 7",
            (7, Trouble::Edited),
        ),
        (
            "update record set time = time + 1 where sequence = 7",
            (7, Trouble::Edited),
        ),
        (
            "update record set actor = replace(actor, 'test', 'else') where sequence = 7",
            (7, Trouble::Edited),
        ),
        (
            "update record set kind = 'test.undone' where sequence = 7",
            (7, Trouble::Edited),
        ),
        (
            "update record set subject = 'test/2' where sequence = 7",
            (7, Trouble::Edited),
        ),
        ("delete from record where sequence = 7", (8, Trouble::Gap)),
        (
            "update record set hash = x'00' where sequence = 7",
            (7, Trouble::Unreadable),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (desk, head) = desk(folder.path());
        drop(desk);
        tamper(folder.path(), sql);
        let found = troubles(folder.path(), &[head]);
        assert_eq!(found.first(), Some(&expected), "{sql}: {found:?}");
    }
}

#[test]
fn a_tail_that_was_cut_off_shows_by_a_head_and_only_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    drop(desk);
    tamper(folder.path(), "delete from record where sequence > 15");
    assert_eq!(troubles(folder.path(), &[]), []);
    assert_eq!(troubles(folder.path(), &[head]), [(21, Trouble::CutOff)]);
}

#[test]
fn a_head_that_is_about_to_be_replaced_is_held_against_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, head) = desk(folder.path());
    let contradicts = |desk: &Desk, head: &SignedHead| desk.read(|ledger| ledger.contradicts(head)).unwrap();
    assert!(!contradicts(&whole, &head));
    drop(whole);
    tamper(folder.path(), "delete from record where sequence > 15");
    let cut = Desk::open(folder.path()).unwrap();
    assert!(contradicts(&cut, &head));
    // The ledger grows beyond its old end: the head's number is there again, with another hash.
    for number in 0..20 {
        let add = |w: &mut respond::Writing<'_>| w.record(at(number), &actor(), "test.done", "test/2", &json!({}));
        cut.write(add).unwrap();
    }
    assert!(contradicts(&cut, &head));
    let mut forged = head;
    forged.head.sequence = Sequence(7);
    assert!(!contradicts(&cut, &forged), "nobody signed it");
}

#[test]
fn a_chain_made_anew_shows_by_a_head() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    drop(desk);
    // The last record is replaced through the program itself, which makes its hash.
    tamper(folder.path(), "delete from record where sequence > 20");
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let forge = |w: &mut respond::Writing<'_>| w.record(at(18), &actor(), "test.done", "test/1", &json!({ "n": 18 }));
    ledger.write(forge).unwrap();
    assert_eq!(troubles(folder.path(), &[]), []);
    assert_eq!(troubles(folder.path(), &[head]), [(21, Trouble::Rewritten)]);
}

#[test]
fn heads_of_others_and_forged_ones_prove_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let other = HeadKey::open(elsewhere.path()).unwrap().sign(head.head, at(30));
    let mut forged = head;
    forged.time = at(31);
    let verification = desk.read(|ledger| verify(ledger, &[other, forged])).unwrap();
    let found: Vec<Trouble> = verification.findings.iter().map(|finding| finding.trouble).collect();
    assert_eq!(found, [Trouble::OtherKey, Trouble::BadSignature]);
    assert_eq!(verification.heads, 0);
}

#[test]
fn a_new_key_is_noted_and_old_heads_stay_good() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    drop(desk);
    std::fs::remove_file(folder.path().join(ledger::KEY_NAME)).unwrap();
    let desk = Desk::open(folder.path()).unwrap();
    let newer = desk.sign_head(at(40)).unwrap().unwrap();
    assert_ne!(newer.key, head.key);
    let verification = desk.read(|ledger| verify(ledger, &[head, newer])).unwrap();
    assert!(verification.is_intact(), "{verification:?}");
    assert_eq!(verification.heads, 2);
}

#[test]
fn records_are_found_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, _) = desk(folder.path());
    let find = |change: fn(&mut Filter), most| {
        let mut filter = Filter::default();
        change(&mut filter);
        let records = desk.read(|ledger| ledger.records(&filter, most)).unwrap();
        records.into_iter().map(|record| record.sequence.0).collect::<Vec<_>>()
    };
    assert_eq!(find(|filter| filter.after = Sequence(5), 3), [6, 7, 8]);
    assert_eq!(find(|filter| filter.kind = Some("ledger.".to_owned()), 10), [1]);
    assert_eq!(find(|filter| filter.subject = Some("test/1".to_owned()), 2), [2, 3]);
    let of_actor = |filter: &mut Filter| {
        filter.actor = Some(actor());
        filter.after = Sequence(19);
    };
    assert_eq!(find(of_actor, 5), [20, 21]);
    assert_eq!(find(|filter| filter.since = Some(at(18)), 5), [20, 21]);
    assert_eq!(find(|filter| filter.until = Some(at(1)), 5), [1, 2, 3]);
    let of = |number| desk.read(|ledger| ledger.record(Sequence(number))).unwrap();
    assert_eq!(of(4).unwrap().body, json!({ "n": 2 }));
    assert_eq!(of(99), None);
}

#[test]
fn an_export_has_every_record_and_the_heads() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    let mut lines = Vec::new();
    let exported = desk
        .read(|ledger| ledger::export(ledger, Sequence(0), std::slice::from_ref(&head), &mut lines))
        .unwrap();
    assert_eq!((exported.records, exported.newest), (21, Some(head.head)));
    let text = String::from_utf8(lines).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 22);
    assert_eq!(
        (&lines[4]["sequence"], &lines[4]["body"]),
        (&json!(5), &json!("{\"n\":3}"))
    );
    assert_eq!(lines[21]["head"]["signature"], json!(head.signature));
    let mut rest = Vec::new();
    desk.read(|ledger| ledger::export(ledger, Sequence(20), &[], &mut rest))
        .unwrap();
    assert_eq!(rest.iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn a_backup_is_a_whole_ledger_also_while_it_is_written() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    let to = folder.path().join("copy.sqlite");
    desk.read(|ledger| ledger::backup(ledger, &to)).unwrap();
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        matches!(desk.read(|ledger| ledger::backup(ledger, &to)), Err(Error::Io { .. })),
        "not over another file"
    );
    let copy = Ledger::open_file(to).unwrap();
    assert_eq!(copy.newest().unwrap(), Some(head.head));
}

#[test]
fn a_backup_ends_while_alerts_keep_coming() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let (desk, _) = desk(folder.path());
    let add = |body: &str| {
        let written = desk.write(|w| w.record(at(50), &actor(), "test.done", "test/1", &body));
        written.unwrap()
    };
    let large = "x".repeat(1 << 20);
    for _ in 0..32 {
        add(&large);
    }
    let to = folder.path().join("copy.sqlite");
    let (is_done, end) = (AtomicBool::new(false), Instant::now() + Duration::from_secs(20));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) && Instant::now() < end {
                add("small");
            }
        });
        let copied = desk.read(|ledger| ledger::backup(ledger, &to));
        is_done.store(true, Ordering::Relaxed);
        copied.unwrap();
    });
    assert!(Instant::now() < end, "only once nothing was written any more");
    assert!(verify(&Ledger::open_file(to).unwrap(), &[]).unwrap().is_intact());
}

#[test]
fn another_process_that_writes_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    let mut other = Ledger::open(folder.path()).unwrap();
    other
        .write(|w| w.record(at(50), &actor(), "test.done", "test/2", &json!({})))
        .unwrap();
    assert_eq!(desk.look().unwrap(), Sequence(22));
    assert_eq!(desk.newest_after(head.head.sequence, Duration::ZERO), Sequence(22));
    let verification = desk.read(|ledger| verify(ledger, &[])).unwrap();
    assert!(verification.is_intact());
}

#[test]
fn a_ledger_is_opened_while_another_process_writes() {
    let folder = tempfile::tempdir().unwrap();
    drop(desk(folder.path()));
    let mut other = Ledger::open(folder.path()).unwrap();
    let opened = other.write(|_| {
        let began = Instant::now();
        let opened = Desk::open(folder.path());
        // A writer would be waited for, for 30 seconds.
        assert!(began.elapsed() < Duration::from_secs(10));
        opened
    });
    assert_eq!(opened.unwrap().look().unwrap(), Sequence(21));
}

#[test]
fn what_is_no_ledger_is_refused_and_left_as_it_is() {
    let open = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(ledger::LEDGER_NAME);
        std::fs::write(&path, bytes).unwrap();
        let opened = Ledger::open(folder.path());
        assert!(std::fs::read(&path).unwrap() == bytes, "changed");
        opened.unwrap_err()
    };
    assert!(matches!(open(&[b'x'; 5000]), Error::NotALedger { .. }));
    let foreign = tempfile::tempdir().unwrap();
    let path = foreign.path().join("other.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("create table t (x); pragma user_version = 1;")
        .unwrap();
    drop(other);
    assert!(matches!(open(&std::fs::read(&path).unwrap()), Error::NotALedger { .. }));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("pragma user_version = 0;").unwrap();
    drop(other);
    assert!(matches!(open(&std::fs::read(&path).unwrap()), Error::NotALedger { .. }));
}

#[test]
fn a_newer_ledger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Bench::new());
    drop(Ledger::open(folder.path()).unwrap());
    let connection = rusqlite::Connection::open(folder.path().join(ledger::LEDGER_NAME)).unwrap();
    connection.execute_batch("pragma user_version = 99").unwrap();
    drop(connection);
    let error = Ledger::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::LedgerVersion { found: 99, .. }), "{error}");
}

#[test]
fn a_damaged_ledger_fails_with_what_to_do_and_never_panics() {
    let mut bench = Bench::new();
    for number in 0..200 {
        bench.take(vec![fenced(number * 3_600_000, &format!("disk-{number}"))]);
    }
    let path = bench.ledger.path().to_owned();
    // A checkpoint: everything is in the one file.
    let copy = bench.folder.path().join("copy");
    ledger::backup(&bench.ledger, &copy).unwrap();
    let whole = std::fs::read(&copy).unwrap();
    drop(bench.ledger);
    for round in 0..60_usize {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = whole.clone();
        if round % 3 == 0 {
            bytes.truncate(whole.len() * (round + 1) / 61);
        } else {
            let start = 100 + round * 1373 % (whole.len() - 4196);
            bytes[start..start + 4096].fill(round as u8);
        }
        std::fs::write(folder.path().join(path.file_name().unwrap()), &bytes).unwrap();
        let read = || {
            let ledger = Ledger::open(folder.path())?;
            ledger.alerts(&respond::alert::Filter::default(), respond::Page::default())?;
            ledger.incidents(&respond::incident::Filter::default(), respond::Page::default())?;
            verify(&ledger, &[])
        };
        match read() {
            Ok(verification) => assert!(verification.records <= 10_000),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// The program that checks exports, and shares no code with this one.
fn independent_check(export: &Path) -> (bool, String) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ledger/verify");
    let output = std::process::Command::new(program).arg(export).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn an_export_is_checked_by_a_program_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, head) = desk(folder.path());
    let mut bytes = Vec::new();
    desk.read(|ledger| ledger::export(ledger, Sequence(0), &[head], &mut bytes))
        .unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let path = folder.path().join("export.ndjson");
    let check = |text: &str| {
        std::fs::write(&path, text).unwrap();
        independent_check(&path)
    };
    assert_eq!(
        check(&text),
        (true, "21 records and 1 signed heads checked, 0 wrong\n".to_owned())
    );
    let lines: Vec<&str> = text.lines().collect();
    let cut = [&lines[..15], &lines[21..]].concat().join("\n");
    assert!(check(&cut).1.contains("the end was cut off"), "{}", check(&cut).1);
    let edited = text.replace(r#"\"n\":4"#, r#"\"n\":5"#);
    assert!(
        check(&edited).1.contains("doesn't fit its hash"),
        "{}",
        check(&edited).1
    );
    let forged = text.replacen(
        "\"time\":\"2026-11-26T10:00:00.03Z\",\"key\"",
        "\"time\":\"2026-11-26T10:00:00.04Z\",\"key\"",
        1,
    );
    assert_ne!(forged, text);
    assert!(check(&forged).1.contains("doesn't hold"), "{}", check(&forged).1);
}

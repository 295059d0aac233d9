//! Breaches in the shapes in which they really come: what is found in them, and what is said about what can't be read.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::Error;
use crate::accounts::{Accounts, AccountsWriter};
use crate::address::Identity;
use crate::hash::HashKind;

/// What came of an import.
#[derive(Debug)]
struct Outcome {
    imported: Imported,
    addresses: Vec<String>,
    /// SHA-1 hashes of passwords, with how often each was there.
    passwords: BTreeSet<(Vec<u8>, u64)>,
    ntlm: usize,
    accounts: Accounts,
    _folder: tempfile::TempDir,
}

impl Outcome {
    fn reasons(&self) -> Vec<(&str, Option<u64>, &str)> {
        let problems = self.imported.problems.listed.iter();
        problems
            .map(|problem| {
                (
                    Path::new(&problem.file).file_name().unwrap().to_str().unwrap(),
                    problem.line,
                    problem.reason.as_str(),
                )
            })
            .collect()
    }
}

/// Imports files, given by their names and contents, as one breach.
fn import(about: &str, files: &[(&str, &[u8])]) -> Result<Outcome, Error> {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    std::fs::create_dir(&source).unwrap();
    for (name, content) in files {
        std::fs::write(source.join(name), content).unwrap();
    }
    let monitor = folder.path().join("exposure");
    let about = About::parse(&format!("name = 'Shop'\n{about}")).unwrap();
    let import = Import {
        paths: vec![source],
        about,
        memory_bytes: 1 << 20,
        now: 1_795_428_900,
    };
    let (mut passwords, mut ntlm) = (BTreeSet::new(), 0);
    let mut writer = AccountsWriter::open(&monitor)?;
    let imported = import.run(&mut writer, &mut |_, _| ControlFlow::Continue(()), &mut |counts| {
        let mut visit = |hash: &[u8], count| {
            passwords.insert((hash.to_vec(), count));
            Ok(ControlFlow::Continue(()))
        };
        counts.visit(HashKind::Sha1, &mut visit)?;
        counts.visit(HashKind::Ntlm, &mut |_, _| {
            ntlm += 1;
            Ok(ControlFlow::Continue(()))
        })
    })?;
    let accounts = Accounts::open(&monitor)?;
    let mut addresses = Vec::new();
    accounts.members(imported.loaded.id, &mut |address| addresses.push(address.to_owned()))?;
    addresses.sort();
    Ok(Outcome {
        imported,
        addresses,
        passwords,
        ntlm,
        accounts,
        _folder: folder,
    })
}

fn hashes(passwords: &[(&str, u64)]) -> BTreeSet<(Vec<u8>, u64)> {
    passwords
        .iter()
        .map(|(password, count)| (HashKind::Sha1.hash(password), *count))
        .collect()
}

/// Checks what is found in one file.
fn found(about: &str, name: &str, content: &[u8], addresses: &[&str], passwords: &[(&str, u64)]) -> Outcome {
    let outcome = import(about, &[(name, content)]).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(outcome.addresses, addresses, "{name}");
    assert_eq!(outcome.passwords, hashes(passwords), "{name}");
    outcome
}

const ANN: &str = "ann@example.com";
const BEN: &str = "ben@example.org";
const CY: &str = "cy@example.net";

#[test]
fn tables_with_and_without_a_heading() {
    found(
        "",
        "a.csv",
        b"id,E-Mail,Password,Note\n1,Ann@Example.com,secret,\"x, \"\"y\"\"\"\n2,ben@example.org,\"a,b\",\n",
        &[ANN, BEN],
        &[("secret", 1), ("a,b", 1)],
    );
    found(
        "",
        "b.csv",
        b"id;mail;passwort\r\n1;ann@example.com;s;\r\n2;ben@example.org;t\r\n",
        &[ANN, BEN],
        &[("s", 1), ("t", 1)],
    );
    found(
        "",
        "c.tsv",
        b"1\tann@example.com\tAnn\n2\tben@example.org\tBen\n",
        &[ANN, BEN],
        &[],
    );
    found(
        "columns = { password = [3] }",
        "d.csv",
        b"1,ann@example.com,secret\n2,ben@example.org,secret\n",
        &[ANN, BEN],
        &[("secret", 2)],
    );
    let text = b"email,comment\nann@example.com,\"two\nlines, ben@example.org\"\ncy@example.net,\n";
    found("", "e.csv", text, &[ANN, BEN, CY], &[]);
    let open = found(
        "",
        "f.csv",
        b"email,comment\nann@example.com,\"never closed\nben@example.org,x\n",
        &[ANN, BEN],
        &[],
    );
    assert_eq!(
        open.reasons(),
        [(
            "f.csv",
            Some(2),
            "a quotation mark is not closed, so only addresses were taken"
        )]
    );
}

#[test]
fn credentials_and_hashes_in_their_place() {
    let list = b"ann@example.com:secret\nben@example.org:se:cret\ncy@example.net:5f4dcc3b5aa765d61d8327deb882cf99\nann@example.com:secret\nben@example.org:x\n";
    let outcome = found(
        "",
        "a.txt",
        list,
        &[ANN, BEN, CY],
        &[("secret", 2), ("se:cret", 1), ("x", 1)],
    );
    assert_eq!(outcome.ntlm, 3);
    found("passwords = 'none'", "b.txt", list, &[ANN, BEN, CY], &[]);
    let hashed = b"email,password\nann@example.com,e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4\nben@example.org,NULL\n";
    found("passwords = 'sha1'", "c.csv", hashed, &[ANN, BEN], &[("secret", 1)]);
}

#[test]
fn json_in_every_form() {
    let object = r#"{"id":1,"email":"Ann@example.com","password":"se\u0063ret\ud83d\ude00","tags":["ben@example.org"],"n":{"password":"x"}}"#;
    let passwords = [("secret\u{1F600}", 1), ("x", 1)];
    found("", "a.json", object.as_bytes(), &[ANN, BEN], &passwords);
    found(
        "",
        "b.json",
        format!("[{object},\n{{\"e\":\"cy@example.net\"}}]").as_bytes(),
        &[ANN, BEN, CY],
        &passwords,
    );
    found(
        "",
        "c.jsonl",
        format!("{object}\n{{\"cy@example.net\":{{}}}}\n").as_bytes(),
        &[ANN, BEN, CY],
        &passwords,
    );
    found(
        "",
        "d.json",
        format!("{{\"users\":[{object},{object}],\"count\":-1.5e3,\"ok\":true}}").as_bytes(),
        &[ANN, BEN],
        &[("secret\u{1F600}", 2), ("x", 2)],
    );
    let broken = b"{\"email\":\"ann@example.com\"}\n{\"email\":\"ben@example.org\", oops cy@example.net}\n{\"email\":\"dee@example.com\"}\n{\"email\":\"eve@example.com";
    let outcome = found(
        "",
        "e.jsonl",
        broken,
        &[ANN, BEN, CY, "dee@example.com", "eve@example.com"],
        &[],
    );
    let expected = [
        (
            "e.jsonl",
            Some(2),
            "this is not JSON; addresses were taken up to the end of the line",
        ),
        ("e.jsonl", Some(4), "the JSON ends in the middle"),
    ];
    assert_eq!(outcome.reasons(), expected);
}

#[test]
fn dumps_of_databases() {
    let mysql = b"-- MySQL dump\n/*!40101 SET NAMES utf8 */;\nCREATE TABLE `users` (\n  `id` int(11) NOT NULL,\n  `email` varchar(255),\n  `pass` varchar(40) DEFAULT 'x',\n  PRIMARY KEY (`id`)\n);\nINSERT INTO `users` VALUES (1,'ann@example.com','se''cr\\'et'),(2,'ben@example.org',NULL);\nINSERT INTO users (pass, email) VALUES ('two', 'cy@example.net');\n";
    found("", "a.sql", mysql, &[ANN, BEN, CY], &[("se'cr'et", 1), ("two", 1)]);
    let postgres = b"CREATE TABLE public.users (id integer, email text);\nCOPY public.users (id, email, password) FROM stdin;\n1\tann@example.com\ta\\tb\n2\tben@example.org\t\\N\n\\.\n\nINSERT INTO public.users VALUES (3, 'cy@example.net');\n";
    found("", "b.sql", postgres, &[ANN, BEN, CY], &[("a\tb", 1)]);
    let cut = found(
        "",
        "c.sql",
        b"INSERT INTO u VALUES (1,'ann@example.com'),(2,'ben@example.org",
        &[ANN, BEN],
        &[],
    );
    assert_eq!(
        cut.reasons(),
        [("c.sql", None, "the SQL ends in the middle of a statement")]
    );
}

#[test]
fn logs_of_malware() {
    let blocks = b"SOFT: Chrome Default\nURL: https://www.shop.test/login\nUsername: ann@example.com\nPassword: secret\n\nURL: https://192.0.2.1/\nUsername: ben@example.org\nPassword: x\nURL: android://h==@com.shop/\nUser: nobody\nPass: secret\n===============\nwritten by cy@example.net\n";
    let about = "top_level_domains = ['test']";
    let outcome = found(about, "a.txt", blocks, &[ANN, BEN, CY], &[("secret", 2), ("x", 1)]);
    assert!(outcome.imported.loaded.breach.is_stealer_log);
    assert_eq!(outcome.accounts.stealer_logs_by_email(ANN).unwrap(), ["shop.test"]);
    assert_eq!(outcome.accounts.stealer_logs_by_website("shop.test").unwrap(), [ANN]);
    assert_eq!(
        outcome
            .accounts
            .stealer_logs_by_email_domain("example.org")
            .unwrap()
            .len(),
        0
    );
    let lines =
        b"https://a.test:8443/x:ann@example.com:secret\nb.test|ben@example.org|x\nann@example.com:y:https://c.test/\n";
    let outcome = found(about, "b.txt", lines, &[ANN, BEN], &[("secret", 1), ("x", 1), ("y", 1)]);
    assert_eq!(
        outcome.accounts.stealer_logs_by_email(ANN).unwrap(),
        ["a.test", "c.test"]
    );
    let outcome = found(
        "stealer_log = false\ntop_level_domains = ['test']",
        "b.txt",
        lines,
        &[ANN, BEN],
        &[("secret", 1), ("x", 1), ("y", 1)],
    );
    assert!(outcome.accounts.stealer_logs_by_email(ANN).unwrap().is_empty());
    let table = b"url,login,password\nhttps://a.test/,ann@example.com,s\n";
    let outcome = found(
        "stealer_log = true\ntop_level_domains = ['test']",
        "c.csv",
        table,
        &[ANN],
        &[("s", 1)],
    );
    assert_eq!(outcome.accounts.stealer_logs_by_email(ANN).unwrap(), ["a.test"]);
}

#[test]
fn every_encoding_and_mixtures() {
    let text = "email,password\r\nann@example.com,p\u{e4}ss\r\n";
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let utf16_big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mark: Vec<u8> = b"\xEF\xBB\xBF".iter().copied().chain(text.bytes()).collect();
    for (name, bytes) in [("utf16", utf16), ("utf16-big", utf16_big), ("mark", mark)] {
        found("", name, &bytes, &[ANN], &[("p\u{e4}ss", 1)]);
    }
    let mixed = b"email,password\nann@example.com,p\xe4ss\nben@example.org,p\xc3\xa4ss\n";
    found("", "mixed", mixed, &[ANN, BEN], &[("p\u{e4}ss", 2)]);
}

#[test]
fn telephone_numbers_and_user_names_are_found_by_the_same_key() {
    let text = b"mail,mobile,nick\nann@example.com,+44 20 7946 0000,AnnTheGreat\n,442079460001,\n";
    let outcome = found(
        "columns = { phone = ['Mobile'], user_name = ['nick'] }",
        "a.csv",
        text,
        &[ANN],
        &[],
    );
    for account in [ANN, "+442079460000", "+44 2079 460001", "442079460001", "annthegreat"] {
        assert_eq!(
            outcome.accounts.breaches_of(Identity::of(account)).unwrap(),
            [outcome.imported.loaded.id],
            "{account}"
        );
    }
    assert_eq!(
        (outcome.imported.loaded.accounts, outcome.imported.loaded.addresses),
        (4, 1)
    );
    assert_eq!(
        outcome.imported.loaded.breach.data_classes,
        ["Email addresses", "Phone numbers", "Usernames"]
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar archive of one file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[156] = b'0';
    header[257..262].copy_from_slice(b"ustar");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut archive = [&header[..], content].concat();
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

/// A member of a zip archive, deflated, with its sizes behind it as streams are written, or before it.
fn zip_member(name: &str, content: &[u8], sizes_follow: bool) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    let packed = encoder.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let sizes = [crc.sum().to_le_bytes(), length(&packed), length(content)].concat();
    let mut member = b"PK\x03\x04\x14\0".to_vec();
    member.extend_from_slice(&[if sizes_follow { 8 } else { 0 }, 0, 8, 0, 0, 0, 0, 0]);
    member.extend_from_slice(if sizes_follow { &[0; 12] } else { &sizes });
    member.extend_from_slice(&[u8::try_from(name.len()).unwrap(), 0, 0, 0]);
    member.extend_from_slice(name.as_bytes());
    member.extend_from_slice(&packed);
    if sizes_follow {
        member.extend_from_slice(b"PK\x07\x08");
        member.extend_from_slice(&sizes);
    }
    member
}

const ZIP_END: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

#[test]
fn archives_and_archives_in_archives() {
    let text = b"ann@example.com:secret\n";
    let zip = [
        zip_member("a/", b"", false),
        zip_member("a/x", text, true),
        zip_member("y", b"ben@example.org\n", false),
        ZIP_END.to_vec(),
    ]
    .concat();
    found("", "a.gz", &gzip(text), &[ANN], &[("secret", 1)]);
    found(
        "",
        "several.gz",
        &[gzip(text), gzip(text)].concat(),
        &[ANN],
        &[("secret", 2)],
    );
    found(
        "",
        "a.zst",
        &zstd::encode_all(text.as_slice(), 3).unwrap(),
        &[ANN],
        &[("secret", 1)],
    );
    found("", "a.zip", &zip, &[ANN, BEN], &[("secret", 1)]);
    found("", "a.tar", &tar("inner.zip", &zip), &[ANN, BEN], &[("secret", 1)]);
    found(
        "",
        "a.tgz",
        &gzip(&tar("inner.gz", &gzip(text))),
        &[ANN],
        &[("secret", 1)],
    );
    let deep = gzip(&gzip(&gzip(&gzip(&gzip(text)))));
    let error = import("", &[("deep.gz", &deep)]).unwrap_err().to_string();
    assert_eq!(
        error,
        "no account was found (files: 0, parts that could not be read: 1), so nothing was loaded"
    );
}

/// What came before the damage is kept, and the damage is told.
#[test]
fn damaged_archives_are_told_and_what_is_whole_in_them_is_kept() {
    let text: String = (0..20_000)
        .map(|number| format!("a{}@example.com\n", number * 7919 % 100_003))
        .collect();
    let packed = gzip(text.as_bytes());
    let zip = zip_member("x", text.as_bytes(), true);
    let tar = tar("x", text.as_bytes());
    let mut wrong_sum = packed.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    for (name, bytes, least, reason) in [
        ("cut.gz", &packed[..packed.len() / 2], 1000, "incomplete deflate stream"),
        (
            "sum.gz",
            &wrong_sum,
            20_000,
            "corrupt gzip stream does not have a matching checksum",
        ),
        ("cut.zip", &zip[..zip.len() / 2], 1000, "incomplete deflate stream"),
        ("no-directory.zip", &zip, 20_000, "the zip archive ends in the middle"),
        (
            "cut.tar",
            &tar[..tar.len() / 2],
            1000,
            "the tar archive ends in the middle",
        ),
    ] {
        let outcome = import("", &[(name, bytes)]).unwrap();
        assert!(outcome.addresses.len() >= least, "{name}: {}", outcome.addresses.len());
        assert!(
            outcome.reasons().iter().any(|(_, _, told)| told.contains(reason)),
            "{name}: {:?}",
            outcome.reasons()
        );
    }
}

#[test]
fn what_is_no_text_is_told_and_nothing_of_it_is_taken() {
    let text = b"ann@example.com\n";
    let binary: Vec<u8> = (0..=255_u8).cycle().take(5000).collect();
    let outcome = import(
        "",
        &[
            ("a.txt", text),
            ("b.7z", b"7z\xBC\xAF\x27\x1C..."),
            ("c.sqlite", b"SQLite format 3\0ben@example.org"),
            ("d.bin", &binary),
            ("e.txt", b""),
        ],
    )
    .unwrap();
    assert_eq!(outcome.addresses, [ANN]);
    let expected = [
        ("b.7z", None, "7z archives are not read; unpack it first"),
        (
            "c.sqlite",
            None,
            "databases are not read; export its tables as CSV or SQL",
        ),
        ("d.bin", None, "this is neither text nor an archive that is read"),
    ];
    assert_eq!(outcome.reasons(), expected);
}

#[test]
fn an_archive_that_unpacks_to_far_more_than_it_is_stops_early() {
    let zeros = std::iter::repeat_n(b'a', 1 << 27).collect::<Vec<_>>();
    let bomb = zstd::encode_all(zeros.as_slice(), 3).unwrap();
    let outcome = import("", &[("a.txt", b"ann@example.com\n"), ("bomb.zst", &bomb)]).unwrap();
    let reasons = outcome.reasons();
    assert!(
        matches!(reasons[..], [("bomb.zst", None, reason)] if reason.contains("1100 times")),
        "{reasons:?}"
    );
}

#[test]
fn ten_million_bytes_without_an_end_of_line_lose_nothing() {
    let csv: String = (0..400_000).map(|number| format!("a{number}@example.com,")).collect();
    assert_eq!(
        import("", &[("a.csv", csv.as_bytes())]).unwrap().addresses.len(),
        400_000
    );
    let json = format!("[\"{}\"]", csv);
    assert_eq!(
        import("", &[("a.json", json.as_bytes())]).unwrap().addresses.len(),
        400_000
    );
    let sql = format!("INSERT INTO a VALUES ('{csv}');");
    assert_eq!(
        import("", &[("a.sql", sql.as_bytes())]).unwrap().addresses.len(),
        400_000
    );
}

#[test]
fn nothing_is_loaded_when_it_is_stopped_or_passwords_cannot_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.txt");
    std::fs::write(&source, "ann@example.com:secret\n").unwrap();
    let monitor = folder.path().join("exposure");
    let import = Import {
        paths: vec![source],
        about: About::parse("name = 'Shop'").unwrap(),
        memory_bytes: 1 << 20,
        now: 0,
    };
    let mut writer = AccountsWriter::open(&monitor).unwrap();
    let stopped = import.run(&mut writer, &mut |_, _| ControlFlow::Break(()), &mut |_| Ok(()));
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    let failed = import.run(&mut writer, &mut |_, _| ControlFlow::Continue(()), &mut |_| {
        Err(Error::Stopped)
    });
    assert!(matches!(failed, Err(Error::Stopped)), "{failed:?}");
    assert!(writer.ledger().breaches().unwrap().is_empty());
    assert_eq!(
        std::fs::read_dir(monitor.join("accounts")).unwrap().count(),
        2,
        "only the locks are left"
    );
}

#[test]
fn a_paste_is_entered_and_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.txt");
    std::fs::write(&source, "ann@example.com ben@example.org\n").unwrap();
    let mut writer = AccountsWriter::open(&folder.path().join("exposure")).unwrap();
    writer.erase(&["ben@example.org".to_owned()], 0).unwrap();
    let about = AboutPaste::parse("source = 'Pastebin'\nid = 'x1'\ndate = '2026-11-23T10:15:00Z'").unwrap();
    for _ in 0..2 {
        assert_eq!(import_paste(&mut writer, &source, &about).unwrap().0, 1);
    }
    let pastes = writer.ledger().pastes(Identity::of(ANN)).unwrap();
    assert_eq!(
        pastes
            .iter()
            .map(|paste| (paste.id.as_str(), paste.email_count))
            .collect::<Vec<_>>(),
        [("x1", 2)]
    );
    assert!(writer.ledger().pastes(Identity::of(BEN)).unwrap().is_empty());
}

/// Shapes with bytes changed, doubled and left out: reading ends, nothing panics, and what is told fits together. The fuzzer does the
/// same for longer.
#[test]
fn whatever_the_bytes_say_reading_ends() {
    let text = "email,password\n\"ann@example.com\",se\"\"cret\nben@example.org,\"x\ny\"\n";
    let zip = [
        zip_member("a", text.as_bytes(), true),
        zip_member("b", text.as_bytes(), false),
        ZIP_END.to_vec(),
    ]
    .concat();
    let seeds = [
        text.as_bytes().to_vec(),
        br#"[{"email":"ann@example.com","p":"\ud83d\ude00","n":[1,{"a":null}]},"ben@example.org"]"#.to_vec(),
        b"CREATE TABLE u (id int, mail text);\nINSERT INTO u VALUES (1,'ann@example.com'),(-2,'it''s');\nCOPY u FROM stdin;\n1\tx\n\\.\n/* c */ -- d\n".to_vec(),
        b"URL: https://a.com/\nUsername: ann@example.com\nPassword: x\n\n".repeat(3),
        b"https://a.com:80/:ann@example.com:x\nann@example.com:y:http://b.com\n".repeat(3),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        gzip(text.as_bytes()),
        zstd::encode_all(text.as_bytes(), 3).unwrap(),
        tar("a.zip", &zip),
        zip,
    ];
    let about = About::parse("name = 'Shop'\nstealer_log = true\ncolumns = { phone = [1], user_name = [2] }").unwrap();
    let mut state = 7_u64;
    let mut below = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for round in 0..4000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=below(4) {
            let (at, other) = (below(bytes.len()), below(bytes.len()));
            match below(4) {
                0 => bytes[at] ^= 1 << below(8),
                1 => bytes.truncate(at.max(1)),
                2 => bytes[at] = b"\"'\\{}[](),;:\n\0\xFF@"[below(16)],
                _ => bytes.extend_from_within(at.min(other)..at.max(other)),
            }
        }
        let (counts, problems) = examine("x", &mut bytes.as_slice(), &about).unwrap();
        assert!(
            problems.listed.len() as u64 == problems.count,
            "round {round}: {counts:?}"
        );
    }
}

//! Archives as they are read back.

use std::io::Read as _;

use files::NodeId;

use super::*;
use crate::fake::{Fake, opened};
use crate::keep::plan::{DAMAGED_LATER, Way};

const ROOT: NodeId = NodeId(0);

/// An archive of files of one folder: names and contents of its members.
fn archived(fake: Fake, set_aside: Vec<SetAside>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let plan = Plan {
        way: Way::Rollback,
        reasons: Vec::new(),
        files: 1,
        pieces: Vec::new(),
        set_aside,
        remains: Vec::new(),
    };
    let opened = opened(Fake::new().side(), fake.side());
    let mut bytes = Vec::new();
    let report = write_archive(&plan, &opened, &[], &mut bytes, &mut ()).unwrap();
    assert!(report.incomplete.is_empty(), "{:?}", report.incomplete);
    let mut archive = tar::Archive::new(bytes.as_slice());
    let members = archive.entries().unwrap().map(|member| {
        let mut member = member.unwrap();
        let name = member.path_bytes().into_owned();
        let mut content = Vec::new();
        member.read_to_end(&mut content).unwrap();
        (name, content)
    });
    members.collect()
}

fn aside(path: &[u8], why: &'static str, node: NodeId) -> SetAside {
    SetAside {
        area: String::new(),
        path: path.to_vec(),
        why,
        size_bytes: 4,
        source: Source::After(0, node),
    }
}

/// What the list says of one file.
fn listed(area: &str, path: &str, why: &'static str) -> String {
    let mut fake = Fake::new();
    let node = fake.file(ROOT, b"file", b"text");
    let mut wanted = aside(path.as_bytes(), why, node);
    area.clone_into(&mut wanted.area);
    let members = archived(fake, vec![wanted]);
    let (name, list) = members.last().unwrap();
    assert_eq!(name, LIST_NAME.as_bytes());
    let list = String::from_utf8(list.clone()).unwrap();
    list.lines().nth(1).unwrap().to_owned()
}

#[test]
fn a_reason_with_a_comma_is_one_cell_of_the_list() {
    assert_eq!(
        listed("", "/a.txt", DAMAGED_LATER),
        ",/a.txt,4,\"changed since, then damaged: the version before the damage\""
    );
}

#[test]
fn no_cell_of_the_list_is_a_formula() {
    assert_eq!(
        listed("=vg/root", "/a.txt", "made since"),
        "'=vg/root,/a.txt,4,made since"
    );
}

#[test]
fn names_that_are_no_text_stay_two_members() {
    let mut fake = Fake::new();
    let one = fake.file(ROOT, b"a\xff", b"one");
    let other = fake.file(ROOT, b"a\xfe", b"other");
    let folder = [b"/", [b'\xfd'; 120].as_slice()].concat();
    let long = [&folder, b"/a\xff".as_slice()].concat();
    let set_aside = vec![
        aside(b"/a\xff", "made since", one),
        aside(b"/a\xfe", "made since", other),
        aside(&long, "made since", one),
    ];
    let mut members = archived(fake, set_aside);
    let (_, list) = members.pop().unwrap();
    assert_eq!(
        members,
        [
            (b"a\xff".to_vec(), b"one".to_vec()),
            (b"a\xfe".to_vec(), b"other".to_vec()),
            (long.get(1..).unwrap().to_vec(), b"one".to_vec()),
        ]
    );
    let list = String::from_utf8(list).unwrap();
    assert!(list.contains(",/a\u{fffd},4,made since\r\n"), "{list}");
}

#[test]
fn no_path_leads_out_of_the_archive() {
    assert_eq!(safe_path("", b"/a/b.txt"), b"a/b.txt");
    assert_eq!(safe_path("vg0/root", b"/../../etc/passwd"), b"vg0/root/_/_/etc/passwd");
    assert_eq!(safe_path("", b"/a\0b"), b"a_b");
}

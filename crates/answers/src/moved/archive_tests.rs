//! Archives as programs write them, and damaged ones.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::*;

/// How a member of a zip is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    Stored,
    Deflated,
    Encrypted,
}

/// A zip of files. With `large`, sizes and places stand in extra fields and records of their own, however small they are.
pub(crate) fn zip(members: &[(&str, &[u8])], how: As, large: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    let (method, flags) = match how {
        As::Stored => (0_u16, 0_u16),
        As::Deflated => (8, 0),
        As::Encrypted => (0, 1),
    };
    for (name, content) in members {
        let packed = match how {
            As::Deflated => deflated(content),
            _ => content.to_vec(),
        };
        let numbers = [content.len() as u64, packed.len() as u64, archive.len() as u64];
        let [size, packed_size, header] = numbers.map(|number| if large { u32::MAX } else { number as u32 });
        let extra = match large {
            true => [
                1_u16.to_le_bytes().to_vec(),
                24_u16.to_le_bytes().to_vec(),
                numbers.map(u64::to_le_bytes).concat(),
            ]
            .concat(),
            false => Vec::new(),
        };
        let sizes = [packed_size.to_le_bytes(), size.to_le_bytes()].concat();
        let lengths = [(name.len() as u16).to_le_bytes(), (extra.len() as u16).to_le_bytes()].concat();
        let start = [
            &flags.to_le_bytes()[..],
            &method.to_le_bytes(),
            &[0; 8],
            &sizes,
            &lengths,
        ]
        .concat();
        archive.extend([b"PK\x03\x04\x14\0".as_slice(), &start, name.as_bytes(), &extra, &packed].concat());
        directory.extend(
            [
                b"PK\x01\x02\x14\0\x14\0".as_slice(),
                &start,
                &[0; 10],
                &header.to_le_bytes(),
                name.as_bytes(),
                &extra,
            ]
            .concat(),
        );
    }
    let (start, length) = (archive.len() as u64, directory.len() as u64);
    archive.extend(directory);
    let count = members.len() as u64;
    if large {
        let record = archive.len() as u64;
        let counts = [44, 0, 0, count, count, length, start].map(u64::to_le_bytes);
        let [size, _, _, rest @ ..] = counts;
        archive.extend([b"PK\x06\x06".as_slice(), &size, &[0; 12], &rest.concat()].concat());
        archive.extend([b"PK\x06\x07".as_slice(), &[0; 4], &record.to_le_bytes(), &[1, 0, 0, 0]].concat());
    }
    let [length, start] = [length, start].map(|number| if large { u32::MAX } else { number as u32 });
    let counts = (count as u16).to_le_bytes();
    archive.extend(
        [
            b"PK\x05\x06\0\0\0\0".as_slice(),
            &counts,
            &counts,
            &length.to_le_bytes(),
            &start.to_le_bytes(),
            &[0; 2],
        ]
        .concat(),
    );
    archive
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Names and contents of what an archive holds.
fn held(archive: Vec<u8>, name: &str) -> Vec<(String, Vec<u8>)> {
    let members = members(&archive, name.as_bytes()).unwrap_or_default();
    let content = |member: &Member| {
        let mut content = Vec::new();
        unpack(&archive, member).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content.len() as u64, member.size_bytes);
        (String::from_utf8(member.name.clone()).unwrap(), content)
    };
    members.iter().map(content).collect()
}

const LETTER: &[u8] = b"Dear all, dear all, dear all";

#[test]
fn a_zip_holds_files_stored_or_deflated_and_is_read_with_large_numbers_too() {
    let files: [(&str, &[u8]); 4] = [
        ("a/", b""),
        ("a/letter.txt", LETTER),
        ("empty", b""),
        ("b/c/note", b"short"),
    ];
    let expected = [("letter.txt", LETTER), ("empty", b""), ("note", b"short")];
    let expected = expected.map(|(name, content)| (name.to_owned(), content.to_vec()));
    for how in [As::Stored, As::Deflated] {
        for large in [false, true] {
            assert_eq!(held(zip(&files, how, large), "x.zip"), expected);
        }
    }
}

#[test]
fn a_comment_behind_it_does_no_harm() {
    let mut archive = zip(&[("letter", LETTER)], As::Stored, false);
    archive.truncate(archive.len() - 2);
    archive.extend(300_u16.to_le_bytes());
    archive.extend([b' '; 300]);
    assert_eq!(held(archive, "x.zip"), [("letter".to_owned(), LETTER.to_vec())]);
}

#[test]
fn members_know_their_folders() {
    let files: [(&str, &[u8]); 3] = [("letter", b"a"), ("a/b/letter", b"b"), ("a\\c\\letter", b"c")];
    let members = members(&zip(&files, As::Stored, false), b"x.zip").unwrap();
    let folders: Vec<Option<&[u8]>> = members.iter().map(|member| member.folder.as_deref()).collect();
    assert_eq!(folders, [None, Some(b"b".as_slice()), Some(b"c")]);
}

#[test]
fn more_packed_bytes_than_it_takes_are_not_unpacked() {
    // Empty blocks of deflate, without end.
    let mut archive = zip(&[("letter", &[0; 20_000])], As::Stored, false);
    assert_eq!(members(&archive, b"x.zip").unwrap().len(), 1);
    let directory = archive.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    archive[directory + 24..directory + 28].copy_from_slice(&10_000_u32.to_le_bytes());
    assert_eq!(
        members(&archive, b"x.zip").unwrap().len(),
        0,
        "stored, and not as long as it is"
    );
    archive[directory + 10] = 8;
    assert_eq!(members(&archive, b"x.zip").unwrap().len(), 0);
    let mut long = gzip(LETTER);
    let size = long.split_off(long.len() - 4);
    long.extend([0; 9000]);
    long.extend(size);
    assert_eq!(members(&long, b"x.gz"), Some(Vec::new()));
}

#[test]
fn what_is_encrypted_or_not_yet_complete_is_no_member() {
    assert_eq!(held(zip(&[("letter", LETTER)], As::Encrypted, false), "x.zip"), []);
    let mut begun = zip(&[("letter", LETTER)], As::Stored, false);
    begun.truncate(60);
    assert_eq!(held(begun, "x.zip"), []);
    assert_eq!(held(Vec::new(), "x.zip"), []);
    assert_eq!(held(LETTER.to_vec(), "x.zip"), []);
}

#[test]
fn a_gzip_holds_one_file_whose_name_it_has() {
    assert_eq!(
        held(gzip(LETTER), "server.log.gz"),
        [("server.log".to_owned(), LETTER.to_vec())]
    );
    assert_eq!(held(gzip(LETTER), "server.log.z"), []);
}

#[test]
fn any_byte_may_be_wrong() {
    let files: [(&str, &[u8]); 2] = [("letter", LETTER), ("other", b"short")];
    for large in [false, true] {
        let archive = zip(&files, As::Deflated, large);
        for place in 0..archive.len() {
            for value in [0, 0xff] {
                let mut damaged = archive.clone();
                damaged[place] = value;
                for member in members(&damaged, b"x.zip").unwrap_or_default() {
                    if let Ok(mut unpacked) = unpack(&damaged, &member) {
                        // An error, or whatever it is: it ends.
                        let _ = unpacked.read_to_end(&mut Vec::new());
                    }
                }
            }
        }
    }
}

//! Every key is found, nothing else is, and damage stays within its page.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::range_file::Totals;
use crate::passwords::synthetic::{self, splitmix};

fn write(path: &Path, rows: &[Row]) -> u64 {
    let mut totals = Totals::default();
    for row in rows {
        totals.add(row.count);
    }
    let mut writer = CountsWriter::create(HashKind::Sha1, path, &totals).unwrap();
    for row in rows {
        writer.push(*row).unwrap();
    }
    writer.finish().unwrap()
}

fn rows(count: u64, seed: u64) -> Vec<Row> {
    let records = synthetic::records(HashKind::Sha1, count, seed);
    let rows = records.iter().map(|record| Row {
        key: record.high,
        count: record.count,
    });
    rows.collect()
}

fn check(path: &Path, rows: &[Row]) {
    let file = CountsFile::open(path).unwrap();
    let expected: BTreeMap<u64, u32> = rows.iter().map(|row| (row.key, row.count)).collect();
    for (key, count) in &expected {
        assert_eq!(file.find(*key).unwrap(), Found::Count(*count), "{key:016x}");
        for neighbour in [key.wrapping_add(1), key.wrapping_sub(1)] {
            if !expected.contains_key(&neighbour) {
                assert_eq!(file.find(neighbour).unwrap(), Found::Nothing, "{neighbour:016x}");
            }
        }
    }
    let mut state = 99;
    for _ in 0..2000 {
        let key = splitmix(&mut state);
        let count = expected.get(&key).map_or(Found::Nothing, |count| Found::Count(*count));
        assert_eq!(file.find(key).unwrap(), count);
    }
}

#[test]
fn every_key_is_found_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts");
    for count in [0, 1, 2, 300, 700, 5000, 200_000] {
        let rows = rows(count, count + 1);
        assert_eq!(write(&path, &rows), count);
        check(&path, &rows);
        let file = CountsFile::open(&path).unwrap();
        assert_eq!(file.kind(), HashKind::Sha1);
    }
}

/// As written by a person to try it out, or to break it.
#[test]
fn keys_that_are_not_spread_evenly_are_found_in_overflow_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts");
    let row = |key: u64| Row {
        key,
        count: key as u32 % 7 + 1,
    };
    let beside_each_other: Vec<Row> = (0..20_000).map(row).collect();
    let at_both_ends: Vec<Row> = (0..3000).chain(u64::MAX - 3000..=u64::MAX).map(row).collect();
    let all_counts_large: Vec<Row> = (0..3000_u64)
        .map(|number| Row {
            key: number << 52,
            count: u32::MAX - number as u32,
        })
        .collect();
    for rows in [beside_each_other, at_both_ends, all_counts_large] {
        write(&path, &rows);
        check(&path, &rows);
    }
}

#[test]
fn hashes_that_share_a_key_are_told_apart_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts");
    let row = |key, count| Row { key, count };
    assert_eq!(write(&path, &[row(5, 9), row(5, 2), row(6, 1)]), 2);
    let file = CountsFile::open(&path).unwrap();
    assert_eq!(file.find(5).unwrap(), Found::Several);
    assert_eq!(file.find(6).unwrap(), Found::Count(1));
}

#[test]
fn a_flipped_bit_damages_one_page_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts");
    let rows = rows(20_000, 5);
    write(&path, &rows);
    let whole = std::fs::read(&path).unwrap();
    for at in (PAGE_BYTES..whole.len()).step_by(whole.len() / 50) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        std::fs::write(&path, &bytes).unwrap();
        let file = CountsFile::open(&path).unwrap();
        let damaged = rows.iter().filter_map(|row| match file.find(row.key) {
            Ok(found) => {
                assert_eq!(found, Found::Count(row.count));
                None
            }
            Err(Error::Damaged { offset, .. }) => Some(offset),
            Err(other) => panic!("{other}"),
        });
        let places: std::collections::BTreeSet<u64> = damaged.collect();
        assert_eq!(places.into_iter().collect::<Vec<_>>(), [at as u64 / 4096 * 4096]);
    }
    for length in [0, 100, 4096, whole.len() - 1, whole.len() - 4096] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(
            matches!(CountsFile::open(&path), Err(Error::Damaged { .. })),
            "{length}"
        );
    }
}

/// Pages are moved as wholes by a disk that writes to the wrong place.
#[test]
fn a_page_in_another_page_s_place_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts");
    let rows = rows(20_000, 6);
    write(&path, &rows);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.copy_within(4096..8192, 8192);
    std::fs::write(&path, &bytes).unwrap();
    let file = CountsFile::open(&path).unwrap();
    assert!(rows.iter().any(|row| file.find(row.key).is_err()));
}

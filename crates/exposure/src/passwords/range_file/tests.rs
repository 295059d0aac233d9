//! Round trips, and what damage does.

use std::path::Path;

use super::*;
use crate::Error;
use crate::hash::HashKind;
use crate::passwords::RangePrefix;
use crate::passwords::record::Record;
use crate::passwords::synthetic;

fn write(kind: HashKind, path: &Path, records: &[Record]) -> Totals {
    let mut writer = RangeWriter::create(kind, path).unwrap();
    for record in records {
        writer.push(record).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn rows_come_back_as_they_were_written_by_prefix_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for kind in HashKind::ALL {
        let path = folder.path().join(kind.name());
        let records = synthetic::records(kind, 20_000, 7);
        let totals = write(kind, &path, &records);
        assert_eq!(totals.hashes, 20_000);
        let file = RangeFile::open(&path).unwrap();
        assert_eq!((file.kind(), *file.totals()), (kind, totals));
        let (mut scan, mut found) = (Scan::new(&file, 1 << 16).unwrap(), Vec::new());
        while scan.next_prefix(&mut found).unwrap() {}
        assert_eq!(found, records);
        let mut buffer = Vec::new();
        for record in records.iter().step_by(97) {
            let prefix = RangePrefix::new(record.prefix()).unwrap();
            let mut rows = Vec::new();
            file.block(prefix, &mut buffer).unwrap().unwrap().records(&mut rows);
            assert!(rows.contains(record));
            assert!(rows.iter().all(|row| row.prefix() == record.prefix()));
        }
    }
}

#[test]
fn a_prefix_with_thousands_of_rows_is_one_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one");
    let records: Vec<Record> = (0..5000_u64)
        .map(|number| Record {
            high: (0x12345 << 44) | (number * 0xfff_ffff),
            middle: !number,
            low: number as u32,
            count: (number * number) as u32 + 1,
        })
        .collect();
    write(HashKind::Sha1, &path, &records);
    let (file, mut buffer, mut rows) = (RangeFile::open(&path).unwrap(), Vec::new(), Vec::new());
    let prefix = RangePrefix::new(0x12345).unwrap();
    file.block(prefix, &mut buffer).unwrap().unwrap().records(&mut rows);
    assert_eq!(rows, records);
    assert!(
        file.block(RangePrefix::new(0x12346).unwrap(), &mut buffer)
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_flipped_bit_damages_one_block_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped");
    let records = synthetic::records(HashKind::Sha1, 2000, 3);
    write(HashKind::Sha1, &path, &records);
    let whole = std::fs::read(&path).unwrap();
    let directory = RangeFile::open(&path).unwrap().directory_offset as usize;
    let prefixes: std::collections::BTreeSet<u32> = records.iter().map(Record::prefix).collect();
    for at in (16..directory).step_by(directory / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        let (file, mut buffer) = (RangeFile::open(&path).unwrap(), Vec::new());
        let damaged = prefixes.iter().filter(|prefix| {
            let prefix = RangePrefix::new(**prefix).unwrap();
            matches!(file.block(prefix, &mut buffer), Err(Error::Damaged { .. }))
        });
        assert_eq!(damaged.count(), 1, "{at}");
    }
    for at in [0, 9, directory, directory + 9, whole.len() - 1, whole.len() - 300] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let found = RangeFile::open(&path).and_then(|file| {
            let mut scan = Scan::new(&file, 1 << 16)?;
            while scan.next_prefix(&mut Vec::new())? {}
            Ok(())
        });
        assert!(matches!(found, Err(Error::Damaged { .. })), "{at}");
    }
}

#[test]
fn a_file_that_was_cut_is_never_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    write(HashKind::Ntlm, &path, &synthetic::records(HashKind::Ntlm, 100, 1));
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 10, 336, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(RangeFile::open(&path), Err(Error::Damaged { .. })), "{length}");
    }
}

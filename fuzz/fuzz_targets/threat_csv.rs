//! A table, whatever its bytes: the same rows in whichever pieces it comes, nothing lost or given twice where reading is taken up again after
//! any row, and each row becomes an event or is refused.

#![no_main]

use std::io::BufReader;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use threat::input::csv::{self, Columns, Rows};
use threat::input::lines::Unended;
use threat::input::{Body, Format, Record, Source, Unreadable};
use threat::normalise::normalise;

/// Small, so that the fuzzer finds it.
const LIMIT: usize = 256;

fn read(table: &[u8], columns: &Columns, at_a_time: usize) -> Vec<Result<Record, Unreadable>> {
    let reader = BufReader::with_capacity(at_a_time, table);
    let mut rows = Rows::from(reader, columns, source(), Unended::AreALine, 0, 0).with_limit(LIMIT);
    let mut all = Vec::new();
    while let Some(row) = rows.read().expect("memory has no errors") {
        all.push(row);
    }
    assert_eq!(rows.offset(), table.len() as u64);
    all
}

/// The same with a reader made anew after each row, as a log is followed.
fn resumed(table: &[u8], columns: &Columns) -> Vec<Result<Record, Unreadable>> {
    let (mut offset, mut number, mut all) = (0, 0, Vec::new());
    loop {
        let rest = &table[usize::try_from(offset).expect("within the table")..];
        let mut rows = Rows::from(rest, columns, source(), Unended::AreALine, offset, number).with_limit(LIMIT);
        match rows.read().expect("memory has no errors") {
            Some(row) => all.push(row),
            None => return all,
        }
        (offset, number) = (rows.offset(), rows.number());
    }
}

fn said(item: &Result<Record, Unreadable>) -> (u64, String) {
    match item {
        Ok(Record {
            body: Body::Document(document),
            origin,
        }) => (origin.record, document.to_string()),
        Ok(record) => panic!("no document: {record:?}"),
        Err(unreadable) => (unreadable.origin.record, unreadable.reason.clone()),
    }
}

fuzz_target!(|input: &[u8]| {
    let _ = Format::of(input);
    let mut given = 0_usize;
    let _ = csv::read(input, &source(), &mut |_| {
        given += 1;
        true
    });
    assert!(given <= input.len());
    let Some(columns) = Columns::of(input) else { return };
    let whole = read(input, &columns, 1 << 16);
    // A byte order mark is looked for in one piece.
    let pieces = read(input, &columns, 3);
    assert!(whole.iter().map(said).eq(pieces.iter().map(said)));
    assert!(whole.iter().map(said).eq(resumed(input, &columns).iter().map(said)));
    for record in whole.into_iter().flatten() {
        if let Ok(event) = normalise(record, Timestamp::UNIX_EPOCH) {
            assert!(event.fields.is_object());
        }
    }
});

fn source() -> Source {
    "fuzz".into()
}

//! A log of JSON, whatever its bytes: the same records and the same complaints in whichever pieces it comes, and each record becomes an event
//! or is refused. So does the log as a whole if it is taken for one line, which may be XML.

#![no_main]

use std::io::BufReader;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use threat::event::Origin;
use threat::input::{Body, Format, Record, Source, Unreadable, json};
use threat::normalise::normalise;

fn read(log: &[u8], at_a_time: usize) -> Vec<Result<Record, Unreadable>> {
    let mut all = Vec::new();
    json::read(
        BufReader::with_capacity(at_a_time, log),
        &Source::from("log"),
        &mut |item| {
            all.push(item);
            true
        },
    )
    .expect("memory can be read");
    all
}

fn said(item: &Result<Record, Unreadable>) -> (u64, Result<&Value, &str>) {
    match item {
        Ok(record) => match &record.body {
            Body::Document(document) => (record.origin.record, Ok(document)),
            Body::Line(line) => panic!("a line: {line}"),
        },
        Err(unreadable) => (unreadable.origin.record, Err(&unreadable.reason)),
    }
}

fuzz_target!(|input: &[u8]| {
    let _ = Format::of(input);
    let whole = read(input, 1 << 16);
    // Each byte of a log begins at most one record or complaint.
    assert!(whole.len() <= input.len() + 1);
    let pieces = read(input, 3);
    assert!(whole.iter().map(said).eq(pieces.iter().map(said)));
    let line = Record {
        body: Body::Line(String::from_utf8_lossy(input).into_owned()),
        origin: Origin {
            source: Source::from("log"),
            record: 1,
        },
    };
    for record in whole.into_iter().flatten().chain([line]) {
        if let Ok(event) = normalise(record, Timestamp::UNIX_EPOCH) {
            assert!(event.fields.is_object());
        }
    }
});

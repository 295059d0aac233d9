//! Traces of unknown origin: read to their end, and what was read is written and read again.
#![no_main]

use lab::trace::{Record, TraceReader, TraceWriter};
use libfuzzer_sys::fuzz_target;

/// Records looked at: a small file may decompress to very many.
const RECORDS_MAX: usize = 10_000;

fuzz_target!(|data: &[u8]| {
    let Ok(reader) = TraceReader::new(data) else { return };
    let header = reader.header().clone();
    let records: Vec<Record> = reader.map_while(Result::ok).take(RECORDS_MAX).collect();
    let mut writer = TraceWriter::new(Vec::new(), &header).unwrap();
    for record in &records {
        writer.write(record).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let again: Vec<Record> = TraceReader::new(bytes.as_slice())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    // An empty write is no record.
    let whole = records
        .iter()
        .filter(|record| !matches!(&record.event, lab::trace::Event::Write { blocks, .. } if blocks.is_empty()));
    assert!(whole.eq(again.iter()));
});

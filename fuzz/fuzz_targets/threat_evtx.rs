//! A Windows event log with damage anywhere: reading it ends, and whatever record is still read becomes an event that rules can look into, or
//! is refused with a reason. The input is a list of changes to one of two real logs.

#![no_main]

use std::io::Cursor;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use threat::input::{Source, evtx};
use threat::normalise::normalise;

const LOGS: [&[u8]; 2] = [
    include_bytes!("../../crates/threat/tests/data/esent-ntds-copied.evtx"),
    include_bytes!("../../crates/threat/tests/data/security-account-made.evtx"),
];

/// The header of the first chunk begins here.
const CHUNK: usize = 4096;

/// A chunk's 64 KiB hold less than this many records, of which the smallest has 28 bytes.
const ITEMS_MAX: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let Some((first, changes)) = input.split_first() else {
        return;
    };
    let mut log = LOGS[usize::from(*first) % LOGS.len()].to_vec();
    for change in changes.chunks(8) {
        let [low, high, bytes @ ..] = change else { break };
        // Most of the offsets that two bytes can name are in the chunk.
        let at = CHUNK + usize::from(u16::from_le_bytes([*low, *high]));
        let end = (at + bytes.len()).min(log.len());
        if let Some(place) = log.get_mut(at..end) {
            place.copy_from_slice(&bytes[..end - at]);
        }
    }
    let mut items = 0;
    evtx::read(Cursor::new(log), &Source::from("log"), &mut |item| {
        items += 1;
        match item {
            Ok(record) => match normalise(record, Timestamp::UNIX_EPOCH) {
                Ok(event) => {
                    assert!(event.fields.get("EventID").is_some_and(|id| id.is_u64()));
                    assert!(event.facts.actor.iter().all(|handle| !handle.name.is_empty()));
                }
                Err(error) => assert!(!error.reason.is_empty()),
            },
            Err(unreadable) => assert!(!unreadable.reason.is_empty()),
        }
        true
    });
    assert!(items <= ITEMS_MAX);
});

//! Requests of the transmission phase: the first byte chooses the dialect, the rest is the stream.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nbd::protocol::numbers::{PAYLOAD_SIZE_MAX, PAYLOAD_SIZE_SKIPPED_MAX};
use nbd::protocol::{Command, Decoded, Dialect, decode_request};

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut stream)) = input.split_first() else {
        return;
    };
    let dialect = match choice % 3 {
        0 => Dialect::Simple,
        1 => Dialect::Structured,
        _ => Dialect::Extended,
    };
    loop {
        match decode_request(stream, dialect) {
            Err(_) => return,
            Ok(Decoded::Incomplete { needed }) => {
                assert!(needed > stream.len());
                assert!(needed <= dialect.request_header_size() + PAYLOAD_SIZE_MAX as usize);
                return;
            }
            Ok(Decoded::Complete { request, size, skipped }) => {
                assert!(size >= dialect.request_header_size() && size <= stream.len());
                assert!(skipped <= PAYLOAD_SIZE_SKIPPED_MAX);
                let rejected = matches!(request.command, Command::Rejected(_));
                assert!(skipped == 0 || rejected);
                if let Command::Write { data, .. } = request.command {
                    assert_eq!(data.len(), size - dialect.request_header_size());
                }
                if let Command::BlockStatus { contexts, .. } = request.command {
                    assert!(contexts.listed().is_none_or(|ids| ids.count() <= 16));
                }
                // The beginning of a request must never be taken for a whole one.
                let shorter = stream.get(..size - 1).unwrap_or_default();
                assert!(matches!(
                    decode_request(shorter, dialect),
                    Ok(Decoded::Incomplete { .. })
                ));
                let next = stream.get(size..).unwrap_or_default();
                stream = next.get((skipped as usize).min(next.len())..).unwrap_or_default();
            }
        }
    }
});

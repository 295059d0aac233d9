//! What is posted, whatever its bytes and what its head says of them: reading it ends, it gives no more records than may be, and what they hold
//! isn't longer than what was sent, unpacked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logs::listen::http::{Form, RECORDS_MAX, UNPACKED_BYTES_MAX, parse};

fuzz_target!(|input: &[u8]| {
    let Some((&how, body)) = input.split_first() else {
        return;
    };
    let form = match how % 3 {
        0 => Form::Any,
        1 => Form::Lines,
        _ => Form::Events,
    };
    let is_packed = how & 0x80 != 0;
    match parse(form, is_packed, body, &"fuzz".into()) {
        Ok(parsed) => {
            assert!(!parsed.sent.is_empty() && parsed.sent.len() <= RECORDS_MAX);
            if form == Form::Lines {
                let bytes: usize = parsed.sent.iter().map(|sent| sent.text.len()).sum();
                // A damaged letter becomes one of three bytes.
                assert!(bytes <= UNPACKED_BYTES_MAX * 3);
            }
        }
        Err(refused) => assert!(!refused.words().is_empty()),
    }
});

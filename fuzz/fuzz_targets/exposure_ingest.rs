//! A breach of any shape: whatever its bytes say, reading it ends, and what is told fits together. The first byte chooses what is known
//! about it.

#![no_main]

use exposure::ingest::{About, AboutPaste, examine};
use libfuzzer_sys::fuzz_target;

const ABOUTS: [&str; 4] = [
    "name = 'a'",
    "name = 'a'\nstealer_log = true\n[columns]\nphone = [1]\nuser_name = ['nick', 2]",
    "name = 'a'\npasswords = 'sha1'\ntop_level_domains = ['corp']",
    "name = 'a'\npasswords = 'none'\nstealer_log = false",
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut bytes)) = input.split_first() else {
        return;
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (About::parse(text), AboutPaste::parse(text));
    }
    let about = About::parse(ABOUTS[usize::from(*choice) % ABOUTS.len()]).unwrap();
    let length = bytes.len() as u64;
    let (counts, problems) = examine("input", &mut bytes, &about).unwrap();
    assert!(problems.listed.len() as u64 <= problems.count);
    // Only what is packed can hold more addresses than bytes.
    assert!(counts.files > 1 || problems.count > 0 || counts.addresses <= length.saturating_mul(1100));
});

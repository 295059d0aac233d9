//! What a guard keeps beside its volume: the bytes as they are, and with lengths and checksum made right, so that the
//! fuzzer gets to the state. What is understood must be written and understood again as the same.

#![no_main]

use guard::sidecar::Sidecar;
use libfuzzer_sys::fuzz_target;

const HEADER_BYTES: usize = 40;

fuzz_target!(|input: &[u8]| {
    check(input);
    let Some((header, parts)) = input.split_at_checked(HEADER_BYTES) else {
        return;
    };
    let mut bytes = b"HFGS\x01\0\0\0".to_vec();
    bytes.extend(&header[8..28]);
    // A few marks and a short sentinel; the rest is the state.
    let marks = usize::from(header[32]) % 4;
    let sentinel = usize::from(header[36]) % 32;
    let Some(state) = parts.len().checked_sub(16 * marks + sentinel) else {
        return;
    };
    for length in [state, marks, sentinel] {
        bytes.extend((length as u32).to_le_bytes());
    }
    bytes.extend(parts);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    check(&bytes);
});

fn check(bytes: &[u8]) {
    if let Ok(sidecar) = Sidecar::parse(bytes) {
        assert_eq!(Sidecar::parse(&sidecar.encode()).as_ref(), Ok(&sidecar));
    }
}

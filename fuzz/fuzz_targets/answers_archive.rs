//! An archive in which files may have been packed away: whatever its bytes say, its members are told within its limits, and unpacking them ends.

#![no_main]

use std::io::Read;

use answers::archive::{members, unpack};
use libfuzzer_sys::fuzz_target;

/// Members that are unpacked, and bytes of each: an archive of some bytes may hold many gigabytes.
const MEMBERS: usize = 16;
const UNPACKED_BYTES: u64 = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let archive = input.to_vec();
    let members = members(&archive, b"a.gz").unwrap_or_default();
    // An entry of the directory has 46 bytes.
    assert!(members.len() <= 1 + archive.len() / 46);
    for member in members.iter().take(MEMBERS) {
        assert!(!member.name.is_empty() && !member.name.contains(&b'/'));
        if let Ok(unpacked) = unpack(&archive, member) {
            let mut bytes = Vec::new();
            let _ = unpacked.take(UNPACKED_BYTES).read_to_end(&mut bytes);
            assert!(bytes.len() as u64 <= UNPACKED_BYTES);
        }
    }
});

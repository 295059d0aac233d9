//! A whole qcow2 image: whatever it says, reading it ends, stays within the disk, and doesn't need much memory.

#![no_main]

use image::ImageSource;
use image::qcow2::Qcow2Source;
use libfuzzer_sys::fuzz_target;

/// Runs looked at: an image of 64 TiB may have very many.
const RUNS_MAX: usize = 64;
const READ_BYTES_MAX: u64 = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let Ok(mut source) = Qcow2Source::open(input) else { return };
    let size = source.size_bytes();
    assert!(size <= 64 << 40);
    let mut offset = 0;
    for _ in 0..RUNS_MAX {
        if offset >= size {
            return;
        }
        let Ok(run) = source.run_at(offset) else { return };
        assert!(run.length > 0 && run.length <= size - offset);
        let mut buffer = vec![0xee; run.length.min(READ_BYTES_MAX) as usize];
        if source.read(offset, &mut buffer).is_ok() && !run.is_data {
            assert!(buffer.iter().all(|byte| *byte == 0), "a hole holds data");
        }
        offset += run.length;
    }
});

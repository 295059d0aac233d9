//! A whole qcow2 image: whatever it says, reading it ends, stays within the disk, and doesn't need much memory. The first
//! byte chooses how much of the header is made right, so that the fuzzer gets to the tables and clusters behind it.

#![no_main]

use image::ImageSource;
use image::qcow2::Qcow2Source;
use libfuzzer_sys::fuzz_target;

/// Runs looked at: an image of 64 TiB may have very many.
const RUNS_MAX: usize = 64;
const READ_BYTES_MAX: u64 = 1 << 20;

/// Bytes of an image whose header was made right: the tables of a small disk with small clusters fit.
const IMAGE_BYTES: usize = 16 << 10;

fn put(image: &mut [u8], offset: usize, bytes: &[u8]) {
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn byte(image: &[u8], offset: usize) -> u32 {
    image[offset].into()
}

/// Makes right what nearly every input would fail at. The numbers that are left are the input's.
fn with_header(image: &mut Vec<u8>) {
    image.resize(IMAGE_BYTES, 0);
    let version = 2 + byte(image, 7) % 2;
    let cluster_bits = 9 + byte(image, 23) % 3;
    let size = u64::from(byte(image, 29)) << 12 | u64::from(byte(image, 30)) << 9;
    let l1_entries = size.div_ceil(1 << (2 * cluster_bits - 3)) + u64::from(byte(image, 39) % 2);
    let l1_offset = u64::from(byte(image, 47) % 4 + 1) << cluster_bits;
    put(image, 4, &version.to_be_bytes());
    put(image, 8, &[0; 8]);
    put(image, 20, &cluster_bits.to_be_bytes());
    put(image, 24, &size.to_be_bytes());
    put(image, 32, &[0; 4]);
    put(image, 36, &(l1_entries as u32).to_be_bytes());
    put(image, 40, &l1_offset.to_be_bytes());
    // Features: only the one that chooses zstd, and with it the kind of compression.
    let is_zstd = byte(image, 79) % 2 == 1;
    put(image, 72, &(u64::from(is_zstd) << 3).to_be_bytes());
    put(image, 104, &[u8::from(is_zstd)]);
    put(image, 100, &112_u32.to_be_bytes());
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, image)) = input.split_first() else {
        return;
    };
    let mut image = image.to_vec();
    image.resize(image.len().max(112), 0);
    // Compared as a string, which the fuzzer can't see through.
    put(&mut image, 0, b"QFI\xfb");
    if choice % 4 != 0 {
        with_header(&mut image);
    }
    let Ok(mut source) = Qcow2Source::open(image.as_slice()) else {
        return;
    };
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

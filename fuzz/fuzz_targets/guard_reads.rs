//! What is kept of clients' reads: a piece as it is, then with checksums made right, so that the fuzzer gets to the ranges; and
//! what is gathered from any reads, which must come back from a piece as blocks that cover them.

#![no_main]

use guard::reads::{Gathered, Piece, PieceHeader, RANGES_MAX};
use libfuzzer_sys::fuzz_target;
use volume::Timestamp;

const NUMBER: u32 = 7;
const HEADER_BYTES: usize = 32;
const HEAD_BYTES: usize = 32;
const BLOCKS_MAX: u64 = 1 << 34;

fuzz_target!(|input: &[u8]| {
    check(input);
    check(&sealed(input));
    gather(input);
});

/// Every record holds ranges of the largest disk, ascending and apart, and no more than there can be.
fn check(bytes: &[u8]) {
    let Some(mut piece) = Piece::parse(bytes, NUMBER) else {
        return;
    };
    for record in piece.by_ref() {
        let (mut end, mut count) = (0, 0);
        for reading in record.readings() {
            assert!(reading.blocks > 0 && reading.first_block + reading.blocks <= BLOCKS_MAX);
            assert!(count == 0 || reading.first_block > end);
            assert!(reading.first_block % reading.grain_blocks == 0 && reading.blocks % reading.grain_blocks == 0);
            end = reading.first_block + reading.blocks;
            count += 1;
        }
        assert!(count <= RANGES_MAX);
    }
    assert!(piece.position() <= bytes.len());
}

/// The input as records behind a good header: each a head, the length of its ranges in the first two bytes.
fn sealed(input: &[u8]) -> Vec<u8> {
    let header = PieceHeader {
        number: NUMBER,
        begun: Timestamp::from_unix_seconds(1_800_000_000),
        follows: 0,
    };
    let mut bytes = header.encode();
    assert_eq!(bytes.len(), HEADER_BYTES);
    let mut rest = input;
    while let Some((length, more)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(more.len());
        let (record, more) = more.split_at(length);
        rest = more;
        let mut record = record.to_vec();
        record.resize(record.len().max(HEAD_BYTES), 0);
        let body = (record.len() - HEAD_BYTES) as u32;
        record[4..8].copy_from_slice(&body.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&NUMBER.to_le_bytes()), &record[4..]);
        record[..4].copy_from_slice(&crc.to_le_bytes());
        bytes.extend(record);
    }
    bytes
}

fn gather(input: &[u8]) {
    let mut gathered = Gathered::default();
    let reads: Vec<(u64, u32)> = input
        .chunks_exact(8)
        .map(|chunk| {
            let number = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
            // A few shapes of disks: small, large, and beyond.
            (number >> (number % 50), number as u32 % 64)
        })
        .collect();
    // Enough to fill the buffer, each time elsewhere.
    for round in 0..64 {
        for (first, blocks) in &reads {
            gathered.note(first.wrapping_add(round * 1_000_003), *blocks);
        }
    }
    gathered.join();
    let bytes = gathered.encode_alone(NUMBER);
    let covered: Vec<(u64, u64)> = Piece::parse(&bytes, NUMBER)
        .expect("a piece")
        .flat_map(|record| record.readings())
        .map(|reading| (reading.first_block, reading.first_block + reading.blocks))
        .collect();
    for round in 0..64 {
        for (first, blocks) in &reads {
            let first = first.wrapping_add(round * 1_000_003);
            let end = first.saturating_add(u64::from(*blocks)).min(BLOCKS_MAX);
            if first < end {
                let index = covered.partition_point(|range| range.0 <= first);
                assert!(index > 0 && end <= covered[index - 1].1, "blocks {first}..{end}");
            }
        }
    }
}

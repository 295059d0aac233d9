//! The structures on disk: the first byte chooses one, the rest are its bytes. What is understood must be written and
//! understood again as the same. Where a checksum comes first it is made right, so that the fuzzer gets past it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use volume::format::{
    BATCH_HEADER_BYTES, Batch, BatchKey, ChainEvent, ChainRecord, Checkpoint, Node, NodeAddress, PackedIndex,
    RECORD_BYTES, Segment, SegmentHeader, SegmentLayout, TRAILER_BYTES, Trailer, VOLUME_FILE_COPY_BYTES, VolumeFile,
    put_head,
};
use volume::{Sequence, Timestamp};

const NONCE: u64 = 7;

/// Length of the sealed part of a structure: found from one whose checksum is right.
fn sealed_length(encoded: &[u8]) -> usize {
    let fits = |length: &usize| encoded[..4] == crc32c::crc32c(&encoded[4..*length]).to_le_bytes();
    (5..=encoded.len())
        .find(fits)
        .expect("every sealed structure starts with its checksum")
}

fn seal(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    sealed.resize(sealed.len().max(length), 0);
    let crc = crc32c::crc32c(&sealed[4..length]);
    sealed[..4].copy_from_slice(&crc.to_le_bytes());
    sealed
}

/// CRC-32C of the segment's nonce, then the bytes.
fn keyed_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c_append(crc32c::crc32c(&NONCE.to_le_bytes()), bytes).to_le_bytes()
}

fn segment_header(bytes: &[u8]) {
    let sample = SegmentHeader {
        layout: SegmentLayout::Raw,
        volume: [1; 16],
        segment: Segment(1),
        nonce: 1,
        capacity: 1,
        first_sequence: Sequence(1),
        first_time: Timestamp::ZERO,
        checkpoint: None,
    };
    let sealed = seal(bytes, sealed_length(&sample.encode()));
    if let Some(header) = SegmentHeader::parse(&sealed) {
        assert_eq!(SegmentHeader::parse(&header.encode()), Some(header));
    }
}

fn chain_record(bytes: &[u8]) {
    let sample = ChainRecord::new(&[0; 32], ChainEvent::Sealed, Segment(1), Timestamp::ZERO, [1; 32]);
    let sealed = seal(bytes, sealed_length(&sample.encode()));
    if let Some(record) = ChainRecord::parse(&sealed) {
        assert_eq!(ChainRecord::parse(&record.encode()), Some(record));
    }
}

fn volume_file(bytes: &[u8]) {
    let mut copy = bytes.to_vec();
    copy.resize(VOLUME_FILE_COPY_BYTES, 0);
    if let Some(file) = VolumeFile::parse_copy(&seal(&copy, VOLUME_FILE_COPY_BYTES)) {
        assert_eq!(VolumeFile::parse_copy(&file.encode_copy()), Some(file));
    }
}

fn trailer(bytes: &[u8]) {
    // What follows is padding: see `docs/format.md`.
    const SEALED_BYTES: usize = 88;
    let mut sealed = bytes.to_vec();
    sealed.resize(TRAILER_BYTES, 0);
    let crc = keyed_crc(&sealed[4..SEALED_BYTES]);
    sealed[..4].copy_from_slice(&crc);
    if let Some(trailer) = Trailer::parse(&sealed, NONCE) {
        assert_eq!(Trailer::parse(&trailer.encode(NONCE), NONCE), Some(trailer));
    }
}

/// The checksum covers as many records as the header says there are: fewer than the bytes have room for are kept, more
/// become as many as there is room for.
fn batch(bytes: &[u8]) {
    let mut head = bytes.to_vec();
    head.resize(head.len().max(BATCH_HEADER_BYTES), 0);
    let room = (head.len() - BATCH_HEADER_BYTES) / RECORD_BYTES;
    let stored = u32::from_le_bytes([head[32], head[33], head[34], head[35]]) as usize;
    let count = stored.min(room);
    head[32..36].copy_from_slice(&(count as u32).to_le_bytes());
    let crc = keyed_crc(&head[8..BATCH_HEADER_BYTES + count * RECORD_BYTES]);
    head[4..8].copy_from_slice(&crc);
    let Some(batch) = Batch::parse(&head, NONCE) else {
        return;
    };
    assert_eq!(batch.records_with_slots().count(), count);
    let mut records = Vec::new();
    batch.records.iter().for_each(|record| record.put(&mut records));
    let key = BatchKey {
        nonce: NONCE,
        volume: [1; 16],
        segment: Segment(1),
    };
    let mut written = Vec::new();
    put_head(&mut written, &batch.header, &records, &key);
    assert_eq!(Batch::parse(&written, NONCE), Some(batch));
}

fn node(bytes: &[u8]) {
    let level = bytes.first().copied().unwrap_or(0) % volume::format::LEVELS;
    let index = bytes
        .get(8..16)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes);
    let address = NodeAddress { level, index };
    if let Some(node) = Node::parse(bytes, address) {
        assert!((0..128).all(|position| node.stored(position).is_none_or(|entry| entry == node.entry(position))));
        let mut encoded = Vec::new();
        node.put(address, &mut encoded);
        assert!(Node::parse(&encoded, address).is_some());
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    match choice % 8 {
        0 => segment_header(bytes),
        1 => chain_record(bytes),
        2 => volume_file(bytes),
        3 => node(bytes),
        4 => {
            if let Some(checkpoint) = Checkpoint::parse(bytes) {
                assert_eq!(Checkpoint::parse(&checkpoint.encode()), Some(checkpoint));
            }
        }
        5 => {
            if let Some(index) = PackedIndex::parse(bytes) {
                assert_eq!(PackedIndex::parse(&index.encode()), Some(index));
            }
        }
        6 => trailer(bytes),
        _ => batch(bytes),
    }
});

//! The structures on disk: the first byte chooses one, the rest are its bytes. What is understood must be written and
//! understood again as the same. Where a checksum comes first it is made right, so that the fuzzer gets past it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use volume::format::{
    Batch, ChainEvent, ChainRecord, Checkpoint, Node, NodeAddress, PackedIndex, Segment, SegmentHeader, SegmentLayout,
    Trailer, VolumeFile,
};
use volume::{Sequence, Timestamp};

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
    if let Some(file) = VolumeFile::parse(&seal(bytes, bytes.len().max(5))) {
        assert_eq!(VolumeFile::parse(&file.encode()), Some(file));
    }
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
        6 => {
            if let Some(trailer) = Trailer::parse(bytes, 7) {
                assert_eq!(Trailer::parse(&trailer.encode(7), 7), Some(trailer));
            }
        }
        _ => {
            if let Some(batch) = Batch::parse(bytes, 7) {
                assert_eq!(batch.records_with_slots().count(), batch.records.len());
            }
        }
    }
});

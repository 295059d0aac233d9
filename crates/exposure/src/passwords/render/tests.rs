//! Text and compressed bodies against a naive version and the decoders of others.

use std::io::Read;

use super::*;
use crate::passwords::range_file::with_block;
use crate::passwords::record::Record;
use crate::passwords::synthetic::{self, splitmix};

fn naive(kind: HashKind, records: &[Record]) -> String {
    let rows = records.iter().map(|record| {
        let hash = record.hash();
        let digits: String = hash[..kind.bytes()].iter().map(|byte| format!("{byte:02X}")).collect();
        format!("{}:{}", &digits[5..], record.count)
    });
    rows.collect::<Vec<_>>().join("\r\n")
}

fn decoded(encoding: Encoding, body: &[u8]) -> String {
    let mut text = String::new();
    match encoding {
        Encoding::Identity => text = String::from_utf8(body.to_vec()).unwrap(),
        Encoding::Gzip => {
            flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
        }
        Encoding::Brotli => {
            brotli_decompressor::Decompressor::new(body, 4096)
                .read_to_string(&mut text)
                .unwrap();
        }
    }
    text
}

/// Rows of one prefix, with counts of every length.
fn rows(kind: HashKind, count: u64, seed: u64) -> Vec<Record> {
    let mut records = synthetic::records(kind, count, seed);
    let mut state = seed;
    for record in &mut records {
        record.high = record.high >> 20 | 0xabcde << 44;
        let random = splitmix(&mut state);
        if random.is_multiple_of(5) {
            record.count = (random >> 32) as u32 >> ((random >> 8) % 32);
        }
    }
    records.sort_unstable();
    records
}

#[test]
fn every_encoding_is_the_naive_text() {
    for kind in HashKind::ALL {
        for count in [1, 2, 3, 4, 5, 8, 9, 16, 17, 30, 60, 170, 600, 2000, 40_000] {
            let records = rows(kind, count, count + 3);
            let expected = naive(kind, &records);
            for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Brotli] {
                let mut bytes = b"before".to_vec();
                with_block(kind, 0xabcde, &records, |block| body(block, encoding, &mut bytes));
                let found = decoded(encoding, &bytes[6..]);
                assert!(found == expected, "{kind:?} {count} {encoding:?}");
            }
        }
    }
}

#[test]
fn a_body_without_rows_is_empty_in_every_encoding() {
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Brotli] {
        let mut bytes = Vec::new();
        empty_body(encoding, &mut bytes);
        assert_eq!(decoded(encoding, &bytes), "", "{encoding:?}");
    }
}

/// The largest number that brotli's length can have lies between these.
#[test]
fn bodies_of_megabytes_are_encoded() {
    let records = rows(HashKind::Ntlm, 600_000, 1);
    let expected = naive(HashKind::Ntlm, &records);
    assert!(expected.len() > 1 << 24);
    for encoding in [Encoding::Gzip, Encoding::Brotli] {
        let mut bytes = Vec::new();
        with_block(HashKind::Ntlm, 0xabcde, &records, |block| {
            body(block, encoding, &mut bytes)
        });
        assert!(decoded(encoding, &bytes) == expected, "{encoding:?}");
    }
}

#[test]
fn compressed_bodies_are_as_small_as_those_of_gzip_at_its_default() {
    let records = synthetic::records(HashKind::Sha1, 2000, 5);
    let records: Vec<Record> = records
        .into_iter()
        .map(|record| Record {
            high: record.high >> 20,
            ..record
        })
        .collect();
    let text = naive(HashKind::Sha1, &records);
    let mut peer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    std::io::Write::write_all(&mut peer, text.as_bytes()).unwrap();
    let peer = peer.finish().unwrap().len();
    for encoding in [Encoding::Gzip, Encoding::Brotli] {
        let mut bytes = Vec::new();
        with_block(HashKind::Sha1, 0, &records, |block| body(block, encoding, &mut bytes));
        assert!(bytes.len() <= peer, "{encoding:?}: {} and {peer}", bytes.len());
    }
}

use super::*;
use crate::oblivious::ServerKey;

fn header(public_key: PublicKey) -> Header {
    Header {
        salt: Salt::new([7; 32]),
        public_key,
        identities: 12,
        entries: 0,
        hidden_among: 3,
        built_s: 1_700_000_000,
        fewest: 3,
        bits: 0,
        table_crc: 0,
    }
}

/// An index of four buckets; `sizes` are their entries.
fn written(path: &Path, sizes: [usize; 4]) -> Vec<Vec<u8>> {
    let key = ServerKey::generate(&ring::rand::SystemRandom::new()).unwrap().public();
    let mut writer = IndexWriter::create(path, 2).unwrap();
    let buckets: Vec<Vec<u8>> = sizes
        .iter()
        .enumerate()
        .map(|(bucket, size)| {
            let mut entries: Vec<u8> = (0..*size)
                .rev()
                .flat_map(|entry| {
                    [[bucket as u8 + 1; 2], (entry as u16).to_be_bytes()]
                        .concat()
                        .repeat(10)
                })
                .collect();
            assert_eq!(writer.next_bucket(), bucket as u32);
            writer.push(&mut entries).unwrap();
            entries
        })
        .collect();
    let bytes = writer.finish(header(key)).unwrap();
    assert_eq!(bytes as usize, buckets.concat().len());
    buckets
}

#[test]
fn buckets_and_parts_are_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let buckets = written(&path, [3, 0, 5, 4]);
    let index = Index::open(&path).unwrap();
    for (prefix, bucket) in buckets.iter().enumerate() {
        assert_eq!(index.bucket(prefix as u32).unwrap().unwrap(), *bucket);
        assert!(
            bucket.as_chunks::<ENTRY_BYTES>().0.is_sorted(),
            "nothing of the former order is left"
        );
    }
    assert_eq!(index.bucket(4).unwrap(), None);
    assert_eq!(index.bucket(u32::MAX).unwrap(), None);
    assert_eq!(index.parts(), 1);
    assert_eq!(index.part(0).unwrap().unwrap(), buckets.concat());
    assert_eq!(index.part(1).unwrap(), None);
    assert_eq!(index.part(usize::MAX).unwrap(), None);
    assert_eq!(index.header().entries, 12);
}

#[test]
fn a_large_index_comes_in_parts_of_whole_buckets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let per_part = PART_BYTES as usize / ENTRY_BYTES;
    let buckets = written(&path, [60_000, per_part - 60_000, 1, 60_001]);
    let index = Index::open(&path).unwrap();
    let parts: Vec<Vec<u8>> = (0..index.parts())
        .map(|part| index.part(part).unwrap().unwrap())
        .collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts.concat(), buckets.concat());
    assert!(parts.iter().all(|part| part.len() as u64 <= PART_BYTES));
}

#[test]
fn nobody_is_an_index_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    written(&path, [0; 4]);
    let index = Index::open(&path).unwrap();
    assert_eq!(index.parts(), 0);
    assert!(index.bucket(0).unwrap().unwrap().is_empty());
}

/// Every bit of the file matters: it is noticed on opening, or on reading the bucket that it is in.
#[test]
fn a_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    written(&path, [1, 0, 2, 1]);
    let whole = std::fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, changed).unwrap();
        let read = Index::open(&path).and_then(|index| index.part(0));
        assert!(read.is_err(), "byte {}", bit / 8);
    }
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Index::open(&path).is_err(), "{length} bytes");
    }
}

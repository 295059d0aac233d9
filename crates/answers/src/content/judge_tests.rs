use super::*;

/// SplitMix64: random enough, and without a dependency.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn text(length: usize) -> Vec<u8> {
    let words = [
        "offer", "customer", "the", "Monday", "report", "of", "and", "price", "agreed", "to", "list", "budget",
    ];
    let mut out = String::new();
    let mut number = 7_usize;
    while out.len() < length {
        number = (number * 31 + 11) % 10_007;
        out += words[number % words.len()];
        out += if number.is_multiple_of(9) { ".\n" } else { " " };
    }
    out.truncate(length);
    out.into_bytes()
}

/// A PDF whose streams are compressed: random but for its head.
fn pdf(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n1 0 obj\n<< /Filter /FlateDecode >>\nstream\n".to_vec();
    bytes.extend(noise(seed, length - bytes.len()));
    bytes
}

fn sample(bytes: &[u8]) -> Sample {
    Sample {
        size_bytes: bytes.len() as u64,
        head: bytes[..bytes.len().min(8192)].to_vec(),
        pieces: bytes
            .chunks(4096)
            .enumerate()
            .map(|(number, piece)| (number as u64 * 4096, piece.to_vec()))
            .collect(),
        failed: 0,
    }
}

fn in_place(old: &[u8], new: &[u8]) -> Judgement {
    let blocks = old.len().div_ceil(4096) as u64;
    let changed = old.chunks(4096).zip(new.chunks(4096)).filter(|(old, new)| old != new);
    let origin = Origin::InPlace {
        is_beneath: false,
        changed_blocks: changed.count() as u64,
        blocks,
    };
    judge(&sample(old), &sample(new), origin)
}

fn with(old: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut new = old.to_vec();
    new[at..at + bytes.len()].copy_from_slice(bytes);
    new
}

#[test]
fn whole_encryption_is_seen_in_text_and_in_compressed_documents() {
    for old in [text(20_000), pdf(1, 40_000), text(300)] {
        let judgement = in_place(&old, &noise(9, old.len()));
        assert_eq!(judgement.verdict, Verdict::Encrypted, "{judgement:?}");
        assert!(!judgement.needs_company);
    }
}

#[test]
fn a_few_bytes_in_three_places_are_seen() {
    for old in [text(20_000), text(400), pdf(3, 50_000)] {
        let third = old.len() / 3;
        let mut new = with(&old, 0, &noise(4, 16));
        new = with(&new, third, &noise(5, 16));
        let judgement = in_place(&old, &new);
        assert!(
            matches!(judgement.verdict, Verdict::PartlyEncrypted | Verdict::Encrypted),
            "{judgement:?}"
        );
    }
}

#[test]
fn a_document_changed_in_its_midst_alone_is_damaged() {
    let old = pdf(5, 80_000);
    let judgement = in_place(&old, &with(&old, 32_768, &noise(6, 8192)));
    assert_eq!(judgement.verdict, Verdict::PartlyEncrypted, "{judgement:?}");
}

#[test]
fn low_entropy_is_no_disguise() {
    let old = text(16_384);
    let digits: Vec<u8> = noise(7, old.len()).iter().map(|byte| b'0' + byte % 10).collect();
    let table: Vec<u8> = {
        let mut sorted = old.clone();
        sorted.sort_unstable();
        (0..256).map(|index| sorted[index * sorted.len() / 256]).collect()
    };
    let shaped: Vec<u8> = noise(8, old.len())
        .iter()
        .map(|byte| table[usize::from(*byte)])
        .collect();
    let padded: Vec<u8> = noise(9, old.len())
        .iter()
        .enumerate()
        .map(|(at, byte)| if at / 16 % 2 == 0 { *byte } else { 0 })
        .collect();
    for (name, new) in [("digits", digits), ("shaped", shaped), ("padded", padded)] {
        let judgement = in_place(&old, &new);
        assert_eq!(judgement.verdict, Verdict::Encrypted, "{name}: {judgement:?}");
    }
}

#[test]
fn wiped_and_emptied_files_are_told() {
    let old = pdf(1, 40_000);
    assert_eq!(in_place(&old, &vec![0; old.len()]).verdict, Verdict::Wiped);
    let judgement = in_place(&old, &[]);
    assert_eq!((judgement.verdict, judgement.needs_company), (Verdict::Truncated, true));
}

#[test]
fn ordinary_changes_are_no_damage() {
    let letter = text(20_000);
    let mut longer = letter.clone();
    longer.extend(text(9_000));
    let saved_again = pdf(77, 41_000);
    let gzip = [b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), noise(3, 9000)].concat();
    for (name, old, new) in [
        ("appended", letter.clone(), longer),
        ("edited", letter.clone(), with(&letter, 5000, b"another word ")),
        ("saved as a whole", pdf(1, 40_000), saved_again),
        ("a counter", b"1241\n".to_vec(), b"1242\n".to_vec()),
    ] {
        let judgement = in_place(&old, &new);
        assert_eq!(judgement.verdict, Verdict::Changed, "{name}: {judgement:?}");
    }
    let replaced = judge(&sample(&letter), &sample(&gzip), Origin::Replaced);
    assert_eq!(replaced.verdict, Verdict::Changed, "{replaced:?}");
    assert_eq!(in_place(&letter, &letter).verdict, Verdict::Intact);
}

#[test]
fn a_change_beneath_the_file_system_is_damage() {
    let old = noise(1, 40_000);
    let origin = Origin::InPlace {
        is_beneath: true,
        changed_blocks: 2,
        blocks: 10,
    };
    let judgement = judge(&sample(&old), &sample(&with(&old, 8192, &noise(2, 8192))), origin);
    assert_eq!(judgement.verdict, Verdict::PartlyEncrypted, "{judgement:?}");
    assert!(!judgement.needs_company);
}

#[test]
fn pages_of_a_database_change_without_being_damaged() {
    let mut old = b"SQLite format 3\0".to_vec();
    old.extend(text(16_384 - 16));
    let new = with(&old, 8192, &text(5000)[904..]);
    assert_eq!(in_place(&old, &new).verdict, Verdict::Changed);
}

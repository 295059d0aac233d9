//! `docs/format.md` against the code: every table of it, row by row, and the bytes of a sample whose fields all differ.
//!
//! A row's first cell is a range of bytes, or a size where what is before it varies; its second begins with the name that
//! the field has here.

use super::checkpoint::{put_cause, put_pin, put_rollback};
use super::*;
use crate::time::{Sequence, Timestamp};

const DOCUMENT: &str = include_str!("../../../../docs/format.md");

enum Value {
    Number(u64, usize),
    Bytes(Vec<u8>),
    Text(&'static str),
    /// Bytes that the table gives no size, but this word.
    Named(&'static str, Vec<u8>),
}

use Value::{Bytes, Named, Number, Text};

impl Value {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Number(number, size) => number.to_le_bytes()[..*size].to_vec(),
            Bytes(bytes) | Named(_, bytes) => bytes.clone(),
            Text(text) => [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat(),
        }
    }

    fn size(&self) -> String {
        match self {
            Text(_) => "1 + n".to_owned(),
            Named(word, _) => (*word).to_owned(),
            Number(..) | Bytes(_) => self.bytes().len().to_string(),
        }
    }
}

/// The rows of the table whose header is `| kind | structure |`: first and second cell.
fn table(kind: &str, structure: &str) -> Vec<(String, String)> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let is_header = |line: &&str| line.starts_with('|') && cells(line)[..2] == [kind, structure];
    let mut lines = DOCUMENT.lines().skip_while(|line| !is_header(line));
    assert!(lines.next().is_some(), "no table `| {kind} | {structure} |`");
    lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| (cells(line)[0].clone(), cells(line)[1].clone()))
        .collect()
}

fn check(kind: &str, structure: &str, encoded: &[u8], fields: &[(&str, Value)]) {
    let rows = table(kind, structure);
    assert_eq!(rows.len(), fields.len(), "rows of `{structure}`");
    let mut at = 0;
    for ((place, text), (name, value)) in rows.iter().zip(fields) {
        let bytes = value.bytes();
        let end = at + bytes.len();
        let expected = match kind {
            "bytes" if bytes.len() == 1 => at.to_string(),
            "bytes" => format!("{at}..{end}"),
            _ => value.size(),
        };
        assert_eq!(*place, expected, "place of `{name}` in `{structure}`");
        assert!(text.starts_with(name), "`{structure}` has `{text}` where `{name}` is");
        assert_eq!(
            encoded.get(at..end),
            Some(bytes.as_slice()),
            "`{name}` of `{structure}`"
        );
        at = end;
    }
    assert_eq!(at, encoded.len(), "bytes of `{structure}`");
}

fn crc(bytes: &[u8]) -> Value {
    Number(u64::from(crc32c::crc32c(bytes)), 4)
}

fn keyed(nonce: u64, bytes: &[u8]) -> Value {
    crc(&[&nonce.to_le_bytes(), bytes].concat())
}

fn time(seconds: u64) -> (Timestamp, Value) {
    (
        Timestamp::from_unix_seconds(seconds),
        Number(seconds * 1_000_000_000, 8),
    )
}

fn location(segment: u32, slot: u32) -> Location {
    Location {
        segment: Segment(segment),
        slot: Slot(slot),
    }
}

fn reference() -> CheckpointRef {
    CheckpointRef {
        location: location(0x1112_1314, 0x0021_2223),
        length: 0x3132_3334,
        crc: 0x4142_4344,
        sequence: Sequence(0x5152_5354_5556_5758),
    }
}

fn reference_bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    CheckpointRef::put(Some(reference()), &mut bytes);
    bytes
}

fn entry() -> Entry {
    Entry::data(
        location(0x0102_0304, 0x0a_0b0c),
        9,
        0x1122_3344,
        Timestamp::from_unix_seconds(0x5566_7788),
    )
}

fn entry_bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    entry().put(&mut bytes);
    bytes
}

fn record() -> Record {
    Record {
        kind: RecordKind::Write,
        class: 3,
        payload_length: 4096,
        address: 0x0102_0304_0506_0708,
        count: 1,
        crc: 0x1122_3344,
    }
}

fn record_bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    record().put(&mut bytes);
    bytes
}

#[test]
fn the_volume_file_is_as_documented() {
    let (created, created_bytes) = time(77);
    let parent = Some(Parent {
        name: "disk".to_owned(),
        id: [3; 16],
    });
    let file = VolumeFile {
        version: VolumeVersion::Two,
        id: [9; 16],
        created,
        first_segment: Segment(0x0102_0304),
        parent,
    };
    let copy = file.encode_copy();
    assert_eq!(file.encode(), [copy.as_slice(), copy.as_slice()].concat());
    let mut newer = file.clone();
    for (version, magic) in [(VolumeVersion::Three, b"holdvol3"), (VolumeVersion::Four, b"holdvol4")] {
        newer.version = version;
        assert_eq!(newer.encode_copy().get(4..12), Some(&magic[..]));
    }
    check(
        "size",
        "volume file copy",
        &copy,
        &[
            ("CRC", crc(&copy[4..])),
            (
                "magic: `holdvol2`, `holdvol3` once a part of the disk was restored, `holdvol4` once",
                Bytes(b"holdvol2".to_vec()),
            ),
            ("id", Bytes(vec![9; 16])),
            ("created", created_bytes),
            ("first segment", Number(0x0102_0304, 4)),
            ("is fork", Number(1, 1)),
            ("parent's name", Text("disk")),
            ("parent's id", Bytes(vec![3; 16])),
            ("zeros", Named("rest", vec![0; 4096 - 62])),
        ],
    );
}

#[test]
fn a_segment_header_is_as_documented() {
    let (first_time, first_time_bytes) = time(5);
    let header = SegmentHeader {
        layout: SegmentLayout::Packed,
        volume: [7; 16],
        segment: Segment(0x0102_0304),
        nonce: 0x1112_1314_1516_1718,
        capacity: 0x2122_2324,
        first_sequence: Sequence(0x3132_3334_3536_3738),
        first_time,
        checkpoint: Some(reference()),
    };
    let bytes = header.encode();
    let (copy, other) = bytes.split_at(4096);
    assert_eq!(copy, other);
    check(
        "bytes",
        "segment header copy",
        copy,
        &[
            ("CRC of bytes 4..86", crc(&copy[4..86])),
            ("magic: `holdseg1`", Bytes(b"holdseg1".to_vec())),
            ("layout: 1 raw, 2 packed", Number(2, 1)),
            ("volume", Bytes(vec![7; 16])),
            ("segment", Number(0x0102_0304, 4)),
            ("nonce", Number(0x1112_1314_1516_1718, 8)),
            ("capacity", Number(0x2122_2324, 4)),
            ("first sequence", Number(0x3132_3334_3536_3738, 8)),
            ("first time", first_time_bytes),
            ("checkpoint", Bytes(reference_bytes())),
            ("zeros", Bytes(vec![0; 4010])),
        ],
    );
    check(
        "bytes",
        "checkpoint reference",
        &reference_bytes(),
        &[
            ("is set", Number(1, 1)),
            ("segment", Number(0x1112_1314, 4)),
            ("slot", Number(0x0021_2223, 4)),
            ("length", Number(0x3132_3334, 4)),
            ("CRC", Number(0x4142_4344, 4)),
            ("sequence", Number(0x5152_5354_5556_5758, 8)),
        ],
    );
}

#[test]
fn a_batch_is_as_documented() {
    let (time, time_bytes) = time(6);
    let header = BatchHeader {
        sequence: Sequence(0x0102_0304_0506_0708),
        time,
        durable: Sequence(0x1112_1314_1516_1718),
        record_count: 1,
        payload_bytes: 4096,
        slot: Slot(0x0021_2223),
    };
    let key = BatchKey {
        nonce: 77,
        volume: [5; 16],
        segment: Segment(0x3132_3334),
    };
    let mut head = Vec::new();
    put_head(&mut head, &header, &record_bytes(), &key);
    assert_eq!(head.len(), (48 + 24_usize).next_multiple_of(16));
    assert_eq!(&head[48..72], record_bytes());
    let origin = [&key.volume[..], &key.segment.0.to_le_bytes(), &head[8..44]].concat();
    check(
        "bytes",
        "batch header",
        &head[..48],
        &[
            ("magic: `hfb1`", Bytes(b"hfb1".to_vec())),
            ("keyed CRC of bytes 8..", keyed(77, &head[8..72])),
            ("sequence", Number(0x0102_0304_0506_0708, 8)),
            ("time", time_bytes),
            ("durable", Number(0x1112_1314_1516_1718, 8)),
            ("record count", Number(1, 4)),
            ("payload bytes", Number(4096, 4)),
            ("slot", Number(0x0021_2223, 4)),
            ("origin", crc(&origin)),
        ],
    );
    check(
        "bytes",
        "record",
        &record_bytes(),
        &[
            ("kind: 1 write", Number(1, 1)),
            ("class", Number(3, 1)),
            ("zeros", Bytes(vec![0; 2])),
            ("payload length", Number(4096, 4)),
            ("address", Number(0x0102_0304_0506_0708, 8)),
            ("count", Number(1, 4)),
            ("CRC", Number(0x1122_3344, 4)),
        ],
    );
    let kinds = [
        RecordKind::Write,
        RecordKind::Zero,
        RecordKind::Hole,
        RecordKind::Node,
        RecordKind::Checkpoint,
        RecordKind::Moved,
    ];
    assert_eq!(kinds.map(|kind| kind as u8), [1, 2, 3, 4, 5, 6]);
    assert!(DOCUMENT.contains("| kind: 1 write, 2 zero, 3 hole, 4 map node, 5 checkpoint, 6 moved |"));
}

#[test]
fn a_trailer_is_as_documented() {
    let (last_time, last_time_bytes) = time(8);
    let trailer = Trailer {
        index_offset: 11,
        index_bytes: 12,
        index_crc: 13,
        last_sequence: Sequence(14),
        last_time,
        totals: Totals {
            batches: 15,
            blocks_written: 16,
            blocks_zeroed: 17,
            blocks_trimmed: 18,
        },
        durable: Sequence(19),
    };
    let bytes = trailer.encode(77);
    check(
        "bytes",
        "trailer",
        &bytes,
        &[
            ("keyed CRC of bytes 4..88", keyed(77, &bytes[4..88])),
            ("magic: `holdend1`", Bytes(b"holdend1".to_vec())),
            ("index offset", Number(11, 8)),
            ("index bytes", Number(12, 8)),
            ("index CRC", Number(13, 4)),
            ("last sequence", Number(14, 8)),
            ("last time", last_time_bytes),
            ("batches", Number(15, 8)),
            ("blocks written", Number(16, 8)),
            ("blocks zeroed", Number(17, 8)),
            ("blocks trimmed", Number(18, 8)),
            ("durable", Number(19, 8)),
            ("zeros", Bytes(vec![0; 40])),
        ],
    );
}

#[test]
fn a_packed_index_is_as_documented() {
    let (time, time_bytes) = time(9);
    let frame = Frame {
        offset: 0x0102_0304_0506_0708,
        stored_bytes: 100,
        payload_bytes: 8192,
        crc: 0x1112_1314,
        compressed: true,
        incompressible: false,
    };
    let packed = PackedRecord {
        record: record(),
        sequence: Sequence(0x2122_2324_2526_2728),
        time,
        slot: Slot(0x0031_3233),
        frame: 0,
        offset: 4096,
    };
    let (frames, records) = (vec![frame], vec![packed]);
    let bytes = PackedIndex { frames, records }.encode();
    let counts = [("frame count", Number(1, 4)), ("record count", Number(1, 4))];
    check("bytes", "packed index head", &bytes[..8], &counts);
    check(
        "bytes",
        "frame entry",
        &bytes[8..32],
        &[
            ("offset", Number(0x0102_0304_0506_0708, 8)),
            ("stored bytes", Number(100, 4)),
            ("payload bytes", Number(8192, 4)),
            ("CRC", Number(0x1112_1314, 4)),
            ("compressed: 1", Number(1, 4)),
        ],
    );
    check(
        "bytes",
        "packed record",
        &bytes[32..],
        &[
            ("record", Bytes(record_bytes())),
            ("sequence", Number(0x2122_2324_2526_2728, 8)),
            ("time", time_bytes),
            ("slot", Number(0x0031_3233, 4)),
            ("frame", Number(0, 4)),
            ("offset", Number(4096, 4)),
        ],
    );
}

#[test]
fn a_map_node_is_as_documented() {
    let address = NodeAddress {
        level: 2,
        index: 0x0102_0304_0506_0708,
    };
    let mut node = Node::default();
    node.set(5, entry());
    let mut bytes = Vec::new();
    node.put(address, &mut bytes);
    let mask = (1_u128 << 5).to_le_bytes().to_vec();
    check(
        "bytes",
        "node",
        &bytes,
        &[
            ("level", Number(2, 1)),
            ("zeros", Bytes(vec![0; 7])),
            ("index", Number(0x0102_0304_0506_0708, 8)),
            ("mask", Bytes(mask)),
            ("entry", Bytes(entry_bytes())),
        ],
    );
    let packed = 0x000a_0b0c | 1 << 24 | 9 << 28;
    check(
        "bytes",
        "entry",
        &entry_bytes(),
        &[
            ("segment", Number(0x0102_0304, 4)),
            (
                "slot (bits 0..24), kind (24..28), content class (28..32)",
                Number(packed, 4),
            ),
            ("CRC", Number(0x1122_3344, 4)),
            ("second of writing", Number(0x5566_7788, 4)),
        ],
    );
    assert_eq!((LEVELS, FANOUT_BITS, LEAF_BITS), (5, 7, 6));
}

fn pin() -> (Pin, Vec<u8>) {
    let pin = Pin {
        name: "before-update".to_owned(),
        sequence: Sequence(21),
        time: Timestamp::from_unix_seconds(22),
        created: Timestamp::from_unix_seconds(23),
        size_bytes: 24,
        root: entry(),
        fork: Some("copy".to_owned()),
    };
    let mut bytes = Vec::new();
    put_pin(&pin, &mut bytes);
    (pin, bytes)
}

fn rollback() -> (Rollback, Vec<u8>) {
    let rollback = Rollback {
        sequence: Sequence(31),
        time: Timestamp::from_unix_seconds(32),
        from: Sequence(33),
        to: Sequence(34),
        to_time: Timestamp::from_unix_seconds(35),
        root: entry(),
        undo: true,
    };
    let mut bytes = Vec::new();
    put_rollback(&rollback, &mut bytes);
    (rollback, bytes)
}

#[test]
fn a_checkpoint_is_as_documented() {
    let ((at, at_bytes), (horizon, horizon_bytes)) = (time(41), time(42));
    let cause = [&[2, 1][..], b"p"].concat();
    let checkpoint = Checkpoint {
        as_of: Sequence(43),
        time: at,
        replay_from: LogPosition {
            segment: Segment(44),
            slot: Slot(45),
        },
        root: entry(),
        size_bytes: 46,
        epoch: 47,
        cause: Cause::Pinned("p".to_owned()),
        horizon: Horizon {
            sequence: Sequence(48),
            time: horizon,
            checkpoint: Some(reference()),
        },
        pins: vec![pin().0],
        rollbacks: vec![rollback().0],
    };
    check(
        "size",
        "checkpoint",
        &checkpoint.encode(),
        &[
            ("as of", Number(43, 8)),
            ("time", at_bytes),
            ("replay from, segment", Number(44, 4)),
            ("replay from, slot", Number(45, 4)),
            ("root", Bytes(entry_bytes())),
            ("size", Number(46, 8)),
            ("epoch", Number(47, 8)),
            ("cause", Named("cause", cause)),
            ("horizon, sequence", Number(48, 8)),
            ("horizon, time", horizon_bytes),
            ("horizon, checkpoint", Bytes(reference_bytes())),
            ("pin count: at most 1024", Number(1, 4)),
            ("pins", Named("pins", pin().1)),
            ("rollback count: at most 1024", Number(1, 4)),
            ("rollbacks", Named("rollbacks", rollback().1)),
        ],
    );
    assert_eq!((Checkpoint::PINS_MAX, Checkpoint::ROLLBACKS_MAX), (1024, 1024));
}

#[test]
fn the_parts_of_a_checkpoint_are_as_documented() {
    check(
        "size",
        "pin",
        &pin().1,
        &[
            ("name", Text("before-update")),
            ("sequence", Number(21, 8)),
            ("time", time(22).1),
            ("created", time(23).1),
            ("size", Number(24, 8)),
            ("root", Bytes(entry_bytes())),
            ("has fork", Number(1, 1)),
            ("fork", Text("copy")),
        ],
    );
    check(
        "size",
        "rollback",
        &rollback().1,
        &[
            ("sequence", Number(31, 8)),
            ("time", time(32).1),
            ("from", Number(33, 8)),
            ("to:", Number(34, 8)),
            ("to time", time(35).1),
            ("root", Bytes(entry_bytes())),
            ("undo: 1", Number(1, 1)),
        ],
    );
}

#[test]
fn the_causes_of_checkpoints_are_as_documented() {
    let name = || "p".to_owned();
    let behind = |kind: u8, behind: &[u8]| [&[kind][..], behind].concat();
    let causes = [
        (Cause::Created, "created", behind(0, &[])),
        (Cause::Periodic, "periodic", behind(1, &[])),
        (Cause::Pinned(name()), "pinned", behind(2, b"\x01p")),
        (Cause::Unpinned(name()), "unpinned", behind(3, b"\x01p")),
        (Cause::RolledBack, "rolled back", behind(4, &[])),
        (Cause::Resized(9), "resized", behind(5, &9_u64.to_le_bytes())),
        (Cause::HorizonMoved, "horizon moved", behind(6, &[])),
        (Cause::Repaired, "repaired", behind(7, &[])),
        (
            Cause::RestoredInPart(9),
            "restored in part",
            behind(8, &9_u64.to_le_bytes()),
        ),
    ];
    let rows = table("kind", "cause");
    assert_eq!(rows.len(), causes.len());
    for ((cause, word, bytes), (kind, text)) in causes.iter().zip(rows) {
        let mut encoded = Vec::new();
        put_cause(cause, &mut encoded);
        assert_eq!(&encoded, bytes, "{word}");
        assert_eq!(kind, bytes[0].to_string(), "{word}");
        assert!(text.starts_with(word), "`{text}` where `{word}` is");
    }
}

#[test]
fn a_chain_record_is_as_documented() {
    let (at, at_bytes) = time(51);
    let previous = [2; 32];
    let record = ChainRecord::new(&previous, ChainEvent::Rewritten, Segment(0x0102_0304), at, [6; 32]);
    let bytes = record.encode();
    let link = blake3::hash(&[&previous[..], &bytes[4..52]].concat());
    check(
        "bytes",
        "chain record",
        &bytes,
        &[
            ("CRC of bytes 4..84", crc(&bytes[4..84])),
            (
                "event: 1 sealed, or after a rewrite that a crash cut off still as it was; 2 about to be rewritten",
                Number(2, 4),
            ),
            ("segment", Number(0x0102_0304, 4)),
            ("time", at_bytes),
            ("content", Bytes(vec![6; 32])),
            ("link", Bytes(link.as_bytes().to_vec())),
            ("zeros", Bytes(vec![0; 44])),
        ],
    );
}

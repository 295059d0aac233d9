use volume::{ExtentKind, Timestamp};

use super::*;

const OFFSET: u64 = 1 << 20;

fn to(dialect: Dialect) -> ReplyTo {
    ReplyTo {
        dialect,
        cookie: Cookie(7),
        offset: OFFSET,
    }
}

/// A chunk, taken apart.
#[derive(Debug, PartialEq)]
struct Chunk {
    flags: u16,
    kind: u16,
    payload: Vec<u8>,
}

fn chunks(mut bytes: &[u8], dialect: Dialect) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    while !bytes.is_empty() {
        let extended = dialect == Dialect::Extended;
        let u16_at = |at: usize| u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap());
        let u64_at = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!(u64_at(8), 7);
        let (header, length) = if extended {
            assert_eq!(u64_at(16), OFFSET);
            (32, u64_at(24) as usize)
        } else {
            (20, u32::from_be_bytes(bytes[16..20].try_into().unwrap()) as usize)
        };
        let payload = bytes[header..header + length].to_vec();
        chunks.push(Chunk {
            flags: u16_at(4),
            kind: u16_at(6),
            payload,
        });
        bytes = &bytes[header + length..];
    }
    chunks
}

fn read(dialect: Dialect, data: &[u8], unfragmented: bool) -> Vec<u8> {
    let mut out = ReplyBuffer::new();
    out.put(b"before");
    let reply = ReadReply::begin(&mut out, to(dialect), data.len() as u32);
    reply.data(&mut out).copy_from_slice(data);
    reply.finish(&mut out, unfragmented);
    assert!(out.filled().starts_with(b"before"));
    out.filled()[6..].to_vec()
}

/// Puts the data of a read together again, as a client does.
fn reassemble(chunks: &[Chunk], length: usize) -> Vec<u8> {
    let mut data = vec![0xee; length];
    for (index, chunk) in chunks.iter().enumerate() {
        let at = (u64::from_be_bytes(chunk.payload[..8].try_into().unwrap()) - OFFSET) as usize;
        assert_eq!(chunk.flags, u16::from(index + 1 == chunks.len()));
        match chunk.kind {
            REPLY_TYPE_OFFSET_DATA => data[at..at + chunk.payload.len() - 8].copy_from_slice(&chunk.payload[8..]),
            REPLY_TYPE_OFFSET_HOLE => {
                let length = u32::from_be_bytes(chunk.payload[8..12].try_into().unwrap()) as usize;
                data[at..at + length].fill(0);
            }
            kind => panic!("chunk {kind}"),
        }
    }
    data
}

#[test]
fn a_simple_read_is_a_header_and_the_data() {
    let bytes = read(Dialect::Simple, &[5; 10], false);
    assert_eq!(
        bytes[..16],
        [0x67, 0x44, 0x66, 0x98, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
    );
    assert_eq!(bytes[16..], [5; 10]);
}

#[test]
fn reads_of_every_shape_come_out_as_they_went_in() {
    let patterns: [&[(usize, u8)]; 8] = [
        &[(1, 1)],
        &[(1, 0)],
        &[(4096, 0)],
        &[(100_000, 0)],
        &[(4096, 1), (40_960, 0), (4096, 2)],
        &[(65_536, 0), (4096, 1), (65_536, 0)],
        &[(5000, 1), (100_000, 0), (1, 3), (65_536, 0), (9, 9)],
        &[(4096, 1), (4096, 0), (4096, 1)],
    ];
    for dialect in [Dialect::Structured, Dialect::Extended] {
        for pattern in patterns {
            let data: Vec<u8> = pattern.iter().flat_map(|(length, byte)| vec![*byte; *length]).collect();
            for unfragmented in [false, true] {
                let chunks = chunks(&read(dialect, &data, unfragmented), dialect);
                assert_eq!(reassemble(&chunks, data.len()), data);
                if unfragmented {
                    assert_eq!(chunks.len(), 1);
                    assert_eq!(chunks[0].kind, REPLY_TYPE_OFFSET_DATA);
                }
            }
        }
    }
}

#[test]
fn long_runs_of_zeros_are_holes_and_short_ones_are_data() {
    let kinds = |data: &[u8]| {
        chunks(&read(Dialect::Structured, data, false), Dialect::Structured)
            .iter()
            .map(|chunk| chunk.kind)
            .collect::<Vec<_>>()
    };
    let with_zeros = |zeros: usize| [vec![1; 4096], vec![0; zeros], vec![2; 4096]].concat();
    assert_eq!(kinds(&with_zeros(16 << 10)), [REPLY_TYPE_OFFSET_DATA]);
    assert_eq!(
        kinds(&with_zeros(32 << 10)),
        [REPLY_TYPE_OFFSET_DATA, REPLY_TYPE_OFFSET_HOLE, REPLY_TYPE_OFFSET_DATA]
    );
    assert_eq!(kinds(&[0; 512]), [REPLY_TYPE_OFFSET_HOLE]);
}

#[test]
fn an_abandoned_read_leaves_no_trace() {
    let mut out = ReplyBuffer::new();
    out.put(b"before");
    let reply = ReadReply::begin(&mut out, to(Dialect::Extended), 4096);
    reply.data(&mut out).fill(1);
    reply.abandon(&mut out);
    assert_eq!(out.filled(), b"before");
}

#[test]
fn errors_carry_a_message_and_where_it_is_known_the_place() {
    let mut out = ReplyBuffer::new();
    to(Dialect::Simple).error(&mut out, ErrorCode::NoSpace, "full", None);
    assert_eq!(out.filled()[4..8], [0, 0, 0, 28]);
    assert_eq!(out.len(), 16);
    for dialect in [Dialect::Structured, Dialect::Extended] {
        out.clear();
        to(dialect).error(&mut out, ErrorCode::NoSpace, "full", None);
        to(dialect).error(&mut out, ErrorCode::InputOutput, "bad", Some(OFFSET + 1));
        let chunks = chunks(out.filled(), dialect);
        assert_eq!(chunks[0].kind, REPLY_TYPE_ERROR);
        assert_eq!(chunks[0].payload, [&[0, 0, 0, 28, 0, 4], b"full".as_slice()].concat());
        assert_eq!(chunks[1].kind, REPLY_TYPE_ERROR_OFFSET);
        assert_eq!(chunks[1].payload[6..9], *b"bad");
        assert_eq!(chunks[1].payload[9..], (OFFSET + 1).to_be_bytes());
    }
}

#[test]
fn a_message_that_is_too_long_is_cut_between_characters() {
    let mut out = ReplyBuffer::new();
    to(Dialect::Structured).error(&mut out, ErrorCode::Invalid, &"\u{20ac}".repeat(4000), None);
    let chunks = chunks(out.filled(), Dialect::Structured);
    let message = &chunks[0].payload[6..];
    assert_eq!(message.len(), 4095);
    assert!(str::from_utf8(message).is_ok());
}

fn extent(length: u64, kind: ExtentKind, second: u64) -> Extent {
    let written = (second > 0).then(|| Timestamp::from_unix_seconds(second));
    Extent { length, kind, written }
}

#[test]
fn block_status_merges_what_is_equal_in_the_context() {
    let extents = [
        extent(10, ExtentKind::Data, 5),
        extent(20, ExtentKind::Data, 6),
        extent(30, ExtentKind::Hole, 6),
    ];
    let status = |context, single| {
        let mut out = ReplyBuffer::new();
        to(Dialect::Structured).block_status(&mut out, context, &extents, single, true);
        let chunk = chunks(out.filled(), Dialect::Structured).remove(0);
        assert_eq!((chunk.kind, chunk.flags), (REPLY_TYPE_BLOCK_STATUS, 1));
        chunk
            .payload
            .chunks(4)
            .map(|field| u32::from_be_bytes(field.try_into().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(status(MetaContext::Allocation, false), [1, 30, 0, 30, 3]);
    assert_eq!(status(MetaContext::Allocation, true), [1, 30, 0]);
    assert_eq!(status(MetaContext::Written, false), [2, 10, 5, 50, 6]);
}

#[test]
fn extended_block_status_tells_64_bits_and_compact_what_fits() {
    let extents = [extent(1 << 40, ExtentKind::Zero, 0), extent(512, ExtentKind::Data, 1)];
    let mut out = ReplyBuffer::new();
    to(Dialect::Extended).block_status(&mut out, MetaContext::Allocation, &extents, false, false);
    let chunk = chunks(out.filled(), Dialect::Extended).remove(0);
    assert_eq!((chunk.kind, chunk.flags), (REPLY_TYPE_BLOCK_STATUS_EXT, 0));
    assert_eq!(chunk.payload[..8], [0, 0, 0, 1, 0, 0, 0, 2]);
    let fields: Vec<_> = chunk.payload[8..]
        .chunks(8)
        .map(|field| u64::from_be_bytes(field.try_into().unwrap()))
        .collect();
    assert_eq!(fields, [1 << 40, 2, 512, 0]);
    out.clear();
    to(Dialect::Structured).block_status(&mut out, MetaContext::Allocation, &extents, false, true);
    let chunk = chunks(out.filled(), Dialect::Structured).remove(0);
    assert_eq!(chunk.payload.len(), 12, "what follows a cut extent can't be told");
    assert_eq!(chunk.payload[4..8], COMPACT_EXTENT_LENGTH_MAX.to_be_bytes());
}

//! Requests and their replies, in all three dialects.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use nbd::protocol::numbers::*;
use volume::Device;

use crate::client::Client;
use crate::fixture::{Fixture, SIZE};

/// Numbers of a payload that consists of big-endian numbers of `width` bytes.
fn numbers(payload: &[u8], width: usize) -> Vec<u64> {
    payload
        .chunks(width)
        .map(|bytes| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        .collect()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 + 1).collect()
}

#[test]
fn what_is_written_is_read_back_at_any_alignment() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    for (offset, length) in [(0, 1), (511, 1025), (4096, 4096), (10_000, 300_000), (1 << 20, 3 << 20)] {
        let data = pattern(length);
        assert_eq!(client.write(offset, &data), 0);
        assert_eq!(client.read(offset, length as u32), Ok(data));
    }
    let end = SIZE as u64 - 3;
    assert_eq!(client.write(end, b"end"), 0);
    assert_eq!(client.read(end, 3), Ok(b"end".to_vec()));
}

#[test]
fn a_write_is_answered_before_the_disk_settles_it() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let settled = || fixture.disk.settled.load(SeqCst);
    {
        let _settling = fixture.disk.settling.lock().unwrap();
        assert_eq!(client.write(0, &pattern(4096)), 0, "the reply waits for nothing");
        assert_eq!(settled(), 0);
    }
    assert_eq!(client.read(0, 1), Ok(vec![1]));
    assert_eq!(settled(), 1, "the next request comes after that");
    assert_eq!(client.write(4096, &pattern(4096)), 0);
    client.request(CMD_DISC, 0, 1, 0, 0, &[]);
    client.expect_end();
    assert_eq!(settled(), 2, "the last one is settled, too");
}

#[test]
fn a_client_that_takes_no_replies_keeps_no_write_from_being_settled() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let settled = || fixture.disk.settled.load(SeqCst);
    let mut sent = 0;
    // One at a time, until replies have no more room and no more requests are taken.
    while settled() == sent {
        assert!(sent < 1_000_000, "replies have room without end");
        client.request(CMD_WRITE, 0, sent, 0, 1, &[1]);
        sent += 1;
        let until = Instant::now() + Duration::from_secs(3);
        while settled() < sent && Instant::now() < until {
            std::thread::yield_now();
        }
    }
    assert!(sent > 10, "{sent}");
    assert_eq!(fixture.disk.unsettled.load(SeqCst), 0);
}

#[test]
fn the_largest_payload_goes_both_ways() {
    let fixture = Fixture::new();
    let data = pattern(PAYLOAD_SIZE_MAX as usize);
    let mut client = fixture.simple();
    assert_eq!(client.write(5, &data), 0);
    assert!(client.read(5, PAYLOAD_SIZE_MAX) == Ok(data.clone()));
    let mut client = fixture.extended();
    assert_eq!(client.write(4096, &data), 0);
    client.request(CMD_READ, 0, 1, 4096, data.len() as u64, &[]);
    let chunks = client.reply();
    assert_eq!(chunks.len(), 1);
    assert!(chunks[0].payload[8..] == data);
}

#[test]
fn many_requests_in_one_piece_are_all_answered() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let count = 200;
    let mut bytes = Vec::new();
    for index in 0..count {
        bytes.extend(client.encode(CMD_WRITE, 0, index, index * 4096, 4096, &[index as u8 + 1; 4096]));
    }
    for index in 0..count {
        bytes.extend(client.encode(CMD_READ, 0, 1000 + index, index * 4096, 1, &[]));
    }
    client.send(&bytes);
    let mut answered = Vec::new();
    for _ in 0..2 * count {
        let (cookie, error) = client.simple_reply();
        assert_eq!(error, 0);
        if cookie >= 1000 {
            assert_eq!(
                client.take(1),
                [(cookie - 1000) as u8 + 1],
                "a pipelined read finds its write done"
            );
        }
        answered.push(cookie);
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..count).chain(1000..1000 + count).collect::<Vec<_>>());
    assert!(
        fixture.disk.memory.batches.load(SeqCst) < count,
        "writes that come together are one batch"
    );
}

#[test]
fn requests_may_arrive_in_pieces_of_any_size() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let bytes = [
        client.encode(CMD_WRITE, 0, 1, 100, 50, &pattern(50)),
        client.encode(CMD_READ, 0, 2, 100, 50, &[]),
    ]
    .concat();
    for piece in bytes.chunks(7) {
        client.send(piece);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(client.simple_reply(), (1, 0));
    assert_eq!(client.simple_reply(), (2, 0));
    assert_eq!(client.take(50), pattern(50));
}

#[test]
fn structured_reads_leave_holes_out_unless_one_piece_is_asked_for() {
    let fixture = Fixture::new();
    for mut client in [fixture.structured(), fixture.extended()] {
        assert_eq!(client.write(64 << 10, &pattern(4096)), 0);
        client.request(CMD_READ, 0, 1, 0, 128 << 10, &[]);
        let kinds: Vec<_> = client.reply().iter().map(|chunk| chunk.kind).collect();
        assert_eq!(
            kinds,
            [REPLY_TYPE_OFFSET_HOLE, REPLY_TYPE_OFFSET_DATA, REPLY_TYPE_OFFSET_HOLE]
        );
        client.request(CMD_READ, CMD_FLAG_DF, 2, 0, 128 << 10, &[]);
        let chunks = client.reply();
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].kind, REPLY_TYPE_OFFSET_DATA);
        assert_eq!(chunks[0].payload[8 + (64 << 10)..][..4096], pattern(4096));
    }
}

#[test]
fn zeroing_and_trimming_read_as_zeros_and_are_reported() {
    let fixture = Fixture::new();
    let mut client = fixture
        .client()
        .structured()
        .with_contexts("disk", &["base:allocation"])
        .go("disk");
    assert_eq!(client.write(0, &pattern(16 << 10)), 0);
    assert_eq!(client.status(CMD_WRITE_ZEROES, CMD_FLAG_NO_HOLE, 0, 4096, &[]), 0);
    assert_eq!(client.status(CMD_WRITE_ZEROES, CMD_FLAG_FAST_ZERO, 4096, 4096, &[]), 0);
    assert_eq!(client.status(CMD_TRIM, 0, 8192, 4096, &[]), 0);
    client.request(CMD_BLOCK_STATUS, 0, 7, 0, 16 << 10, &[]);
    let chunk = client.reply().remove(0);
    assert_eq!(chunk.kind, REPLY_TYPE_BLOCK_STATUS);
    assert_eq!(numbers(&chunk.payload, 4), [1, 4096, 2, 8192, 3, 4096, 0]);
    assert_eq!(fixture.disk.memory.bytes()[..12 << 10], vec![0; 12 << 10]);
}

#[test]
fn block_status_answers_for_every_context_and_for_one_extent_where_asked() {
    let fixture = Fixture::new();
    let both = ["base:allocation", "x-holdfast:written"];
    let mut client = fixture.client().structured().with_contexts("disk", &both).go("disk");
    assert_eq!(client.write(0, &[1; 4096]), 0);
    fixture.disk.memory.now.fetch_add(1, SeqCst);
    assert_eq!(client.write(4096, &[1; 4096]), 0);
    client.request(CMD_BLOCK_STATUS, 0, 7, 0, 12 << 10, &[]);
    let chunks = client.reply();
    assert_eq!(numbers(&chunks[0].payload, 4), [1, 8192, 0, 4096, 3]);
    assert_eq!(
        numbers(&chunks[1].payload, 4),
        [2, 4096, 1_800_000_000, 4096, 1_800_000_001, 4096, 0]
    );
    client.request(CMD_BLOCK_STATUS, CMD_FLAG_REQ_ONE, 7, 0, 12 << 10, &[]);
    let chunks = client.reply();
    assert_eq!(numbers(&chunks[0].payload, 4), [1, 8192, 0]);
    assert_eq!(numbers(&chunks[1].payload, 4), [2, 4096, 1_800_000_000]);
}

#[test]
fn extended_block_status_can_be_limited_to_some_contexts() {
    let fixture = Fixture::new();
    let both = ["base:allocation", "x-holdfast:written"];
    let mut client = fixture
        .client()
        .with_extended_headers()
        .with_contexts("disk", &both)
        .go("disk");
    let ask = |client: &mut Client, ids: &[u32]| {
        let mut payload = (8192_u64).to_be_bytes().to_vec();
        payload.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
        client.request(CMD_BLOCK_STATUS, 0, 7, 4096, payload.len() as u64, &payload);
    };
    ask(&mut client, &[2]);
    let chunks = client.reply();
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].kind, REPLY_TYPE_BLOCK_STATUS_EXT);
    assert_eq!(chunks[0].payload[..8], [0, 0, 0, 2, 0, 0, 0, 1]);
    assert_eq!(numbers(&chunks[0].payload[8..], 8), [8192, 0]);
    for wrong in [&[3][..], &[1, 1], &[]] {
        ask(&mut client, wrong);
        assert_eq!(client.error_reply(), ErrorCode::Invalid as u32);
    }
    client.request(CMD_BLOCK_STATUS, 0, 7, 0, SIZE as u64, &[]);
    assert_eq!(client.reply().len(), 2);
}

#[test]
fn a_description_that_is_much_work_covers_a_part_of_the_range() {
    let fixture = Fixture::new();
    let contexts = ["base:allocation"];
    let mut client = fixture
        .client()
        .with_extended_headers()
        .with_contexts("disk", &contexts)
        .go("disk");
    fixture.disk.described_max.store(4096, SeqCst);
    client.request(CMD_BLOCK_STATUS, 0, 7, 0, SIZE as u64, &[]);
    let chunks = client.reply();
    let lookups = fixture.disk.descriptions.load(SeqCst);
    assert!((2..100).contains(&lookups), "the disk was asked {lookups} times");
    assert_eq!(numbers(&chunks[0].payload[8..], 8), [lookups * 4096, 3]);
    // The disk shrinks meanwhile: what is known of it is told.
    fixture.disk.told_size.store(SIZE as u64 + 8192, SeqCst);
    client.request(CMD_BLOCK_STATUS, 0, 7, SIZE as u64 - 8192, 16384, &[]);
    assert_eq!(numbers(&client.reply()[0].payload[8..], 8), [8192, 3]);
}

#[test]
fn block_status_needs_a_context_chosen_for_the_same_export() {
    let fixture = Fixture::new();
    let mut client = fixture
        .client()
        .structured()
        .with_contexts("past", &["base:allocation"])
        .go("disk");
    client.request(CMD_BLOCK_STATUS, 0, 7, 0, 4096, &[]);
    assert_eq!(client.error_reply(), ErrorCode::Invalid as u32);
    let mut client = fixture
        .client()
        .structured()
        .with_contexts("disk", &["base:allocation"]);
    assert_eq!(
        client.outcome(OPT_SET_META_CONTEXT, b"junk"),
        crate::client::ERR_INVALID
    );
    let mut client = client.with_contexts("disk", &["base:"]).go("disk");
    client.request(CMD_BLOCK_STATUS, 0, 7, 0, 4096, &[]);
    assert_eq!(
        client.error_reply(),
        ErrorCode::Invalid as u32,
        "the last choice counts, also an empty one"
    );
}

#[test]
fn durable_writes_and_flushes_flush_the_disk_before_they_are_answered() {
    let fixture = Fixture::new();
    let flushes = || fixture.disk.memory.flushes.load(SeqCst);
    let mut client = fixture.simple();
    assert_eq!(client.write(0, b"x"), 0);
    assert_eq!(flushes(), 0);
    assert_eq!(client.status(CMD_WRITE, CMD_FLAG_FUA, 0, 1, b"x"), 0);
    assert_eq!(flushes(), 1);
    assert_eq!(client.status(CMD_WRITE_ZEROES, CMD_FLAG_FUA, 0, 512, &[]), 0);
    assert_eq!(flushes(), 2);
    assert_eq!(client.status(CMD_TRIM, CMD_FLAG_FUA, 0, 512, &[]), 0);
    assert_eq!(flushes(), 3);
    assert_eq!(client.status(CMD_FLUSH, 0, 0, 0, &[]), 0);
    assert_eq!(flushes(), 4);
    assert_eq!(client.status(CMD_CACHE, CMD_FLAG_FUA, 0, 512, &[]), 0);
    assert_eq!(client.status(CMD_FLUSH, CMD_FLAG_FUA, 0, 0, &[]), 0);
    assert_eq!(flushes(), 5, "the flag means nothing where nothing is written");
}

#[test]
fn requests_for_nothing_succeed() {
    let fixture = Fixture::new();
    let mut client = fixture.extended();
    for kind in [CMD_READ, CMD_WRITE, CMD_TRIM, CMD_WRITE_ZEROES, CMD_CACHE] {
        assert_eq!(client.status(kind, 0, 4096, 0, &[]), 0, "{kind}");
    }
    assert_eq!(fixture.simple().read(0, 0), Ok(Vec::new()));
    let mut client = fixture.structured();
    client.request(CMD_READ, 0, 1, 0, 0, &[]);
    assert_eq!(client.reply()[0].kind, REPLY_TYPE_NONE);
}

#[test]
fn a_grown_disk_is_usable_by_connections_that_are_open() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let end = SIZE as u64;
    assert_eq!(client.write(end, b"x"), ErrorCode::NoSpace as u32);
    fixture.disk.memory.resize(SIZE * 2);
    assert_eq!(client.write(end, b"x"), 0);
    assert_eq!(client.read(end, 1), Ok(b"x".to_vec()));
    fixture.disk.memory.resize(SIZE);
    assert_eq!(client.write(end, b"x"), ErrorCode::NoSpace as u32);
    assert_eq!(client.read(end, 1), Err(ErrorCode::Invalid as u32));
    assert_eq!(fixture.disk.size_bytes(), end);
}

#[test]
fn the_counters_of_a_client_are_told() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    assert_eq!(client.write(0, &[1; 100]), 0);
    assert_eq!(client.read(0, 50).unwrap().len(), 50);
    assert!(client.read(SIZE as u64, 50).is_err());
    assert_eq!(client.status(CMD_FLUSH, 0, 0, 0, &[]), 0);
    assert_eq!(client.status(CMD_TRIM, 0, 0, 512, &[]), 0);
    // The counters are brought up to date after the reply.
    assert_eq!(client.status(CMD_FLUSH, 0, 0, 0, &[]), 0);
    let clients = fixture.server.clients();
    assert_eq!(clients.len(), 1);
    assert_eq!(clients[0].export.as_deref(), Some("disk"));
    let traffic = clients[0].traffic;
    assert_eq!(
        (traffic.writes, traffic.bytes_written, traffic.bytes_read),
        (1, 100, 50)
    );
    assert_eq!((traffic.reads, traffic.errors, traffic.others), (2, 1, 1));
}

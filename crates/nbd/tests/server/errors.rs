//! Every error, and that the connection survives it.

use std::sync::atomic::Ordering::SeqCst;

use nbd::protocol::numbers::*;
use volume::{Error, NoSpace, Timestamp};

use crate::fixture::{Fixture, SIZE};

const EPERM: u32 = ErrorCode::NotPermitted as u32;
const EIO: u32 = ErrorCode::InputOutput as u32;
const EINVAL: u32 = ErrorCode::Invalid as u32;
const ENOSPC: u32 = ErrorCode::NoSpace as u32;
const EOVERFLOW: u32 = ErrorCode::Overflow as u32;

#[test]
fn requests_past_the_end_fail_as_the_protocol_demands() {
    let fixture = Fixture::new();
    let end = SIZE as u64;
    for mut client in [fixture.simple(), fixture.extended()] {
        for offset in [end - 1, end, u64::MAX - 1] {
            assert_eq!(client.write(offset, b"xy"), ENOSPC);
            assert_eq!(client.status(CMD_WRITE_ZEROES, 0, offset, 2, &[]), ENOSPC);
            assert_eq!(client.status(CMD_TRIM, 0, offset, 2, &[]), EINVAL);
            assert_eq!(client.status(CMD_CACHE, 0, offset, 2, &[]), EINVAL);
            assert_eq!(client.status(CMD_READ, 0, offset, 2, &[]), EINVAL);
        }
        assert_eq!(client.write(0, b"still here"), 0);
    }
    let mut client = fixture
        .client()
        .structured()
        .with_contexts("disk", &["base:allocation"])
        .go("disk");
    client.request(CMD_BLOCK_STATUS, 0, 1, end - 1, 2, &[]);
    assert_eq!(client.error_reply(), EINVAL);
    client.request(CMD_BLOCK_STATUS, 0, 1, 0, 0, &[]);
    assert_eq!(client.error_reply(), EINVAL);
}

#[test]
fn one_bad_write_of_a_batch_does_not_fail_the_others() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let send = |client: &mut crate::client::Client| {
        let bytes = [
            client.encode(CMD_WRITE, 0, 1, 0, 1, b"a"),
            client.encode(CMD_WRITE, 0, 2, SIZE as u64, 1, b"b"),
            client.encode(CMD_WRITE, 0, 3, 1, 1, b"c"),
        ];
        client.send(&bytes.concat());
        let mut replies = [client.simple_reply(), client.simple_reply(), client.simple_reply()];
        replies.sort_unstable();
        assert_eq!(replies, [(1, 0), (2, ENOSPC), (3, 0)]);
    };
    send(&mut client);
    // The disk shrinks between the check of the range and the write.
    fixture.disk.told_size.store(SIZE as u64 + 1, SeqCst);
    send(&mut client);
    assert_eq!(fixture.disk.memory.bytes()[..2], *b"ac");
}

#[test]
fn an_export_of_the_past_can_not_be_changed() {
    let fixture = Fixture::new();
    let mut client = fixture.client().go("past");
    assert_eq!(client.write(0, b"x"), EPERM);
    assert_eq!(client.write(1 << 30, b"x"), EPERM);
    assert_eq!(client.status(CMD_WRITE_ZEROES, 0, 0, 512, &[]), EPERM);
    assert_eq!(client.status(CMD_TRIM, 0, 0, 512, &[]), EPERM);
    assert_eq!(client.status(CMD_FLUSH, 0, 0, 0, &[]), 0);
    assert_eq!(client.read(0, 4), Ok(vec![0; 4]));
}

#[test]
fn unknown_commands_and_flags_are_invalid() {
    let fixture = Fixture::new();
    for mut client in [fixture.simple(), fixture.extended()] {
        assert_eq!(client.status(8, 0, 1 << 20, 0, &[]), EINVAL, "resize");
        assert_eq!(client.status(1000, 0, 0, 0, &[]), EINVAL);
        assert_eq!(client.status(CMD_READ, 1 << 9, 0, 512, &[]), EINVAL);
        assert_eq!(client.status(CMD_FLUSH, 0, 5, 0, &[]), EINVAL);
        assert_eq!(client.status(CMD_WRITE, CMD_FLAG_NO_HOLE, 0, 5, b"lost!"), EINVAL);
        assert_eq!(client.write(0, b"kept"), 0);
    }
    assert_eq!(fixture.disk.memory.bytes()[..5], *b"kept\0");
    let mut client = fixture.simple();
    assert_eq!(client.read(0, 4), Ok(b"kept".to_vec()));
    client.request(CMD_BLOCK_STATUS, 0, 1, 0, 512, &[]);
    assert_eq!(client.simple_reply(), (1, EINVAL));
}

#[test]
fn a_payload_where_none_belongs_is_skipped() {
    let fixture = Fixture::new();
    let mut client = fixture.extended();
    assert_eq!(client.status(CMD_TRIM, 0, 0, 1 << 20, &vec![1; 1 << 20]), EINVAL);
    assert_eq!(client.write(0, b"x"), 0);
}

#[test]
fn reads_and_writes_that_are_too_long_fail_and_the_connection_goes_on() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let too_long = PAYLOAD_SIZE_MAX + 1;
    assert_eq!(client.read(0, too_long), Err(EINVAL));
    client.request(CMD_WRITE, 0, 4, 0, u64::from(too_long), &vec![1; too_long as usize]);
    assert_eq!(client.simple_reply(), (4, EINVAL));
    assert_eq!(client.read(0, 1), Ok(vec![0]));
    let mut client = fixture.structured();
    client.request(CMD_READ, CMD_FLAG_DF, 1, 0, u64::from(too_long), &[]);
    assert_eq!(client.error_reply(), EOVERFLOW);
}

#[test]
fn an_unreasonable_payload_ends_the_connection() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    client.request(CMD_WRITE, 0, 4, 0, PAYLOAD_SIZE_SKIPPED_MAX + 1, &[]);
    client.expect_end();
    fixture
        .events
        .wait_for("disconnected: the client broke the protocol: a request has a payload of 134217729 bytes");
    let mut client = fixture.extended();
    client.request(
        CMD_WRITE,
        CMD_FLAG_PAYLOAD_LEN,
        4,
        0,
        u64::from(PAYLOAD_SIZE_MAX) + 1,
        &[],
    );
    client.expect_end();
}

#[test]
fn a_stream_that_makes_no_sense_ends_the_connection_after_what_came_before() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let mut bytes = client.encode(CMD_WRITE, 0, 1, 0, 4, b"data");
    bytes.extend([0x55; 28]);
    client.send(&bytes);
    assert_eq!(client.simple_reply(), (1, 0));
    client.expect_end();
    fixture.events.wait_for("a request starts with `0x55555555`");
}

#[test]
fn errors_of_the_disk_are_translated_and_told_to_the_operator_once() {
    let io = || Error::Io {
        operation: "write",
        file: "secret".into(),
        source: std::io::Error::other("x"),
    };
    let cases: [(fn() -> Error, u32); 6] = [
        (|| Error::StaleEpoch, EPERM),
        (|| Error::NoSpace(NoSpace::Disk), ENOSPC),
        (|| Error::NoSpace(NoSpace::Budget { budget_bytes: 1 }), ENOSPC),
        (|| Error::Poisoned, EIO),
        (
            || Error::CorruptStructure {
                structure: "map",
                segment: 1,
                offset: 2,
            },
            EIO,
        ),
        (io, EIO),
    ];
    for (failure, code) in cases {
        let fixture = Fixture::new();
        fixture.disk.fail_with(failure);
        let mut client = fixture.extended();
        assert_eq!(client.write(0, b"x"), code);
        assert_eq!(client.status(CMD_FLUSH, 0, 0, 0, &[]), code);
        assert_eq!(client.status(CMD_WRITE_ZEROES, 0, 0, 512, &[]), code);
        assert_eq!(client.status(CMD_TRIM, CMD_FLAG_FUA, 0, 512, &[]), code);
        assert_eq!(client.status(CMD_READ, 0, 0, 512, &[]), code);
        fixture.events.wait_for("failed: Write");
        assert_eq!(
            fixture.events.count("failed:"),
            1,
            "others within a second are only counted"
        );
    }
}

#[test]
fn the_place_of_damage_is_told_with_structured_replies() {
    let fixture = Fixture::new();
    fixture.disk.fail_with(|| Error::CorruptBlock {
        block: 2,
        segment: 1,
        offset: 5,
        written: Timestamp::ZERO,
    });
    let mut client = fixture.structured();
    client.request(CMD_READ, 0, 1, 4096, 65536, &[]);
    let chunks = client.reply();
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].kind, REPLY_TYPE_ERROR_OFFSET);
    assert_eq!(chunks[0].payload[..4], EIO.to_be_bytes());
    assert_eq!(chunks[0].payload.last_chunk(), Some(&8192_u64.to_be_bytes()));
    assert_eq!(fixture.simple().read(8192, 512), Err(EIO));
}

#[test]
fn an_error_is_not_hidden_by_a_durable_write() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    fixture.disk.close_gate();
    client.request(CMD_WRITE, CMD_FLAG_FUA, 1, 0, 1, b"x");
    fixture.disk.wait_for_waiting(1);
    fixture.disk.fail_with(|| Error::Poisoned);
    fixture.disk.open_gate();
    assert_eq!(client.simple_reply(), (1, EIO));
}

#[test]
fn a_defect_aborts_the_connection_and_nothing_else() {
    let fixture = Fixture::new();
    let mut other = fixture.simple();
    let mut client = fixture.simple();
    fixture.disk.panics.store(true, SeqCst);
    client.request(CMD_WRITE, 0, 1, 0, 1, b"x");
    client.expect_end();
    fixture
        .events
        .wait_for("disconnected: a request was aborted by a defect");
    assert_eq!(other.write(0, b"x"), 0);
    // The same on a worker.
    let mut client = fixture.simple();
    fixture.disk.cold.store(true, SeqCst);
    fixture.disk.panics.store(true, SeqCst);
    let two = [
        client.encode(CMD_READ, 0, 1, 0, 1, &[]),
        client.encode(CMD_READ, 0, 2, 0, 1, &[]),
    ];
    client.send(&two.concat());
    // Another read may have been answered before.
    let _ = std::io::copy(&mut client.stream, &mut std::io::sink());
    assert_eq!(other.read(0, 1), Ok(b"x".to_vec()));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while fixture.events.count("disconnected: a request was aborted by a defect") < 2 {
        assert!(
            std::time::Instant::now() < deadline,
            "the defect on a worker wasn't told"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

//! Large requests, several in flight: workers help with them.

use std::sync::atomic::Ordering::SeqCst;

use nbd::protocol::numbers::*;
use nbd::{Limits, Tls};
use volume::Error;

use crate::client::Client;
use crate::fixture::{Fixture, SIZE};

const LENGTH: usize = 64 << 10;

fn pattern(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64)
        .map(|index| ((index * 7 + seed * 13) % 255) as u8 + 1)
        .collect()
}

/// Sends writes while their replies are read by another thread, as a client does that has many in flight.
fn write_all(client: &mut Client, writes: &[(u64, u16, Vec<u8>)]) -> Vec<(u64, u32)> {
    let mut replies = Client::raw(client.stream.try_clone().unwrap());
    let reader = std::thread::spawn({
        let count = writes.len();
        move || (0..count).map(|_| replies.simple_reply()).collect::<Vec<_>>()
    });
    for (cookie, (offset, flags, data)) in writes.iter().enumerate() {
        client.request(CMD_WRITE, *flags, cookie as u64, *offset, data.len() as u64, data);
    }
    let mut replies = reader.join().unwrap();
    replies.sort_unstable();
    replies
}

#[test]
fn large_writes_in_flight_are_executed_by_workers_and_nothing_is_mixed_up() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    // Workers help where enough has arrived together, which no client can force: it is tried until they did.
    for round in 0..200 {
        let length = [LENGTH, 100_001, 1 << 20][round % 3];
        let writes: Vec<_> = (0..24)
            .map(|index| (index * length as u64, 0, pattern(index + round as u64, length)))
            .collect();
        assert_eq!(
            write_all(&mut client, &writes),
            (0..24).map(|cookie| (cookie, 0)).collect::<Vec<_>>()
        );
        let bytes = fixture.disk.memory.bytes();
        for (offset, _, data) in &writes {
            assert!(bytes[*offset as usize..][..length] == *data, "the write at {offset}");
        }
        if round >= 3 && fixture.disk.batches_of_workers.load(SeqCst) > 3 {
            return;
        }
    }
    panic!("no worker ever helped");
}

#[test]
fn large_durable_writes_are_flushed_before_they_are_answered() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let writes: Vec<_> = (0..64)
        .map(|index| {
            let flags = if index % 3 == 0 { CMD_FLAG_FUA } else { 0 };
            (index * LENGTH as u64, flags, pattern(index, LENGTH))
        })
        .collect();
    let replies = write_all(&mut client, &writes);
    assert!(replies.iter().all(|(_, error)| *error == 0));
    assert!(fixture.disk.memory.flushes.load(SeqCst) > 0);
    fixture.disk.fail_with(|| Error::Poisoned);
    let replies = write_all(&mut client, &writes);
    assert_eq!(
        replies,
        (0..64)
            .map(|cookie| (cookie, ErrorCode::InputOutput as u32))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_large_write_past_the_end_fails_alone() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let writes: Vec<_> = (0..32)
        .map(|index| {
            (
                if index == 17 {
                    SIZE as u64 - 1
                } else {
                    index * LENGTH as u64
                },
                0,
                pattern(index, LENGTH),
            )
        })
        .collect();
    for (cookie, error) in write_all(&mut client, &writes) {
        assert_eq!(error, if cookie == 17 { ErrorCode::NoSpace as u32 } else { 0 });
    }
}

#[test]
fn large_reads_in_flight_come_back_right_in_every_dialect() {
    let fixture = Fixture::new();
    let mut writer = fixture.simple();
    for index in 0..16 {
        assert_eq!(writer.write(index * LENGTH as u64, &pattern(index, LENGTH)), 0);
    }
    for (is_simple, mut client) in [
        (true, fixture.simple()),
        (false, fixture.structured()),
        (false, fixture.extended()),
    ] {
        for _ in 0..8 {
            let reads: Vec<u8> = (0..16)
                .flat_map(|index| client.encode(CMD_READ, 0, index, index * LENGTH as u64, LENGTH as u64, &[]))
                .collect();
            client.send(&reads);
            for _ in 0..16 {
                let (cookie, data) = if is_simple {
                    let (cookie, error) = client.simple_reply();
                    assert_eq!(error, 0);
                    (cookie, client.take(LENGTH))
                } else {
                    let chunk = client.reply().remove(0);
                    (chunk.cookie, chunk.payload[8..].to_vec())
                };
                assert!(data == pattern(cookie, LENGTH), "the read {cookie}");
            }
        }
    }
}

#[test]
fn the_bound_on_bytes_in_flight_holds_for_large_requests_too() {
    let limits = Limits {
        bytes_in_flight_max: 256 << 10,
        workers_max: 2,
        ..Limits::default()
    };
    let fixture = Fixture::with(limits, Tls::Off);
    let mut client = fixture.simple();
    let writes: Vec<_> = (0..64)
        .map(|index| (index * LENGTH as u64, 0, pattern(index, LENGTH)))
        .collect();
    assert!(write_all(&mut client, &writes).iter().all(|(_, error)| *error == 0));
    let reads: Vec<u8> = (0..64)
        .flat_map(|index| client.encode(CMD_READ, 0, index, index * LENGTH as u64, LENGTH as u64, &[]))
        .collect();
    client.send(&reads);
    std::thread::sleep(std::time::Duration::from_millis(50));
    for _ in 0..64 {
        let (cookie, error) = client.simple_reply();
        assert_eq!(error, 0);
        assert!(client.take(LENGTH) == pattern(cookie, LENGTH));
    }
}

#[test]
fn a_defect_while_a_worker_writes_aborts_the_connection_only() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    let writes: Vec<_> = (0..16)
        .map(|index| (index * LENGTH as u64, 0, pattern(index, LENGTH)))
        .collect();
    // Without the second set, the worker might never have been needed.
    while fixture.disk.batches_of_workers.load(SeqCst) == 0 {
        write_all(&mut client, &writes);
    }
    fixture.disk.panics.store(true, SeqCst);
    let bytes: Vec<u8> = writes
        .iter()
        .flat_map(|(offset, _, data)| client.encode(CMD_WRITE, 0, 1, *offset, data.len() as u64, data))
        .collect();
    // The server may close the connection before it has taken everything.
    let _ = std::io::Write::write_all(&mut client.stream, &bytes);
    fixture
        .events
        .wait_for("disconnected: a request was aborted by a defect");
    assert_eq!(fixture.simple().write(0, b"x"), 0);
}

//! Requests that overtake each other, and clients that don't hold each other up.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use nbd::protocol::numbers::*;
use nbd::{Limits, Tls};

use crate::client::Client;
use crate::fixture::Fixture;

#[test]
fn a_read_that_waits_for_the_disk_is_overtaken() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    assert_eq!(client.write(0, &[7; 4096]), 0);
    fixture.disk.cold.store(true, SeqCst);
    fixture.disk.close_gate();
    let reads = [
        client.encode(CMD_READ, 0, 1, 0, 4096, &[]),
        client.encode(CMD_READ, 0, 2, 0, 4096, &[]),
    ];
    client.send(&reads.concat());
    fixture.disk.wait_for_waiting(2);
    assert_eq!(client.write(8192, b"overtakes"), 0);
    fixture.disk.cold.store(false, SeqCst);
    assert_eq!(client.read(8192, 9), Ok(b"overtakes".to_vec()));
    fixture.disk.open_gate();
    let mut cookies = Vec::new();
    for _ in 0..2 {
        let (cookie, error) = client.simple_reply();
        assert_eq!((error, client.take(4096)), (0, vec![7; 4096]));
        cookies.push(cookie);
    }
    cookies.sort_unstable();
    assert_eq!(cookies, [1, 2]);
}

#[test]
fn a_flush_is_overtaken_by_writes_and_those_that_wait_share_the_next_one() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    fixture.disk.close_gate();
    // Two requests together go to a worker.
    let bytes = [
        client.encode(CMD_FLUSH, 0, 1, 0, 0, &[]),
        client.encode(CMD_WRITE, 0, 2, 0, 1, b"a"),
    ];
    client.send(&bytes.concat());
    assert_eq!(client.simple_reply(), (2, 0));
    fixture.disk.wait_for_waiting(1);
    for cookie in 10..20 {
        client.request(CMD_WRITE, CMD_FLAG_FUA, cookie, cookie, 1, b"d");
    }
    assert_eq!(client.write(100, b"overtakes"), 0);
    fixture.disk.open_gate();
    let mut cookies: Vec<_> = (0..11).map(|_| client.simple_reply()).collect();
    cookies.sort_unstable();
    assert_eq!(
        cookies,
        [1].into_iter()
            .chain(10..20)
            .map(|cookie| (cookie, 0))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        fixture.disk.memory.flushes.load(SeqCst),
        2,
        "one was under way, all others share one"
    );
}

#[test]
fn two_connections_see_each_others_writes_and_a_flush_covers_both() {
    let fixture = Fixture::new();
    let mut first = fixture.simple();
    let mut second = fixture.extended();
    assert_eq!(first.write(4096, b"shared"), 0);
    second.request(CMD_READ, CMD_FLAG_DF, 1, 4096, 6, &[]);
    assert_eq!(second.reply()[0].payload[8..], *b"shared");
    assert_eq!(second.status(CMD_FLUSH, 0, 0, 0, &[]), 0);
    assert_eq!(fixture.disk.memory.flushes.load(SeqCst), 1);
    assert_eq!(fixture.server.clients().len(), 2);
}

#[test]
fn a_client_that_does_not_read_its_replies_holds_up_nobody_else() {
    let fixture = Fixture::new();
    let mut greedy = fixture.simple();
    fixture.disk.cold.store(true, SeqCst);
    // More workers would be needed than there are, if each waited for the client.
    for cookie in 0..40 {
        let two = [
            greedy.encode(CMD_READ, 0, cookie, 0, 1 << 20, &[]),
            greedy.encode(CMD_READ, 0, 100 + cookie, 0, 1 << 20, &[]),
        ];
        greedy.send(&two.concat());
    }
    let mut modest = fixture.simple();
    for _ in 0..10 {
        let two = [
            modest.encode(CMD_READ, 0, 1, 0, 512, &[]),
            modest.encode(CMD_READ, 0, 2, 0, 512, &[]),
        ];
        modest.send(&two.concat());
        for _ in 0..2 {
            assert_eq!(modest.simple_reply().1, 0);
            assert_eq!(modest.take(512), [0; 512]);
        }
    }
    let mut cookies = Vec::new();
    for _ in 0..80 {
        let (cookie, error) = greedy.simple_reply();
        assert_eq!(error, 0);
        assert_eq!(greedy.take(1 << 20).len(), 1 << 20);
        cookies.push(cookie);
    }
    cookies.sort_unstable();
    assert_eq!(cookies, (0..40).chain(100..140).collect::<Vec<_>>());
}

/// Keeps several requests of a client in flight until told to stop.
fn keep_busy(mut client: Client, requests: &[Vec<u8>], is_over: &AtomicBool) {
    // Half of them wait while the other half is executed.
    let (first, second) = requests.split_at(requests.len() / 2);
    client.send(&first.concat());
    std::thread::sleep(Duration::from_millis(2));
    client.send(&second.concat());
    for request in requests.iter().cycle() {
        assert_eq!(client.simple_reply().1, 0);
        if is_over.load(SeqCst) {
            return;
        }
        client.send(request);
    }
}

#[test]
fn clients_that_flush_without_a_pause_keep_no_worker_for_themselves() {
    let limits = Limits {
        workers_max: 1,
        ..Limits::default()
    };
    let fixture = Fixture::with(limits, Tls::Off);
    fixture.disk.cold.store(true, SeqCst);
    fixture.disk.slow_flushes.store(true, SeqCst);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let client = fixture.simple();
            let requests: Vec<_> = (0..8)
                .map(|cookie| client.encode(CMD_FLUSH, 0, cookie, 0, 0, &[]))
                .collect();
            let is_over = &is_over;
            scope.spawn(move || keep_busy(client, &requests, is_over));
        }
        while fixture.disk.memory.flushes.load(SeqCst) < 2 {
            std::thread::yield_now();
        }
        let mut modest = fixture.simple();
        let mut waited = Vec::new();
        for _ in 0..5 {
            let two = [
                modest.encode(CMD_READ, 0, 1, 0, 512, &[]),
                modest.encode(CMD_READ, 0, 2, 0, 512, &[]),
            ];
            let flushes = fixture.disk.memory.flushes.load(SeqCst);
            modest.send(&two.concat());
            for _ in 0..2 {
                assert_eq!(modest.simple_reply().1, 0);
                assert_eq!(modest.take(512), [0; 512]);
            }
            waited.push(fixture.disk.memory.flushes.load(SeqCst) - flushes);
        }
        is_over.store(true, SeqCst);
        assert!(
            waited.iter().all(|flushes| *flushes < 20),
            "reads waited for {waited:?} flushes"
        );
    });
}

#[test]
fn a_client_that_vanishes_with_requests_in_flight_leaves_no_trace() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    fixture.disk.cold.store(true, SeqCst);
    fixture.disk.close_gate();
    let two = [
        client.encode(CMD_READ, 0, 1, 0, 1 << 20, &[]),
        client.encode(CMD_READ, 0, 2, 0, 1 << 20, &[]),
    ];
    client.send(&two.concat());
    fixture.disk.wait_for_waiting(2);
    drop(client);
    fixture.disk.open_gate();
    fixture
        .events
        .wait_for("disconnected: the client closed the connection");
    while !fixture.server.clients().is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn many_clients_work_at_the_same_time() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for number in 0..8_u64 {
            let fixture = &fixture;
            scope.spawn(move || {
                let mut client = fixture.simple();
                for round in 0..200_u64 {
                    let offset = number * (1 << 20) + round * 512;
                    let data = [(number * 31 + round) as u8; 512];
                    assert_eq!(client.write(offset, &data), 0);
                    assert_eq!(client.read(offset, 512), Ok(data.to_vec()));
                }
            });
        }
    });
}

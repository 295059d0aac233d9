//! What a client can't make the server do.

use std::io::{Read, Write};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use nbd::protocol::numbers::*;
use nbd::{Limits, Tls};

use crate::client::{ACK, Client};
use crate::fixture::Fixture;

#[test]
fn a_client_too_many_is_turned_away_until_one_leaves() {
    let fixture = Fixture::with(
        Limits {
            clients_max: 2,
            ..Limits::default()
        },
        Tls::Off,
    );
    let first = fixture.simple();
    let _second = fixture.simple();
    Client::raw(fixture.connect()).expect_end();
    fixture.events.wait_for("refused: TooManyClients { limit: 2 }");
    drop(first);
    fixture.events.wait_for("disconnected");
    while fixture.server.clients().len() > 1 {
        std::thread::yield_now();
    }
    assert_eq!(fixture.simple().write(0, b"x"), 0);
}

#[test]
fn clients_that_linger_in_the_handshake_make_way_for_others() {
    let limits = Limits {
        clients_max: 3,
        handshake_grace: Duration::from_millis(100),
        ..Limits::default()
    };
    let fixture = Fixture::with(limits, Tls::Off);
    let mut served = fixture.simple();
    let mut strangers = [fixture.client(), fixture.client()];
    Client::raw(fixture.connect()).expect_end();
    std::thread::sleep(Duration::from_millis(150));
    let mut another = fixture.simple();
    strangers[0].expect_end();
    fixture
        .events
        .wait_for("disconnected: the handshake took long, and another client needed the place");
    // Only one had to go, and never one that is served.
    assert_eq!(strangers[1].outcome(OPT_LIST, &[]), ACK);
    assert_eq!(another.write(0, b"x"), 0);
    let _last = fixture.simple();
    strangers[1].expect_end();
    assert_eq!(served.write(0, b"x"), 0);
    Client::raw(fixture.connect()).expect_end();
    assert_eq!(fixture.events.count("refused: TooManyClients { limit: 3 }"), 2);
}

#[test]
fn a_handshake_that_takes_too_long_is_ended_however_it_drags_on() {
    let timeout = Duration::from_millis(300);
    let fixture = Fixture::with(
        Limits {
            handshake_timeout: timeout,
            ..Limits::default()
        },
        Tls::Off,
    );
    let started = Instant::now();
    // One says nothing at all, and the other a byte from time to time.
    let mut silent = Client::raw(fixture.connect());
    let mut slow = fixture.connect();
    slow.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut greeting = [0; 18];
    slow.read_exact(&mut greeting).unwrap();
    for byte in b"\0\0\0\x03IHAVEOPT\0\0\0\x03\0\0\0".iter().cycle() {
        if slow.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "the handshake goes on and on"
        );
    }
    assert_eq!(silent.take(18).len(), 18);
    silent.expect_end();
    fixture
        .events
        .wait_for("disconnected: the handshake took longer than allowed");
}

#[test]
fn the_time_limit_ends_with_the_handshake() {
    let timeout = Duration::from_millis(200);
    let fixture = Fixture::with(
        Limits {
            handshake_timeout: timeout,
            ..Limits::default()
        },
        Tls::Off,
    );
    let mut client = fixture.simple();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(client.write(0, b"x"), 0);
}

#[test]
fn a_client_that_does_not_read_during_the_handshake_is_ended_too() {
    let limits = Limits {
        handshake_timeout: Duration::from_millis(300),
        options_max: 100_000,
        ..Limits::default()
    };
    let fixture = Fixture::with(limits, Tls::Off);
    let mut client = fixture.client();
    let list = b"IHAVEOPT\0\0\0\x03\0\0\0\0".repeat(100);
    let started = Instant::now();
    while client.stream.write_all(&list).is_ok() {
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "the server takes options for ever"
        );
    }
    fixture
        .events
        .wait_for("disconnected: the handshake took longer than allowed");
}

#[test]
fn options_are_counted() {
    let fixture = Fixture::with(
        Limits {
            options_max: 3,
            ..Limits::default()
        },
        Tls::Off,
    );
    let mut client = fixture.client();
    for _ in 0..3 {
        assert_eq!(client.outcome(OPT_LIST, &[]), ACK);
    }
    client.expect_end();
    fixture
        .events
        .wait_for("disconnected: the client asked for more than 3 options");
}

#[test]
fn the_list_of_exports_is_bounded() {
    let fixture = Fixture::with(
        Limits {
            exports_listed_max: 1,
            ..Limits::default()
        },
        Tls::Off,
    );
    assert_eq!(fixture.client().option(OPT_LIST, &[]).len(), 2);
}

#[test]
fn requests_in_flight_are_bounded_and_those_beyond_are_answered_later() {
    let limits = Limits {
        requests_in_flight_max: 4,
        bytes_in_flight_max: 8192,
        ..Limits::default()
    };
    let fixture = Fixture::with(limits, Tls::Off);
    let mut client = fixture.simple();
    fixture.disk.cold.store(true, SeqCst);
    fixture.disk.close_gate();
    let reads: Vec<u8> = (0..50)
        .flat_map(|cookie| client.encode(CMD_READ, 0, cookie, 0, 4096, &[]))
        .collect();
    client.send(&reads);
    fixture.disk.wait_for_waiting(2);
    std::thread::sleep(Duration::from_millis(50));
    fixture.disk.open_gate();
    for _ in 0..50 {
        assert_eq!(client.simple_reply().1, 0);
        assert_eq!(client.take(4096), [0; 4096]);
    }
}

#[test]
fn replies_that_the_client_does_not_take_count_as_in_flight() {
    let length = 8 << 20;
    let limits = Limits {
        bytes_in_flight_max: length,
        ..Limits::default()
    };
    let fixture = Fixture::with(limits, Tls::Off);
    let mut client = fixture.simple();
    let reads: Vec<u8> = (0..6)
        .flat_map(|cookie| client.encode(CMD_READ, 0, cookie, 0, length as u64, &[]))
        .collect();
    client.send(&reads);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(fixture.disk.patient_reads.load(SeqCst), 1);
    for _ in 0..6 {
        assert_eq!(client.simple_reply().1, 0);
        assert!(client.take(length) == vec![0; length]);
    }
}

#[test]
fn more_flushes_than_may_be_in_flight_are_all_answered() {
    let limits = Limits {
        requests_in_flight_max: 4,
        ..Limits::default()
    };
    let fixture = Fixture::with(limits, Tls::Off);
    let mut client = fixture.simple();
    let requests: Vec<u8> = (0..50)
        .flat_map(|cookie| match cookie % 2 {
            0 => client.encode(CMD_FLUSH, 0, cookie, 0, 0, &[]),
            _ => client.encode(CMD_WRITE, CMD_FLAG_FUA, cookie, 0, 1, b"d"),
        })
        .collect();
    client.send(&requests);
    let mut replies: Vec<_> = (0..50).map(|_| client.simple_reply()).collect();
    replies.sort_unstable();
    assert_eq!(replies, (0..50).map(|cookie| (cookie, 0)).collect::<Vec<_>>());
}

#[test]
fn without_workers_the_connection_does_everything_itself() {
    let fixture = Fixture::with(
        Limits {
            workers_max: 0,
            ..Limits::default()
        },
        Tls::Off,
    );
    let mut client = fixture.simple();
    fixture.disk.cold.store(true, SeqCst);
    let bytes = [
        client.encode(CMD_WRITE, CMD_FLAG_FUA, 1, 0, 4, b"data"),
        client.encode(CMD_READ, 0, 2, 0, 4, &[]),
        client.encode(CMD_FLUSH, 0, 3, 0, 0, &[]),
    ];
    client.send(&bytes.concat());
    assert_eq!(client.simple_reply(), (2, 0));
    assert_eq!(client.take(4), b"data");
    let mut rest = [client.simple_reply(), client.simple_reply()];
    rest.sort_unstable();
    assert_eq!(rest, [(1, 0), (3, 0)]);
}

#[test]
fn slow_requests_are_told() {
    let fixture = Fixture::with(
        Limits {
            slow_request: Duration::from_millis(20),
            ..Limits::default()
        },
        Tls::Off,
    );
    let mut client = fixture.simple();
    fixture.disk.close_gate();
    client.request(CMD_FLUSH, 0, 1, 0, 0, &[]);
    std::thread::sleep(Duration::from_millis(60));
    fixture.disk.open_gate();
    assert_eq!(client.simple_reply(), (1, 0));
    fixture.events.wait_for("slow: Flush");
}

//! The end of connections, and of the server.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use nbd::protocol::numbers::*;
use nbd::{DrainReport, LateRequests};

use crate::client::Client;
use crate::fixture::Fixture;

const PLENTY: Duration = Duration::from_secs(10);

#[test]
fn disconnecting_waits_for_requests_in_flight() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    fixture.disk.cold.store(true, SeqCst);
    fixture.disk.close_gate();
    let bytes = [
        client.encode(CMD_READ, 0, 1, 0, 4, &[]),
        client.encode(CMD_READ, 0, 2, 0, 4, &[]),
        client.encode(CMD_DISC, 0, 0, 0, 0, &[]),
    ];
    client.send(&bytes.concat());
    fixture.disk.wait_for_waiting(2);
    fixture.disk.open_gate();
    for _ in 0..2 {
        assert_eq!(client.simple_reply().1, 0);
        client.take(4);
    }
    client.expect_end();
    fixture.events.wait_for("disconnected: the client disconnected");
}

#[test]
fn draining_answers_what_is_in_flight_and_closes_idle_connections_at_once() {
    let fixture = Fixture::new();
    let mut idle = fixture.simple();
    let mut in_handshake = fixture.client();
    let mut busy = fixture.simple();
    fixture.disk.cold.store(true, SeqCst);
    fixture.disk.close_gate();
    let two = [
        busy.encode(CMD_READ, 0, 1, 0, 4, &[]),
        busy.encode(CMD_READ, 0, 2, 0, 4, &[]),
    ];
    busy.send(&two.concat());
    fixture.disk.wait_for_waiting(2);
    let server = Arc::clone(&fixture.server);
    let drain = std::thread::spawn(move || server.drain(PLENTY, LateRequests::Refuse));
    idle.expect_end();
    in_handshake.expect_end();
    fixture.disk.open_gate();
    for _ in 0..2 {
        assert_eq!(busy.simple_reply().1, 0);
        busy.take(4);
    }
    busy.expect_end();
    assert_eq!(drain.join().unwrap(), DrainReport { cut: 0 });
    assert_eq!(fixture.events.count("disconnected: the server was stopped"), 3);
    Client::raw(fixture.connect()).expect_end();
    fixture.events.wait_for("refused: Stopping");
}

/// Makes the server stop while a request that arrived before waits unread.
fn late_request(late: LateRequests) -> (Fixture, Client) {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    fixture.disk.close_gate();
    // Alone on its connection, a flush holds up the thread that reads.
    client.request(CMD_FLUSH, 0, 1, 0, 0, &[]);
    fixture.disk.wait_for_waiting(1);
    client.request(CMD_WRITE, 0, 2, 0, 4, b"late");
    let server = Arc::clone(&fixture.server);
    let drain = std::thread::spawn(move || server.drain(PLENTY, late));
    while !server_is_draining(&fixture) {
        std::thread::sleep(Duration::from_millis(5));
    }
    fixture.disk.open_gate();
    assert_eq!(client.simple_reply(), (1, 0));
    assert_eq!(drain.join().unwrap(), DrainReport { cut: 0 });
    (fixture, client)
}

fn server_is_draining(fixture: &Fixture) -> bool {
    drop(fixture.connect());
    fixture.events.count("refused: Stopping") > 0
}

#[test]
fn late_requests_are_refused_with_the_error_for_it() {
    let (fixture, mut client) = late_request(LateRequests::Refuse);
    assert_eq!(client.simple_reply(), (2, ErrorCode::Shutdown as u32));
    client.expect_end();
    assert_eq!(fixture.disk.memory.bytes()[..4], [0; 4]);
}

#[test]
fn late_requests_are_left_unanswered_where_that_is_wanted() {
    let (fixture, mut client) = late_request(LateRequests::LeaveUnanswered);
    client.expect_end();
    assert_eq!(fixture.disk.memory.bytes()[..4], [0; 4]);
}

#[test]
fn connections_that_do_not_finish_in_time_are_cut() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    fixture.disk.close_gate();
    client.request(CMD_FLUSH, 0, 1, 0, 0, &[]);
    fixture.disk.wait_for_waiting(1);
    let started = Instant::now();
    assert_eq!(
        fixture.server.drain(Duration::from_millis(100), LateRequests::Refuse),
        DrainReport { cut: 1 }
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    client.expect_end();
    fixture.disk.open_gate();
}

#[test]
fn the_operator_can_end_a_connection() {
    let fixture = Fixture::new();
    let mut client = fixture.simple();
    assert_eq!(client.write(0, b"x"), 0);
    let id = fixture.server.clients()[0].id;
    assert!(fixture.server.disconnect(id));
    client.expect_end();
    fixture
        .events
        .wait_for("disconnected: the connection was ended by the operator");
    while !fixture.server.clients().is_empty() {
        std::thread::yield_now();
    }
    assert!(!fixture.server.disconnect(id));
}

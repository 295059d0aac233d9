//! What clients may take, held by a server on a real socket: time in every phase, bytes, connections, and the way it stops.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hibp::{Limits, Server, Settings, State};

/// Long enough to tell the limits of a test apart, which the server looks at once a second.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(60);
/// A limit of [`SOON`] must have cut a client off by then.
const PATIENCE: Duration = Duration::from_secs(8);
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

struct Served {
    server: Server,
    _folder: tempfile::TempDir,
}

/// Every limit is late, except those that a test is about.
fn late() -> Limits {
    Limits {
        head_time: LATE,
        request_time: LATE,
        answer_time: LATE,
        idle_time: LATE,
        ..Limits::default()
    }
}

fn serve(limits: Limits) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path(), Settings::default(), Box::new(|error| panic!("{error}"))).unwrap();
    let server = Server::start(Arc::new(state), "127.0.0.1:0".parse().unwrap(), None, limits).unwrap();
    Served {
        server,
        _folder: folder,
    }
}

impl Served {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn is_well(&self) -> bool {
        let mut stream = self.connect();
        stream.write_all(HEALTH).unwrap();
        answer(&mut stream).starts_with("HTTP/1.1 200 OK\r\n")
    }
}

/// One answer of a few bytes.
fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while !text.ends_with(b"ok\n") && !text.ends_with(b"}") {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(buffer.get(..count).unwrap()),
            Err(error) => panic!("{error}"),
        }
    }
    String::from_utf8(text).unwrap()
}

/// Whether the server ends the connection before our patience does.
fn is_cut_off(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 65536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn headers_that_trickle_are_cut_off() {
    let served = serve(Limits {
        head_time: SOON,
        ..late()
    });
    let mut slow = served.connect();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    let mut silent = served.connect();
    let end = Instant::now() + PATIENCE;
    // Each byte on its own is in time; all of them together aren't.
    while Instant::now() < end && slow.write_all(b"a").is_ok() {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(Instant::now() < end, "a trickle kept its connection");
    assert!(is_cut_off(&mut silent), "a connection without a request stayed");
    assert!(served.is_well());
}

#[test]
fn a_second_request_has_no_more_time_than_the_first() {
    let served = serve(Limits {
        head_time: SOON,
        ..late()
    });
    let mut stream = served.connect();
    stream.write_all(HEALTH).unwrap();
    answer(&mut stream);
    stream.write_all(b"GET /hea").unwrap();
    assert!(is_cut_off(&mut stream));
}

#[test]
fn an_idle_connection_is_ended_and_a_busy_one_is_not() {
    let served = serve(Limits {
        idle_time: SOON,
        ..late()
    });
    let mut busy = served.connect();
    for _ in 0..10 {
        busy.write_all(HEALTH).unwrap();
        assert!(answer(&mut busy).ends_with("ok\n"));
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(is_cut_off(&mut busy));
}

#[test]
fn a_body_that_never_ends_is_cut_off() {
    let served = serve(Limits {
        request_time: SOON,
        ..late()
    });
    let mut stream = served.connect();
    let head = "POST /range/subscribe HTTP/1.1\r\nHost: a\r\nUser-Agent: a\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    assert!(is_cut_off(&mut stream));
    assert!(served.is_well());
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    let served = serve(Limits {
        answer_time: SOON,
        ..late()
    });
    let mut stream = served.connect();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let many = HEALTH.repeat(10_000);
    // Requests are sent until the answers fill what the system keeps for the connection, and the server waits.
    while stream.write_all(&many).is_ok() {}
    std::thread::sleep(3 * SOON);
    let reset = stream.write(HEALTH);
    assert!(
        matches!(&reset, Err(error) if error.kind() != ErrorKind::WouldBlock),
        "the connection stayed: {reset:?}"
    );
    assert!(served.is_well());
}

#[test]
fn long_headers_and_bodies_are_refused() {
    let served = serve(late());
    for (sent, expected) in [
        (format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(20_000)), "HTTP/1.1 4"),
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", "a".repeat(20_000)),
            "HTTP/1.1 431 ",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(100)),
            "HTTP/1.1 431 ",
        ),
        (
            format!(
                "POST /range/subscribe HTTP/1.1\r\nHost: a\r\nUser-Agent: a\r\nContent-Length: 70000\r\n\r\n{}",
                "a".repeat(70_000)
            ),
            "HTTP/1.1 413 ",
        ),
    ] {
        let mut stream = served.connect();
        // The server may end the connection before all is sent.
        let _ = stream.write_all(sent.as_bytes());
        let mut text = [0; 16];
        let count = stream.read(&mut text).unwrap();
        let status = String::from_utf8_lossy(text.get(..count).unwrap()).into_owned();
        assert!(status.starts_with(expected), "{status} instead of {expected}");
    }
    assert!(served.is_well());
}

#[test]
fn more_connections_than_may_be_open_wait_for_one_to_end() {
    let served = serve(Limits {
        connections: 2,
        ..late()
    });
    let (mut first, mut second, mut third) = (served.connect(), served.connect(), served.connect());
    for stream in [&mut first, &mut second] {
        stream.write_all(HEALTH).unwrap();
        assert!(answer(stream).ends_with("ok\n"));
    }
    third.write_all(HEALTH).unwrap();
    third.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert_eq!(third.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(first);
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(answer(&mut third).ends_with("ok\n"));
}

#[test]
fn a_server_that_stops_ends_idle_connections_at_once_and_cuts_off_the_rest() {
    let served = serve(late());
    let mut idle = served.connect();
    idle.write_all(HEALTH).unwrap();
    answer(&mut idle);
    let mut unfinished = served.connect();
    unfinished
        .write_all(b"POST /range/subscribe HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    let address = served.server.address();
    let cut = served.server.stop(SOON);
    assert_eq!(cut, 1);
    assert!(started.elapsed() < PATIENCE);
    assert!(is_cut_off(&mut idle) && is_cut_off(&mut unfinished));
    assert!(TcpStream::connect(address).is_err());
}

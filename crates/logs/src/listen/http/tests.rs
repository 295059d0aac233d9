//! Requests as senders write them, over sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use threat::input::Body;

use super::{Http, Token, Tokens};
use crate::listen::{Limits, Listener, Message, Settings};

struct Scene {
    listener: Listener,
    token: String,
    other: String,
    _folder: tempfile::TempDir,
}

fn scene(limits: Limits) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    let (first, token) = Token::new("fluent", [1; 16], Timestamp::UNIX_EPOCH);
    let (second, other) = Token::new("vector", [2; 16], Timestamp::UNIX_EPOCH);
    std::fs::write(&path, Tokens::text(&[first, second])).unwrap();
    let http = Http {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        tokens: path,
    };
    let listener = Listener::start(Settings {
        http: Some(http),
        limits,
        ..Settings::default()
    })
    .unwrap();
    Scene {
        listener,
        token,
        other,
        _folder: folder,
    }
}

impl Scene {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.listener.addresses().http.unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn post(&self, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
        let mut stream = self.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Who is refused by the head alone may be cut off within the body.
        let _ = stream.write_all(body);
        answer(&mut BufReader::new(stream))
    }

    fn with_token(&self, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
        let headers = format!("Authorization: Splunk {}\r\n{headers}", self.token);
        self.post(path, &headers, body)
    }

    fn taken(&self) -> Vec<Message> {
        self.listener.take(100_000, Duration::from_millis(200))
    }

    fn dropped(&self, reason: &str) -> u64 {
        *self.listener.dropped().by_reason.get(reason).unwrap_or(&0)
    }
}

/// Status, headers and body.
fn answer(reader: &mut impl BufRead) -> (u16, String) {
    let mut text = String::new();
    reader.read_line(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap_or("0").parse().unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        text += &line.to_lowercase();
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (status, text + &String::from_utf8(body).unwrap())
}

fn text(message: &Message) -> &str {
    let Body::Line(text) = &message.record.body else {
        panic!("a document")
    };
    text
}

#[test]
fn what_is_posted_with_a_token_waits_in_the_queue() {
    let scene = scene(Limits::default());
    let bearer = format!("Authorization: bearer {}\r\n", scene.token);
    let (status, said) = scene.post("/v1/logs", &bearer, b"<13>one\n<13>two\n");
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("\"taken\":2"), "{said}");
    let event = br#"{"time":1772359200,"event":"<13>three"}{"event":{"a":1}}"#;
    assert_eq!(scene.with_token("/services/collector/event", "", event).0, 200);
    assert_eq!(
        scene.with_token("/services/collector/raw?channel=x", "", b"<13>four").0,
        200
    );
    let messages = scene.taken();
    assert_eq!(
        messages.iter().map(text).collect::<Vec<_>>(),
        ["<13>one", "<13>two", "<13>three", "{\"a\":1}", "<13>four"]
    );
    assert_eq!(&*messages[0].record.origin.source, "http fluent 127.0.0.1");
    assert_eq!(messages[2].received.to_string(), "2026-03-01T10:00:00Z");
    let numbers: Vec<u64> = messages.iter().map(|message| message.record.origin.record).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn without_a_token_that_is_known_nothing_is_read_and_no_detail_told() {
    let scene = scene(Limits::default());
    let mut answers = Vec::new();
    for headers in [
        String::new(),
        "Authorization: Bearer \r\n".to_owned(),
        "Authorization: Splunk 00000000-0000-4000-8000-000000000000\r\n".to_owned(),
        format!("Authorization: Basic {}\r\n", scene.token),
        format!("Authorization: Splunk {}x\r\n", scene.token),
    ] {
        let (status, said) = scene.post("/services/collector/event", &headers, br#"{"event":"x"}"#);
        assert_eq!(status, 401, "{said}");
        let body = said.lines().last().unwrap().to_owned();
        answers.push(body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(scene.taken().is_empty());
    assert_eq!(scene.dropped("a request without a token that is known"), 5);
    assert_eq!(scene.with_token("/elsewhere", "", b"x").0, 404);
}

#[test]
fn a_request_for_which_there_is_no_room_is_told_to_come_again_and_holds_nobody_else_up() {
    let limits = Limits {
        waiting_max: 80,
        ..Limits::default()
    };
    let scene = scene(limits);
    // More than its lane has: of whom nothing waits, a request is taken as a whole.
    let lines = b"<13>x\n".repeat(20);
    assert_eq!(scene.with_token("/v1/logs", "", &lines).0, 200);
    let (status, said) = scene.with_token("/v1/logs", "", b"<13>more\n");
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("retry-after: 2"), "{said}");
    let other = format!("Authorization: Splunk {}\r\n", scene.other);
    assert_eq!(scene.post("/v1/logs", &other, b"<13>other\n").0, 200);
    let (mut health, mut said) = (scene.connect(), String::new());
    health
        .write_all(b"GET /services/collector/health/1.0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    health.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert_eq!(scene.taken().len(), 21);
    assert_eq!(scene.with_token("/v1/logs", "", b"<13>more\n").0, 200);
}

#[test]
fn bodies_that_are_too_long_or_nothing_are_refused_and_counted() {
    let scene = scene(Limits::default());
    let long = vec![b'x'; super::BODY_BYTES_MAX + 1];
    assert_eq!(scene.with_token("/v1/logs", "", &long).0, 413);
    assert_eq!(scene.with_token("/v1/logs", "", b"").0, 400);
    assert_eq!(scene.with_token("/v1/logs", "Content-Encoding: gzip\r\n", b"no").0, 400);
    assert_eq!(scene.with_token("/v1/logs", "Content-Encoding: br\r\n", b"no").0, 415);
    let otlp = "Content-Type: application/x-protobuf\r\n";
    assert_eq!(scene.with_token("/v1/logs", otlp, b"no").0, 415);
    assert_eq!(scene.dropped("a request whose body can't be read"), 2);
    let (status, said) = scene.with_token("/v1/logs", "", b"{\"a\":1}\n{\"a\":\n{\"a\":3}\n");
    assert_eq!(status, 200);
    assert!(said.contains("\"unreadable\":1"), "{said}");
    assert_eq!(scene.listener.dropped().unreadable.total(), 1);
}

#[test]
fn connections_are_bounded_for_each_address_and_all_end_with_the_listener() {
    let limits = Limits {
        connections_per_address_max: 2,
        ..Limits::default()
    };
    let scene = scene(limits);
    let _idle = [scene.connect(), scene.connect()];
    let end = Instant::now() + Duration::from_secs(20);
    while scene.dropped("a connection more than one address may have") == 0 {
        let _refused = scene.connect();
        std::thread::sleep(Duration::from_millis(20));
        assert!(Instant::now() < end, "it is never refused");
    }
    let began = Instant::now();
    drop(scene);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

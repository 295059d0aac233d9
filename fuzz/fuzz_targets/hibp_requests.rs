//! Any request to the breach monitor gets an answer: whatever its address, headers and body, nothing panics, and errors are well-formed.
//!
//! An input is a request as it stands on the wire. A key that may do everything is in the ledger, so that routes behind it are reached too.
#![no_main]

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use exposure::ledger::{ApiKey, Ledger, Scope};
use hibp::{Asked, Settings, State, answer};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Uri};
use libfuzzer_sys::fuzz_target;

/// A DNS server is asked for what an input brings about; the answer is not waited for.
static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
});

static STATE: LazyLock<State> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join("holdfast-fuzz-hibp");
    // What the last run left; this one's stays, since nothing tells when fuzzing ends.
    let _ = std::fs::remove_dir_all(&folder);
    let ledger = Ledger::open(&folder).unwrap();
    let key = ApiKey {
        name: "fuzz".to_owned(),
        requests_per_minute: u32::MAX,
        scopes: Scope::ALL.to_vec(),
    };
    // Shown in hexadecimal digits: thirty-two zeros.
    ledger.make_key(&key, [0; 16], 0).unwrap();
    let settings = Settings {
        resolver: Some("127.0.0.1:9".parse().unwrap()),
        sends_mail: true,
        ..Settings::default()
    };
    State::open(&folder, settings, Box::new(|error| panic!("{error}"))).unwrap()
});

fuzz_target!(|data: &[u8]| {
    let end = data.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = end.map_or((data, &[][..]), |end| (&data[..end], &data[end + 4..]));
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.next().unwrap_or_default();
    let mut words = first.splitn(3, |byte| *byte == b' ');
    let (Ok(method), Ok(uri)) = (
        Method::from_bytes(words.next().unwrap_or_default()),
        Uri::try_from(words.next().unwrap_or_default()),
    ) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let asked = Asked {
        method: &method,
        uri: &uri,
        headers: &headers,
        body,
        asker: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let _inside = RUNTIME.enter();
    let mut answered = std::pin::pin!(answer(&STATE, &asked));
    if let Poll::Ready(reply) = answered.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        assert!((200..600).contains(&reply.status().as_u16()));
        assert_ne!(reply.status().as_u16(), 500, "{method} {uri}");
    }
});

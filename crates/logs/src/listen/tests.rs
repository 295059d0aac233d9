//! Senders: honest, slow, many, lying. Certificates are made on the spot.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rcgen::{CertificateParams, KeyPair};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use threat::input::Body;

use super::*;

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn listener(limits: Limits) -> Listener {
    let settings = Settings {
        udp: Some(anywhere()),
        tcp: Some(anywhere()),
        tls: None,
        http: None,
        limits,
    };
    Listener::start(settings).unwrap()
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| match &message.record.body {
            Body::Line(text) => text.as_str(),
            Body::Document(_) => panic!("a document"),
        })
        .collect()
}

/// Takes until there are so many.
fn taken(listener: &Listener, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    let end = Instant::now() + Duration::from_secs(20);
    while messages.len() < count && Instant::now() < end {
        messages.extend(listener.take(count - messages.len(), Duration::from_millis(100)));
    }
    messages
}

fn until(mut what: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < end, "it never came");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn messages_come_by_udp_and_in_both_framings_by_tcp() {
    let listener = listener(Limits::default());
    let addresses = listener.addresses();
    let udp = UdpSocket::bind(anywhere()).unwrap();
    udp.send_to(b"<13>by udp\n", addresses.udp.unwrap()).unwrap();
    let first = taken(&listener, 1);
    assert_eq!(texts(&first), ["<13>by udp"]);
    assert_eq!(&*first[0].record.origin.source, "syslog udp 127.0.0.1");
    let mut tcp = TcpStream::connect(addresses.tcp.unwrap()).unwrap();
    tcp.write_all(b"<13>a line\n11 <14>counted<15>an").unwrap();
    assert_eq!(texts(&taken(&listener, 2)), ["<13>a line", "<14>counted"]);
    tcp.write_all(b"other\n<16>without an end").unwrap();
    drop(tcp);
    let last = taken(&listener, 2);
    assert_eq!(texts(&last), ["<15>another", "<16>without an end"]);
    assert_eq!(
        (last[1].record.origin.record, &*last[1].record.origin.source),
        (4, "syslog tcp 127.0.0.1")
    );
    until(|| listener.connections() == 0);
}

fn certificate() -> (CertificateDer<'static>, Arc<ServerConfig>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let der = certificate.der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    (der, Arc::new(config))
}

#[test]
fn encrypted_messages_come_and_a_sender_that_never_ends_its_handshake_holds_nobody_up() {
    let (certificate, config) = certificate();
    let limits = Limits {
        handshake: Duration::from_millis(300),
        ..Limits::default()
    };
    let listener = Listener::start(Settings {
        tls: Some((anywhere(), config)),
        limits,
        ..Settings::default()
    })
    .unwrap();
    let address = listener.addresses().tls.unwrap();
    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(&[22, 3, 1]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut sender = StreamOwned::new(session, TcpStream::connect(address).unwrap());
    sender.write_all(b"12 <13>a secret").unwrap();
    sender.flush().unwrap();
    let messages = taken(&listener, 1);
    assert_eq!(texts(&messages), ["<13>a secret"]);
    assert_eq!(&*messages[0].record.origin.source, "syslog tls 127.0.0.1");
    until(|| {
        listener
            .dropped()
            .by_reason
            .contains_key("a connection whose TLS handshake failed")
    });
    assert_eq!(listener.connections(), 1);
}

#[test]
fn a_flood_from_one_sender_drops_its_own_messages_alone() {
    let limits = Limits {
        waiting_max: 80,
        ..Limits::default()
    };
    let listener = listener(limits);
    let addresses = listener.addresses();
    let udp = UdpSocket::bind(anywhere()).unwrap();
    let mut sent = 0_u64;
    while listener.dropped().by_reason.is_empty() {
        udp.send_to(b"<13>flood", addresses.udp.unwrap()).unwrap();
        sent += 1;
        assert!(sent < 1_000_000);
    }
    let mut tcp = TcpStream::connect(addresses.tcp.unwrap()).unwrap();
    tcp.write_all(b"<13>quiet\n").unwrap();
    until(|| listener.queue.waiting() > 10);
    // The quiet one is taken in its turn, not behind the flood.
    let messages = taken(&listener, 2);
    assert!(texts(&messages).contains(&"<13>quiet"), "{messages:?}");
    let dropped = listener.dropped().by_reason;
    assert_eq!(
        dropped.keys().copied().collect::<Vec<_>>(),
        ["more from one sender than could be taken"]
    );
}

/// One of this machine's many addresses.
fn machine(number: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(127, 0, 3, number), 0))
}

#[test]
fn twenty_floods_of_datagrams_drop_nothing_of_a_quiet_sender_s() {
    let limits = Limits {
        waiting_max: 400,
        ..Limits::default()
    };
    let listener = listener(limits);
    let to = listener.addresses().udp.unwrap();
    let floods: Vec<_> = (1..=20)
        .map(|number| UdpSocket::bind(machine(number)).unwrap())
        .collect();
    // Nobody takes any: all of them have filled what they can.
    for round in 0..60 {
        for flood in &floods {
            flood.send_to(format!("<13>flood {round}").as_bytes(), to).unwrap();
        }
        // The system's own buffer is shared: it must not be what drops.
        thread::sleep(Duration::from_millis(1));
    }
    let sent = 60 * 20;
    let known =
        || listener.queue.waiting() as u64 + listener.dropped().by_way.get(&Way::Udp).map_or(0, |lost| lost.dropped);
    until(|| known() == sent);
    assert!(listener.queue.waiting() < 200, "{}", listener.queue.waiting());
    let quiet = UdpSocket::bind(machine(21)).unwrap();
    let dropped = listener.dropped().by_way[&Way::Udp].dropped;
    for number in 0..5 {
        quiet.send_to(format!("<13>quiet {number}").as_bytes(), to).unwrap();
    }
    until(|| known() == sent + 5);
    assert_eq!(listener.dropped().by_way[&Way::Udp].dropped, dropped);
    let reasons = listener.dropped().by_reason;
    assert_eq!(
        reasons.keys().collect::<Vec<_>>(),
        [&"more from one sender than could be taken"]
    );
    // In its turn: the first of each sender, then the second of each.
    let first = taken(&listener, 21);
    assert!(texts(&first).contains(&"<13>quiet 0"), "{first:?}");
}

/// A connection from an address of its own.
fn from(number: u8, to: SocketAddr) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &machine(number)).unwrap();
    connect(&socket, &to).unwrap();
    TcpStream::from(socket)
}

#[test]
fn floods_over_twelve_connections_hold_up_neither_a_quiet_one_nor_datagrams() {
    let limits = Limits {
        waiting_max: 400,
        ..Limits::default()
    };
    let listener = listener(limits);
    let (tcp, udp) = (listener.addresses().tcp.unwrap(), listener.addresses().udp.unwrap());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 1..=12 {
            let mut flood = from(number, tcp);
            let over = &over;
            scope.spawn(move || {
                // Until nobody listens any more.
                while !over.load(Ordering::Relaxed) && flood.write_all(&b"<13>flood\n".repeat(100)).is_ok() {}
            });
        }
        // Each waits for room of its own, and nobody takes any.
        let mut before = 0;
        until(|| {
            thread::sleep(Duration::from_millis(200));
            let now = listener.queue.waiting();
            now > 100 && now == std::mem::replace(&mut before, now)
        });
        assert!(listener.queue.waiting() < 200, "{}", listener.queue.waiting());
        from(13, tcp).write_all(b"<13>quiet\n<13>quiet too\n").unwrap();
        let datagrams = UdpSocket::bind(machine(14)).unwrap();
        datagrams.send_to(b"<13>by udp", udp).unwrap();
        until(|| listener.queue.waiting() == before + 3);
        let messages = taken(&listener, 14);
        let texts = texts(&messages);
        assert!(
            texts.contains(&"<13>quiet") && texts.contains(&"<13>by udp"),
            "{texts:?}"
        );
        assert!(listener.dropped().by_reason.is_empty());
        over.store(true, Ordering::Relaxed);
        drop(listener);
    });
}

#[test]
fn what_is_lost_is_counted_by_the_way_on_which_it_came() {
    let listener = listener(Limits {
        message_bytes_max: 100,
        ..Limits::default()
    });
    let addresses = listener.addresses();
    let udp = UdpSocket::bind(anywhere()).unwrap();
    udp.send_to(&[b'x'; 101], addresses.udp.unwrap()).unwrap();
    let mut tcp = TcpStream::connect(addresses.tcp.unwrap()).unwrap();
    tcp.write_all(format!("<13>{}\n<13>short\n", "x".repeat(1000)).as_bytes())
        .unwrap();
    until(|| listener.dropped().by_way.len() == 2);
    let lost = listener.dropped().by_way;
    assert_eq!((lost[&Way::Udp].dropped, lost[&Way::Udp].unreadable), (1, 0));
    assert_eq!((lost[&Way::Tcp].dropped, lost[&Way::Tcp].unreadable), (0, 1));
    assert!(!listener.is_down());
}

#[test]
fn a_fast_connection_waits_and_loses_nothing() {
    const COUNT: usize = 50_000;
    let limits = Limits {
        waiting_max: 80,
        ..Limits::default()
    };
    let listener = listener(limits);
    let address = listener.addresses().tcp.unwrap();
    let sender = thread::spawn(move || {
        let mut tcp = TcpStream::connect(address).unwrap();
        for number in 0..COUNT {
            tcp.write_all(format!("<13>{number}\n").as_bytes()).unwrap();
        }
    });
    until(|| listener.queue.waiting() == 10);
    let messages = taken(&listener, COUNT);
    sender.join().unwrap();
    let expected: Vec<String> = (0..COUNT).map(|number| format!("<13>{number}")).collect();
    assert_eq!(texts(&messages), expected);
    assert!(listener.dropped().by_reason.is_empty());
}

#[test]
fn messages_longer_than_may_be_are_told_and_the_next_ones_taken() {
    let limits = Limits {
        message_bytes_max: 100,
        ..Limits::default()
    };
    let listener = listener(limits);
    let mut tcp = TcpStream::connect(listener.addresses().tcp.unwrap()).unwrap();
    tcp.write_all(format!("<13>{}\n<13>short\n", "x".repeat(1 << 20)).as_bytes())
        .unwrap();
    assert_eq!(texts(&taken(&listener, 1)), ["<13>short"]);
    assert_eq!(listener.dropped().unreadable.total(), 1);
    let udp = UdpSocket::bind(anywhere()).unwrap();
    udp.send_to(&[b'x'; 101], listener.addresses().udp.unwrap()).unwrap();
    until(|| listener.dropped().by_reason.get("a message longer than may be") == Some(&1));
}

#[test]
fn places_are_bounded_for_each_address_and_the_longest_silent_makes_way() {
    let limits = Limits {
        connections_max: 3,
        connections_per_address_max: 10,
        silence: Duration::from_millis(200),
        ..Limits::default()
    };
    let listener = listener(limits);
    let address = listener.addresses().tcp.unwrap();
    let mut open: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    until(|| listener.connections() == 3);
    let _refused = TcpStream::connect(address).unwrap();
    until(|| listener.dropped().by_reason.get("a connection more than there may be") == Some(&1));
    thread::sleep(Duration::from_millis(250));
    open[0].write_all(b"<13>alive\n").unwrap();
    assert_eq!(taken(&listener, 1).len(), 1);
    let mut next = TcpStream::connect(address).unwrap();
    next.write_all(b"<13>taken in\n").unwrap();
    assert_eq!(texts(&taken(&listener, 1)), ["<13>taken in"]);
    open[0].write_all(b"<13>still alive\n").unwrap();
    assert_eq!(texts(&taken(&listener, 1)), ["<13>still alive"]);

    let few = Limits {
        connections_per_address_max: 1,
        ..Limits::default()
    };
    let listener = self::listener(few);
    let address = listener.addresses().tcp.unwrap();
    let _first = TcpStream::connect(address).unwrap();
    let _second = TcpStream::connect(address).unwrap();
    until(|| {
        listener
            .dropped()
            .by_reason
            .get("a connection more than one address may have")
            == Some(&1)
    });
}

#[test]
fn it_ends_whoever_is_connected_and_however_full_it_is() {
    let limits = Limits {
        waiting_max: 8,
        ..Limits::default()
    };
    let listener = listener(limits);
    let mut tcp = TcpStream::connect(listener.addresses().tcp.unwrap()).unwrap();
    let _idle = TcpStream::connect(listener.addresses().tcp.unwrap()).unwrap();
    tcp.write_all(&b"<13>x\n".repeat(100)).unwrap();
    until(|| listener.connections() == 2 && listener.queue.waiting() > 0);
    let began = Instant::now();
    drop(listener);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

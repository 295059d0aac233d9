//! TLS, with certificates made on the spot.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use nbd::protocol::numbers::*;
use nbd::{Limits, Tls, TlsIdentity};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{ACK, Client, ERR_INVALID, ERR_POLICY, ERR_TLS_REQD, ERR_UNSUP, info, query};
use crate::fixture::Fixture;

type Encrypted = StreamOwned<ClientConnection, UnixStream>;

struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    key_pem: String,
    certificate_pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn issue(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &self.0)
            .unwrap();
        Identity {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            key_pem: key.serialize_pem(),
            certificate_pem: certificate.pem(),
        }
    }
}

fn identity(authority: &Authority, clients: Option<&Authority>) -> TlsIdentity {
    let Identity { certificate, key, .. } = authority.issue("localhost");
    TlsIdentity::new(
        vec![certificate],
        key,
        clients.map(|clients| vec![clients.certificate()]),
    )
    .unwrap()
}

/// Upgrades a client after the greeting. Fails where the server can't be trusted or doesn't trust the client.
fn encrypt(
    mut client: Client,
    trusted: &Authority,
    own: Option<Identity>,
) -> Result<Client<Encrypted>, std::io::Error> {
    assert_eq!(client.outcome(OPT_STARTTLS, &[]), ACK);
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => builder.with_client_auth_cert(vec![own.certificate], own.key).unwrap(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut client.stream)?;
    }
    Ok(Client::raw(StreamOwned::new(tls, client.stream)))
}

#[test]
fn everything_works_encrypted() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Allowed(identity(&authority, None)));
    let client = encrypt(fixture.client(), &authority, None).unwrap();
    let mut client = client.with_contexts_after_structured("disk").go("disk");
    let data: Vec<u8> = (0..5 << 20).map(|index| (index % 253) as u8 + 1).collect();
    assert_eq!(client.write(3, &data), 0);
    client.request(CMD_READ, 0, 1, 3, data.len() as u64, &[]);
    assert!(client.reply()[0].payload[8..] == data);
    let mut bytes = Vec::new();
    for index in 0..100_u64 {
        bytes.extend(client.encode(CMD_WRITE, 0, index, index * 4096, 4096, &[index as u8; 4096]));
    }
    client.send(&bytes);
    for _ in 0..100 {
        assert_eq!(client.simple_reply().1, 0);
    }
    client.request(CMD_DISC, 0, 0, 0, 0, &[]);
    client.expect_end();
    fixture.events.wait_for("connected: disk tls=true");
    fixture.events.wait_for("disconnected: the client disconnected");
}

impl Client<Encrypted> {
    fn with_contexts_after_structured(self, name: &str) -> Self {
        self.structured().with_contexts(name, &["base:allocation"])
    }
}

#[test]
fn replies_of_workers_and_of_the_connection_are_encrypted_in_order() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Required(identity(&authority, None)));
    let mut client = encrypt(fixture.client(), &authority, None).unwrap().go("disk");
    assert_eq!(client.write(0, &[9; 4096]), 0);
    fixture.disk.cold.store(true, std::sync::atomic::Ordering::SeqCst);
    for round in 0..50_u64 {
        let mut bytes = Vec::new();
        for cookie in 0..8 {
            bytes.extend(client.encode(CMD_READ, 0, cookie, 0, 4096, &[]));
            bytes.extend(client.encode(CMD_WRITE, 0, 100 + cookie, (1 + round) * 4096, 4, b"data"));
        }
        client.send(&bytes);
        for _ in 0..16 {
            let (cookie, error) = client.simple_reply();
            assert_eq!(error, 0);
            if cookie < 100 {
                assert_eq!(client.take(4096), [9; 4096]);
            }
        }
    }
}

#[test]
fn keys_may_be_changed_while_requests_are_in_flight() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Required(identity(&authority, None)));
    let mut client = encrypt(fixture.client(), &authority, None).unwrap().go("disk");
    for round in 0..50_u64 {
        let write = client.encode(CMD_WRITE, 0, 1, round * 4096, 4096, &[round as u8; 4096]);
        let read = client.encode(CMD_READ, 0, 2, 0, 100_000, &[]);
        client.send(&write);
        client.stream.conn.refresh_traffic_keys().unwrap();
        client.send(&read);
        assert_eq!(client.simple_reply(), (1, 0));
        assert_eq!(client.simple_reply(), (2, 0));
        assert_eq!(client.take(100_000).len(), 100_000);
    }
    // Many changes in a row, each of which is to be answered by one, and nothing in between.
    for _ in 0..20 {
        client.stream.conn.refresh_traffic_keys().unwrap();
        client.stream.conn.complete_io(&mut client.stream.sock).unwrap();
    }
    assert_eq!(client.read(4096, 1), Ok(vec![1]));
}

#[test]
fn the_servers_goodbye_is_encrypted_so_that_nobody_can_forge_it() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Required(identity(&authority, None)));
    let mut client = encrypt(fixture.client(), &authority, None).unwrap().go("disk");
    client.request(CMD_DISC, 0, 0, 0, 0, &[]);
    // Without it this would be an unexpected end.
    assert_eq!(std::io::Read::read(&mut client.stream, &mut [0]).unwrap(), 0);
}

#[test]
fn an_encrypted_client_that_does_not_read_stalls_only_itself() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Required(identity(&authority, None)));
    let mut client = encrypt(fixture.client(), &authority, None).unwrap().go("disk");
    fixture.disk.cold.store(true, std::sync::atomic::Ordering::SeqCst);
    for cookie in 0..40 {
        let read = client.encode(CMD_READ, 0, cookie, 0, 1 << 20, &[]);
        client.send(&[read.as_slice(), &read].concat());
    }
    let mut other = encrypt(fixture.client(), &authority, None).unwrap().go("disk");
    assert_eq!(other.read(0, 512), Ok(vec![0; 512]));
    for _ in 0..80 {
        assert_eq!(client.simple_reply().1, 0);
        assert!(client.take(1 << 20) == vec![0; 1 << 20]);
    }
}

#[test]
fn where_tls_is_required_nothing_else_is_answered_before() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Required(identity(&authority, None)));
    let mut client = fixture.client();
    for (option, data) in [
        (OPT_LIST, Vec::new()),
        (OPT_INFO, info("disk", &[])),
        (OPT_GO, info("disk", &[])),
        (OPT_STRUCTURED_REPLY, Vec::new()),
        (999, Vec::new()),
    ] {
        assert_eq!(client.outcome(option, &data), ERR_TLS_REQD);
    }
    let mut client = encrypt(client, &authority, None).unwrap();
    assert_eq!(client.outcome(999, &[]), ERR_UNSUP);
    assert_eq!(client.outcome(OPT_STARTTLS, &[]), ERR_INVALID, "twice");
    assert_eq!(client.go("disk").write(0, b"x"), 0);
    let mut client = fixture.client();
    client.send_option(OPT_EXPORT_NAME, b"disk");
    client.expect_end();
    let mut client = fixture.client();
    assert_eq!(client.outcome(OPT_ABORT, &[]), ACK);
}

#[test]
fn where_tls_is_off_it_is_refused_and_the_session_goes_on() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    assert_eq!(client.outcome(OPT_STARTTLS, &[]), ERR_POLICY);
    assert_eq!(client.go("disk").write(0, b"x"), 0);
}

#[test]
fn what_was_negotiated_before_tls_is_forgotten() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Allowed(identity(&authority, None)));
    let client = fixture
        .client()
        .structured()
        .with_contexts("disk", &["base:allocation"]);
    let mut client = encrypt(client, &authority, None).unwrap();
    let contexts = query("disk", &["base:allocation"]);
    assert_eq!(
        client.outcome(OPT_SET_META_CONTEXT, &contexts),
        ERR_INVALID,
        "structured replies are gone"
    );
    let mut client = client.go("disk");
    assert_eq!(client.read(0, 4), Ok(vec![0; 4]), "the reply is simple");
}

#[test]
fn bytes_sent_before_the_handshake_are_not_taken_for_encrypted_ones() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Allowed(identity(&authority, None)));
    let mut client = fixture.client();
    let injected = [b"IHAVEOPT\0\0\0\x05\0\0\0\0".as_slice(), b"IHAVEOPT\0\0\0\x03\0\0\0\0"].concat();
    client.send(&injected);
    assert_eq!(client.take(20)[8..16], [0, 0, 0, 5, 0, 0, 0, 1]);
    fixture.events.wait_for("disconnected: TLS failed");
}

#[test]
fn a_client_certificate_is_demanded_and_checked() {
    let authority = Authority::new();
    let clients = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Required(identity(&authority, Some(&clients))));
    let good = Some(clients.issue("client"));
    let client = encrypt(fixture.client(), &authority, good).unwrap();
    assert_eq!(client.go("disk").write(0, b"x"), 0);
    for (bad, ending) in [
        (None, "peer sent no certificates"),
        (Some(authority.issue("client")), "invalid peer certificate"),
    ] {
        // With TLS 1.3 the client learns of it only when it reads for the first time.
        if let Ok(mut client) = encrypt(fixture.client(), &authority, bad) {
            use std::io::Read as _;
            assert!(client.stream.read(&mut [0; 1]).is_err());
        }
        fixture.events.wait_for(ending);
    }
}

#[test]
fn a_client_that_does_not_trust_the_server_leaves() {
    let authority = Authority::new();
    let fixture = Fixture::with(Limits::default(), Tls::Required(identity(&authority, None)));
    assert!(encrypt(fixture.client(), &Authority::new(), None).is_err());
    fixture.events.wait_for("disconnected: TLS failed");
}

#[test]
fn a_tls_handshake_that_drags_on_is_ended() {
    let authority = Authority::new();
    let limits = Limits {
        handshake_timeout: std::time::Duration::from_millis(300),
        ..Limits::default()
    };
    let fixture = Fixture::with(limits, Tls::Required(identity(&authority, None)));
    let mut client = fixture.client();
    assert_eq!(client.outcome(OPT_STARTTLS, &[]), ACK);
    client.expect_end();
    fixture
        .events
        .wait_for("disconnected: the handshake took longer than allowed");
}

#[test]
fn identities_are_loaded_from_files_and_unusable_ones_are_named() {
    let authority = Authority::new();
    let Identity {
        key_pem,
        certificate_pem,
        ..
    } = authority.issue("localhost");
    let folder = std::env::temp_dir().join(format!("nbd-test-pem-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let certificate = file("certificate", &certificate_pem);
    let key = file("key", &key_pem);
    let empty = file("empty", "");
    assert!(TlsIdentity::load(&certificate, &key, Some(&certificate)).is_ok());
    let error =
        |certificate: &Path, key: &Path, authority: Option<&Path>| match TlsIdentity::load(certificate, key, authority)
        {
            Ok(_) => panic!("it is usable"),
            Err(error) => error.to_string(),
        };
    assert!(error(&empty, &key, None).contains("empty` holds no certificate"));
    assert!(error(&certificate, &empty, None).contains("empty`"));
    assert!(error(&certificate, &folder.join("missing"), None).contains("missing`"));
    assert!(error(&certificate, &key, Some(&empty)).contains("empty` holds no certificate"));
    let other = file("other", &KeyPair::generate().unwrap().serialize_pem());
    assert!(error(&certificate, &other, None).contains("TLS can't be set up"));
    std::fs::remove_dir_all(&folder).unwrap();
}

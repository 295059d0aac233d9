//! Unix, TCP and inherited sockets.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use nbd::{Error, LateRequests, Listener, Peer};

use crate::client::Client;
use crate::fixture::Fixture;

/// A folder of its own for a test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nbd-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_unix_socket_has_its_permissions_and_goes_with_the_server() {
    let folder = Folder::new("unix");
    let path = folder.0.join("socket");
    let fixture = Fixture::new();
    fixture.server.listen(Listener::unix(&path, 0o600).unwrap()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut client = Client::greet(UnixStream::connect(&path).unwrap(), 3).go("disk");
    assert_eq!(client.write(0, b"x"), 0);
    let clients = fixture.server.clients();
    assert!(matches!(clients[0].peer, Peer::Unix { pid, .. } if pid == std::process::id() as i32));
    assert!(matches!(Listener::unix(&path, 0o600), Err(Error::SocketInUse { .. })));
    fixture.server.drain(Duration::from_secs(10), LateRequests::Refuse);
    assert!(!path.exists());
    assert_eq!(
        std::fs::read_dir(&folder.0).unwrap().count(),
        0,
        "nothing else is left either"
    );
}

#[test]
fn a_socket_nobody_listens_on_is_replaced_and_a_file_is_not() {
    let folder = Folder::new("stale");
    let path = folder.0.join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let fixture = Fixture::new();
    fixture.server.listen(Listener::unix(&path, 0o666).unwrap()).unwrap();
    Client::greet(UnixStream::connect(&path).unwrap(), 3).go("disk");
    let file = folder.0.join("file");
    std::fs::write(&file, b"precious").unwrap();
    assert!(matches!(Listener::unix(&file, 0o600), Err(Error::NotASocket { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
    assert!(matches!(
        Listener::unix(&folder.0.join("no/folder"), 0o600),
        Err(Error::Listen { .. })
    ));
}

#[test]
fn tcp_clients_are_served_and_known_by_their_address() {
    let fixture = Fixture::new();
    let listener = Listener::tcp("127.0.0.1:0").unwrap();
    let address = listener.address().strip_prefix("tcp:").unwrap().to_owned();
    fixture.server.listen(listener).unwrap();
    let stream = TcpStream::connect(&address).unwrap();
    let local = stream.local_addr().unwrap();
    let mut client = Client::greet(stream, 3).with_extended_headers().go("disk");
    assert_eq!(client.write(0, &vec![3; 1 << 20]), 0);
    assert_eq!(fixture.server.clients()[0].peer, Peer::Tcp(local));
    assert!(
        matches!(Listener::tcp(address.as_str()), Err(Error::Listen { .. })),
        "the address is in use"
    );
}

#[test]
fn inherited_listeners_are_used_as_they_are() {
    let folder = Folder::new("inherited");
    let path = folder.0.join("socket");
    let fixture = Fixture::new();
    fixture
        .server
        .listen(UnixListener::bind(&path).unwrap().into())
        .unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    fixture.server.listen(tcp.into()).unwrap();
    assert_eq!(
        Client::greet(UnixStream::connect(&path).unwrap(), 3)
            .go("disk")
            .write(0, b"x"),
        0
    );
    assert_eq!(
        Client::greet(TcpStream::connect(address).unwrap(), 3)
            .go("disk")
            .write(0, b"x"),
        0
    );
    fixture.server.drain(Duration::from_secs(10), LateRequests::Refuse);
    assert!(path.exists(), "who made the socket removes it");
    let late = UnixListener::bind(folder.0.join("late")).unwrap();
    assert!(matches!(fixture.server.listen(late.into()), Err(Error::Stopping)));
}

//! Logs from the network, by HTTP ([`http`]) and by syslog: UDP (RFC 5426), TCP (RFC 6587: octet counting and line ends, told apart message by message) and TLS (RFC 5425).
//!
//! A connection is a thread that reads, cuts messages and puts them into a queue. Each sender has a lane of its own in it, as long as the room
//! that others leave allows, and lanes are emptied in turn: senders that flood leave room for those that don't. What comes over TCP waits in the sender once its lane is
//! full; what comes by UDP is dropped, and counted. Nobody listens but on the addresses that were named; the ready-made settings name those of
//! this machine alone.

mod connection;
mod datagram;
pub mod http;
mod places;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use rustls::ServerConfig;
use threat::input::Record;

use self::http::{Http, Server};
use self::places::Places;
use self::queue::Queue;
use crate::{Counts, Error};

/// Where to listen.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// For datagrams.
    pub udp: Option<SocketAddr>,
    /// For connections.
    pub tcp: Option<SocketAddr>,
    /// For encrypted connections.
    pub tls: Option<(SocketAddr, Arc<ServerConfig>)>,
    /// For what is posted.
    pub http: Option<Http>,
    /// How much is taken from whom.
    pub limits: Limits,
}

impl Settings {
    /// UDP and TCP of this machine alone, at a port.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            udp: Some(address),
            tcp: Some(address),
            ..Self::default()
        }
    }
}

/// How much is taken, altogether and from each sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections_max: usize,
    /// Connections at once from one address.
    pub connections_per_address_max: usize,
    /// How long a connection may be silent before another may take its place.
    pub silence: Duration,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// Bytes of a message. What is longer is counted and passed over.
    pub message_bytes_max: usize,
    /// Messages that wait, of all senders of syslog: half of them for datagrams, half for connections. As many of what is posted.
    pub waiting_max: usize,
    /// Bytes that wait, likewise.
    pub waiting_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            connections_per_address_max: 64,
            silence: Duration::from_secs(60),
            handshake: Duration::from_secs(10),
            message_bytes_max: 64 << 10,
            waiting_max: 16_384,
            waiting_bytes_max: 32 << 20,
        }
    }
}

/// A message that came in.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its origin names how it came and from whom: `syslog tcp 10.1.2.3`, `http fluent 10.1.2.3` with the token's name.
    pub record: Record,
    /// When it came.
    pub received: Timestamp,
}

/// How logs come in from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Syslog in datagrams.
    Udp,
    /// Syslog over connections.
    Tcp,
    /// Syslog over encrypted connections.
    Tls,
    /// Posted.
    Http,
}

/// How much of what came in on one way was lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Messages, requests and connections that weren't taken.
    pub dropped: u64,
    /// Messages that can't be read.
    pub unreadable: u64,
}

/// What isn't taken, and why; the names of the reasons are fixed.
#[derive(Debug, Clone, Default)]
pub struct Dropped {
    /// How much, by the way on which it came.
    pub by_way: BTreeMap<Way, Lost>,
    /// Messages and connections that were given up, by reason.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// Messages that can't be read, with samples.
    pub unreadable: Counts,
}

/// Sockets that are listened on. Dropping it ends all connections.
pub struct Listener {
    queue: Arc<Queue>,
    places: Arc<Places>,
    /// Once it is closed, all waiting for senders ends.
    wake: Option<UnixStream>,
    threads: Vec<JoinHandle<()>>,
    http: Option<Server>,
    addresses: Addresses,
}

/// What is listened on, with the ports that the system chose where none was named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Datagrams.
    pub udp: Option<SocketAddr>,
    /// Connections.
    pub tcp: Option<SocketAddr>,
    /// Encrypted connections.
    pub tls: Option<SocketAddr>,
    /// What is posted.
    pub http: Option<SocketAddr>,
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    ///
    /// An address is in use or not of this machine, or no thread can be started.
    pub fn start(settings: Settings) -> Result<Self, Error> {
        let queue = Arc::new(Queue::new(settings.limits));
        let places = Arc::new(Places::new(settings.limits, Arc::clone(&queue)));
        let (wake, woken) = UnixStream::pair().map_err(Error::Thread)?;
        let mut listener = Self {
            queue,
            places,
            wake: Some(wake),
            threads: Vec::new(),
            http: None,
            addresses: Addresses::default(),
        };
        let woken = || woken.try_clone().map_err(Error::Thread);
        if let Some(address) = settings.udp {
            let socket = UdpSocket::bind(address).map_err(cannot_listen(address))?;
            listener.addresses.udp = socket.local_addr().ok();
            let (queue, woken) = (Arc::clone(&listener.queue), woken()?);
            listener.spawn("syslog-udp", move || datagram::serve(&socket, &woken, &queue))?;
        }
        if let Some(address) = settings.tcp {
            listener.addresses.tcp = listener.accept(address, woken()?, None)?;
        }
        if let Some((address, identity)) = settings.tls {
            listener.addresses.tls = listener.accept(address, woken()?, Some(identity))?;
        }
        if let Some(http) = settings.http {
            let server = Server::start(http, settings.limits, Arc::clone(&listener.queue))?;
            listener.addresses.http = Some(server.address);
            listener.http = Some(server);
        }
        Ok(listener)
    }

    fn accept(
        &mut self,
        address: SocketAddr,
        woken: UnixStream,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Option<SocketAddr>, Error> {
        let socket = TcpListener::bind(address).map_err(cannot_listen(address))?;
        socket.set_nonblocking(true).map_err(cannot_listen(address))?;
        let bound = socket.local_addr().ok();
        let places = Arc::clone(&self.places);
        self.spawn("syslog-tcp", move || places.serve(&socket, &woken, tls.as_ref()))?;
        Ok(bound)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(Error::Thread)?;
        self.threads.push(thread);
        Ok(())
    }

    /// What is listened on.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// At most `count` messages, one of each sender in turn; fewer, or none, if there were no more for as long as `wait`.
    #[must_use]
    pub fn take(&self, count: usize, wait: Duration) -> Vec<Message> {
        self.queue.take(count, wait)
    }

    /// What wasn't taken so far, and why.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.queue.dropped()
    }

    /// Messages that wait to be taken.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Whether something that should listen has ended.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Connections that there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.places.count()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.wake = None;
        self.queue.close();
        self.http = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to be waited for.
            let _ = thread.join();
        }
        self.places.end();
    }
}

fn cannot_listen(address: SocketAddr) -> impl Fn(io::Error) -> Error {
    move |source| Error::Listen {
        address: address.to_string(),
        source,
    }
}

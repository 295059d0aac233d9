//! The clients of a server, and what they have done.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::limits::Limits;
use crate::peer::{ClientId, Peer};
use crate::sync::lock;
use crate::transport::Socket;

/// A client as [`crate::Server::clients`] lists it.
#[derive(Clone, Debug)]
pub struct ClientStatus {
    /// The connection's number.
    pub id: ClientId,
    /// Where it comes from.
    pub peer: Peer,
    /// The export in use; `None` during the handshake.
    pub export: Option<String>,
    /// Whether TLS is in use.
    pub tls: bool,
    /// When it connected.
    pub connected: SystemTime,
    /// What it has done.
    pub traffic: Traffic,
}

/// Counters of a connection. Requests that failed are counted, bytes of those aren't.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// Flushes asked for.
    pub flushes: u64,
    /// All other requests.
    pub others: u64,
    /// Requests answered with an error.
    pub errors: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Order {
    /// It doesn't.
    None = 0,
    /// The server is stopped: requests in flight are answered, new ones get an error.
    DrainAndRefuse = 1,
    /// The server is stopped: requests in flight are answered, new ones are left unanswered.
    DrainAndLeave = 2,
    /// The operator wants this client gone.
    Kick = 3,
    /// Another client needs the place that this one has taken up with its handshake.
    MakeWay = 4,
}

/// What server and connection share about a client.
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) socket: Arc<Socket>,
    connected: SystemTime,
    since: Instant,
    order: AtomicU8,
    session: Mutex<Session>,
    counters: Counters,
}

#[derive(Default)]
struct Session {
    export: Option<String>,
    tls: bool,
}

#[derive(Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    flushes: AtomicU64,
    others: AtomicU64,
    errors: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

impl Client {
    pub(crate) fn set_tls(&self) {
        lock(&self.session).tls = true;
    }

    pub(crate) fn set_export(&self, name: String) {
        lock(&self.session).export = Some(name);
    }

    /// Adds what a round or a job did.
    pub(crate) fn add(&self, traffic: &Traffic) {
        let add = |counter: &AtomicU64, value: u64| {
            if value > 0 {
                counter.fetch_add(value, Ordering::Relaxed);
            }
        };
        add(&self.counters.reads, traffic.reads);
        add(&self.counters.writes, traffic.writes);
        add(&self.counters.flushes, traffic.flushes);
        add(&self.counters.others, traffic.others);
        add(&self.counters.errors, traffic.errors);
        add(&self.counters.bytes_read, traffic.bytes_read);
        add(&self.counters.bytes_written, traffic.bytes_written);
    }

    pub(crate) fn order(&self) -> Order {
        match self.order.load(Ordering::Relaxed) {
            1 => Order::DrainAndRefuse,
            2 => Order::DrainAndLeave,
            3 => Order::Kick,
            4 => Order::MakeWay,
            _ => Order::None,
        }
    }

    fn give(&self, order: Order) {
        self.order.store(order as u8, Ordering::Relaxed);
        match order {
            Order::None => {}
            Order::DrainAndRefuse | Order::DrainAndLeave => self.socket.shut_down_reading(),
            Order::Kick | Order::MakeWay => self.socket.shut_down(),
        }
    }

    /// Whether the handshake has taken longer than `grace`, and goes on.
    fn is_lingering(&self, grace: Duration) -> bool {
        self.order() == Order::None && self.since.elapsed() > grace && lock(&self.session).export.is_none()
    }

    pub(crate) fn status(&self) -> ClientStatus {
        let session = lock(&self.session);
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ClientStatus {
            id: self.id,
            peer: self.socket.peer().clone(),
            export: session.export.clone(),
            tls: session.tls,
            connected: self.connected,
            traffic: Traffic {
                reads: get(&self.counters.reads),
                writes: get(&self.counters.writes),
                flushes: get(&self.counters.flushes),
                others: get(&self.counters.others),
                errors: get(&self.counters.errors),
                bytes_read: get(&self.counters.bytes_read),
                bytes_written: get(&self.counters.bytes_written),
            },
        }
    }
}

/// All clients of a server.
///
/// Invariant: a client is listed from before its thread starts until after its last event was told.
#[derive(Default)]
pub(crate) struct Clients {
    table: Mutex<Table>,
    left: Condvar,
}

#[derive(Default)]
struct Table {
    clients: BTreeMap<ClientId, Arc<Client>>,
    next: u64,
    closed: bool,
}

impl Table {
    /// Takes the place of a client that lingers in its handshake. It is gone a moment later, not at once.
    fn make_room(&self, limits: &Limits) -> bool {
        let leaving = |client: &&Arc<Client>| client.order() == Order::MakeWay;
        if self.clients.len() - self.clients.values().filter(leaving).count() < limits.clients_max {
            return true;
        }
        // Numbers are given in order, so that the first is the oldest.
        let lingering = self
            .clients
            .values()
            .find(|client| client.is_lingering(limits.handshake_grace));
        let has_room = self.clients.len() < limits.clients_max.saturating_mul(2);
        lingering
            .filter(|_| has_room)
            .inspect(|client| client.give(Order::MakeWay))
            .is_some()
    }
}

/// Why a client can't be added.
pub(crate) enum AddError {
    Full,
    Closed,
}

impl Clients {
    /// Adds a client. Where all places are taken, the one whose handshake has taken longest makes way, if it has taken
    /// longer than `limits.handshake_grace`.
    pub(crate) fn add(&self, socket: Socket, limits: &Limits) -> Result<Arc<Client>, (AddError, Socket)> {
        let mut table = lock(&self.table);
        if table.closed {
            return Err((AddError::Closed, socket));
        }
        if table.clients.len() >= limits.clients_max && !table.make_room(limits) {
            return Err((AddError::Full, socket));
        }
        table.next += 1;
        let id = ClientId(table.next);
        let client = Arc::new(Client {
            id,
            socket: Arc::new(socket),
            connected: SystemTime::now(),
            since: Instant::now(),
            order: AtomicU8::new(0),
            session: Mutex::default(),
            counters: Counters::default(),
        });
        table.clients.insert(id, Arc::clone(&client));
        Ok(client)
    }

    pub(crate) fn remove(&self, id: ClientId) {
        lock(&self.table).clients.remove(&id);
        self.left.notify_all();
    }

    pub(crate) fn list(&self) -> Vec<ClientStatus> {
        let clients: Vec<_> = lock(&self.table).clients.values().cloned().collect();
        clients.iter().map(|client| client.status()).collect()
    }

    /// Ends one connection; says whether there was one.
    pub(crate) fn kick(&self, id: ClientId) -> bool {
        let client = lock(&self.table).clients.get(&id).cloned();
        client.inspect(|client| client.give(Order::Kick)).is_some()
    }

    /// Takes no more clients and gives all an order.
    pub(crate) fn close(&self, order: Order) {
        let mut table = lock(&self.table);
        table.closed = true;
        for client in table.clients.values() {
            client.give(order);
        }
    }

    /// Waits until all clients are gone, and says how many aren't after `timeout`.
    pub(crate) fn wait_until_empty(&self, timeout: Duration) -> usize {
        let deadline = Instant::now() + timeout;
        let mut table = lock(&self.table);
        while !table.clients.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            table = self
                .left
                .wait_timeout(table, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        table.clients.len()
    }

    /// Cuts all connections that are left.
    pub(crate) fn cut(&self) {
        for client in lock(&self.table).clients.values() {
            client.socket.shut_down();
        }
    }
}

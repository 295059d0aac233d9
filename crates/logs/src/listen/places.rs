//! Connections: a bounded number of places, of which one address gets some, and the longest silent makes way for a new one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ServerConfig;

use super::connection;
use super::datagram::wait_for;
use super::queue::Queue;
use super::{Limits, Way};

/// The stack of a connection's thread: it calls nothing deep.
const STACK_BYTES: usize = 256 << 10;
/// How long connections are waited for at the end.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// How long accepting rests where the system can't give another socket.
const REST: Duration = Duration::from_millis(100);

/// All connections.
pub(super) struct Places {
    limits: Limits,
    queue: Arc<Queue>,
    table: Mutex<Table>,
    left: Condvar,
}

#[derive(Default)]
struct Table {
    taken: BTreeMap<u64, Place>,
    next: u64,
    is_closed: bool,
}

struct Place {
    address: IpAddr,
    /// To end the connection from here.
    socket: TcpStream,
    heard: Instant,
    is_leaving: bool,
}

/// A connection's own place, given back when it is dropped.
pub(super) struct Ticket {
    places: Arc<Places>,
    number: u64,
}

impl Ticket {
    /// Notes that something came.
    pub(super) fn heard(&self) {
        if let Some(place) = self.places.lock().taken.get_mut(&self.number) {
            place.heard = Instant::now();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.places.lock().taken.remove(&self.number);
        self.places.left.notify_all();
    }
}

impl Places {
    pub(super) fn new(limits: Limits, queue: Arc<Queue>) -> Self {
        Self {
            limits,
            queue,
            table: Mutex::default(),
            left: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.lock().taken.len()
    }

    /// Accepts connections until `woken` is closed at its other end.
    pub(super) fn serve(self: &Arc<Self>, listener: &TcpListener, woken: &UnixStream, tls: Option<&Arc<ServerConfig>>) {
        let way = if tls.is_some() { Way::Tls } else { Way::Tcp };
        while wait_for(listener, woken) {
            match listener.accept() {
                Ok((socket, from)) => self.admit(socket, from, tls.cloned()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    self.queue.drop_for(way, "a connection that the system couldn't give");
                    thread::sleep(REST);
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, socket: TcpStream, from: SocketAddr, tls: Option<Arc<ServerConfig>>) {
        let way = if tls.is_some() { Way::Tls } else { Way::Tcp };
        let Some(ticket) = self.take(&socket, sender(from.ip()), way) else {
            return;
        };
        let queue = Arc::clone(&self.queue);
        let work = move || connection::serve(socket, from.ip(), tls.as_ref(), &ticket, &queue);
        let started = thread::Builder::new()
            .name("syslog-peer".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(work);
        if started.is_err() {
            self.queue
                .drop_for(way, "a connection that no thread could be started for");
        }
    }

    /// Gives a place, if there is one, or if one that was silent for long makes way.
    fn take(self: &Arc<Self>, socket: &TcpStream, address: IpAddr, way: Way) -> Option<Ticket> {
        let mut table = self.lock();
        if table.is_closed {
            return None;
        }
        let of_address = table.taken.values().filter(|place| place.address == address).count();
        if of_address >= self.limits.connections_per_address_max {
            self.queue.drop_for(way, "a connection more than one address may have");
            return None;
        }
        if !table.make_way(&self.limits) {
            self.queue.drop_for(way, "a connection more than there may be");
            return None;
        }
        let Ok(socket) = socket.try_clone() else {
            self.queue.drop_for(way, "a connection that the system couldn't give");
            return None;
        };
        table.next += 1;
        let number = table.next;
        let place = Place {
            address,
            socket,
            heard: Instant::now(),
            is_leaving: false,
        };
        table.taken.insert(number, place);
        Some(Ticket {
            places: Arc::clone(self),
            number,
        })
    }

    /// Ends all connections, and waits for their threads a moment.
    pub(super) fn end(&self) {
        let mut table = self.lock();
        table.is_closed = true;
        for place in table.taken.values() {
            // It may be gone already.
            let _ = place.socket.shutdown(Shutdown::Both);
        }
        let deadline = Instant::now() + END_PATIENCE;
        while !table.taken.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            table = self
                .left
                .wait_timeout(table, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Who an address is of: of IPv6 the network, since whoever has one address of it has them all.
pub(super) fn sender(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

impl Table {
    /// Whether one more fits in. The longest silent makes way if it was silent for long enough; it is gone a moment later.
    fn make_way(&mut self, limits: &Limits) -> bool {
        let staying = self.taken.values().filter(|place| !place.is_leaving).count();
        if staying < limits.connections_max {
            return true;
        }
        let silent = self
            .taken
            .values_mut()
            .filter(|place| !place.is_leaving && place.heard.elapsed() > limits.silence)
            .min_by_key(|place| place.heard);
        let Some(silent) = silent else { return false };
        silent.is_leaving = true;
        let _ = silent.socket.shutdown(Shutdown::Both);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_of_a_network_are_one_sender() {
        let of = |text: &str| sender(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}

//! What a client can make the server spend.

use std::time::Duration;

/// Limits of a server. The defaults suit a host with tens of disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Clients at the same time, those still in the handshake included. More are refused, unless one makes way.
    pub clients_max: usize,
    /// Requests of one connection that wait for workers or to be sent. Beyond it no more are read from the socket.
    pub requests_in_flight_max: usize,
    /// Bytes of one connection that workers have, or that wait to be sent; one request may exceed it alone. A request
    /// that is being received takes up to 64 MiB more, but at most twice what the client really sent of it, and one that
    /// is executed by the connection itself takes as much again.
    pub bytes_in_flight_max: usize,
    /// Threads of the pool that waits for the disk, shared by all connections. They are started when needed.
    pub workers_max: usize,
    /// Jobs that wait for a worker. When it is full, connections execute their requests themselves.
    pub jobs_waiting_max: usize,
    /// The time for the whole handshake, with TLS.
    pub handshake_timeout: Duration,
    /// Where there are too many clients, the one whose handshake has taken longest makes way for a new one, if it has
    /// taken longer than this. A handshake takes milliseconds: strangers that begin many can't keep others out.
    pub handshake_grace: Duration,
    /// Options in one handshake.
    pub options_max: usize,
    /// Exports told to a client that asks for the list.
    pub exports_listed_max: usize,
    /// Rounds and jobs that take longer are reported as slow.
    pub slow_request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients_max: 256,
            requests_in_flight_max: 256,
            bytes_in_flight_max: 64 << 20,
            workers_max: 16,
            jobs_waiting_max: 1024,
            handshake_timeout: Duration::from_secs(10),
            handshake_grace: Duration::from_secs(1),
            options_max: 128,
            exports_listed_max: 10_000,
            slow_request: Duration::from_secs(2),
        }
    }
}

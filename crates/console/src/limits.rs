//! What a client may take: bytes, headers, time, connections.

use std::time::Duration;

/// The bounds of a server. Every connection and request has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. Others wait in the system's queue until one ends.
    pub connections: usize,
    /// Connections at a time from one address, loopback excepted.
    pub connections_per_address: usize,
    /// Bytes of a request's first line and headers together; 8 KiB at least.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// How long a client may take for a TLS handshake, or for the headers of a request, from the end of the one before.
    pub head_time: Duration,
    /// How long the client may take to send a request's body.
    pub body_time: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub stall_time: Duration,
    /// Browsers and programs that follow events at a time.
    pub followers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_address: 128,
            head_bytes: 16 << 10,
            headers: 64,
            body_bytes: 1 << 20,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            stall_time: Duration::from_secs(30),
            followers: 256,
        }
    }
}

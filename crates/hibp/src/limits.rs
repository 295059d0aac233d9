//! What a client may take: bytes, headers, time, connections.

use std::time::Duration;

/// The bounds of a server. Every connection and request has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. Others wait in the system's queue until one ends.
    pub connections: usize,
    /// Bytes of a request's first line and headers together; 8 KiB at least.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// How long a client may take for a TLS handshake, or from the first byte of a request to the end of its headers.
    pub head_time: Duration,
    /// How long a request may take from its headers to the start of its answer, the client's sending of a body included.
    pub request_time: Duration,
    /// How long a client may take to receive an answer, in addition to what [`Limits::SLOWEST_BYTES_PER_SECOND`] allows.
    pub answer_time: Duration,
    /// How long a connection may stay open without a request.
    pub idle_time: Duration,
}

impl Limits {
    /// A client that receives slower than this is cut off after [`Limits::answer_time`].
    pub const SLOWEST_BYTES_PER_SECOND: u64 = 16 << 10;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head_bytes: 16 << 10,
            headers: 64,
            body_bytes: 64 << 10,
            head_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            answer_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(75),
        }
    }
}

//! Logs by HTTP: what shippers and programs post, each with a token of its own.
//!
//! `POST /v1/logs` takes any log that is understood elsewhere, told by its first bytes. `POST /services/collector/event` and `/raw` are those
//! of Splunk's HTTP Event Collector, which most shippers speak. The answer is 200 once all records of a request wait in the queue, 503 with
//! `Retry-After` while that has no room for all of them. Nothing is read of a request before its token is known to be good.

mod body;
mod server;
#[cfg(test)]
mod tests;
mod tokens;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

pub use body::{Form, Parsed, Refused, Sent, parse};
pub(super) use server::Server;
pub use tokens::{Token, Tokens};

/// Where logs are taken by HTTP, and from whom.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where.
    pub address: SocketAddr,
    /// What it is encrypted with.
    pub tls: Option<Arc<ServerConfig>>,
    /// The file of tokens, read again when it changes.
    pub tokens: PathBuf,
}

/// Bytes of a request's body, as it is sent.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// Bytes of a body, unpacked.
pub const UNPACKED_BYTES_MAX: usize = 16 << 20;
/// Records of one request.
pub const RECORDS_MAX: usize = 16_384;

/// Bodies that are taken in at the same time.
const BODIES_MAX: usize = 4;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(5);
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How long a connection may stay, and how long a request may then take to end.
const CONNECTION_TIME: Duration = Duration::from_secs(600);
const LAST_TIME: Duration = Duration::from_secs(90);
/// When a sender may try again.
const RETRY_AFTER_SECONDS: &str = "2";

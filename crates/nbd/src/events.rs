//! What a server tells the program around it.

use std::io;
use std::time::Duration;

use crate::clients::{ClientStatus, Traffic};
use crate::peer::{ClientId, Peer};
use crate::protocol::ProtocolViolation;

/// Receives what happens, to log it or count it. Called on connection threads: it should return soon.
pub trait ServerEvents: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// Ignores all events.
impl ServerEvents for () {
    fn event(&self, _: &Event<'_>) {}
}

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A client was turned away before the handshake.
    Refused {
        /// Who it is.
        peer: &'a Peer,
        /// Why.
        reason: Refusal,
    },
    /// A listener failed to accept a client; it goes on after a pause.
    AcceptFailed {
        /// The listener's address.
        address: &'a str,
        /// The system's error.
        error: &'a io::Error,
    },
    /// A client finished its handshake and uses an export.
    Connected(&'a ClientStatus),
    /// A client that wasn't refused is gone, during the handshake or later.
    Disconnected {
        /// Which one. Its export is `None` if it never chose one.
        client: &'a ClientStatus,
        /// Why.
        reason: &'a Ending,
    },
    /// A request failed for a reason that isn't the client's fault. At most one per second and connection is told;
    /// `suppressed` counts those left out since.
    RequestFailed {
        /// The connection.
        client: ClientId,
        /// Its export.
        export: &'a str,
        /// The request.
        request: RequestSummary,
        /// The error.
        error: &'a volume::Error,
        /// Failures before this one that weren't told.
        suppressed: u64,
    },
    /// A request, or a batch that was executed together with it, took long.
    RequestSlow {
        /// The connection.
        client: ClientId,
        /// Its export.
        export: &'a str,
        /// The request (the last one of its batch).
        request: RequestSummary,
        /// How long it took.
        took: Duration,
    },
}

/// Why a client was turned away before the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// As many clients as allowed are connected.
    TooManyClients {
        /// The limit.
        limit: usize,
    },
    /// The server is being stopped.
    Stopping,
    /// No thread can be started.
    NoThread,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ending {
    /// The client said goodbye.
    #[error("the client disconnected")]
    Disconnected,
    /// The client closed the connection without a word.
    #[error("the client closed the connection")]
    Closed,
    /// The server was stopped.
    #[error("the server was stopped")]
    Stopped,
    /// The connection was ended by [`crate::Server::disconnect`].
    #[error("the connection was ended by the operator")]
    Kicked,
    /// The handshake took too long.
    #[error("the handshake took longer than allowed")]
    HandshakeTimeout,
    /// The handshake took long, and the place was needed for another client.
    #[error("the handshake took long, and another client needed the place")]
    MadeWay,
    /// The client asked for too many options.
    #[error("the client asked for more than {limit} options")]
    TooManyOptions {
        /// The limit.
        limit: usize,
    },
    /// The client sent an option with more data than any has.
    #[error("an option has {length} bytes of data")]
    OptionTooLarge {
        /// The length announced.
        length: u32,
    },
    /// The client set flags in its greeting that aren't known.
    #[error("the client set unknown flags `{flags:#x}`")]
    UnknownClientFlags {
        /// The flags.
        flags: u32,
    },
    /// The client used an option that needs fixed newstyle negotiation, which it didn't agree to.
    #[error("the client doesn't speak fixed newstyle negotiation")]
    NotFixedNewstyle,
    /// `OPT_EXPORT_NAME`, which has no way to report an error, couldn't be served.
    #[error("export `{name}` can't be used: {reason}")]
    ExportRefused {
        /// The export.
        name: String,
        /// Why.
        reason: String,
    },
    /// The client broke the protocol.
    #[error("the client broke the protocol: {0}")]
    Protocol(ProtocolViolation),
    /// TLS failed, for instance for lack of a valid certificate.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(io::Error),
    /// A defect in this program: the request was aborted.
    #[error("a request was aborted by a defect in this program")]
    Panicked,
}

impl Ending {
    pub(crate) fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => match error.downcast::<rustls::Error>() {
                Ok(error) => Self::Tls(error),
                Err(error) => Self::Io(error),
            },
        }
    }
}

/// What a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSummary {
    /// The command.
    pub kind: RequestKind,
    /// First byte concerned.
    pub offset: u64,
    /// Bytes concerned.
    pub length: u64,
}

/// The command of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestKind {
    /// Read.
    Read,
    /// Write.
    Write,
    /// Write zeros.
    WriteZeroes,
    /// Trim.
    Trim,
    /// Flush, also one implied by a write that must be durable.
    Flush,
    /// Read ahead.
    Cache,
    /// Describe a range.
    BlockStatus,
}

impl Event<'_> {
    /// The counters of the connection the event is about, where it has such.
    #[must_use]
    pub fn traffic(&self) -> Option<&Traffic> {
        match self {
            Self::Connected(client) | Self::Disconnected { client, .. } => Some(&client.traffic),
            _ => None,
        }
    }
}

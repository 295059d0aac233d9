//! An NBD server for anything that implements [`volume::Device`].
//!
//! [`protocol`] turns bytes into types and back, and knows no socket. A [`Server`] accepts clients on unix, TCP and
//! inherited sockets ([`Listener`]), asks an [`ExportProvider`] for disks, enforces [`Limits`], and tells
//! [`ServerEvents`] what happened; it never logs by itself.
//!
//! Every client has a thread, which reads many requests with one system call, executes them in batches, and sends
//! their replies together. What would have to wait for the disk (flushes, reads that aren't in memory) goes to a small
//! pool of workers.
//!
//! What isn't offered, and why: oldstyle negotiation (obsolete, insecure), `CMD_RESIZE` (experimental, in no released
//! client, and it would let any client change the size of a disk that others use: disks are resized by their owner, and
//! every request is checked against the size at its time, so that a grown disk is usable at once by open connections),
//! and TLS with pre-shared keys (rustls has certificates only).

mod clients;
mod error;
mod events;
mod export;
mod handshake;
mod limits;
mod listener;
mod peer;
pub mod protocol;
mod server;
mod sync;
mod tls;
mod transmission;
mod transport;
mod workers;

pub use clients::{ClientStatus, Traffic};
pub use error::Error;
pub use events::{Ending, Event, Refusal, RequestKind, RequestSummary, ServerEvents};
pub use export::{ExportInfo, ExportProvider, OpenError, OpenedExport};
pub use limits::Limits;
pub use listener::Listener;
pub use peer::{ClientId, Peer};
pub use server::{DrainReport, LateRequests, Server, Settings};
pub use tls::{Tls, TlsIdentity};

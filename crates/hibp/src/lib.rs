//! The Have I Been Pwned API (version 3, and Pwned Passwords) over HTTP, answered from a breach monitor of one's own.
//!
//! An adapter: the only crate of the breach monitor that knows sockets, an async runtime, TLS and DNS.
//!
//! ```text
//! server    accepts, bounds, ends connections          watched   what a connection is doing, for the sweep
//! route     what is asked, parsed once                 access    who asks, and whether they may
//! answer    from a request to its answer               routes/   a file for each family
//! state     stores, ledger, settings                   snapshot  what is known of the ledger
//! ```
//!
//! Nothing is logged of who asks what: neither addresses nor keys, and of requests only how many there were.

mod accept;
mod access;
mod answer;
mod buffers;
pub mod dns;
mod error;
mod feed;
mod limits;
mod metrics;
mod percent;
pub mod private;
mod random;
mod rates;
mod reply;
mod route;
mod routes;
mod rss;
mod server;
mod snapshot;
mod state;
mod tls;
pub mod upstream;
pub mod watch;
mod watched;

pub use answer::{Asked, answer};
pub use error::Error;
pub use limits::Limits;
pub use reply::Reply;
pub use server::Server;
pub use state::{Report, Settings, State};
pub use tls::Certificate;

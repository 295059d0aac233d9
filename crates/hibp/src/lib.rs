//! The Have I Been Pwned API (version 3, and Pwned Passwords) over HTTP, answered from a breach monitor of one's own.
//!
//! An adapter: the only crate of the breach monitor that knows sockets, an async runtime, TLS and DNS.

pub mod dns;
mod feed;
pub mod private;
pub mod upstream;
pub mod watch;

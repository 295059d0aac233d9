//! Bytes in and out: a socket, with or without TLS.

mod link;
mod socket;

pub(crate) use link::{Link, Rest, Sent, TlsInbox};
pub(crate) use socket::{Patience, Socket};

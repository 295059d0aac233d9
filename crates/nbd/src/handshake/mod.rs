//! The handshake: from a fresh connection to an export in use.

mod negotiation;
mod wire;

pub(crate) use negotiation::{Negotiated, negotiate};

//! The transmission phase: requests of one client until it goes.

mod connection;
mod failure;
mod inbox;
mod read;
mod reporter;
mod round;
mod session;
mod status;

pub(crate) use connection::Connection;
pub(crate) use read::{PendingRead, ReadScratch};
pub(crate) use session::serve;

//! The transmission phase: requests of one client until it goes.

mod connection;
mod failure;
mod inbox;
mod large;
mod other;
mod read;
mod reporter;
mod round;
mod sending;
mod session;
mod status;
mod write;

pub(crate) use connection::{Connection, Load};
pub(crate) use read::{PendingRead, ReadScratch};
pub(crate) use session::serve;
pub(crate) use write::WriteJob;

//! Where logs come from: an adapter between files, folders and sockets, and `threat`, which knows none of them.
//!
//! [`open`] reads what lies there, archives among it. [`follow`] reads what grows, over rotation and restart, without loss or repeats.
//! [`listen`] takes syslog from the network. [`scan`] searches what lies there with rules, [`replay`] gives it in the order
//! of its times. [`Counts`] keeps what couldn't be understood. All of it blocks, on threads of its own where it
//! must; nothing here grows with the length of a log or with what senders do.

mod counts;
mod error;
mod events;
pub mod follow;
pub mod listen;
pub mod open;
mod records;
pub mod replay;
pub mod report;
pub mod scan;

pub use counts::{Counts, Sample, Tally};
pub use error::Error;
pub use records::{of_log as read_log, sample_of};

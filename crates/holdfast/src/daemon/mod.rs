//! `holdfast up`: everything that runs as long as the daemon does.

mod drills;
mod events;
mod exports;
mod guards;
mod keeper;
mod noticing;
mod notify;
mod refused;
mod run;
mod sockets;
mod start_screen;

pub(crate) use notify::notify;
pub(crate) use run::watch_signals;
pub use run::{Options, run};

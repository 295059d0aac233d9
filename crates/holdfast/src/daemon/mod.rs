//! `holdfast up`: everything that runs as long as the daemon does.

mod drills;
mod events;
mod exports;
mod guards;
mod keeper;
mod notify;
mod refused;
mod run;
mod sockets;
mod start_screen;

pub use run::{Options, run};

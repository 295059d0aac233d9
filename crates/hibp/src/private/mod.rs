//! Private asking: what the server answers below `/private/`, as pure functions of a request, the service's state and the time.
//!
//! The server's part is to call [`answer`] for every path that [`is_private`] knows, with the whole body (at most [`BODY_BYTES_MAX`]
//! bytes), and [`Service::maintain`] at its start and about once a minute, on a thread that may work for minutes.

mod page;
mod question;
mod range;
mod rate;
mod reply;
mod service;

pub use question::{BODY_BYTES_MAX, Request, answer, is_private};
pub use service::{Service, Settings};

#[cfg(test)]
mod tests;

//! Incidents: which there are, what one is, what to decide, and its file.

mod decisions;
mod list;
mod one;
mod routes;
mod timeline;

pub(super) use routes::router;

//! A real client, byte by byte, against the whole server. The disks are in memory and do on demand what disks do:
//! wait, fail, fill up.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod client;
mod concurrency;
mod disk;
mod errors;
mod fixture;
mod large;
mod limits;
mod listeners;
mod memory;
mod negotiation;
mod stopping;
mod tls;
mod transmission;

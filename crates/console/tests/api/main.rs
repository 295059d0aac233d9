//! The API over its router, with a real ledger and a site that answers from memory.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails shall panic"
)]

mod authenticator;
mod authorisation;
mod events;
mod http;
mod incident_file;
mod ocsf;
mod pages;
mod people;
mod provider;
mod rsa;
mod sign_in;
mod site;
mod support;

//! The API over its router, with a real ledger and a site that answers from memory.

mod authenticator;
mod authorisation;
mod events;
mod http;
mod people;
mod provider;
mod sign_in;
mod site;
mod support;

//! What changes in a breach monitor: one SQLite file, opened by the server and by commands at the same time.

mod catalogue;
mod domains;
mod erasures;
mod feeds;
mod keys;
mod state;
mod store;
mod tables;
mod watches;

pub use catalogue::{Breach, BreachId, Paste};
pub use keys::{ApiKey, KEY_BYTES, KeyDigest, ListedKey, Scope};
pub use store::Ledger;
pub(crate) use tables::{AccountsState, TableEntry};

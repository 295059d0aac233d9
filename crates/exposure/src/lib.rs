//! A private breach monitor: hashes of leaked passwords, accounts in breaches, watch lists, feeds of leak sites, and questions whose
//! answer the server doesn't learn.
//!
//! A pure core: it reads and writes files below one folder, and knows no socket, runtime, clock or command line. Times are arguments,
//! in seconds since 1970 (UTC); randomness is an argument.
//!
//! ```text
//! <data>/exposure/
//!   passwords/      immutable, sorted; counts of leaked passwords by SHA-1 and by NTLM (`passwords`)
//!   accounts/       immutable, sorted tables of who is in which breach (`accounts`)
//!   ledger.sqlite   what changes: the catalogue of breaches, keys, domains, watches, opt-outs, erasures, mail to be sent (`ledger`)
//! ```

pub mod accounts;
pub mod address;
mod error;
pub mod feeds;
mod files;
pub mod hash;
mod hexadecimal;
pub mod ingest;
pub mod ledger;
pub mod oblivious;
pub mod passwords;
pub mod plain;
mod scope;
pub mod watch;

pub use error::Error;
pub use scope::MergeScope;

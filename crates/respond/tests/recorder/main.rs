//! Alerts, incidents and the ledger, together and on disk.

#![expect(clippy::unwrap_used, reason = "a test that fails shall panic")]

mod alerts;
mod flood;
mod formats;
mod incidents;
mod ledger;
mod parts;
mod support;

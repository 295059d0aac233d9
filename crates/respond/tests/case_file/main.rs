//! The incident file against a ledger of its own.

#![expect(clippy::unwrap_used, reason = "a test that fails shall panic")]

mod clocks;
mod letter;
mod paper;
mod register;
mod support;
mod timeline;

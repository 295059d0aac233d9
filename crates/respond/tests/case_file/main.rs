//! The incident file against a ledger of its own.

mod clocks;
mod letter;
mod paper;
mod register;
mod support;

//! Conformance with version 2.1 of the Sigma specification: `docs/sigma.md` is the table of its features, each with the test here that holds
//! it. Each test has an event on which the rule fires and one on which it mustn't.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails shall panic"
)]

mod collections;
mod conditions;
mod corpus;
mod correlations;
#[path = "../common/folder.rs"]
mod folder;
mod management;
mod model;
mod modifiers;
#[path = "../common/processor.rs"]
mod processor;
mod regression;
mod support;
mod values;

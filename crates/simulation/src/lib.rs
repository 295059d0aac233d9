//! Crash and fault simulation of the volume: the production code on a simulated disk, driven by one seed, checked after
//! every step and every crash against a model that knows each moment of the past.

#![expect(
    clippy::indexing_slicing,
    reason = "in a test harness an index out of range is a finding, and a panic reports it"
)]

mod changes;
mod check;
mod conclude;
mod control;
pub mod disk;
mod execute;
mod finish;
pub mod image;
mod learn;
pub mod model;
pub mod operation;
pub mod options;
pub mod random;
mod recover;
mod repair;
pub mod runner;
pub mod simulation;

//! The real program: what it prints, in whole, and how it exits.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails shall panic"
)]

mod approvals;
mod breaches;
mod config;
mod daemon;
mod damage;
mod demo;
mod exports;
mod exposure_passwords;
mod guard;
mod images;
mod incident_file;
mod moments;
mod noted;
mod notices;
mod policies;
mod repair;
mod signed_model;
mod space;
mod support;
mod threat;
mod threat_chain;
mod threat_update;
mod threat_watch;
mod usage;
mod volumes;

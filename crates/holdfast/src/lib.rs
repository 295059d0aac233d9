//! The `holdfast` program: command line, configuration, daemon, control socket and disk images.
//!
//! A command is parsed into what was typed, resolved into a [`control::Request`] and executed by the
//! [`engine::Engine`]: in the daemon if one runs, else in the process itself, which then holds the lock on the data
//! folder ([`reach`]). The library target exists so that tests and fuzzers reach the parsers.

pub mod aftermath;
pub mod asking;
pub mod browse;
mod child;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console_site;
pub mod control;
pub mod daemon;
pub mod demo;
pub mod desk;
pub mod drills;
pub mod engine;
pub mod examiner;
pub mod exposure_delivery;
pub mod failure;
mod geo_files;
pub mod guards;
mod hex;
pub mod incident_file;
mod ldap;
pub mod log;
pub mod lost_files;
pub mod mail;
pub mod names;
pub mod new_file;
pub mod past;
pub mod place;
pub mod reach;
pub mod rule_files;
mod scratch;
pub mod served;
pub mod size;
pub mod span;
pub mod threat_watch;
pub mod user;
mod web;
pub mod webhook;
pub mod when;

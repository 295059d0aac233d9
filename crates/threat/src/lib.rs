//! Threat detection in logs: bytes in, alerts and stories out.
//!
//! A pure core: it knows no socket, runtime, clock, file or command line. Whoever has bytes of a log gives them in; times are those
//! that the log names.
//!
//! ```text
//! bytes -> input (one record at a time) -> normalise (one event model) -> rules, behaviour (alerts) -> story (incidents)
//!                                                                   `-> entity (who is who)  ----------^
//! ```

pub mod alert;
pub mod behaviour;
pub mod detection;
pub mod entity;
pub mod event;
pub mod input;
pub mod normalise;
mod recent;
pub mod rules;
mod steady;
pub mod story;

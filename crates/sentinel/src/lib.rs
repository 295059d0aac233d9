//! Recognises ransomware from what a disk sees: reads, writes, zeros, trims.
//!
//! Events go in ([`Sentinel::read`], [`Sentinel::write`], ...), assessments come out ([`Sentinel::assess`]). The crate is
//! `no_std`, allocates nothing, uses integers only and at most 1 MiB a volume, so that the same code could run in a
//! drive's firmware. It knows no clock: times are arguments, in microseconds of a clock that doesn't jump.
//!
//! A block's content is looked at once, on its way in ([`Look::at`]); what was there before is told by the volume's map
//! ([`Former`]), without reading it. `docs/detection.md` is the model card.
#![no_std]

mod content;
mod counters;
mod features;
mod model;
mod onset;
mod recent;
mod saved;
mod sentinel;
mod signals;

pub use content::{Class, Look};
pub use features::{FEATURES, Features, feature_name};
pub use model::{Model, ModelError};
pub use saved::{SAVED_BYTES, SavedError};
pub use sentinel::{Assessment, Clear, Former, Level, Sentinel, Written, scaled};
pub use signals::{Finding, Signal, Signals};

/// Microseconds of a clock that doesn't jump.
pub type Micros = u64;

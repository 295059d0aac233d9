//! A volume under watch: what passes is shown to the [`sentinel`], and what that finds is acted upon.
//!
//! A [`Guard`] joins a volume with a sentinel; a [`GuardedDisk`] is a client's handle on it. The states are calm ->
//! bookmarked -> fenced -> calm: low suspicion silently pins the moment before it began; high suspicion does what the
//! operator chose ([`Fence`]). A fence ends when the operator releases it, or after the disk was returned to a moment of
//! the past.
//!
//! The crate knows no socket, no clock and no thread: times are arguments, and the owner of a guard calls
//! [`Guard::tick`] about once a second.

mod announce;
mod bookmark;
mod device_disk;
mod disk;
mod divert;
mod drill;
mod error;
mod event;
mod examine;
mod fence;
mod gate;
mod guard;
mod hand;
mod landmarks;
mod locks;
mod model;
mod observation;
#[doc(hidden)]
pub mod reads;
mod release;
mod same;
mod sensitivity;
mod settings;
#[doc(hidden)]
pub mod sidecar;
mod state;
mod status;
mod tick;
mod time;
mod trail;
mod watch;

pub use device_disk::{DeviceDisk, read_failed};
pub use disk::GuardedDisk;
pub use drill::{DRILL_SETTINGS, is_drill_sidecar};
pub use error::Error;
pub use event::{Cause, Event, EventKind, Events, Unfenced};
pub use examine::{ExaminationWindow, Examined, FileExaminer, Losses, LostFile, Unexamined};
pub use guard::Guard;
pub use model::SharedModel;
pub use observation::{Classes, Observation, blocks_cleared, blocks_read};
pub use reads::{READS_KEPT_BYTES, Reading, read_back};
pub use release::{Release, Released};
pub use sensitivity::SENSITIVITY_PERCENT_LEAST;
pub use settings::{Fence, Settings};
pub use state::{Counts, RestorePoint};
pub use status::{Announced, Diverted, Sensitive, Status, StatusState};
pub use time::{Uptime, rfc3339};

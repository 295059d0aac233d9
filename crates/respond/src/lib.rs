//! What becomes of what the other layers notice: alerts are recorded, deduplicated and joined into incidents; policies decide
//! on actions, at once or after approval; people are told; and everything that was done is in a ledger that shows tampering.
//!
//! A core: it knows no socket, no async runtime, no clock and no command line. Times and randomness are arguments. What an
//! action does to a disk, and how a notice travels, is the binary's business.
//!
//! One alert's way: [`Desk::tell`] -> a thread of the binary takes what waits ([`Desk::take`]) -> one transaction records the
//! alerts ([`alert`]), joins them into incidents ([`incident`]), asks the policies ([`policy`]), and plans actions
//! ([`action`]) and notices ([`notice`]) -> the binary carries those out and records how each ended.

pub mod action;
pub mod alert;
pub mod approval;
pub mod case_file;
mod counts;
mod desk;
mod error;
mod formats;
pub mod incident;
pub mod intake;
pub mod ledger;
pub mod notice;
mod number;
mod page;
pub mod people;
pub mod policy;
mod time;

pub use counts::{BySeverity, Counts};
pub use desk::{Desk, Taken};
pub use error::Error;
pub use formats::{Origin, cef, ecs, ocsf};
pub use ledger::{Ledger, Sequence, Writing};
pub use page::{PAGE_MAX, Page};
pub use people::Actor;
pub use time::Time;

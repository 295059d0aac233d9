//! Answers after an attack: which files were damaged, which were only read, whose data was in them, and how to get back.

mod compare;
mod content;
mod damage;
mod disk;
mod error;
#[cfg(test)]
mod fake;
mod investigate;
mod keep;
pub mod member;
mod moved;
mod past;
mod personal;
mod progress;
mod read;
mod refine;
mod report;
mod window;

pub use content::Kind;
pub use damage::{Losses, Lost, lost_files};
pub use disk::Side;
pub use error::Error;
pub use investigate::{Opened, Options, investigate};
pub use keep::{ArchiveReport, PIECES_MAX, Plan, SetAside, Source, Way, plan, write_archive};
pub use moved::archive;
pub use past::{Past, PastError, PastMoment, Reading};
pub use progress::{Progress, Stage};
pub use report::*;
pub use window::Part;

//! Answers after an attack: which files were damaged, which were only read, whose data was in them, and how to get back.

mod content;
mod disk;
mod error;
mod past;
mod progress;

pub use content::Kind;
pub use disk::{AreaPiece, Side, Stamp};
pub use error::Error;
pub use past::{Past, PastError, PastMoment, Reading};
pub use progress::{Progress, Stage};

//! Answers after an attack: which files were damaged, which were only read, whose data was in them, and how to get back.

mod past;

pub use past::{Past, PastError, PastMoment, Reading};

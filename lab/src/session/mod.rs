//! A disk under study: served over NBD, recorded, steered by lines on standard input.
//!
//! Clients -> [`Xts`] (if asked for) -> [`Recorder`] or guard -> volume. The recorder is below the encryption: it sees what a
//! detector below an encrypting guest sees.

mod answers;
mod clock;
mod disk;
mod guarded;
mod lines;
mod recorder;
mod run;
mod served;
mod xts;

pub use clock::LabClock;
pub use disk::{Disk, SIZE_HELP, parse_size};
pub use recorder::{Recorder, Tape};
pub use run::{Arguments, run};
pub use xts::Xts;

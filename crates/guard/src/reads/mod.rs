//! Which blocks clients read: gathered in memory, written down once a second, kept in a ring of files of bounded size.
//!
//! After an attack this answers what was read and not written. Reads are recorded under the volume, also while clients are
//! diverted to a fork, with a mark: the fork shows the volume's blocks but for what was written to it, and is deleted later.

mod back;
mod gather;
mod keep;
mod piece;

pub use back::read_back;
pub use gather::{Gathered, RANGES_MAX};
pub(crate) use keep::Keeping;
pub use keep::READS_KEPT_BYTES;
pub use piece::{Piece, PieceHeader, Reading, Record, RecordKind};

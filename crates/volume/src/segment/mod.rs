//! Segment files: finding, opening and reading them, whatever their layout.

mod open;
mod packed;
mod places;
mod seal;
mod set;

pub(crate) use open::{LoggedRecord, OpenSegment, read_error};
pub(crate) use seal::Seal;
pub(crate) use set::{Segments, file_error, file_name, parse_file_name};

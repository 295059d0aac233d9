//! What ends a raw segment.

use crate::format::Trailer;

/// Index and trailer of a raw segment.
#[derive(Debug)]
pub(crate) struct Seal {
    pub(crate) trailer: Trailer,
    /// All batch headers of the segment.
    pub(crate) index: Vec<u8>,
}

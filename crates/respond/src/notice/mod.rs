//! Notices: who is told of what, by which way, when, and again until somebody acknowledges.

/// Tables of this part.
pub(crate) const SCHEMA: &str = "";

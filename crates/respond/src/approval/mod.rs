//! Approvals: what is dangerous needs a second person.

mod operation;

pub use operation::Operation;

/// Tables of this part.
pub(crate) const SCHEMA: &str = "";

//! The incident file: timeline, facts, clocks of regulators, drafts and lists.

/// Tables of this part.
pub(crate) const SCHEMA: &str = "";

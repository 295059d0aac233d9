//! Policies: when something is noticed, then something is done, at once or after approval.

/// Tables of this part.
pub(crate) const SCHEMA: &str = "";

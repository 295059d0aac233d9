//! Alerts in the ledger.

/// Tables of this part.
pub(crate) const SCHEMA: &str = "";

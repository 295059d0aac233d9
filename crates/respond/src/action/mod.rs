//! Actions: what was decided to be done, whether it was, and how it ended. Each runs at most once.

mod kind;

pub use kind::{ActionId, ActionKind, ActionState};

/// Tables of this part.
pub(crate) const SCHEMA: &str = "";

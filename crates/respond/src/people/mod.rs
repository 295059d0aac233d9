//! Who does something: people with accounts, tokens of programs, the owner of this machine, and the program itself.

mod actor;

pub use actor::Actor;

/// Tables of this part.
pub(crate) const SCHEMA: &str = "";

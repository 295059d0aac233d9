//! Breaches in whatever shape they come: addresses are found and normalised, passwords are hashed, what can't be read is counted and
//! listed, and the breach is loaded wholly or not at all.

mod about;
mod columns;
mod formats;
mod gather;
mod import;
mod passwords;
mod paste;
mod problems;
mod record;
mod source;
#[cfg(test)]
mod tests;
mod time;

pub use about::{About, PasswordForm};
pub use columns::{ColumnName, ColumnNames};
pub use gather::Counts;
pub use import::{Import, Imported, MEMORY_BYTES, examine};
pub use passwords::PasswordCounts;
pub use paste::{AboutPaste, import_paste};
pub use problems::{Problem, Problems};

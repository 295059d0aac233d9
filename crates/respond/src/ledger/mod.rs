//! The ledger: one SQLite file with everything that was noticed, decided and done.
//!
//! Two kinds of tables. `record` is append-only and hash-chained: the truth about what happened, in order. All others say how
//! things are now; they change in the same transaction as the record that says why.

mod chain;
mod record;
mod store;

pub use record::{Record, Sequence};
pub use store::{Ledger, Writing};

//! The ledger: one SQLite file with everything that was noticed, decided and done.
//!
//! Two kinds of tables. `record` is append-only and hash-chained: the truth about what happened, in order. All others say how
//! things are now; they change in the same transaction as the record that says why.

mod chain;
mod export;
mod filter;
mod head;
mod query;
mod record;
mod store;
mod verify;

pub use chain::RecordHash;
pub use export::{Exported, backup, export};
pub use filter::Filter;
pub use head::{HEAD_NAME, Head, HeadKey, KEY_NAME, SignedHead, read_head, write_head};
pub(crate) use head::{make_private_key, read_at_most};
pub use record::{Record, Sequence};
pub use store::{LEDGER_NAME, Ledger, Writing};
pub(crate) use verify::KEY_RECORD;
pub use verify::{Finding, Trouble, Verification, verify};

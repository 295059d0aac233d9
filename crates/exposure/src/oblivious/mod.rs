//! Questions whose answer the server doesn't learn (RFC 9497), and prefixes that hide a person among many.
//!
//! ```text
//! asker                                                        server
//! identity = SHA-1(address)
//! point = blind * H(identity)         -- 32 random bytes -->   key * point, with a proof that it was this key
//! seed = unblinded, hashed            <-----------------
//!                                     -- the index, please ->  all of it, or the bucket of a prefix that >= k identities share
//! the entry that only the seed finds and opens
//! ```
//!
//! `protocol` is the first exchange, `entry` what a seed finds and opens, `hiding` how long a prefix may be, `index` the file that
//! is handed out, `build` how it is made, `store` which files are in use.

mod answer;
mod build;
mod current;
mod entry;
mod hiding;
mod index;
mod key;
mod parameters;
mod protocol;
mod seeds;
mod source;
mod store;

pub use answer::{AskedBreach, read_breaches};
pub use build::{Built, People, Plan};
pub use current::Occasion;
pub use entry::{BREACHES_PER_ENTRY, ENTRY_BYTES, open_entries};
pub use hiding::{BITS_MAX, Hiding, Histogram};
pub use index::{Header, Index, PART_BYTES, Salt};
pub use parameters::{Parameters, prefix_digits, read_prefix};
pub use protocol::{Asking, POINT_BYTES, POINTS_MAX, PROOF_BYTES, PublicKey, Seed, ServerKey};
pub use source::source_of;
pub use store::{Generation, Store};

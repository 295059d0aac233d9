//! What changes in a breach monitor: one SQLite file, opened by the server and by commands at the same time.

mod about;
mod catalogue;
mod domains;
mod erasures;
mod feeds;
mod keys;
mod outgoing;
mod state;
mod store;
mod subscriptions;
mod tables;
mod watches;

pub use about::{About, Channel};
pub use catalogue::{Breach, BreachId, Paste};
pub use domains::{Domain, Proof, TXT_PREFIX};
pub use feeds::{PostsSeen, SeenPost};
pub use keys::{ApiKey, KEY_BYTES, KeyDigest, ListedKey, Scope};
pub use outgoing::{Outgoing, OutgoingCounts};
pub use store::Ledger;
pub use subscriptions::{HashPrefix, SUBSCRIPTIONS_MAX, Subscribed};
pub(crate) use tables::{AccountsState, TableEntry};
pub use watches::{Asked, CustomersLoaded, Delivery, Subject, Watch, WatchKind};

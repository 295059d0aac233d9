//! Who may come in, how they show who they are, and what is kept about it while the program runs.

mod challenge;
pub(crate) mod cookie;
mod layer;
mod signed_in;
mod throttle;

pub(crate) use challenge::Challenges;
pub(crate) use layer::authenticate;
pub use signed_in::{Peer, Proof, SignedIn};
pub(crate) use signed_in::is_api;
pub(crate) use throttle::Throttle;

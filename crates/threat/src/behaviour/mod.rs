//! What is usual for each person, each machine and the organisation, learnt from events as they come; and what isn't, in words.
//!
//! Every model scores an event first and learns it afterwards. None says anything before it has learnt enough (`novelty`, `rate` and
//! `silence` each say how much that is), and each is bounded and forgets.

mod aspect;
mod finding;
mod geo;
#[cfg(test)]
mod geo_tests;
mod metric;
mod model;
mod novelty;
mod places;
mod rate;
mod silence;
#[cfg(test)]
mod tests;
mod travel;

pub use geo::{GeoDatabase, GeoDatabases, GeoError};
pub use model::Behaviour;
pub use places::{Located, NetworkKind, NoPlaces, Places};

//! The guards of a daemon's volumes.

mod model;

pub use model::{LoadedModel, load};

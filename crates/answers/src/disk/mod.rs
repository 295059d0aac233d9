//! The disk in a window of time: what was changed, and all files before and after.

mod changed;
mod open;
mod reads;
mod side;
mod tree;

pub(crate) use changed::{Changed, Stamp};
pub(crate) use open::sides;
pub(crate) use reads::Reads;
pub use side::Side;
pub(crate) use side::{BLOCK, Place};
pub(crate) use tree::{Index, Node, Noted, Tree};

//! The disk in a window of time: what was changed, and all files before and after.

mod changed;
mod side;
mod tree;

pub(crate) use changed::Changed;
pub use changed::Stamp;
pub use side::{AreaPiece, Side};
pub(crate) use side::{BLOCK, Place};
pub(crate) use tree::{Index, Node, Tree};

//! From traces to a detector: streams composed of traces, rows for the trainer, simulated months, other people's traces.

mod catalogue;
mod compose;
mod external;
mod month;
mod npy;
mod stream;
mod tally;
mod watch;

pub(crate) use compose::features;
pub(crate) use external::external;
pub use external::{Before, Content};
pub(crate) use month::month;

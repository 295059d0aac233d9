//! Traces: what a disk was asked for, with time, place, the look of old and new content, and the truth about attacks.
//!
//! The format is described in `docs/trace-format.md`.

mod error;
mod header;
mod number;
mod reader;
mod record;
mod replay;
mod writer;

pub use error::TraceError;
pub use header::Header;
pub use reader::TraceReader;
pub use record::{ATTACK_BEGINS, ATTACK_ENDS, Event, MARK_BYTES_MAX, Record, WRITE_BLOCKS_MAX};
pub use replay::{IDLE, feed, replay};
pub use writer::TraceWriter;

//! A block volume that forgets nothing: writes are appended to a log, and every moment of the past within the
//! retention time can be read, pinned, forked or returned to.
//!
//! This crate is a pure core: it knows no socket, no command line, no async runtime and no clock. The disk below it is
//! a [`Directory`]; times are arguments. `ARCHITECTURE.md` walks through a write and a rollback, `docs/format.md`
//! describes every byte on disk.

mod device;
mod error;
mod storage;
mod time;

pub use device::{Device, Extent, ExtentKind, Hole, WriteRequest};
pub use error::{Error, NoSpace};
pub use storage::{Directory, File, Wait};
pub use time::{Clock, Moment, Sequence, Timestamp};

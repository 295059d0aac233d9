//! A block volume that forgets nothing: writes are appended to a log, and every moment of the past within the
//! retention time can be read, pinned, forked or returned to.
//!
//! This crate is a pure core: it knows no socket, no command line, no async runtime and no clock. The disk below it is
//! a [`Directory`]; times are arguments. `ARCHITECTURE.md` walks through a write and a rollback, `docs/format.md`
//! describes every byte on disk.

mod aging;
mod attachment;
mod chain;
mod changes;
mod compact;
mod control;
mod defragment;
mod delete;
mod device;
mod doorbell;
mod error;
mod extents;
mod folder;
#[doc(hidden)]
pub mod format;
mod history;
mod locks;
mod log;
mod lost;
mod maintain;
mod map;
mod moments;
mod names;
mod observer;
mod os;
mod pack;
mod passed_over;
mod reader;
mod recover;
mod replay;
mod restore;
mod retention;
mod segment;
mod settings;
mod sidecar;
mod storage;
mod store;
mod succession;
mod time;
mod verify;
mod view;
mod volume;
mod write;

pub use aging::Pauses;
pub use attachment::Attachment;
pub use changes::{Change, ChangeKind};
pub use control::RollbackReport;
pub use device::{Device, Extent, ExtentKind, Hole, WriteRequest};
pub use doorbell::Doorbell;
pub use error::{Error, NoSpace};
pub use format::{BLOCK_BYTES, Pin};
pub use history::{Bucket, Event, EventKind, History};
pub use maintain::Maintenance;
pub use names::check_name;
pub use observer::{Before, Former, Observer};
pub use os::{FolderLock, OsDirectory, os_random};
pub use passed_over::LostBatches;
pub use restore::{Piece, RestoreReport};
pub use settings::Settings;
pub use sidecar::{LEDGER_HEAD_FILE, SIDE_PIECE_BYTES_MAX, SIDECAR_BYTES_MAX, SidePiece};
pub use storage::{Directory, File, Wait};
pub use store::{RandomBytes, RepairReport, SettingsOf, Store};
pub use time::{Clock, Moment, Sequence, Timestamp};
pub use verify::{Damage, VerifyProgress, VerifyReport};
pub use view::View;
pub use volume::{MomentInfo, Status, Volume};

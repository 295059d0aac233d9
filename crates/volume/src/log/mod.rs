//! The log: appending batches, making them durable, reading them back.

mod active;
mod append;
mod held;
mod read;
mod scan;
mod sync;

pub(crate) use active::{LogStart, give_back_reserved, totals_of, write_seal};
pub(crate) use append::{Appended, Appender, Purpose, RESERVE_FILE};
pub(crate) use held::seal_segment;
pub(crate) use read::sealed_records;
pub(crate) use scan::{find_batch_behind, is_in_place, payload_intact, scan, scan_from};
pub(crate) use sync::Log;

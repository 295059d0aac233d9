//! The timeline of an incident: what the ledger's records and the disks' own histories say about it, in order and in words.

mod entry;
mod gather;
mod print;
mod words;

pub use entry::{DiskEvent, Entry, Timeline};
pub use gather::timeline;
pub use print::{as_csv, as_html, as_text, csv_cell};

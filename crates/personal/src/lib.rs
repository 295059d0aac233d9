//! Finds personal data in documents of many formats: classes, counts and masked examples, never the data itself.
//!
//! A pure core: bytes in, findings out. [`scan()`] takes a document that is in memory, [`scan_reader`] one of any size.
//!
//! * `formats` recognises what a document is by its content and takes the text out of it, within [`Limits`]. What couldn't be read
//!   is told as [`Unread`], never skipped in silence.
//! * `detect` finds candidates in the text in one pass, checks them (check digits, issuers, ranges, dates), and asks for words nearby
//!   where a check alone proves too little.
//! * `table` knows what the other two don't: what a column is called, and how many of its values pass a check.
//!
//! `docs/personal-data.md` lists classes, checks, formats and what can't be found.

mod class;
mod collector;
mod detect;
mod distinct;
mod formats;
mod limits;
mod report;
mod scan;
mod table;

pub use class::{Category, Class};
pub use distinct::Distinct;
pub use limits::Limits;
pub use report::{Finding, Format, Reason, Report, Unread};
pub use scan::{scan, scan_reader, scan_while};

#[cfg(test)]
mod tests;
